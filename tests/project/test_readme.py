"""What the README shows works: its Python block runs, its commands and files exist."""

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from luxjax.cli import app
from tests.project.test_floors import FLOORS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return [text for name, text in found if name == language]


@pytest.mark.slow
def test_python_block_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (block,) = blocks("python")
    names: dict = {}
    exec(compile(block, "README.md", "exec"), names)
    assert len(names["labels"]) == len(names["test"]) == 100
    assert capsys.readouterr().out.startswith(f"Prediction({len(names['test'])} stars: teff +-")
    assert (tmp_path / "model" / "model.json").is_file()


def test_commands_parse():
    """Every luxjax command shown has these arguments and options."""
    shown = [
        shlex.split(line, comments=True)
        for block in blocks("")
        for line in block.replace("\\\n", " ").splitlines()
        if line.startswith("luxjax ")
    ]
    assert {words[1] for words in shown} == {
        "download",
        "ingest",
        "fit",
        "explain",
        "infer",
        "transfer",
        "classify",
        "check",
    }
    program = get_command(app)
    for _, name, *words in shown:
        command = program.commands[name]
        if name == "classify":  # a group of commands
            name, *words = words
            command = command.commands[name]
        command.make_context(name, words)


def test_make_targets_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = re.findall(r"\bmake ([a-z]+)\b", "\n".join(blocks("")))
    assert shown == ["demo", "test"]
    assert set(shown) <= targets


def test_files_exist():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links
    for name in links:
        assert (ROOT / name).exists(), name


def test_it_is_a_front_page():
    assert len(README.splitlines()) <= 110


def test_the_layout_page_describes_every_package_and_floor():
    page = (ROOT / "docs" / "explanation" / "house.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]+ \| (`luxjax\..*?|`cli/`.*?) \|$", page, re.MULTILINE)
    described = {name for row in rows for name in re.findall(r"`(?:luxjax\.)?(\w+)(?:\.\w+)?/?`", row)}
    there = {p.parent.name for p in (ROOT / "luxjax").glob("*/__init__.py")}
    assert there - described == set(), "packages without a line"
    table = page[page.index("| floor | packages |") :]
    floors = [
        set(re.findall(r"`(\w+)`", row)) for row in re.findall(r"^\| \w* ?\| (`.*) \|$", table, re.MULTILINE)
    ]
    assert floors == [floor for floor in reversed(FLOORS) if floor <= there]
