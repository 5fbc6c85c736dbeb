"""The rules of the house: imports point down, doors are few and small, no circle between files."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "luxjax"

# From the ground up. A package may import those of lower floors, never its neighbours.
FLOORS: tuple[set[str], ...] = (
    {"_exports"},
    {"system", "core"},
    {"files", "stats"},
    {"data", "models"},
    {"preprocessing", "fitted"},
    {"lines", "indices", "photometry", "lightcurves"},
    {"surveys", "simulation"},
    {"dataset"},
    {"parallel"},
    {"latents"},
    {"readout"},
    {"fitting"},
    {"posterior"},
    {"prediction", "interpret", "classify"},
    {"training"},
    {"evidence"},
    {"runs", "plots"},
    {"report"},
    {"cli"},
    {"__main__"},
)
FLOOR = {name: level for level, names in enumerate(FLOORS) for name in names}
# The simulation has its own physics: no method is judged on data that its own model made.
NEVER = {"simulation": {"models", "fitted"}, "lines": {"models", "fitted"}}
MOST_MODULES, MOST_NAMES, MOST_PUBLIC = 15, 25, 360


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def sources(root: Path) -> list[Path]:
    return sorted(root.rglob("*.py"))


def imports(file: Path, root: Path) -> list[tuple[int, tuple[str, ...], str, bool]]:
    """(line, module below the root, name, whether it is for type checkers alone) of every import of the library."""
    package = ("luxjax", *file.relative_to(root).parts[:-1])
    tree = parsed(file)
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for statement in block.body
        for node in ast.walk(statement)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [
                (node.lineno, tuple(a.name.split("."))[1:], "", id(node) in typing_only)
                for a in node.names
                if a.name.split(".")[0] == "luxjax"
            ]
        elif isinstance(node, ast.ImportFrom):
            base = tuple(node.module.split(".")) if node.module else ()
            if node.level:
                base = package[: len(package) - node.level + 1] + base
            if base and base[0] == "luxjax":
                found += [(node.lineno, base[1:], a.name, id(node) in typing_only) for a in node.names]
    return found


def violations(file: Path, root: Path) -> list[str]:
    """One sentence for every import in `file` that the floors or the doors forbid."""
    inside = file.relative_to(root).with_suffix("").parts
    own = inside[0]
    wrong = []
    for line, module, name, _ in imports(file, root):
        where = f"{file.relative_to(root)}:{line}"
        target = module[0] if module else name
        if target == "__version__":
            continue
        if own == "__init__":
            if target != "_exports":
                wrong.append(f"{where}: the root looks names up lazily and imports no '{target}'")
        elif target == "_exports":
            continue
        elif target not in FLOOR:
            wrong.append(f"{where}: 'luxjax.{target}' is no package with a floor; import from its package")
        elif target == own:
            continue
        elif FLOOR[target] >= FLOOR[own] or target in NEVER.get(own, ()):
            wrong.append(f"{where}: '{own}' may not import '{target}', which is no floor below")
        elif any(part.startswith("_") for part in module) or (name.startswith("_") and not module[1:]):
            wrong.append(f"{where}: '{'.'.join((*module, name))}' is private; use a door of luxjax.{target}")
    return wrong


def test_imports_point_down_and_enter_by_doors():
    wrong = [sentence for file in sources(PACKAGE) for sentence in violations(file, PACKAGE)]
    assert not wrong, "\n".join(wrong)


def test_every_package_has_a_floor():
    packages = {f.relative_to(PACKAGE).with_suffix("").parts[0] for f in sources(PACKAGE)} - {"__init__"}
    assert packages == set(FLOOR)


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("core/_x.py", "from ..data import Spectra"),
        ("data/_x.py", "from ..models import Linear"),
        ("simulation/_x.py", "from ..models import Linear"),
        ("simulation/_x.py", "def f():\n    from luxjax.models import Linear"),
        ("preprocessing/_x.py", "import luxjax.surveys"),
        ("interpret/_x.py", "from ..prediction import transfer"),
        ("runs/_x.py", "from ..plots import styled"),
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
        ("data/_x.py", "from ..core.internal import as_key"),
        ("data/_x.py", "from ._spectra import Spectra"),
        ("surveys/formats/_x.py", "from ...preprocessing import resample"),
        ("surveys/formats/_x.py", "from .._reduce import reduce"),
        ("posterior/_x.py", "from ..fitting import fit"),
        ("cli/_x.py", "from luxjax.report import page"),
        ("report/_x.py", "from .. import __version__, evidence"),
        ("fitting/_x.py", "import numpy as np"),
    ],
)
def test_allowed_import_passes(tmp_path, where, line):
    file = tmp_path / where
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(line + "\n")
    assert violations(file, tmp_path) == []


# Rule 1: a package is one noun, with few modules and few names; what only siblings need goes through `internal`.


def exported(init: Path) -> list[str]:
    """Names of a door: those of its ``__all__``, or of the stub beside it."""
    stub = init.with_suffix(".pyi")
    if stub.exists():
        lines = [line.split() for line in stub.read_text().splitlines() if line.startswith("from ")]
        return [words[3] for words in lines if words[1] != "."]
    for node in parsed(init).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return [element.value for element in node.value.elts]  # type: ignore[attr-defined]
    return []


def doors() -> dict[str, list[str]]:
    return {
        ".".join(f.parent.relative_to(ROOT).parts): exported(f) for f in sorted(PACKAGE.rglob("__init__.py"))
    }


def test_packages_are_small():
    crowded = {
        str(folder.relative_to(ROOT)): n
        for folder in {f.parent for f in sources(PACKAGE)}
        if (n := len([f for f in folder.glob("*.py") if f.stem not in ("__init__", "internal")]))
        > MOST_MODULES
    }
    assert not crowded


def test_doors_are_small():
    wide = {name: len(names) for name, names in doors().items() if len(names) > MOST_NAMES}
    assert not wide


def test_the_public_surface_is_small():
    names = [name for door, found in doors().items() if door != "luxjax" for name in found]
    assert len(names) <= MOST_PUBLIC, len(names)


def test_every_root_name_is_a_name_of_a_package():
    known = {name for door, found in doors().items() if door != "luxjax" for name in found}
    assert set(exported(PACKAGE / "__init__.py")) <= known | {"__version__"}


def test_nothing_is_both_public_and_internal():
    both = {}
    for internal in PACKAGE.glob("*/internal.py"):
        package = internal.parent.name
        public = {n for door, names in doors().items() if door.split(".")[1:2] == [package] for n in names}
        if shared := public & set(exported(internal)):
            both[package] = shared
    assert not both


def test_internal_doors_are_for_siblings_alone():
    """Recipes, claims and lessons use public names; and every internal name has a sibling that uses it."""
    outside = [f for d in ("inference", "validation") for f in (ROOT / d).rglob("*.py")]
    wrong = [str(f.relative_to(ROOT)) for f in outside if ".internal import" in f.read_text()]
    assert not wrong
    used = {
        (module[0], name)
        for file in sources(PACKAGE)
        for _, module, name, _ in imports(file, PACKAGE)
        if module[1:] == ("internal",)
    }
    unused = {
        internal.parent.name: missing
        for internal in PACKAGE.glob("*/internal.py")
        if (missing := {n for n in exported(internal) if (internal.parent.name, n) not in used})
    }
    assert not unused


# Rule 2: no circle between files.


def graph() -> dict[str, set[str]]:
    """Module -> the modules that it imports when it is itself imported or run; doors are passed through."""
    modules = {
        ".".join(f.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): f
        for f in sources(PACKAGE)
    }
    found: dict[str, set[str]] = {}
    for name, file in modules.items():
        if file.name in ("__init__.py", "internal.py"):
            continue
        found[name] = set()
        for _, module, what, typing_only in imports(file, PACKAGE):
            for target in (".".join((*module, what)), ".".join(module)):
                if target in modules and modules[target].name not in ("__init__.py", "internal.py"):
                    if not typing_only:
                        found[name].add(target)
                    break
    return found


def test_files_have_no_circle():
    edges = graph()
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> tuple[str, ...]:
        if name in path:
            return (*path[path.index(name) :], name)
        if name in done:
            return ()
        for other in sorted(edges.get(name, ())):
            if circle := visit(other, (*path, name)):
                return circle
        done.add(name)
        return ()

    for name in sorted(edges):
        assert not (circle := visit(name, ())), " -> ".join(circle)
