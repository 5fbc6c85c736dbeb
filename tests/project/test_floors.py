"""Imports point down only, and enter another package by its front door."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "luxjax"

# What each package may import. Siblings on one floor know each other only where it says so.
BELOW_FITS = {"core", "data", "models", "pixels", "surveys", "dataset", "simulation"}
BELOW_EVIDENCE = BELOW_FITS | {"fitting", "posterior"}
EVIDENCE = {"prediction", "explain", "classify"}
MAY_IMPORT: dict[str, set[str]] = {
    # floor 0
    "core": set(),
    "compilation": set(),
    "memory": set(),
    # floor 1: do not know each other
    "data": {"core"},
    "models": {"core"},
    # floor 2: the simulation has its own physics, never the models'
    "pixels": {"core", "data"},
    "surveys": {"core", "data", "pixels"},
    "simulation": {"core", "data", "pixels"},
    # Between floors 2 and 3: filled by the readers of the surveys, read by fits of more stars than memory holds
    "dataset": {"core", "data", "pixels", "surveys"},
    # floor 3
    "fitting": BELOW_FITS,
    "posterior": BELOW_FITS | {"fitting"},
    # floor 4: siblings, do not import each other
    "prediction": BELOW_EVIDENCE,
    "explain": BELOW_EVIDENCE,
    "classify": BELOW_EVIDENCE,
    # floors 5 and 6
    "report": BELOW_EVIDENCE | EVIDENCE,
    "cli_data": BELOW_EVIDENCE | EVIDENCE | {"report"},
    "cli_model": BELOW_EVIDENCE | EVIDENCE | {"report", "cli_data"},
    "cli_explain": BELOW_EVIDENCE | EVIDENCE | {"report", "cli_data"},
    "cli_posterior": BELOW_EVIDENCE | EVIDENCE | {"report", "cli_data"},
    "cli_classify": BELOW_EVIDENCE | EVIDENCE | {"report", "cli_data"},
    "cli": BELOW_EVIDENCE
    | EVIDENCE
    | {
        "report",
        "cli_data",
        "cli_model",
        "cli_explain",
        "cli_posterior",
        "cli_classify",
        "compilation",
        "memory",
    },
}


def _targets(node: ast.AST, package: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Absolute dotted paths, below luxjax, that an import statement may bind; others are left out.

    ``from ..core import rmse`` in luxjax/data gives ("core", "rmse"): whether the last part is a module or a
    name does not matter here.
    """
    found: list[tuple[str, ...]] = []
    if isinstance(node, ast.Import):
        found = [tuple(alias.name.split(".")) for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        base = tuple(node.module.split(".")) if node.module else ()
        if node.level:
            here = ("luxjax", *package)
            base = here[: len(here) - node.level + 1] + base
        found = [(*base, alias.name) for alias in node.names]
    return [path[1:] for path in found if path[0] == "luxjax"]


def violations(file: Path, root: Path) -> list[str]:
    """One sentence for every import in `file` that the floors forbid."""
    inside = file.relative_to(root).with_suffix("").parts
    own = inside[0]
    package = inside[:-1]  # the same for a module and for an __init__.py: the package that holds it
    wrong = []
    for node in ast.walk(ast.parse(file.read_text())):
        for path in _targets(node, package):
            where = f"{file.relative_to(root)}:{getattr(node, 'lineno', 0)}"
            if not path or path[0] == "__version__":
                continue
            if own == "__init__":
                wrong.append(f"{where}: the root looks names up lazily and imports no '{path[0]}'")
            elif path[0] not in MAY_IMPORT:
                wrong.append(
                    f"{where}: 'luxjax.{path[0]}' is no package with a floor; import from its package"
                )
            elif path[0] != own and path[0] not in MAY_IMPORT[own]:
                wrong.append(f"{where}: '{own}' may not import '{path[0]}' (may: {sorted(MAY_IMPORT[own])})")
            elif path[0] != own and (len(path) > 2 or any(p.startswith("_") for p in path[1:])):
                wrong.append(f"{where}: '{'.'.join(path)}' is private; use what luxjax.{path[0]} exports")
    return wrong


def _sources(root: Path) -> list[Path]:
    return sorted(root.rglob("*.py"))


def test_imports_point_down():
    wrong = [sentence for file in _sources(PACKAGE) for sentence in violations(file, PACKAGE)]
    assert not wrong, "\n".join(wrong)


def test_every_package_has_a_floor():
    packages = {f.relative_to(PACKAGE).with_suffix("").parts[0] for f in _sources(PACKAGE)} - {
        "__init__",
        "__main__",
    }
    assert packages <= set(MAY_IMPORT), f"add to the table of floors: {sorted(packages - set(MAY_IMPORT))}"


def test_floors_have_no_circle():
    for name, below in MAY_IMPORT.items():
        for other in below:
            assert name not in MAY_IMPORT[other], f"'{name}' and '{other}' may import each other"


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("core/_x.py", "from ..data import Spectra"),
        ("data/_x.py", "from ..models import Linear"),
        ("simulation/_x.py", "from ..models import Linear"),
        ("simulation/_x.py", "def f():\n    from luxjax.models import Linear"),
        ("pixels/_x.py", "import luxjax.surveys"),
        ("explain/_x.py", "from ..prediction import transfer"),
        ("fitting/_x.py", "from ..posterior import infer"),
        ("fitting/__init__.py", "from ..report import page"),
        ("data/_x.py", "from ..core._messages import InputError"),
        ("data/_x.py", "from ..core import _messages"),
        ("data/_x.py", "from .. import models"),
        ("data/_x.py", "from .. import Catalog"),
        ("fitting/deep/_x.py", "from ...report import page"),
        ("__init__.py", "from .data import Spectra"),
    ],
)
def test_planted_violation_is_seen(tmp_path, where, line):
    file = tmp_path / where
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(line + "\n")
    assert len(violations(file, tmp_path)) == 1


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("data/_x.py", "from ..core import InputError"),
        ("data/_x.py", "from ._spectra import Spectra"),
        ("data/__init__.py", "from ._spectra import Spectra"),
        ("surveys/_x.py", "from ..pixels import resample"),
        ("posterior/_x.py", "from ..fitting import fit"),
        ("cli/_x.py", "from luxjax.report import page"),
        ("report/_x.py", "from .. import __version__, explain"),
        ("fitting/_x.py", "import numpy as np"),
    ],
)
def test_allowed_import_passes(tmp_path, where, line):
    file = tmp_path / where
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(line + "\n")
    assert violations(file, tmp_path) == []
