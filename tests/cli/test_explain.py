"""The command of the evidence, on a small run with a model of its own."""

import sys

import numpy as np
import pytest

from luxjax.cli import _app as cli
from luxjax.data import load_catalog, save_catalog
from luxjax.dataset import Dataset
from luxjax.evidence import open_explained
from luxjax.fitted import load, save
from luxjax.fitting import EM, fit
from luxjax.models import Lux
from luxjax.runs import RunFolder
from luxjax.simulation import toy_survey


def run(capsys, *arguments) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of a command."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["luxjax", "explain", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
    out, err = capsys.readouterr()
    return stopped.value.code or 0, out, err


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run, its held-out stars, and a list of the lines that europium would have."""
    here = tmp_path_factory.mktemp("cli")
    world = toy_survey(5, 400, 500)
    save_catalog(world.held_out, here / "held")
    made = RunFolder.create(here / "run", config={"name": "small"}, seed=1)
    fitted = fit(Lux.linear(world.train.sizes, 8), world.train, EM(max_cycles=20, tol=1e-4), key=1)
    save(fitted, made.model)
    (made.path / "stars.csv").write_text("id,part\n" + "".join(f"{i},train\n" for i in world.train.ids))
    wavelength = world.train.spectra("flux").wavelength
    lines = ["element,ion,wavelength,excitation_potential,log_gf"]
    for k in range(world.line.max() + 1):
        centre = np.average(wavelength, weights=world.profile * (world.line == k))
        lines.append(f"Eu,II,{centre:.4f},0.2,0.5")
    (here / "eu.csv").write_text("\n".join(lines) + "\n")
    return here


@pytest.mark.slow
def test_one_label(folder, capsys):
    given = ("--catalog", folder / "held", "--lines", folder / "eu.csv", "--medium", "vacuum")
    more = (
        "--resolution",
        19000,
        "--condition-on",
        "teff,fe_h,alpha_fe",
        "--label-error",
        "eu_fe=0.07",
        "--species",
        "Eu",
    )
    status, out, err = run(capsys, folder / "run", "--label", "eu_fe", *given, *more)
    assert status == 0, err
    said, page = out.splitlines()
    assert said.startswith(("eu_fe: shortcut.", "eu_fe: inconclusive."))
    assert page == str(folder / "run" / "explain_eu_fe.html")
    text = (folder / "run" / "explain_eu_fe.html").read_text()
    assert "Was [Eu/Fe] measured?" in text
    assert "element lines: Eu" in text
    assert "explain_eu_fe.html" in (folder / "run" / "report.html").read_text()
    verdict = load(folder / "run" / "model").verdicts["eu_fe"]
    assert verdict.others == ("teff", "fe_h", "alpha_fe")
    assert verdict.numbers["label_error"] == pytest.approx(0.07)


@pytest.mark.slow
def test_every_star_of_a_dataset(folder, capsys):
    held, out = load_catalog(folder / "held"), folder / "stars"
    Dataset.create(folder / "set", held.outputs).append(held.select(slice(0, 100)))
    given = ("--dataset", folder / "set", "--lines", folder / "eu.csv", "--medium", "vacuum", "-o", out)
    status, said, err = run(capsys, folder / "run", *given, "--resolution", 19000)
    assert (status, said) == (0, f"100 stars in {out}\n"), err
    found = open_explained(out)
    assert list(found.facts["element_lines"]) == ["eu_fe"]
    table = found.table()
    parts = found.facts["mean_star"]["eu_fe"] + table["eu_fe_own"] + table["eu_fe_rest"]
    np.testing.assert_allclose(parts, table["eu_fe"], rtol=1e-10, atol=1e-12)
    for arguments, what in [
        ((*given, "--label", "eu_fe"), "leave them out with"),
        (("--out", out), "give one with --dataset"),
        (("--dataset", folder / "held"), "no dataset at"),
        (("--dataset", folder / "set", "-o", "x.fits"), "name a folder"),
    ]:
        status, said, err = run(capsys, folder / "run", *arguments)
        assert (status, said) == (2, "")
        assert what in err.replace("\n", " ")


def test_bad_input_is_one_sentence(folder, capsys):
    here, held = folder / "run", ("--catalog", folder / "held")
    for arguments, said in [
        ((folder / "nowhere",), "no run folder at"),
        ((here,), "--catalog"),
        ((here, *held, "--label", "europium"), "'europium'"),
        ((here, *held, "--medium", "air"), "give one with --lines"),
        ((here, *held, "--lines", folder / "eu.csv"), "air or in vacuum"),
        ((here, *held, "--label", "eu_fe", "--label-error", "eu_fe:1"), "write LABEL=NUMBER"),
        ((here, *held, "--label", "eu_fe", "--label-error", "eu_fe=-1"), "positive"),
        ((here, *held, "--condition-on", "teff"), "--label"),
    ]:
        status, out, err = run(capsys, *arguments)
        assert (status, out) == (2, ""), (arguments, err)
        assert said in err.replace("\n", " "), err
        assert "Traceback" not in err
