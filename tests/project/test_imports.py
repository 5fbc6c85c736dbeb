"""Importing luxjax is free, works without the optional libraries, and does not depend on an order."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "luxjax"

# Optional libraries, by the name they are imported under.
OPTIONAL = ("matplotlib", "jinja2", "pyarrow", "shap", "arviz", "zarr", "fsspec", "distributed")
# Libraries that come with more than one extra: the packages of both may use them.
SHARED = {"pyarrow": {"files", "dataset", "surveys"}}

# Run in a fresh interpreter: every package is imported with no other part of luxjax loaded before it (importing one
# of its modules runs its __init__ first, so that is all the orders there are), then every module. The other libraries
# stay loaded, which is what makes this cheap.
EACH_ALONE = """
import importlib, sys
packages, modules = sys.argv[1].split(","), sys.argv[2:]
for name in packages + modules:
    if name in packages:
        for loaded in [m for m in sys.modules if m == "luxjax" or m.startswith("luxjax.")]:
            del sys.modules[loaded]
    try:
        importlib.import_module(name)
    except Exception as problem:
        print(f"{name}: {type(problem).__name__}: {problem}")
"""

WITHOUT_OPTIONAL = """
import importlib, sys
for blocked in sys.argv[1].split(","):
    sys.modules[blocked] = None  # makes the import system say that there is no such module
for name in sys.argv[2:]:
    try:
        importlib.import_module(name)
    except ImportError as problem:
        print(f"{name}: {problem}")
"""


def _modules() -> list[str]:
    names = []
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
        if parts[-1] != "__main__":
            names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


def _packages() -> list[str]:
    return [
        ".".join(f.parent.relative_to(PACKAGE.parent).parts) for f in sorted(PACKAGE.rglob("__init__.py"))
    ]


def _python(program: str, *args: str) -> str:
    """What the program prints in a fresh interpreter."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", program, *args], capture_output=True, text=True, env=env, cwd=PACKAGE.parent
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.long
def test_every_module_imports_alone():
    assert _python(EACH_ALONE, ",".join(_packages()), *_modules()) == ""


@pytest.mark.slow
def test_packages_import_without_optional_libraries():
    assert _python(WITHOUT_OPTIONAL, ",".join(OPTIONAL), *_packages()) == ""


def test_blocking_is_seen():
    assert "import of pyarrow halted" in _python(WITHOUT_OPTIONAL, "pyarrow", "pyarrow")


def test_import_loads_nothing():
    """Front doors are looked up on first use: not even JAX is loaded by the import itself."""
    loaded = _python("import sys, luxjax; print(*sorted({m.split('.')[0] for m in sys.modules}))").split()
    assert "luxjax" in loaded
    assert not {"jax", "numpy", "astropy", "sklearn", "pandas", "numba", *OPTIONAL} & set(loaded)


@pytest.mark.slow
def test_fits_of_bare_arrays_load_no_tables():
    program = "from luxjax import Batch, Lux, fit, transfer; import sys; print(*sys.modules)"
    assert not {"pandas", "pyarrow", "zarr", "sklearn"} & set(_python(program).split())
    assert "pandas" in _python(
        "from luxjax.system.internal import lazy_import; lazy_import('pandas').DataFrame; import sys; print(*sys.modules)"
    )


def test_front_doors_open():
    import luxjax

    for name in luxjax.__all__:
        assert getattr(luxjax, name) is not None
        assert name in dir(luxjax)
    assert luxjax.core.Batch is luxjax.Batch


def test_unknown_name_says_what_there_is():
    import luxjax

    with pytest.raises(AttributeError, match=r"no name 'Spectrum'; it has .*Spectra"):
        _ = luxjax.Spectrum


def test_version_agrees_with_the_project_file():
    import tomllib

    import luxjax

    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
    assert luxjax.__version__ == project["version"]


@pytest.mark.slow
@pytest.mark.parametrize("library", OPTIONAL)
def test_optional_library_has_one_home(library):
    """Only modules of one package import it, so that one sentence can say which extra to install."""
    homes = set()
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            named = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                named = [node.module or ""]
            if any(n.split(".")[0] == library for n in named):
                homes.add(file.relative_to(PACKAGE).parts[0])
    assert len(homes) <= 1 or homes == SHARED.get(library), f"'{library}' is imported in {sorted(homes)}"
