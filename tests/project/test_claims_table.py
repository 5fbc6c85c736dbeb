"""The table of claims shows the results that are there, failures included."""

import importlib.util
import json
from pathlib import Path

import pytest

VALIDATION = Path(__file__).resolve().parents[2] / "validation"
FIELDS = {
    "claim",
    "statement",
    "threshold",
    "measured",
    "passed",
    "seed",
    "versions",
    "device",
    "commit",
    "wall_s",
}


@pytest.fixture(scope="module")
def make_table():
    spec = importlib.util.spec_from_file_location("make_table", VALIDATION / "make_table.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "results").mkdir()
    (tmp_path / "README.md").write_text((VALIDATION / "README.md").read_text())
    return tmp_path


def write(folder: Path, name: str, **changes) -> None:
    result = {
        "claim": name,
        "statement": "68% intervals | cover",
        "threshold": {"teff": "> 0.66", "logg": "< 1"},
        "measured": {"n": 7, "logg": None, "teff": 0.68123456},
        "passed": True,
        "seed": 0,
        "versions": {"jax": "0.10.2"},
        "device": "cpu",
        "commit": "0123456789abcdef+",
        "wall_s": 12.6,
    }
    (folder / "results" / f"{name}.json").write_text(json.dumps(result | changes))


def test_committed_table_is_fresh(make_table):
    assert make_table.main(["--check"]) == 0, "run: python validation/make_table.py"


def test_committed_results_are_whole():
    for file in (VALIDATION / "results").glob("*.json"):
        result = json.loads(file.read_text())
        assert set(result) >= FIELDS, file.name
        assert isinstance(result["passed"], bool), file.name
        assert (VALIDATION / f"{file.stem}.py").is_file(), f"{file.name} has no program"


def test_new_result_makes_the_table_stale(make_table, folder):
    make_table.main([], here=folder)
    assert make_table.main(["--check"], here=folder) == 0
    write(folder, "coverage")
    assert make_table.main(["--check"], here=folder) == 1
    assert make_table.main([], here=folder) == 0
    assert make_table.main(["--check"], here=folder) == 0
    row = "| [coverage](coverage.py) | 68% intervals \\| cover | teff > 0.66<br>logg < 1 | 0.6812<br>None | yes | cpu |"
    assert row + " 13 s | 0123456789+ |" in (folder / "README.md").read_text()


def test_a_verdict_that_turns_is_seen(make_table, folder):
    write(folder, "coverage")
    make_table.main([], here=folder)
    write(folder, "coverage", passed=False)
    assert make_table.main(["--check"], here=folder) == 1
    make_table.main([], here=folder)
    assert "| **no** |" in (folder / "README.md").read_text()


def test_text_around_the_table_is_kept(make_table, folder):
    old = (folder / "README.md").read_text()
    write(folder, "coverage")
    make_table.main([], here=folder)
    (folder / "results" / "coverage.json").unlink()
    make_table.main([], here=folder)
    before = old.partition(make_table.BEGIN)[0]
    assert before
    assert (folder / "README.md").read_text().startswith(before)


def test_lost_markers_are_named(make_table, folder):
    (folder / "README.md").write_text("no table here")
    with pytest.raises(SystemExit, match="must hold the lines"):
        make_table.main([], here=folder)
