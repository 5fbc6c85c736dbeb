"""Every recipe runs, from raw files to tables, on a small simulated survey."""

import importlib.util
import json
import sys
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from astropy.table import Table

from luxjax.fitted import load as load_model
from luxjax.runs import RunFolder
from luxjax.runs._demo import DEMO
from luxjax.surveys import read_catalog

RECIPES = Path(__file__).resolve().parents[2] / "inference"
NAMES = sorted(p.stem for p in RECIPES.glob("*.py") if p.with_suffix(".toml").exists())
SMALL = "report = false\n[smoke]\nstars = {stars}\n[fit]\nlatents = 5\nmax_cycles = 12\ntol = 1e-3\n"


def load(name: str):
    if str(RECIPES) not in sys.path:  # where a program finds its neighbours
        sys.path.insert(0, str(RECIPES))
    spec = importlib.util.spec_from_file_location(name, RECIPES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(name: str, folder: Path, text: str, *options: str) -> int:
    config = folder / "mine.toml"
    config.write_text(text)
    return load(name).RECIPE.main(
        load(name).run, ["--config", str(config), "--out", str(folder / "run"), *options]
    )


@pytest.mark.parametrize("name", NAMES)
def test_options_are_explained(name):
    """Every option of a recipe has a comment on its line; files open with what they answer."""
    text = (RECIPES / f"{name}.toml").read_text()
    assert text.startswith("#")
    tomllib.loads(text)
    lines = [line for line in text.splitlines() if "=" in line and not line.startswith("#")]
    assert len(lines) > 15
    assert [line for line in lines if "#" not in line] == []
    assert len((RECIPES / f"{name}.py").read_text().splitlines()) <= 150
    assert load(name).RECIPE.config(smoke=True)["seed"] == 1


@pytest.mark.long
def test_apogee_to_galah(tmp_path, capsys):
    assert run("apogee_to_galah", tmp_path, SMALL.format(stars="230\ngalah = 190"), "--smoke") == 0
    folder = Path(capsys.readouterr().out.strip().splitlines()[-1])
    assert folder == tmp_path / "run"
    metrics = json.loads((folder / "metrics.json").read_text())
    assert set(metrics["labels"]) == {"teff", "logg", "fe_h", "alpha_fe", "eu_fe"}
    for name, limit in (("teff", 0.6), ("fe_h", 0.7)):
        scores = metrics["labels"][name]
        assert scores["rmse"] < limit * scores["spread"]
        assert 0.4 < scores["coverage68"] < 0.95
    # The stars that GALAH never saw, against the labels they were made with.
    new = pd.read_parquet(folder / "transferred.parquet").set_index("id")
    fits = Table.read(folder / "transferred.fits", unit_parse_strict="silent")
    assert len(new) == len(fits) == 230 - 190
    assert str(fits["teff"].unit) == "K"
    allstar = read_catalog(tmp_path / "run-files" / "allStar.fits").set_index("APOGEE_ID")
    galah = read_catalog(tmp_path / "run-files" / "galah_dr3.fits")
    assert {f"2M{i}" for i in galah["star_id"]} | set(new.index) == set(allstar.index)
    seen = allstar.loc[new.index]
    pull = (new["teff"] - seen["TEFF"]) / (new["teff_err"] ** 2 + seen["TEFF_ERR"] ** 2) ** 0.5
    assert 0.4 < pull.std() < 2
    assert new["teff"].corr(seen["TEFF"]) > 0.8
    log = (folder / "log.txt").read_text()
    assert "match (left: spectra, right: labels): 190 pairs" in log


@pytest.mark.slow
def test_apogee_labels(tmp_path, capsys):
    assert run("apogee_labels", tmp_path, SMALL.format(stars=230), "--smoke") == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert set(metrics["labels"]) == {"teff", "logg", "fe_h", "alpha_m"}
    assert metrics["labels"]["teff"]["rmse"] < 0.6 * metrics["labels"]["teff"]["spread"]
    # Those below the S/N cut have no trusted labels and get some; no star is lost.
    new = pd.read_parquet(tmp_path / "run" / "transferred.parquet")
    assert sum(metrics["stars"].values()) + len(new) == 230
    assert 0 < new["snr"].max() < 60
    assert metrics["labels"]["teff"]["baselines"].keys() == {"ridge"}
    assert not (tmp_path / "run" / "report.html").exists()


@pytest.mark.long
def test_multimodal(tmp_path, capsys):
    """Every input alone and all together; all together are the best of all in what they share."""
    small = "report = false\n[smoke]\nstars = 160\n[fit]\nlatents = 6\n"
    assert run("multimodal", tmp_path, small, "--smoke") == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    found = metrics["by_input"]
    assert set(found) == {"apogee", "xp", "photometry", "parallax", "seismic", "all"}
    assert found["all"]["modulus"] < 0.5 * found["apogee"]["modulus"]
    assert len(metrics["by_pattern"]) > 1
    assert sum(entry["n"] for entry in metrics["by_pattern"]) == metrics["stars"]["all"]
    assert set(pd.read_parquet(tmp_path / "run" / "labels.parquet")["inputs"]) == {
        " ".join(entry["inputs"]) for entry in metrics["by_pattern"]
    }


def test_the_demonstration_has_the_settings_of_its_recipe():
    config = load("simulated_survey").RECIPE.config()
    defaults = {**config["survey"], "fractions": config["split"], **config["fit"], **config["compare"]}
    assert defaults == DEMO


@pytest.mark.long
def test_simulated_survey(tmp_path):
    """All that the demonstration does."""
    small = "report = false\n[survey]\nstars = 260\n[fit]\nlatents = 5\n"
    assert run("simulated_survey", tmp_path, small, "--smoke") == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert sum(metrics["stars"].values()) == 260
    assert set(metrics["labels"]) == {"teff", "logg", "fe_h", "alpha_fe", "eu_fe"}
    teff = metrics["labels"]["teff"]
    assert teff["against"] == "truth"
    assert teff["bound_rmse"] < teff["rmse"] < 0.5 * teff["spread"]
    assert teff["baselines"].keys() == {"ridge", "cannon", "labels_only"}
    assert set(metrics["by_input"]) == {"apogee"}


@pytest.mark.long
def test_what_lux_learned(tmp_path, capsys):
    """Every label gets a verdict, which goes with the tables and the model, and europium is not said to be measured."""
    small = "report = false\n[survey]\nstars = 300\n[fit]\nlatents = 5\n"
    assert run("what_lux_learned", tmp_path, small, "--smoke") == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in said[:-1]] == ["teff", "logg", "fe_h", "alpha_fe", "eu_fe"]
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    verdicts = {name: entry["verdict"] for name, entry in metrics["labels"].items()}
    assert verdicts["eu_fe"] in ("shortcut", "inconclusive")
    table = pd.read_parquet(tmp_path / "run" / "labels.parquet")
    assert {name: set(table[f"{name}_verdict"]) for name in verdicts} == {n: {v} for n, v in verdicts.items()}
    assert {n: v.verdict for n, v in load_model(tmp_path / "run" / "model").verdicts.items()} == verdicts


