"""One star, one model, one value and one error: however the labels are asked for."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

import luxjax
from luxjax.core import InputError, LuxWarning
from luxjax.data import save_catalog
from luxjax.dataset import Dataset
from luxjax.fitted import Trend, Verdict, load, save
from luxjax.fitted.internal import fingerprint
from luxjax.posterior import Exact, SamplePosterior, infer
from luxjax.prediction import Prediction, calibrate, transfer
from luxjax.runs import RunFolder, infer_run, study_catalog, transfer_run
from luxjax.runs.internal import keep_window, stars_to_infer, transfer_run_dataset
from luxjax.simulation import bilinear
from luxjax.stats import Interval

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def catalog():
    return bilinear(240, {"flux": 40, "labels": 2}, 3, key=5, label_error=0.1, snr=30, scatter=0.02).catalog


@pytest.fixture(scope="module")
def run(catalog, tmp_path_factory):
    """A study of the catalogue, whose model has verdicts, and a calibration of labels with shortcuts replaced too."""
    folder = tmp_path_factory.mktemp("errors")
    save_catalog(catalog, folder / "catalog")
    made = RunFolder.create(folder / "run", config={"catalog": str(folder / "catalog")}, seed=2)
    study_catalog(catalog, made, latents=3, seed=2)
    fitted, (first, second) = load(made.model), catalog.labels().names
    trend = Trend((first,), [0.0], [1.0], [0.1, 0.6, 0.0], scatter=0.3)
    found = [(first, "measured", None), (second, "shortcut", trend)]
    said = {
        name: Verdict(name, word, (), (), 0.5, Interval(0.4, 0.6), {}, "1:abc", 50, t)
        for name, word, t in found
    }
    fitted = fitted.with_verdicts(said)
    options = {"inputs": ["flux"], "calibrated": False, "replace_shortcuts": True}
    held = catalog.select(slice(0, 120))
    save(fitted.with_calibration(calibrate(transfer(fitted, held, **options), held.labels())), made.model)
    return made


@pytest.fixture(scope="module")
def expected(run, catalog):
    """What ``luxjax.transfer(luxjax.load(...))`` says."""
    found = luxjax.transfer(luxjax.load(run.model), catalog.only("flux"))
    assert found.calibrated
    raw = transfer(load(run.model), catalog.only("flux"), calibrated=False)
    assert not raw.calibrated
    assert (
        np.abs(found.error / raw.error - 1).max() > 0.05
    )  # so that it shows below who forgets the calibration
    return found


def assert_same(frame: pd.DataFrame, expected, tolerance: float) -> None:
    row = {star: k for k, star in enumerate(expected.ids)}
    at = [row[star] for star in frame["id"]]
    for j, name in enumerate(expected.names):
        value, error = expected.value[at, j], expected.error[at, j]
        assert np.abs((frame[name] - value) / error).max() < tolerance, name
        np.testing.assert_allclose(frame[f"{name}_err"], error, rtol=tolerance)


def test_the_command_for_a_catalogue(run, catalog, expected):
    for source in (run.path, run.model):
        frame, _ = transfer_run(source, catalog)
        assert_same(frame, expected, 1e-9)
        assert frame.attrs == {
            "calibrated": True,
            "inputs": ["flux"],
            "model": fingerprint(luxjax.load(run.model)),
        }


def test_the_command_for_a_dataset(run, catalog, expected, tmp_path):
    dataset = Dataset.create(tmp_path / "d", catalog.outputs, chunk=32, shard=64)
    dataset.append(catalog)
    found = transfer_run_dataset(run.path, dataset, tmp_path / "labels")
    assert_same(found.prediction().to_frame(), expected, 1e-5)
    assert found.prediction().calibrated
    assert_same(pd.read_parquet(tmp_path / "labels"), expected, 1e-5)


def test_the_table_of_the_run(run, catalog, expected):
    """Every star by the model of its fold, its error calibrated on the other folds."""
    frame, _ = run.labels
    assert len(frame) == len(expected)
    stars = pd.read_csv(run.path / "stars.csv", dtype=str).set_index("id")["part"]
    raw = [
        transfer(
            load(run.path / "folds" / str(k)),
            catalog.select((stars.loc[catalog.ids] == f"fold {k}").to_numpy()).only("flux"),
        )
        for k in range(5)
    ]
    together, table = Prediction.gather(raw, catalog.ids), catalog.labels()
    for k in range(5):
        held = (stars.loc[catalog.ids] == f"fold {k}").to_numpy()
        learned = calibrate(together.select(~held), table.select(~held))
        assert_same(frame[held], learned.apply(together.select(held)), 1e-5)


def test_posteriors(run, tmp_path):
    fitted, stars = stars_to_infer(
        run.path, max_stars=8
    )  # of the first fold, with the model that did not see them
    assert not fitted.trained_on(stars.ids).any()
    expected = luxjax.transfer(fitted, stars.only("flux"))
    folder = RunFolder.create(tmp_path / "infer", config={}, seed=4)
    posterior, _ = infer_run(folder, fitted, stars, Exact(), seed=4)
    assert_same(pd.read_csv(folder.path / "labels.csv", dtype={"id": str}), expected, 1e-3)
    # The draws of figures and pages have the same mean and error, as far as their number tells.
    n = 20_000
    draws = posterior.label_draws(n, key=1)
    rows = [list(expected.ids).index(star) for star in posterior.ids]
    assert np.abs((draws.mean(0) - expected.value[rows]) / expected.error[rows]).max() < 5 / np.sqrt(n)
    np.testing.assert_allclose(draws.std(0), expected.error[rows], rtol=5 / np.sqrt(2 * n))
    raw = posterior.label_moments(draws, calibrated=False)[1]
    assert np.abs(expected.error[rows] / raw - 1).max() > 0.02
    # So have those of a posterior without closed forms.
    facts = {k: getattr(posterior, k) for k in ("fitted", "ids", "method", "settings", "priors", "batch")}
    sampled = SamplePosterior(**facts, draws=posterior.sample(n, key=2)[None])
    mean, error = sampled.label_moments(sampled.label_draws(n, key=3))
    assert np.abs((mean - expected.value[rows]) / expected.error[rows]).max() < 5 / np.sqrt(n)
    np.testing.assert_allclose(error, expected.error[rows], rtol=6 / np.sqrt(2 * n))


def test_labels_with_shortcuts_replaced(run, catalog, expected):
    found = transfer(load(run.model), catalog.only("flux"), replace_shortcuts=True)
    assert found.calibrated
    assert found.shrunk == (expected.names[1],)
    frame, _ = transfer_run(run.path, catalog, replace_shortcuts=True)
    np.testing.assert_array_equal(frame[f"{expected.names[1]}_err"], found.error[:, 1])
    np.testing.assert_array_equal(frame[expected.names[1]], found.value[:, 1])


def test_a_run_written_before_has_its_calibration_in_the_metrics(run, catalog, expected, tmp_path):
    old = shutil.copytree(run.path, tmp_path / "old")
    save(load(old / "model").replace(calibrations=()), old / "model")
    assert not transfer(load(old / "model"), catalog.only("flux")).calibrated
    frame, _ = transfer_run(old, catalog)
    assert_same(frame, expected, 1e-9)
    assert stars_to_infer(old, max_stars=2)[0].calibrations[0].inputs == ("flux",)


def test_nothing_is_calibrated_twice(run, catalog, expected):
    fitted = load(run.model)
    with pytest.raises(InputError, match="calibrated already"):
        fitted.calibrations[0].apply(expected)
    with pytest.raises(InputError, match="calibrated already; learn"):
        calibrate(expected, catalog.labels())


def test_other_inputs_are_told_once_and_stay_raw(run, catalog):
    fitted = load(run.model)
    with pytest.warns(LuxWarning, match=r"learned from the latents of flux, and are predicted from labels"):
        found = transfer(fitted, catalog, inputs=["labels"], labels="labels")
    assert not found.calibrated
    # Labels that are read out say nothing of latents: those of the stars are left out of the inference.
    assert infer(fitted, catalog.select(slice(3)), Exact(), key=1).batch.names == ("flux",)
    wave = catalog.spectra("flux").wavelength
    with pytest.warns(LuxWarning, match="learned from all its pixels"):
        cut, stars = keep_window(fitted, catalog, (wave[0], wave[20]))
    assert cut.calibrations == ()
    assert cut.weight_cov["flux"].shape[0] == 21
    assert np.isfinite(transfer(cut, stars.only("flux")).error).all()


def test_calibrations_are_saved_bit_for_bit_and_count_in_the_fingerprint(run, tmp_path):
    from luxjax.fitted.internal import fingerprint

    fitted = load(run.model)
    again = load(save(fitted, tmp_path / "m"))
    assert [c.to_dict() for c in again.calibrations] == [c.to_dict() for c in fitted.calibrations]
    assert [c.inputs for c in again.calibrations] == [("flux",), ("flux",)]
    assert [len(c.shrunk) for c in again.calibrations] == [0, 1]
    assert fingerprint(again) == fingerprint(fitted) != fingerprint(fitted.replace(calibrations=()))
    stored = json.loads((run.path / "metrics.json").read_text())["calibration"]
    assert stored == fitted.calibrations[0].to_dict()
