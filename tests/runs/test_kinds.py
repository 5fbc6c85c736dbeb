"""The contract of every kind of run: a kind that is registered passes."""

import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
import typer

from luxjax.cli import app
from luxjax.report import render
from luxjax.report.sections._sections import SECTIONS
from luxjax.runs import RunFolder, _kinds
from luxjax.runs._kinds import RunKind, run_kinds

ROOT = Path(__file__).resolve().parents[2]
KINDS = run_kinds()


@pytest.fixture(params=list(KINDS), name="kind")
def each(request) -> RunKind:
    return KINDS[request.param]


def fill(kind: RunKind, folder: Path) -> list[Path]:
    """A file for every name that the kind declares, and a folder with a file where the name has no ending."""
    made = []
    for name in kind.files:
        path = folder / name.replace("*", "some_star")
        if path.suffix or path.name == "seed":
            path.write_text(path.read_text() if path.exists() else "old")
        else:
            path.mkdir(exist_ok=True)
            (path / "old").write_text("old")
        made.append(path)
    return made


def test_names_are_told_apart():
    modules = [import_module(f"luxjax.runs.{m}") for m in _kinds.WORKFLOWS]
    declared = [kind.name for module in modules for kind in module.KINDS]
    assert len(set(declared)) == len(declared) == len(KINDS) - 1  # and the one that every run is of
    assert all(isinstance(kind, RunKind) for kind in KINDS.values())


def test_a_file_of_two_kinds_means_the_same_in_both():
    meaning: dict[str, str] = {}
    for kind in KINDS.values():
        for name, words in kind.files.items():
            assert meaning.setdefault(name, words) == words, (kind.name, name)


def test_its_command_exists(kind):
    command = typer.main.get_command(app)
    program, *words = kind.command.split()
    if program == "luxjax":
        for word in words:
            command = command.commands[word]
    else:
        assert not words
        assert (ROOT / program).is_file()


def test_it_is_described_in_sentences(kind):
    assert kind.files
    for words in (kind.what, *kind.files.values()):
        assert re.fullmatch(r"[A-Z][^\n]{8,}[.?]", words), words


def test_its_files_stay_inside_the_run(kind):
    for name in kind.files:
        assert not Path(name).is_absolute()
        assert len(Path(name).parts) == 1
        assert len(name.split("*")[0]) >= 4  # no pattern that takes everything


def test_replacing_a_run_removes_its_files_and_no_others(kind, tmp_path):
    run = RunFolder.create(tmp_path / "run", config={"name": "first"}, seed=1)
    made = fill(kind, run.path)
    mine = [run.path / name for name in ("notes.txt", "my_figures", "report_of_mine.html")]
    mine[1].mkdir()
    for path in (mine[0], mine[1] / "plot.png", mine[2]):
        path.write_text("mine")
    RunFolder.create(run.path, config={"name": "second"}, seed=2, overwrite=True)
    for path in made:
        if path.name in ("config.toml", "versions.json", "seed"):
            assert path.is_file()
        else:
            assert not path.exists(), path
    assert tomllib.loads((run.path / "config.toml").read_text()) == {"name": "second"}
    assert [path.exists() for path in mine] == [True] * 3
    assert (mine[1] / "plot.png").read_text() == "mine"


def test_a_link_is_removed_and_what_it_points_to_stays(tmp_path):
    run = RunFolder.create(tmp_path / "run", config={}, seed=1)
    (tmp_path / "elsewhere").mkdir()
    (run.path / "model").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    RunFolder.create(run.path, config={}, seed=1, overwrite=True)
    assert not (run.path / "model").is_symlink()
    assert (tmp_path / "elsewhere").is_dir()


def test_the_report_shows_it_or_it_says_why_not(kind):
    assert bool(kind.sections) != bool(kind.no_page)
    assert set(kind.sections) <= set(SECTIONS)


def test_every_section_shows_some_kind():
    assert {name for kind in KINDS.values() for name in kind.sections} == set(SECTIONS)


def test_a_page_is_drawn_before_anything_is_found(kind, tmp_path):
    run = RunFolder.create(tmp_path / "run", config={"command": kind.command}, seed=1)
    html = render(run).read_text()
    for title in ("Configuration", "Versions", "How to cite"):
        assert f"{title}</h2>" in html


def test_a_new_kind_is_one_module_and_one_line(tmp_path, monkeypatch):
    """Its files belong to runs as soon as it is registered."""
    run = RunFolder.create(tmp_path / "run", config={}, seed=1)
    (run.path / "spots.csv").write_text("old")
    RunFolder.create(run.path, config={}, seed=1, overwrite=True)
    assert (run.path / "spots.csv").exists()
    spots = RunKind("spots", "luxjax demo", "Spots on stars.", {"spots.csv": "The spots."}, ("labels",))
    module = import_module("luxjax.runs._demo")
    monkeypatch.setattr(module, "KINDS", (*module.KINDS, spots))
    RunFolder.create(run.path, config={}, seed=1, overwrite=True)
    assert not (run.path / "spots.csv").exists()
