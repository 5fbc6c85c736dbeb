"""One reference page a package, written from its door: a table of its names, then each in full."""

import inspect
from importlib import import_module
from pathlib import Path

from names import doors, find, front_door
from sphinx.application import Sphinx


def heading(text: str) -> list[str]:
    return [text, "=" * len(text), ""]


def table(names: list[str]) -> list[str]:
    return [".. autosummary::", "   :nosignatures:", "", *(f"   {name}" for name in names), ""]


def entry(door: str, name: str) -> list[str]:
    value = getattr(import_module(door), name)
    if inspect.isclass(value):
        return [f".. autoclass:: {name}", "   :members:", ""]
    if callable(value):
        return [f".. autofunction:: {name}", ""]
    return [f".. autodata:: {name}", "   :no-value:", ""]


def package_page(door: str) -> str:
    names = doors()[door]
    lines = [*heading(door), f".. py:module:: {door}", "", f".. currentmodule:: {door}", ""]
    lines += [inspect.getdoc(import_module(door)) or "", ""]
    lines += table(names)
    for name in names:
        lines += entry(door, name)
    return "\n".join(lines)


def root_page() -> str:
    lines = [
        *heading("luxjax"),
        "The front doors: names that can be taken from ``luxjax`` itself. Each belongs to a package, where it is",
        "described in full.",
        "",
        *table([f"~{find(name)}" for name in front_door() if find(name)]),
    ]
    return "\n".join(lines)


def write(app: Sphinx) -> None:
    folder = Path(app.srcdir) / "reference" / "api"
    pages = {"luxjax": root_page(), **{door: package_page(door) for door in doors()}}
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.rst"):
        if old.stem not in pages:
            old.unlink()
    for name, text in pages.items():  # what has not changed is left alone, so that it is not built again
        file = folder / f"{name}.rst"
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
