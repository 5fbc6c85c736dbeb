"""Ranks and their test: right for right posteriors, and each way of being wrong is seen."""

import numpy as np
import pytest
from scipy.stats import binom

from luxjax.core import InputError
from luxjax.posterior import rank_test, ranks, tarp_ranks

pytestmark = pytest.mark.long

SIMULATIONS, DRAWS = 300, 99


@pytest.fixture
def world(rng):
    """theta ~ N(0, 1), y = theta + noise: the posterior is N(y / 2, 1 / 2)."""
    theta = rng.normal(size=(SIMULATIONS, 2))
    y = theta + rng.normal(size=theta.shape)
    unit = rng.normal(size=(DRAWS, *theta.shape)) * np.sqrt(0.5)
    return theta, y, unit


def p_value(rank):
    return rank_test(rank, DRAWS, seed=1, n_sets=500).p_value


def test_ranks_count_draws_below():
    draws = np.array([[1.0, 5.0], [2.0, 6.0], [3.0, 7.0]])
    np.testing.assert_array_equal(ranks(draws, [2.5, 4.0]), [2, 0])


def test_right_posteriors_pass(world):
    theta, y, unit = world
    rank = ranks(y / 2 + unit, theta)
    assert p_value(rank[:, 0]) > 0.02
    assert p_value(rank[:, 1]) > 0.02
    assert p_value(tarp_ranks(y / 2 + unit, theta, y - 1)) > 0.02


@pytest.mark.parametrize(
    "wrong", [lambda y, u: y / 2 + 0.6 * u, lambda y, u: y / 2 + 1.7 * u, lambda y, u: y / 2 + u + 0.3]
)
def test_wrong_posteriors_fail(world, wrong):
    theta, y, unit = world
    assert p_value(ranks(wrong(y, unit), theta)[:, 0]) < 0.01
    assert p_value(tarp_ranks(wrong(y, unit), theta, y - 1)) < 0.01


def test_references_that_know_the_data_catch_a_posterior_that_does_not(world, rng):
    """The prior itself passes with fixed references, and marginally; not with references made from the data."""
    theta, y, unit = world
    prior = unit * np.sqrt(2)
    assert p_value(tarp_ranks(prior, theta, rng.normal(size=theta.shape))) > 0.02
    assert p_value(tarp_ranks(prior, theta, y)) < 0.01


def test_band_is_simultaneous(rng):
    """Uniform ranks stay inside the 95% band in 95% of sets, and no narrower band does."""
    sets = rng.integers(0, DRAWS + 1, (400, SIMULATIONS))
    band = rank_test(sets[0], DRAWS, seed=0)
    points = np.round(band.at * (DRAWS + 1)).astype(int) - 1
    ecdf = (sets[:, :, None] <= points).mean(1)
    inside = np.all((ecdf >= band.lower) & (ecdf <= band.upper), axis=1).mean()
    assert 0.92 < inside < 0.985
    pointwise = binom.ppf([[0.025], [0.975]], SIMULATIONS, band.at) / SIMULATIONS
    assert (band.upper - band.lower)[50] > (pointwise[1] - pointwise[0])[50]


def test_p_values_are_uniform(rng):
    p = [rank_test(rng.integers(0, 20, 60), 19, seed=k, n_sets=200).p_value for k in range(150)]
    assert 0.02 < np.mean(np.array(p) < 0.1) < 0.2


def test_bad_input_gets_a_sentence():
    with pytest.raises(InputError, match="do not go with"):
        ranks(np.zeros((5, 3)), np.zeros(4))
    with pytest.raises(InputError, match="do not fit together"):
        tarp_ranks(np.zeros((5, 3, 2)), np.zeros((3, 2)), np.zeros((2, 2)))
    with pytest.raises(InputError, match="from 0 to 9"):
        rank_test([10], 9, seed=0)
