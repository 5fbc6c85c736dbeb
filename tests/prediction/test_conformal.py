import json

import numpy as np
import pytest
from scipy import stats

from luxjax.core import Gaussian, InputError
from luxjax.data import LabelTable
from luxjax.prediction import Prediction, conformal
from luxjax.prediction._conformal import Conformal
from luxjax.stats import familywise_band

NAMES = ("teff", "fe_h")


def stars(rng, n, noise=0.5):
    """Two labels whose errors are wrong in size and shape; the second's stated error is far too small."""
    ids = np.array([f"star-{k}" for k in range(n)])
    sigma = np.exp(rng.normal(0, 0.7, (n, 2)))
    truth = rng.normal(size=(n, 2))
    value = truth + rng.standard_t(3, (n, 2)) * sigma * [0.5, 4.0]
    observed = truth + noise * rng.normal(size=(n, 2))
    cov = sigma[:, :, None] ** 2 * np.eye(2)
    latents = Gaussian(np.zeros((n, 1)), np.ones((n, 1, 1)))
    ones = np.ones(n)
    prediction = Prediction(ids, NAMES, value, cov, {}, latents, ones, ones, ones.astype(int))
    return prediction, LabelTable(observed, np.full((n, 2), noise), NAMES, ids), truth


def covered(found: Conformal, prediction, observed, level, groups=None):
    low, high = found.interval(prediction, level, groups)
    return (low <= observed.value) & (observed.value <= high)


def test_coverage_is_exact_in_finite_samples(rng):
    """Covered stars of many new samples are beta-binomial: the calibration stars' luck is in it."""
    n, n_test, n_rounds, levels = 37, 20, 1000, (0.68, 0.95)
    prediction, observed, _ = stars(rng, n_rounds * (n + n_test))
    counts = np.empty((n_rounds, 2, 2))
    for k in range(n_rounds):
        part = slice(k * (n + n_test), k * (n + n_test) + n)
        new = slice(part.stop, part.stop + n_test)
        found = conformal(prediction.select(part), observed.select(part))
        stars_, seen = prediction.select(new), observed.select(new)
        counts[k] = [covered(found, stars_, seen, level).sum(axis=0) for level in levels]
    for i, rank in enumerate((26, 37)):  # ceil(38 * level)
        law = stats.betabinom(n_test, rank, n + 1 - rank)
        for j in range(2):
            error = 4 * law.std() / n_test / n_rounds**0.5
            assert counts[:, i, j].mean() / n_test == pytest.approx(rank / (n + 1), abs=error)
            assert counts[:, i, j].std() == pytest.approx(law.std(), rel=0.08)
            assert counts[:, i, j].std() > 1.12 * stats.binom(n_test, rank / (n + 1)).std()


def test_factor_is_the_ranked_score(rng):
    prediction, observed, _ = stars(rng, 39)
    found = conformal(prediction, observed)
    score = np.sort(np.abs(prediction.value - observed.value) / prediction.error, axis=0)
    assert found.factor("fe_h", 0.95) == score[37, 1]  # ceil(40 * 0.95) = 38, ends included
    assert found.factor("teff", 0.5) == score[19, 0]
    low, high = found.interval(prediction, 0.95)
    assert np.allclose((high - low) / 2, score[37] * prediction.error)
    assert np.allclose((high + low) / 2, prediction.value)


