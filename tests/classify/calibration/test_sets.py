import numpy as np
import pytest
from scipy.stats import betabinom

from luxjax.classify import coverage_band
from luxjax.classify.internal import ConformalSets
from luxjax.core import InputError


def test_threshold_is_the_ranked_score():
    p = np.column_stack([np.linspace(0.05, 0.95, 19), 1 - np.linspace(0.05, 0.95, 19)])
    sets = ConformalSets.fit(p, np.zeros(19, int))
    assert sets.rank(0.9) == 18
    inside = sets.contains(np.array([[0.10, 0.90], [0.099, 0.901], [0.5, 0.5]]), 0.9)
    assert inside.tolist() == [[True, True], [False, True], [True, True]]


def test_coverage_is_in_the_beta_binomial_band_as_often_as_it_says(rng):
    """Whatever the probabilities are worth: here they are poor, and still cover."""
    inside, covers = 0, []
    for _ in range(400):
        p = rng.dirichlet([1, 1, 1], size=300)
        codes = (rng.random(300)[:, None] > np.cumsum(0.5 * p + 1 / 6, axis=1)[:, :2]).sum(axis=1)
        sets = ConformalSets.fit(p[:100], codes[:100])
        share = sets.contains(p[100:], 0.8)[np.arange(200), codes[100:]].mean()
        low, high = sets.coverage_band(200, 0.8)
        inside += low <= share <= high
        covers.append(share)
    assert np.mean(covers) == pytest.approx(81 / 101, abs=0.01)
    assert 0.92 < inside / 400 < 0.99
    low, high = sets.coverage_band(200, 0.8)
    assert np.mean((np.array(covers) - 0.1 >= low) & (np.array(covers) - 0.1 <= high)) < 0.6


def test_too_few_stars_are_named():
    sets = ConformalSets(np.linspace(0, 1, 8))
    with pytest.raises(InputError, match="8 calibration stars cannot support sets at 90%; give at least 9"):
        sets.contains(np.ones((1, 2)), 0.9)
    with pytest.raises(InputError, match="between 0 and 1"):
        sets.rank(90)


def test_band_over_folds_is_that_of_drawn_ones(rng):
    one = ConformalSets(np.sort(rng.random(60)))
    rank = one.rank(0.9)
    ends = betabinom(200, rank, 61 - rank).ppf([0.025, 0.975]) / 200
    assert one.coverage_band(200, 0.9) == pytest.approx(ends)
    drawn = rng.binomial(200, rng.beta(rank, 61 - rank, (40_000, 2))).sum(axis=1) / 400
    ends = coverage_band([one, one], [200, 200], 0.9)
    np.testing.assert_allclose(ends, np.quantile(drawn, [0.025, 0.975]), atol=0.004)
