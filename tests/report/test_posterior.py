"""Figures and pages of posteriors: what they draw is what the draws say."""

import dataclasses
import json

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from luxjax.core import InputError
from luxjax.data import Catalog, LabelTable, Spectra, save_catalog
from luxjax.fitted import FittedModel, OutputInfo, save
from luxjax.models import Linear, Lux
from luxjax.plots import (
    plot_corner,
    plot_energies,
    plot_label_intervals,
    plot_predictive,
    plot_rank_bars,
    plot_traces,
)
from luxjax.posterior import Exact, GaussianPosterior, SamplePosterior, load_posterior
from luxjax.posterior.internal import label_draws
from luxjax.report import render
from luxjax.runs import RunFolder, infer_run
from luxjax.runs.internal import infer_stars, keep_window, read_posterior, stars_to_infer
from luxjax.simulation import bilinear

N, NAMES = 6, ("teff", "fe_h")


@pytest.fixture(scope="module")
def world():
    """A fitted model and its stars, with units and a truth."""
    made = bilinear(N, {"flux": 40, "labels": 2}, 3, key=4, scatter=0.02, snr=30)
    decoders = {k: Linear(jnp.asarray(made.intercepts[k]), jnp.asarray(w)) for k, w in made.weights.items()}
    model = Lux(decoders, {k: jnp.asarray(s) for k, s in made.scatter.items()})
    wavelength, rng = 15000 + np.arange(40.0), np.random.default_rng(1)
    flux, labels = made.catalog.spectra("flux"), made.catalog.labels("labels")
    ids = np.array([f"s{i}" for i in range(N)])
    loc, scale = np.array([5000.0, 0]), np.array([300.0, 0.2])
    value = labels.value * scale + loc
    outputs = {
        "flux": Spectra(flux.flux, flux.ivar, wavelength, "vacuum", ids),
        "labels": LabelTable(value, labels.error * scale, NAMES, ids, units={"teff": "K", "fe_h": "dex"}),
    }
    truth = value + 0.01 * scale * rng.normal(size=value.shape)
    table = pd.DataFrame({f"true_{n}": truth[:, j] for j, n in enumerate(NAMES)})
    infos = {
        "flux": OutputInfo(np.zeros(40), np.ones(40), wavelength, "vacuum"),
        "labels": OutputInfo(loc, scale, names=NAMES, units={"teff": "K", "fe_h": "dex"}),
    }
    return FittedModel(model, {}, infos), Catalog(outputs, table)


@pytest.fixture(scope="module")
def run(world, tmp_path_factory):
    fitted, catalog = world
    folder = RunFolder.create(
        tmp_path_factory.mktemp("posterior") / "run", config={"command": "infer"}, seed=1
    )
    posterior, diagnosis = infer_run(folder, fitted, catalog, Exact(), seed=1)
    assert diagnosis.ok, str(diagnosis)
    return folder, posterior


@pytest.fixture(scope="module")
def chains(run):
    posterior, rng = run[1], np.random.default_rng(3)
    stats = {"energy": rng.normal(size=(3, 200, N)), "diverging": np.zeros((3, 200, N), bool)}
    stats["energy"][1, :, 4] = np.cumsum(stats["energy"][1, :, 4])
    draws = np.array(posterior.sample(600, key=2)).reshape(3, 200, N, 3)
    draws[2, :, 1, 0] += 4 * posterior.sd[1, 0]
    common = {k: getattr(posterior, k) for k in ("fitted", "ids", "priors", "batch")}
    return SamplePosterior(**common, method="NUTS", settings={"free": ["latents"]}, draws=draws, stats=stats)