def test_groups_have_quantiles_of_their_own(rng):
    """Errors that stop falling at high signal-to-noise ratio: without groups the two ends share the blame."""
    n = 6000
    prediction, observed, truth = stars(rng, n, noise=0.01)
    snr = rng.uniform(20, 200, n)
    value = truth + rng.normal(size=(n, 2)) * prediction.error * np.where(snr > 100, 3.0, 1.0)[:, None]
    object.__setattr__(prediction, "value", value)
    bins = np.digitize(snr, [100])
    half, rest = slice(n // 2), slice(n // 2, None)
    fit = prediction.select(half), observed.select(half)
    new = prediction.select(rest), observed.select(rest)
    plain, grouped = conformal(*fit), conformal(*fit, groups=bins[half])
    assert grouped.groups == ("0", "1")
    assert grouped.factor("teff", 0.68, "1") > 2.5 * grouped.factor("teff", 0.68, "0")
    for group in (0, 1):
        here = bins[rest] == group
        inside = covered(grouped, *new, 0.68, bins[rest])[here].mean(axis=0)
        for fraction in inside:
            band = familywise_band(here.sum(), 0.68, 4, n_calibration=int((bins[half] == group).sum()))
            assert band.holds(fraction)
        assert abs(covered(plain, *new, 0.68)[here].mean() - 0.68) > 0.1


def test_the_observed_label_is_covered_and_the_true_one_more_often(rng):
    prediction, observed, truth = stars(rng, 4000, noise=3.0)
    found = conformal(prediction.select(slice(2000)), observed.select(slice(2000)))
    new = prediction.select(slice(2000, None))
    low, high = found.interval(new, 0.68)
    inside = ((low <= truth[2000:]) & (truth[2000:] <= high)).mean(axis=0)
    assert inside[0] > 0.85
    assert covered(found, new, observed.select(slice(2000, None)), 0.68)[:, 0].mean() == pytest.approx(
        0.68, abs=0.04
    )


def test_too_few_stars_would_need_an_infinite_interval(rng):
    prediction, observed, _ = stars(rng, 18)
    found = conformal(prediction, observed)
    assert np.isfinite(found.interval(prediction, 0.68)).all()
    with pytest.raises(
        InputError,
        match="18 calibration stars have 'teff'; a 0.95 interval would be infinite, and needs at least 19",
    ):
        found.interval(prediction, 0.95)
    value = observed.value.copy()
    value[:17, 1] = np.nan
    lacking = conformal(prediction, LabelTable(value, observed.error, NAMES, observed.ids))
    with pytest.raises(InputError, match="1 calibration stars have 'fe_h'"):
        lacking.interval(prediction, 0.68)
    half = conformal(prediction, observed, groups=["low"] * 9 + ["high"] * 9)
    with pytest.raises(InputError, match="9 calibration stars have 'teff' in group 'high'"):
        half.factor("teff", 0.95, "high")


def test_it_is_saved_whole_and_checks_what_it_is_given(rng):
    prediction, observed, _ = stars(rng, 60)
    groups = np.arange(60) % 2
    found = conformal(prediction, observed, groups)
    again = Conformal.from_dict(json.loads(json.dumps(found.to_dict())))
    assert again.names == NAMES
    for one, two in zip(
        found.interval(prediction, 0.9, groups), again.interval(prediction, 0.9, groups), strict=True
    ):
        assert np.array_equal(one, two)
    with pytest.raises(InputError, match="no group 'all' \\(known: 0, 1\\)"):
        found.interval(prediction, 0.9)
    with pytest.raises(InputError, match="one group for each of the 60 stars"):
        found.interval(prediction, 0.9, groups[:5])
    with pytest.raises(InputError, match="between 0 and 1"):
        found.factor("teff", 1.0, "0")
    with pytest.raises(InputError, match="no label 'age'"):
        found.factor("age")
    with pytest.raises(InputError, match="same stars in the same order"):
        conformal(prediction, observed.select(np.arange(60)[::-1]))
    turned = Conformal.from_dict({k: found.to_dict()[k] for k in NAMES[::-1]})
    with pytest.raises(InputError, match="for the labels fe_h, teff; the prediction has teff, fe_h"):
        turned.interval(prediction, 0.9, groups)
    shrunk = Conformal(found.names, found.scores, ("fe_h",))
    with pytest.raises(InputError, match="learned with fe_h shrunk"):
        shrunk.interval(prediction, 0.9, groups)
