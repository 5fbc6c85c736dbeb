"""The documentation names what exists: commands parse, code imports, pages are reachable, and every public name has one."""

import ast
import re
import shlex
import sys
from importlib import import_module
from pathlib import Path

import pytest
from typer.main import get_command

from luxjax.cli import app

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
GENERATED = {
    *(DOCS / "reference" / f"{name}.md" for name in ("commands", "presets", "claims")),
    *(DOCS / "tutorials" / f"{lesson.stem}.ipynb" for lesson in (ROOT / "notebooks").glob("*.ipynb")),
}
PAGES = sorted(p for p in DOCS.rglob("*.md") if "_build" not in p.parts and p not in GENERATED)
EACH = pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(DOCS)))
# Pages whose Python runs from top to bottom by itself; code of others stands for a place in a program.
QUICK = [
    "how_to/own_arrays",
    "how_to/labels",
    "how_to/add_a_reader",
    "how_to/resume",
    "explanation/leave_out",
    "how_to/any_classifier",
    "how_to/any_spectra",
    "how_to/light_curves",
]
LONGER = [
    *("how_to/choose_a_model", "how_to/posteriors", "how_to/believe_a_label", "how_to/add_a_decoder"),
    *("how_to/add_a_read_out", "how_to/add_a_line_of_evidence"),
    *("explanation/errors", "explanation/calibration", "explanation/attribution"),
]
COMMUNITY = [
    "CONTRIBUTING.md",
    "CODE_OF_CONDUCT.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "CITATION.cff",
    "LICENSE",
]


def blocks(page: Path, *languages: str) -> list[str]:
    found = re.findall(
        r"^ *```(\w*)\n(.*?)^ *```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    return [text for name, text in found if name in languages]


@EACH
def test_commands_have_these_arguments(page):
    for block in blocks(page, "console"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            if words[:1] != ["luxjax"] or words[1:] in (["--help"], ["--version"]):
                continue
            command, rest = get_command(app).commands[words[1]], words[2:]
            if hasattr(command, "commands"):  # a group
                command, rest = command.commands[rest[0]], rest[1:]
            assert command.make_context(words[1], rest)


@EACH
def test_code_takes_names_that_are_there(page):
    for block in blocks(page, "python"):
        tree = ast.parse(block)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "luxjax":
                module = import_module(node.module)
                assert [n.name for n in node.names if not hasattr(module, n.name)] == []
            elif (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "luxjax"
            ):
                assert hasattr(import_module("luxjax"), node.attr), node.attr


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(n, marks=pytest.mark.long) for n in LONGER)])
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::luxjax.core.LuxWarning")
def test_code_runs(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict = {"__name__": "page"}
    for block in blocks(DOCS / f"{name}.md", "python"):
        exec(compile(block, name, "exec"), names)
    assert "nan" not in capsys.readouterr().out


def test_every_page_is_reachable():
    there = {p.with_suffix("") for p in (*PAGES, *GENERATED)}
    reached, todo = set(), [DOCS / "index"]
    while todo:
        page = todo.pop()
        if page in reached:
            continue
        reached.add(page)
        file = page.with_suffix(".md")
        if not file.exists():
            continue  # written by the build
        for tree in re.findall(r"^```\{toctree\}\n(.*?)^```$", file.read_text(), re.DOTALL | re.MULTILINE):
            names = [
                line for line in tree.splitlines() if line and not line.startswith(":") and "*" not in line
            ]
            todo += [page.parent / name for name in names]
    dangling = {p for p in reached - there if "api" not in p.parts}
    assert sorted(there - reached) == []
    assert sorted(dangling) == []


@EACH
def test_links_to_files_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        target = (page.parent / link.partition("#")[0]).resolve()
        if "://" in link or link.startswith("#") or target in GENERATED:
            continue
        names = [target, *(target.with_name(target.name + end) for end in (".md", ".ipynb"))]
        assert any(n.exists() or n in GENERATED for n in names) or target.name == "luxjax", link


def test_every_public_name_has_a_page(monkeypatch):
    pytest.importorskip("sphinx", reason="the pages are written by the documentation's extensions")
    monkeypatch.syspath_prepend(DOCS / "_extensions")
    pages, names = import_module("api_pages"), import_module("names")
    for module in ("api_pages", "names"):
        monkeypatch.delitem(sys.modules, module)
    missing = []
    for package in (ROOT / "luxjax").rglob("__init__.py"):
        door = ".".join(package.parent.relative_to(ROOT).parts)
        public = getattr(import_module(door), "__all__", ())
        if door == "luxjax" or "._" in door or door == "luxjax.cli":
            continue
        text = pages.package_page(door) if door in names.doors() else ""
        missing += [
            f"{door}.{name}"
            for name in public
            if not names.is_package(import_module(door), name)
            and not re.search(rf"^\.\. auto\w+:: {re.escape(name)}$", text, re.MULTILINE)
        ]
    assert missing == []
    front = pages.root_page()
    assert [name for name in names.front_door() if not re.search(rf"\.{name}$", front, re.MULTILINE)] == []


def test_community_files_are_there():
    assert [name for name in COMMUNITY if not (ROOT / name).is_file()] == []
    templates = {p.name for p in (ROOT / ".github").rglob("*.md")}
    assert templates == {"bug.md", "question.md", "feature.md", "PULL_REQUEST_TEMPLATE.md"}


def test_contributing_names_what_exists():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.partition("## Where something new goes")[2].partition("\n## ")[0]
    for name in re.findall(r"`((?:tests|luxjax|validation|inference)/[\w/.]*)`", table):
        assert (ROOT / name).exists(), name
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)`", text)) <= targets