def test_what_is_written(run):
    folder, posterior = run
    table = pd.read_csv(folder.path / "labels.csv")
    assert list(table["id"].astype(str)) == [f"s{i}" for i in range(N)]
    weight = np.asarray(posterior.fitted.model.decoders["labels"].weight)
    scatter = np.asarray(posterior.fitted.model.scatter["labels"])
    sd = 300 * np.sqrt(np.einsum("a,nab,b->n", weight[0], posterior.cov, weight[0]) + scatter[0] ** 2)
    mean = 5000 + 300 * (
        np.asarray(posterior.fitted.model.decoders["labels"].intercept)[0] + posterior.mean @ weight[0]
    )
    np.testing.assert_allclose(table["teff_err"], sd, rtol=0.08)
    np.testing.assert_allclose(table["teff"], mean, atol=5 * sd.max() / 2000**0.5)
    np.testing.assert_allclose((table["teff_q84"] - table["teff_q16"]) / 2, sd, rtol=0.12)
    np.testing.assert_allclose(load_posterior(folder.path / "posterior").mean, posterior.mean)
    found = json.loads((folder.path / "metrics.json").read_text())["posterior"]
    assert found["inputs"] == ["flux"]  # labels are for comparison
    assert found["diagnosis"]["ok"] is True
    teff = found["labels"]["teff"]
    assert (teff["n"], teff["against"], teff["unit"]) == (N, "true", "K")
    assert teff["rmse"] < 3 * sd.max()
    assert teff["coverage95_interval"][0] < teff["coverage95"] <= teff["coverage95_interval"][1]


@pytest.mark.slow
def test_page(run):
    folder, _ = run
    html = render(folder).read_text()
    assert "nothing wrong was found" in html
    for words in (
        "Can it be believed?",
        "Pareto k-hat",
        "T<sub>eff</sub>",
        "Posterior-predictive spectrum",
        "Decoders are taken as known",
    ):
        assert words in html
    assert "Chains</h2>" not in html
    assert html.count("data:image/png") >= 3


@pytest.mark.slow
def test_figures_are_drawn_again_from_what_the_run_keeps(run, world):
    folder, posterior = run
    render(folder)
    before = {p.name: p.read_bytes() for p in folder.figures.glob("posterior_*.png")}
    assert len(before) == 3
    for path in folder.figures.iterdir():
        path.unlink()
    render(RunFolder.open(folder.path))
    assert {p.name: p.read_bytes() for p in folder.figures.glob("posterior_*.png")} == before
    kept, observed = read_posterior(folder), world[1].labels()
    np.testing.assert_array_equal(kept.observed.value, observed.value)
    np.testing.assert_array_equal(kept.observed.error, observed.error)
    assert kept.observed.units == observed.units
    np.testing.assert_array_equal(kept.truth, world[1].table[[f"true_{n}" for n in NAMES]])
    for what in ("value", "ivar"):
        data = getattr(posterior.batch["flux"], what)
        np.testing.assert_array_equal(getattr(kept.shown.batch["flux"], what), data)


def test_a_run_without_its_values_keeps_its_figures(run, tmp_path):
    folder = RunFolder.create(tmp_path / "run", config={}, seed=1)
    folder.write_metrics(run[0].metrics)
    (folder.figures / "posterior_labels.png").write_bytes(b"drawn before")
    assert read_posterior(folder) is None
    assert "posterior intervals" in render(folder).read_text()
    assert (folder.figures / "posterior_labels.png").read_bytes() == b"drawn before"
    (folder.path / "posterior").mkdir()
    (folder.path / "posterior_values.npz").write_bytes(b"rubbish")
    with pytest.raises(InputError, match="posterior"):
        render(folder)


def test_page_of_what_went_wrong(run, tmp_path):
    folder = RunFolder.create(tmp_path / "run", config={}, seed=1)
    metrics = run[0].metrics
    finding = metrics["posterior"]["diagnosis"]["findings"][0]
    finding |= {"ok": False, "value": float("inf"), "advice": "Do <something>."}
    folder.write_metrics(metrics)
    html = render(folder).read_text()
    assert "something is wrong: covariance, least eigenvalue" in html
    assert 'class="wrong">infinite' in html
    assert "Do &lt;something&gt;." in html


def test_chains_show_the_worst(chains):
    figure = plot_traces(chains, 2)
    assert figure.axes[0].get_ylabel() == "latent 0\nstar s1"
    assert len(figure.axes[1].lines) == 3
    np.testing.assert_allclose(figure.axes[1].lines[2].get_ydata(), chains.draws[2, :, 1, 0])
    assert r"$\hat R$" in figure.axes[1].texts[0].get_text()
    bars = plot_rank_bars(chains, 1)
    height = [ax.patches[-1].get_data().values for ax in bars.axes]
    assert height[2][-1] > 2  # the chain that was moved up has the highest ranks
    assert height[0][-1] < 0.5
    np.testing.assert_allclose([h.mean() for h in height], 1)
    figure = plot_energies(chains)
    assert [t.get_text().splitlines()[0] for ax in figure.axes for t in ax.texts] == [
        "chain 1",
        "chain 2",
        "chain 3",
    ]
    assert figure.legends[0].get_title().get_text() == "star s4"


