import json

import numpy as np
import pytest
from scipy.stats import norm

from luxjax.core import Gaussian, InputError
from luxjax.data import LabelTable
from luxjax.fitted import Calibration
from luxjax.prediction import Prediction, calibrate, coverage_bands
from luxjax.prediction._calibrate import WIDTH_OF_LOG_SCALE, fit_variance


def stars(rng, n, scale=1.0, floor=0.0, growth=0.0):
    """Predictions of two labels whose errors are wrong by a calibration, observed with noise, and the truth."""
    ids = np.array([f"star-{k}" for k in range(n)])
    sigma = np.exp(rng.normal(0, 0.7, (n, 2))) * [50, 0.05]
    unit = np.array([50, 0.05])
    truth = rng.normal(size=(n, 2)) * 4 * unit
    distance = np.sqrt(np.mean(rng.normal(size=(n, 5)) ** 2, axis=1))
    added = (floor * unit) ** 2 + (growth * unit * distance[:, None] ** 2) ** 2
    value = truth + rng.normal(size=(n, 2)) * np.sqrt(scale * sigma**2 + added)
    noise = np.broadcast_to(0.5 * unit, (n, 2))
    observed = truth + noise * rng.normal(size=(n, 2))
    cov = np.zeros((n, 2, 2))
    cov[:, 0, 0], cov[:, 1, 1] = sigma.T**2
    cov[:, 0, 1] = cov[:, 1, 0] = 0.3 * sigma[:, 0] * sigma[:, 1]
    latents = Gaussian(np.zeros((n, 1)), np.ones((n, 1, 1)))
    ones = np.ones(n)
    prediction = Prediction(ids, ("teff", "fe_h"), value, cov, {}, latents, ones, distance, ones.astype(int))
    return prediction, LabelTable(observed, noise, ("teff", "fe_h"), ids), truth


@pytest.mark.parametrize(
    ("scale", "floor", "growth"),
    [(1.0, 0.0, 0.0), (0.5, 0.0, 0.0), (2.0, 1.0, 0.0), (1.0, 0.0, 1.0), (0.7, 0.8, 1.5)],
)
def test_scale_floor_and_growth_are_found(rng, scale, floor, growth):
    prediction, observed, truth = stars(rng, 6000, scale, floor, growth)
    found = calibrate(prediction, observed)
    assert found.names == ("teff", "fe_h")
    assert np.allclose(found.scale, scale, rtol=0.15)
    assert np.all(np.abs(found.floor / [50, 0.05] - floor) < 0.3)
    assert np.all(np.abs(found.growth / [50, 0.05] - growth) < 0.3)
    assert np.all(found.n_stars >= 5980)
    after = found.apply(prediction)
    pull = (after.value - truth) / after.error
    assert np.allclose(np.sqrt(np.mean(pull**2, axis=0)), 1, atol=0.04)
    assert np.array_equal(after.value, prediction.value)


def test_a_few_outliers_do_not_widen_the_errors_of_all(rng):
    prediction, observed, _ = stars(rng, 2000)
    value = observed.value.copy()
    value[:20] += [2000.0, -2.0]
    spoilt = LabelTable(value, observed.error, observed.names, observed.ids)
    clean, found = calibrate(prediction, observed), calibrate(prediction, spoilt)
    assert np.all(found.n_stars <= 1980)
    assert np.all(found.n_stars > 1965)
    assert np.allclose(found.scale, clean.scale, rtol=0.05)


@pytest.mark.slow
def test_it_is_the_maximum_of_the_likelihood(rng):
    variance, noise = rng.uniform(0.5, 3, 80), np.full(80, 0.2)
    distance = rng.uniform(0.5, 1.8, 80)
    residual = rng.normal(size=80) * np.sqrt(1.6 * variance + 0.7 + 0.3 * distance**4 + noise)
    found = fit_variance(residual, variance, distance, noise)

    def loss(a, b, c):
        prior = norm.logpdf(np.log(a), 0, WIDTH_OF_LOG_SCALE)
        total = a * variance + b**2 + (c * distance**2) ** 2 + noise
        return -norm.logpdf(residual, 0, np.sqrt(total)).sum() - prior

    best = loss(*found)
    steps = np.linspace(0, 3, 31)
    grid = [loss(x, y, w) for x in np.geomspace(0.2, 8, 31) for y in steps for w in steps]
    assert best <= min(grid) + 1e-3
    assert best == pytest.approx(min(grid), abs=0.05)