@pytest.mark.long
def test_posterior_study(tmp_path):
    """The closed form beside Laplace's method, which it equals."""
    small = 'report = false\n[posterior]\nmethods = ["Laplace"]\n[joint]\nstars = 0\n'
    assert run("posterior_study", tmp_path, small, "--smoke") == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert set(metrics) == {"methods"}
    found = metrics["methods"]["methods"]
    assert set(found) == {"Exact", "Laplace"}
    assert found["Laplace"]["mean_off"] < 1e-3
    assert all(abs(ratio - 1) < 1e-3 for ratio in found["Laplace"]["sd_ratio"].values())
    assert min(found["Exact"]["rank_p"].values()) > 0.01
    assert (tmp_path / "run" / "figures" / "methods_ranks.png").is_file()


@pytest.mark.long
def test_posterior_study_samples_the_model_itself(tmp_path, capsys):
    assert run("posterior_study", tmp_path, "", "--smoke") == 0
    assert "NUTS, 2 chains of 60 draws of latents and decoders and scatter" in capsys.readouterr().out
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["posterior"]["n_stars"] == 40
    assert set(metrics["methods"]["methods"]) == {"Exact", "Laplace", "Variational, mean field"}
    page = (tmp_path / "run" / "report.html").read_text()
    for title in ("Methods side by side", "Can it be believed?", "Chains"):
        assert title in page


