"""Stars with different inputs: what each has, and errors calibrated for that."""

import numpy as np
import pytest

import luxjax
from luxjax.data import Catalog, LabelTable, Measurements
from luxjax.prediction import calibrate, calibrate_by_inputs
from luxjax.training import train

N = 900


@pytest.fixture(scope="module")
def stars():
    """A label that the first instrument measures well and the second badly; a third of the stars lack the first, a tenth the second."""
    rng = np.random.default_rng(2)
    z = rng.normal(size=(N, 1))
    ids = np.array([f"s{k}" for k in range(N)])
    good = Measurements(z @ np.ones((1, 4)) + 0.1 * rng.normal(size=(N, 4)), 0.1, list("abcd"), ids)
    bad = Measurements(z @ np.ones((1, 2)) + 0.8 * rng.normal(size=(N, 2)), 0.8, ["x", "y"], ids)
    labels = LabelTable(5000 + 400 * z + 20 * rng.normal(size=(N, 1)), 20.0, ["teff"], ids)
    outputs = {
        "good": good.select(rng.random(N) > 0.33),
        "bad": bad.select(rng.random(N) > 0.1),
        "labels": labels,
    }
    return Catalog.join(outputs, how="outer")


@pytest.fixture(scope="module")
def fitted(stars):
    return luxjax.fit(luxjax.Lux.linear(stars.sizes, 1), stars.select(slice(0, 300)), key=1)


def test_a_prediction_knows_what_each_star_has(fitted, stars):
    found = luxjax.transfer(fitted, stars)
    for name, column in zip(found.inputs, found.present.T, strict=True):
        np.testing.assert_array_equal(column, (stars[name].ivar > 0).any(axis=1))
    some = found.select([5, 3])
    np.testing.assert_array_equal(some.present, found.present[[5, 3]])
    again = luxjax.prediction.Prediction.gather([some, found.select([0])], found.ids[[0, 3, 5]])
    np.testing.assert_array_equal(again.present, found.present[[0, 3, 5]])


def test_each_pattern_has_errors_of_its_own(fitted, stars):
    """One model whose errors are wrong by other factors for stars with and without the better instrument."""
    held = stars.select(slice(300, 900))
    raw = luxjax.transfer(fitted, held, calibrated=False)
    factor = np.where((held["good"].ivar > 0).any(axis=1), 1.0, 1.8)
    noise = np.random.default_rng(0).normal(size=len(held)) * np.sqrt(factor**2 - 1) * raw.error[:, 0]
    observed = LabelTable(held.labels().value + noise[:, None], 20.0, ["teff"], held.ids)
    found = calibrate_by_inputs(raw, observed)
    assert [c.pooled for c in found] == [True, False, False]
    assert {frozenset(c.inputs) for c in found[1:]} == {frozenset({"good", "bad"}), frozenset({"bad"})}
    for calibration in found:
        fitted = fitted.with_calibration(calibration)
    assert len(fitted.calibrations) == 3
    after = luxjax.transfer(fitted, held)
    pull = (after.value[:, 0] - observed["teff"]) / np.hypot(after.error[:, 0], 20)
    for names, rows in (("both", factor == 1), ("one", factor > 1)):
        assert np.mean(np.abs(pull[rows]) < 1) == pytest.approx(0.68, abs=0.08), names
    pooled = calibrate(raw, observed).apply(raw)
    wrong = (pooled.value[:, 0] - observed["teff"]) / np.hypot(pooled.error[:, 0], 20)
    assert np.mean(np.abs(wrong[factor == 1]) < 1) > 0.8  # what one calibration for all would do


def test_calibrations_of_patterns_travel_with_the_model(fitted, stars, tmp_path):
    held = stars.select(slice(300, 900))
    raw = luxjax.transfer(fitted, held, calibrated=False)
    for calibration in calibrate_by_inputs(raw, held.labels()):
        fitted = fitted.with_calibration(calibration)
    again = luxjax.load(luxjax.save(fitted, tmp_path / "model"))
    assert [(c.inputs, c.pooled) for c in again.calibrations] == [
        (c.inputs, c.pooled) for c in fitted.calibrations
    ]
    expected = luxjax.transfer(fitted, held)
    np.testing.assert_allclose(luxjax.transfer(again, held).error, expected.error, rtol=1e-6)
    # A posterior states the errors of predictions, star by star.
    posterior = luxjax.infer(again, held.only("good", "bad"), method="exact", key=1)
    np.testing.assert_allclose(
        posterior.label_moments(posterior.label_draws(4, key=2))[1], expected.error, rtol=1e-4
    )
    assert posterior.label_draws(3000, key=3).std(axis=0) == pytest.approx(expected.error, rel=0.12)
    # All stars together stand in for a combination of inputs without a calibration of its own.
    assert luxjax.transfer(again, held, inputs=["good"]).calibrated
    dataset = luxjax.Dataset.create(tmp_path / "d", held.outputs)
    dataset.append(held)
    table = luxjax.prediction.transfer_dataset(fitted, dataset, to=tmp_path / "t")
    np.testing.assert_allclose(np.sqrt(table.prediction().cov[:, 0, 0]), expected.error[:, 0], rtol=1e-4)


@pytest.mark.slow
def test_training_with_gaps_decodes_labels_with_the_inputs(stars):
    found = train(stars, latents=1, folds=3, baselines=(), key=1)
    assert not found.fitted.read_outs
    assert [c.pooled for c in found.fitted.calibrations] == [True, False, False]
    assert found.out_of_fold.calibrated
    complete = stars.select((stars["good"].ivar > 0).any(axis=1) & (stars["bad"].ivar > 0).any(axis=1))
    assert train(complete, latents=1, folds=3, baselines=(), key=1).fitted.read_outs