def test_apply_scales_the_whole_covariance(rng):
    prediction, _, _ = stars(rng, 5)
    calibration = Calibration(
        ("teff", "fe_h"),
        np.array([4.0, 9.0]),
        np.array([10.0, 0.1]),
        np.array([2.0, 0.3]),
        np.array([50, 50]),
    )
    growth = prediction.latent_distance**4
    after = calibration.apply(prediction)
    assert np.allclose(after.cov[:, 0, 0], 4 * prediction.cov[:, 0, 0] + 100 + 4 * growth)
    assert np.allclose(after.cov[:, 1, 1], 9 * prediction.cov[:, 1, 1] + 0.01 + 0.09 * growth)
    assert np.allclose(after.cov[:, 0, 1], 6 * prediction.cov[:, 0, 1])
    assert not np.shares_memory(after.cov, prediction.cov)
    again = Calibration.from_dict(json.loads(json.dumps(calibration.to_dict())))
    assert np.array_equal(again.apply(prediction).cov, after.cov)
    turned = Calibration.from_dict({k: calibration.to_dict()[k] for k in ("fe_h", "teff")})
    with pytest.raises(InputError, match="for the labels fe_h, teff; the prediction has teff, fe_h"):
        turned.apply(prediction)


def test_missing_labels_are_left_out_and_too_few_are_refused(rng):
    prediction, observed, _ = stars(rng, 60)

    def lacking(n):
        value = observed.value.copy()
        value[:n, 1] = np.nan
        return LabelTable(value, observed.error, observed.names, observed.ids)

    some = calibrate(prediction, lacking(30))
    assert np.all(abs(some.n_stars - [60, 30]) <= 1)
    rest = calibrate(prediction.select(slice(30, None)), observed.select(slice(30, None)))
    assert some.scale[1] == pytest.approx(rest.scale[1])
    with pytest.raises(InputError, match="29 calibration stars have 'fe_h'; at least 30 are needed"):
        calibrate(prediction, lacking(31))


def test_labels_are_matched_by_name_and_stars_must_be_the_same(rng):
    prediction, observed, _ = stars(rng, 60, 2.0)
    order = [1, 0]
    turned = LabelTable(observed.value[:, order], observed.error[:, order], ("fe_h", "teff"), observed.ids)
    assert np.allclose(calibrate(prediction, turned).scale, calibrate(prediction, observed).scale)
    with pytest.raises(InputError, match="same stars in the same order"):
        calibrate(prediction, observed.select(np.arange(60)[::-1]))


def test_bands_hold_right_errors_and_not_wrong_ones(rng):
    error, noise = rng.uniform(0.5, 2, 1000), np.full(1000, 0.4)
    distance = rng.uniform(0.5, 1.5, 1000)
    bands = coverage_bands(error, noise, distance, n_calibration=400, n_cells=4, n_draws=60)
    assert set(bands) == {"68", "95", "68_truth", "95_truth"}
    outside = {1.0: 0, 1.5: 0}  # by how much errors are wrong
    for _ in range(25):
        pick = rng.integers(0, 1000, 400)
        residual = rng.normal(0, np.hypot(error[pick], noise[pick]))
        a, b, c = fit_variance(residual, error[pick] ** 2, distance[pick], noise[pick] ** 2)
        stated = np.sqrt(a * error**2 + b**2 + (c * distance**2) ** 2)
        drawn, seen = rng.normal(size=1000) * error, noise * rng.normal(size=1000)
        for wrong in outside:
            off = drawn * wrong
            pulls = {"": (off + seen) / np.hypot(stated, noise), "_truth": off / stated}
            for end, pull in pulls.items():
                for level in (0.68, 0.95):
                    low, high = bands[f"{round(100 * level)}{end}"]
                    inside = np.mean(np.abs(pull) < norm.ppf(0.5 + level / 2))
                    outside[wrong] += not low <= inside <= high
    # 25 samples of 4 cells, 5% chance of any each.
    assert outside[1.0] <= 4
    assert outside[1.5] == 100


def test_fewer_calibration_stars_make_wider_bands(rng):
    error, noise = rng.uniform(0.5, 2, 2000), np.full(2000, 0.4)
    widths = [
        np.diff(coverage_bands(error, noise, np.ones(2000), n_calibration=n, n_cells=4, n_draws=60)["68"])[0]
        for n in (40, 4000)
    ]
    assert widths[0] > 2 * widths[1]