@pytest.mark.long
def test_lamost_classes(tmp_path, capsys):
    """Simulated files to classes, their scores and what they rest on."""
    assert run("lamost_classes", tmp_path, "report = false\n", "--smoke") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("Claim: Ca II H and K and Mg b, Mg I outrank Balmer lines.")
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    scores = metrics["classes"]["scores"]
    assert scores["accuracy"]["value"] > 0.6 > 2 * scores["accuracy"]["baseline"]
    assert metrics["classes_explained"]["stars"] == metrics["classes"]["stars"]["judged"]
    pages = list((tmp_path / "run").glob("class_*.html"))
    assert len(pages) >= 5


@pytest.mark.long
def test_library_classes(tmp_path, capsys):
    """A simulated LAMOST, and text files in air without errors, to classes that are those of the simulation."""
    assert run("library_classes", tmp_path, "[smoke]\nstars = 200\n", "--smoke") == 0
    said = capsys.readouterr().out
    assert "30 spectra classified, 0 left out; errors from the scatter of the flux: 30" in said
    table = pd.read_csv(tmp_path / "run" / "library.csv", keep_default_na=False)
    truth = pd.read_csv(tmp_path / "run-files" / "types.csv").set_index("file")["class"]
    names = table["file"].map(lambda f: Path(f).name)
    right = int((table["class"].to_numpy() == truth.loc[names].to_numpy()).sum())
    assert f"{right} of 30 have the class of types.csv" in said
    assert right >= 21
    assert {"set", "far", "outside", "p_A", "p_M"} <= set(table)


@pytest.mark.slow
def test_seismic_logg(tmp_path, capsys):
    """Simulated light curves to log g that agrees with the truth, twice into one folder."""
    assert run("seismic_logg", tmp_path, "figures = 1\n", "--smoke") == 0
    assert run("seismic_logg", tmp_path, "overwrite = true\nfigures = 1\n", "--smoke") == 0
    assert "of 12 stars accepted" in capsys.readouterr().out
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["accepted"] >= 10
    assert metrics["logg"]["rmse_dex"] < 0.04
    table = pd.read_csv(tmp_path / "run" / "labels.csv")
    assert len(table) == len(Table.read(tmp_path / "run" / "labels.fits", unit_parse_strict="silent")) == 12
    assert len(list((tmp_path / "run" / "figures").glob("*.png"))) == 1


@pytest.mark.parametrize("name", NAMES)
def test_bad_input_costs_no_earlier_run(name, tmp_path, capsys):
    earlier = RunFolder.create(tmp_path / "run", config={}, seed=1)
    earlier.write_metrics({"labels": {}})
    missing = (f'[data]\nspectra = "{tmp_path}/none"\n', "there is no file")
    if name == "simulated_survey":
        missing = ('[survey]\nwindows = ["kepler"]\n', "'kepler' (known: ")
    if name in ("what_lux_learned", "multimodal"):
        missing = (f'[data]\ncatalog = "{tmp_path}/none"\n', "no catalogue at")
    if name == "lamost_classes":
        missing = (f'[data]\nspectra = "{tmp_path}/none"\n', "is no folder")
    if name == "library_classes":
        missing = (f'[train]\nspectra = "{tmp_path}/none"\n[library]\nmedium = "air"\n', "is no folder")
    if name == "seismic_logg":
        missing = (f'[data]\ncurves = "{tmp_path}/none"\n', "there is no folder or file")
    if name == "large_survey":
        missing = (f'[data]\ndataset = "{tmp_path}/none"\n', "no dataset at")
    if name == "posterior_study":
        missing = ('[posterior]\nmethods = ["Exakt"]\n', "'Exakt' (known: ")
    for text, said in [
        ("", "already holds a run"),
        ("overwrite = true\n" + missing[0], missing[1]),
        {
            "lamost_classes": ("[split]\nfold = 3\n", "Did you mean 'folds'"),
            "library_classes": ("[train]\nfold = 3\n", "Did you mean 'folds'"),
            "seismic_logg": ("[fit]\nlowst = 3\n", "Did you mean 'lowest'"),
        }.get(name, ("[fit]\nlatent = 3\n", "Did you mean 'latents'")),
    ]:
        assert run(name, tmp_path, text) == 2
        assert said in capsys.readouterr().err
        assert earlier.metrics == {"labels": {}}
