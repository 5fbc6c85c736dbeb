import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from rich.console import Console

import luxjax
import luxjax.surveys
from luxjax.cli import _app as cli
from luxjax.runs import RunFolder


def run(monkeypatch, capsys, *arguments) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of a command."""
    monkeypatch.setattr(sys, "argv", ["luxjax", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    out, err = capsys.readouterr()
    return stopped.value.code or 0, out, err


def test_version_and_help(monkeypatch, capsys):
    assert run(monkeypatch, capsys, "--version") == (0, f"luxjax {luxjax.__version__}\n", "")
    status, out, _ = run(monkeypatch, capsys, "--help")
    assert status == 0
    assert {"report", "download"} <= set(out.split())


def test_help_loads_nothing_heavy():
    program = """
import sys
from luxjax.cli import app
for arguments in (["--help"], ["report", "--help"], ["download", "--help"], ["explain", "--help"], ["infer", "--help"], ["classify", "train", "--help"]):
    try:
        app(arguments)
    except SystemExit:
        pass
heavy = {"jax", "numpy", "scipy", "pandas", "astropy", "matplotlib", "jinja2"}
print("loaded:", *sorted(heavy & {m.split(".")[0] for m in sys.modules}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_report_writes_the_page_and_says_where(monkeypatch, capsys, tmp_path):
    RunFolder.create(tmp_path / "run", config={"name": "one"}, seed=1)
    status, out, err = run(monkeypatch, capsys, "report", tmp_path / "run")
    assert status == 0
    assert Path(out.strip()) == tmp_path / "run" / "report.html"
    assert "<h1>one</h1>" in Path(out.strip()).read_text()
    assert "draw the report" in err


def test_bad_input_is_one_red_sentence(monkeypatch, capsys, tmp_path):
    status, out, err = run(monkeypatch, capsys, "report", tmp_path / "[bold]absent")
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("luxjax: there is no run folder at")
    assert "[bold]absent" in err  # not taken for markup
    assert "Traceback" not in err


def test_other_errors_keep_their_traceback(monkeypatch):
    def broken(**options):
        raise ValueError("a bug")

    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(ValueError, match="a bug"):
        cli.main()


def test_download_passes_everything_on(monkeypatch, capsys, tmp_path):
    asked = []

    class Result:
        ok = True

        def __str__(self):
            return "2 downloaded"

    def fake(*arguments, **options):
        asked.append((arguments, options))
        return Result()

    monkeypatch.setattr(luxjax.surveys, "download_objects", fake)
    catalog = tmp_path / "allStar.fits"
    table = fits.BinTableHDU.from_columns([fits.Column("APOGEE_ID", "4A", array=np.array(["a", "b"]))])
    table.writeto(catalog)
    (tmp_path / "more.txt").write_text("# two\n2M2\n\n 2M3 \n")
    arguments = ["apogee", "2M1", "--list", tmp_path / "more.txt", "--to", tmp_path, "--catalog", catalog]
    assert run(monkeypatch, capsys, "download", *arguments) == (0, "2 downloaded\n", "")
    (survey, release, objects, folder), options = asked[0]
    assert (survey, release, objects, folder) == ("apogee", "dr17", ["2M1", "2M2", "2M3"], tmp_path)
    assert list(options["catalog"]["APOGEE_ID"]) == ["a", "b"]
    assert options["kind"] == "aspcapStar"
    (tmp_path / "c.csv").write_text("obsid,planid\n1,x\n")
    monkeypatch.setenv("LUXJAX_LAMOST_TOKEN", "secret")
    run(monkeypatch, capsys, "download", "lamost", "7", "--release", "dr5", "--catalog", tmp_path / "c.csv")
    assert asked[1][0][:3] == ("lamost", "dr5", ["7"])
    assert asked[1][1]["token"] == "secret"
    assert list(asked[1][1]["catalog"]["planid"]) == ["x"]
    run(monkeypatch, capsys, "download", "apogee", "--field", "M67", "--catalog", catalog)
    assert asked[2][0][2] is None
    Result.ok = False
    assert run(monkeypatch, capsys, "download", "galah", "1")[0] == 1


def test_download_bad_input(monkeypatch, capsys, tmp_path):
    cases = [
        (["kepler", "1"], "kepler.*apogee, galah, lamost"),
        (["galah"], "at least one identifier"),
        (["galah", "--list", tmp_path / "none.txt"], "no file"),
        (["apogee", "2M1", "--catalog", tmp_path / "none.fits"], "no catalogue"),
        (["apogee", "2M1"], "give the survey's catalogue"),
    ]
    for arguments, said in cases:
        status, _, err = run(monkeypatch, capsys, "download", *arguments, "--to", tmp_path)
        assert status == 2
        assert re.search(said, err)
    (tmp_path / "bad.fits").write_text("rubbish")
    status, _, err = run(monkeypatch, capsys, "download", "apogee", "2M1", "--catalog", tmp_path / "bad.fits")
    assert status == 2
    assert "cannot be read as a FITS table" in err


def test_steps_keep_their_times():
    stream = io.StringIO()
    steps = cli.Steps(Console(file=stream, width=200))
    with steps("fit [x]"):
        pass
    assert list(steps.timings) == ["fit [x]"]
    assert 0 <= steps.timings["fit [x]"] < 5
    assert re.search(r"^ +0\.0 s  fit \[x\]$", stream.getvalue(), re.MULTILINE)
