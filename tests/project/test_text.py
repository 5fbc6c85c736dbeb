"""What no file of the project may hold: paths of one machine, registry hosts, ways to run data as code."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "luxjax"

# Written in pieces, so that this file does not hold what it forbids.
MACHINE_PATHS = [f"/{a}/" for a in ("work", "root", "home", "Users", "tmp", "opt", "var", "mnt", "scratch")]
REGISTRIES = ["pypi" + ".org", "python" + "hosted", "anaconda" + ".org", "conda" + ".org", "npmjs" + ".org"]
REGISTRIES += ["--extra-" + "index", "--index" + "-url", "--find-" + "links", "artifact" + "ory"]
FORBIDDEN = re.compile(
    r"(?<![\w.}>)/*-])("
    + "|".join(map(re.escape, MACHINE_PATHS))
    + ")|"
    + "|".join(map(re.escape, REGISTRIES))
)
MODULES_THAT_RUN_DATA = {"pickle", "cPickle", "cloudpickle", "dill", "marshal", "shelve"}
CALLS_THAT_RUN_DATA = {"eval", "exec", "compile", "read_pickle", "to_pickle"}


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    top = subprocess.run(["git", "rev-parse", "--show-toplevel"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode or Path(top.stdout.strip()).resolve() != ROOT:
        pytest.skip("not a git checkout: which files belong to the project is not known")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def forbidden_in(text: str) -> list[str]:
    """The forbidden strings in a text, with their line numbers."""
    return [
        f"{number}: {found.group(0)}"
        for number, line in enumerate(text.splitlines(), 1)
        for found in FORBIDDEN.finditer(line)
    ]


def ways_to_run_data(source: str) -> list[str]:
    """Imports, calls and options in Python source that could turn data into code."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names if a.name.split(".")[0] in MODULES_THAT_RUN_DATA]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES_THAT_RUN_DATA:
            found.append(str(node.module))
        elif isinstance(node, ast.Call):
            bare = node.func.id if isinstance(node.func, ast.Name) else ""
            attribute = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if bare in CALLS_THAT_RUN_DATA or attribute in {"read_pickle", "to_pickle"}:
                found.append(bare or attribute)
            for option in node.keywords:
                if option.arg == "allow_pickle" and getattr(option.value, "value", True):
                    found.append("allow_pickle")
    return found


def test_no_machine_paths_and_no_registries(tracked):
    wrong = []
    for file in tracked:
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        wrong += [f"{file.relative_to(ROOT)}:{found}" for found in forbidden_in(text)]
    assert not wrong, "\n".join(wrong)


def test_no_large_files(tracked):
    large = {str(f.relative_to(ROOT)): f.stat().st_size for f in tracked if f.stat().st_size > 1_500_000}
    assert not large


def test_loading_runs_no_code():
    wrong = [
        f"{f.relative_to(ROOT)}: {found}"
        for f in PACKAGE.rglob("*.py")
        for found in ways_to_run_data(f.read_text())
    ]
    assert not wrong, "\n".join(wrong)


def test_library_files_stay_short():
    long = {
        str(f.relative_to(ROOT)): n
        for f in PACKAGE.rglob("*.py")
        if (n := len(f.read_text().splitlines())) >= 400
    }
    assert not long


def test_pins_are_plain():
    """Pins name versions alone: no host, no local file, and no second deep-learning library."""
    pins = (ROOT / "constraints.txt").read_text()
    assert "://" not in pins
    assert "@" not in pins
    names = {line.split("==")[0] for line in pins.splitlines() if line}
    assert {"jax", "numpy", "equinox", "numpyro"} <= names
    assert not {n for n in names if n.startswith(("torch", "tensorflow", "keras", "nvidia"))}


@pytest.mark.parametrize(
    "text", [f"see {MACHINE_PATHS[0]}main", f'"{MACHINE_PATHS[2]}me"', "https://" + REGISTRIES[0]]
)
def test_planted_text_is_seen(text):
    assert len(forbidden_in("fine\n" + text)) == 1


@pytest.mark.parametrize(
    "text", ["https://data.sdss.org/sas/home/x", "bin/tmp/x", "./var/x", "$HOME/opt/x", "a/root/b"]
)
def test_ordinary_text_passes(text):
    assert forbidden_in(text) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from cloudpickle import loads",
        "eval('1')",
        "pandas.read_pickle(f)",
        "np.load(f, allow_pickle=True)",
    ],
)
def test_planted_code_is_seen(source):
    assert len(ways_to_run_data(source)) == 1


def test_ordinary_code_passes():
    assert ways_to_run_data("import json, re\nre.compile('x')\nnp.load(f, allow_pickle=False)") == []
