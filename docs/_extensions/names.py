"""Links to names of luxjax: by the door they are taken from, whatever private module defines them."""

import inspect
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

import luxjax


@cache
def doors() -> dict[str, list[str]]:
    """Package -> its public names, for every package that has any; the command line has its own page."""
    found = {}
    for info in walk_packages(luxjax.__path__, "luxjax."):
        if not info.ispkg or "._" in info.name or info.name == "luxjax.cli":
            continue
        package = import_module(info.name)
        names = [name for name in getattr(package, "__all__", ()) if not is_package(package, name)]
        if names:
            found[info.name] = names
    return found


def is_package(package: ModuleType, name: str) -> bool:
    return inspect.ismodule(getattr(package, name))


def front_door() -> list[str]:
    """Names of the root that are no packages."""
    return [name for name in luxjax.__all__ if not is_package(luxjax, name)]


@cache
def targets() -> dict[str, str]:
    """What a docstring may say -> the documented name: `Batch`, `luxjax.Batch`, `luxjax.core._batch.Batch`."""
    found: dict[str, str] = {}
    for door, names in doors().items():
        for name in names:
            full = f"{door}.{name}"
            for said in spellings(door, name):
                found.setdefault(said, full)
    return found


def spellings(door: str, name: str) -> Iterator[str]:
    yield f"{door}.{name}"
    yield name
    yield f"luxjax.{name}"
    yield f"{door.removeprefix('luxjax.')}.{name}"
    owner = getattr(getattr(import_module(door), name), "__module__", None)
    if owner:
        yield f"{owner}.{name}"


def find(said: str) -> str | None:
    """The documented name behind `said`, which may be a method or an attribute; None if there is none."""
    said = said.strip().removesuffix("()")
    if said in targets():
        return targets()[said]
    if said in doors():
        return said
    head, _, member = said.rpartition(".")
    if head in targets():
        return f"{targets()[head]}.{member}"
    return None


def name_role(role, rawtext, text, lineno, inliner, options=None, content=None) -> tuple[list, list]:
    """A single backtick: a link where it says a name of luxjax, code otherwise."""
    literal = nodes.literal(text, text, classes=["code"])
    target = find(text)
    if target is None and not text.startswith("luxjax."):
        return [literal], []
    link = addnodes.pending_xref(
        "", literal, refdomain="py", reftype="obj", reftarget=target or text, refexplicit=True, refwarn=True
    )
    link.source, link.line = inliner.document.current_source, lineno
    return [link], []


def link_literals(app: Sphinx, doctree: nodes.document) -> None:
    """Code in a page that names something of luxjax becomes a link; a name that is not there is a warning."""
    if app.env.current_document.docname.startswith("reference/api/"):
        return  # written from docstrings, where the role above does it
    for literal in list(doctree.findall(nodes.literal)):
        said = literal.astext()
        inside = isinstance(literal.parent, (nodes.reference, addnodes.pending_xref))
        if inside or not said.startswith("luxjax.") or said.startswith("luxjax.X") or not said[-1].isalnum():
            continue
        link = addnodes.pending_xref(
            "", refdomain="py", reftype="obj", reftarget=find(said) or said, refexplicit=True, refwarn=True
        )
        link.source, link.line = literal.source, literal.line
        literal.replace_self(link)
        link += literal


def resolve(app: Sphinx, env: Any, node: addnodes.pending_xref, content: nodes.Node) -> nodes.Node | None:
    """Second chance of a reference that Sphinx could not follow: by another spelling of the same name."""
    if node.get("refdomain") != "py":
        return None
    said = node["reftarget"]
    target = find(said) or find(said.rpartition(".")[2])
    domain = env.get_domain("py")
    for known in (target, field_owner(target)):
        if known and known != said:
            kind = "mod" if known in doors() else "obj"
            if link := domain.resolve_xref(env, node["refdoc"], app.builder, kind, known, node, content):
                return link
    return None


def field_owner(target: str | None) -> str | None:
    """The class whose field `target` is: fields are described among its parameters, without an entry each."""
    owner, _, member = (target or "").rpartition(".")
    if owner not in set(targets().values()):
        return None
    value = getattr(import_module(owner.rpartition(".")[0]), owner.rpartition(".")[2])
    return owner if member in getattr(value, "__annotations__", {}) or hasattr(value, member) else None


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_role("name", name_role)
    app.connect("doctree-read", link_literals)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
