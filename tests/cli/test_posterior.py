"""The command that infers posteriors, on a small saved model."""

import json
import sys

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from luxjax.cli import _app as cli
from luxjax.data import Catalog, LabelTable, Spectra, save_catalog
from luxjax.fitted import FittedModel, OutputInfo, save
from luxjax.models import Linear, Lux
from luxjax.posterior import load_posterior
from luxjax.runs import RunFolder
from luxjax.simulation import bilinear

N = 30


def run(capsys, *arguments) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of a command."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["luxjax", "infer", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
    out, err = capsys.readouterr()
    return stopped.value.code or 0, out, err


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run with its model, its catalogue, and ten test stars."""
    here = tmp_path_factory.mktemp("cli")
    made = bilinear(N, {"flux": 40, "labels": 2}, 2, key=4, scatter=0.02, snr=30)
    ids, wavelength, names = np.array([f"s{i}" for i in range(N)]), 15000 + np.arange(40.0), ("teff", "fe_h")
    flux, labels = made.catalog.spectra("flux"), made.catalog.labels("labels")
    outputs = {
        "flux": Spectra(flux.flux, flux.ivar, wavelength, "vacuum", ids),
        "labels": LabelTable(labels.value, labels.error, names, ids),
    }
    save_catalog(Catalog(outputs), here / "catalog")
    decoders = {k: Linear(jnp.asarray(made.intercepts[k]), jnp.asarray(w)) for k, w in made.weights.items()}
    infos = {
        "flux": OutputInfo(np.zeros(40), np.ones(40), wavelength, "vacuum"),
        "labels": OutputInfo(np.zeros(2), np.ones(2), names=names),
    }
    model = Lux(decoders, {k: jnp.asarray(s) for k, s in made.scatter.items()})
    made_run = RunFolder.create(here / "run", config={"catalog": str(here / "catalog")}, seed=1)
    save(FittedModel(model, {}, infos), made_run.model)
    parts = "".join(f"s{i},{'train' if i < 20 else 'test'}\n" for i in range(N))
    (made_run.path / "stars.csv").write_text("id,part\n" + parts)
    return here


@pytest.mark.slow
def test_exact(folder, capsys):
    out = folder / "exact"
    status, said, err = run(capsys, folder / "run", "--method", "exact", "--max-stars", 4, "--out", out)
    assert status == 0, err
    assert "infer 4 stars by exact" in err
    lines = said.splitlines()
    assert lines[0] == "Exact, 4 stars, 2 latents: nothing wrong in 6 checks."
    assert lines[-1] == str(out / "report.html")
    assert list(pd.read_csv(out / "labels.csv")["id"]) == ["s20", "s21", "s22", "s23"]
    assert load_posterior(out / "posterior").mean.shape == (4, 2)
    status, _, err = run(capsys, folder / "run", "--method", "exact", "--out", out)
    assert status == 2
    assert "already holds a run" in err


@pytest.mark.long
def test_short_chains_in_a_window(folder, capsys, monkeypatch):
    """Too few draws end in a diagnosis, not in an error. Figures have tests of their own."""
    monkeypatch.setattr(
        "luxjax.report._posterior_figures.save", lambda f, at, name: (at / f"{name}.png").write_bytes(b"")
    )
    out = folder / "nuts"
    given = (
        "--stars",
        "s3,s25",
        "--wavelength-range",
        "15010,15019",
        "--chains",
        2,
        "--warmup",
        20,
        "--draws",
        20,
    )
    status, said, err = run(capsys, folder / "run", *given, "--out", out)
    assert status == 0, err
    assert "WRONG  draws per chain" in said
    assert "NUTS(draws=1000)" in said
    found = json.loads((out / "metrics.json").read_text())["posterior"]
    assert found["settings"]["chains"] == 2
    assert found["diagnosis"]["ok"] is False
    assert (out / "figures" / "posterior_traces.png").is_file()
    html = (out / "report.html").read_text()
    assert "Chains</h2>" in html
    assert "something is wrong" in html
    posterior = load_posterior(out / "posterior")
    assert list(posterior.ids) == ["s3", "s25"]
    assert len(posterior.fitted.model.scatter["flux"]) == 10


def test_bad_input_is_one_sentence(folder, capsys):
    here, fresh = folder / "run", ("--out", folder / "fresh")
    for arguments, said in [
        ((folder / "nowhere", *fresh), "no model at"),
        ((here, *fresh, "--method", "mcmc"), "no method 'mcmc' (known: exact, laplace, variational, nuts)"),
        ((here, *fresh, "--method", "laplace", "--chains", 4), "--chains is not for laplace, but for nuts"),
        ((here, *fresh, "--method", "variational", "--guide", "full"), "no guide 'full'"),
        ((here, *fresh, "--method", "exact", "--sample", "scatter"), "use Laplace, Variational or NUTS"),
        ((here, *fresh, "--draws", 1), "draws of NUTS must be at least 2"),
        ((here, *fresh, "--wavelength-range", "15010"), "give two in Angstrom"),
        ((here, *fresh, "--stars", "s99"), "no star 's99'"),
        ((here / "model", *fresh), "--catalog"),
    ]:
        status, _, err = run(capsys, *arguments)
        assert status == 2, arguments
        assert said in " ".join(err.split()), err
        assert "Traceback" not in err