@pytest.mark.slow
def test_spectrum_and_labels(run, world):
    _, posterior = run
    _, catalog = world
    figure = plot_predictive(posterior, "s2", key=1)
    flux = figure.axes[0].lines[0].get_ydata()
    good = np.isfinite(flux)
    np.testing.assert_allclose(flux[good], np.asarray(posterior.batch["flux"].value[2])[good])
    assert 0.5 < np.std(figure.axes[1].lines[0].get_ydata()[good]) < 1.5
    info, place = posterior.fitted.info("flux"), np.arange(len(flux))
    chosen = dataclasses.replace(info, wavelength=info.wavelength + 100.0 * (place // 3))
    fitted = posterior.fitted.replace(outputs={**posterior.fitted.outputs, "flux": chosen})
    scattered = plot_predictive(posterior.replace(fitted=fitted), "s2", key=1)
    assert len(scattered.axes) == 2
    np.testing.assert_allclose(scattered.axes[0].lines[0].get_xdata(), place)
    shown = plot_label_intervals(posterior, catalog.labels(), None, key=1, most=4)
    draws = label_draws(posterior.select(slice(0, 4)), key=1)
    line = next(x for x in shown.axes[0].lines if x.get_label().startswith("posterior"))
    np.testing.assert_allclose(line.get_ydata(), np.median(draws[:, :, 0], axis=0))
    pair = plot_corner(posterior, 1, np.array([5000.0, 0]), key=1)
    assert len(pair.axes) == 3
    assert pair.legends[0].get_title().get_text() == "s1"


def test_which_stars(world, run, tmp_path):
    fitted, catalog = world
    save_catalog(catalog, tmp_path / "catalog")
    folder = RunFolder.create(tmp_path / "run", config={"catalog": str(tmp_path / "catalog")}, seed=1)
    save(fitted, folder.model)
    (folder.path / "stars.csv").write_text(
        "id,part\n" + "".join(f"s{i},{'test' if i > 2 else 'train'}\n" for i in range(N))
    )
    assert list(stars_to_infer(folder.path)[1].ids) == ["s3", "s4", "s5"]
    assert list(stars_to_infer(folder.path, split="train", max_stars=2)[1].ids) == ["s0", "s1"]
    assert list(stars_to_infer(folder.path, stars=("s5", "s0"))[1].ids) == ["s5", "s0"]
    assert len(stars_to_infer(folder.model, catalog=tmp_path / "catalog")[1]) == N
    with pytest.raises(InputError, match="a model without stars; give a catalogue"):
        stars_to_infer(folder.model)
    with pytest.raises(InputError, match="no split of the run's stars 'trial'"):
        stars_to_infer(folder.path, split="trial")
    with pytest.raises(InputError, match="no star 's9'"):
        stars_to_infer(folder.path, stars=("s9",))


def test_window(world):
    fitted, catalog = world
    small, stars = keep_window(fitted, catalog, (15010, 15019))
    assert stars.spectra("flux").n_pixels == 10
    whole = np.asarray(fitted.model.decoders["flux"].weight)
    np.testing.assert_array_equal(np.asarray(small.model.decoders["flux"].weight), whole[10:20])
    assert small.batch(stars).sizes == {"flux": 10, "labels": 2}
    with pytest.raises(InputError, match="no spectra of the model have pixels between 1 and 2"):
        keep_window(fitted, catalog, (1, 2))


def test_bad_input(run, world, chains, monkeypatch):
    _, posterior = run
    assert isinstance(posterior, GaussianPosterior)
    with pytest.raises(InputError, match="no star 's9'"):
        plot_predictive(posterior, "s9", key=1)
    with pytest.raises(InputError, match="holds no observed spectra"):
        plot_predictive(posterior.replace(batch=None), 0, key=1)
    with pytest.raises(InputError, match="Infer with NUTS"):
        plot_energies(chains.replace(stats={}, method="Laplace"))
    with pytest.raises(InputError, match="sample longer ones"):
        plot_traces(chains.replace(draws=chains.draws[:, :5]))
    monkeypatch.setattr("luxjax.runs._infer.MOST_FREE", 100)
    with pytest.raises(InputError, match="too many to infer together .*--wavelength-range"):
        infer_stars(*world, Exact(), seed=1, sample=("latents", "decoders"))
