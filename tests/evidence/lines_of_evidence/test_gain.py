"""Conditional gain: the partial R2 that theory gives, a slow cross-fit, and a null where nothing is added."""

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.evidence import second_order
from luxjax.evidence.lines_of_evidence._gain import conditional_gain


def world(rng, n=1500, response=0.8, tau=0.1, error=0.08):
    o = rng.normal(size=(n, 2))
    off = tau * rng.normal(size=n)
    trend = 0.2 * o[:, 0] + 0.1 * o[:, 1] ** 2
    y = trend + off + error * rng.normal(size=n)
    return trend + response * off, o, y, np.full(n, error)


def test_gain_is_the_off_trend_share_of_the_residuals(rng):
    found = conditional_gain(*world(rng), n_null=50)
    left = 0.08**2 / (0.1**2 + 0.08**2)
    assert found.r2_interval.holds(1 - left)
    assert found.r2 == pytest.approx(1 - left, abs=0.06)
    assert found.loglik_interval.holds(-0.5 * np.log(left))
    assert found.p_value == pytest.approx(1 / 51)
    assert found.null.max() < 0.02
    assert found.n == 1500


def test_a_function_of_the_others_gains_nothing(rng):
    p, o, y, s = world(rng, response=0.0)
    found = conditional_gain(p + 1e-3 * rng.normal(size=len(p)), o, y, s, n_null=99)
    assert found.r2 < 0.01
    assert found.p_value > 0.02
    assert found.loglik < 0.01


def test_it_is_a_plain_cross_fit(rng):
    p, o, y, s = world(rng, n=200)
    found = conditional_gain(p, o, y, s, n_null=0, seed=4)
    draws = np.random.default_rng(4)  # folds are drawn after the permutations, of which there are none
    fold = draws.permutation(np.arange(200) % 5)
    square = np.zeros(2)
    terms = second_order(o)
    for k in range(5):
        train, test = fold != k, fold == k
        for j, x in enumerate((terms, np.column_stack([terms, p]))):
            coef = np.linalg.lstsq(x[train], y[train])[0]
            square[j] += np.sum((y[test] - x[test] @ coef) ** 2)
    assert found.r2 == pytest.approx(1 - square[1] / square[0], rel=1e-9)


def test_too_few_stars_are_named(rng):
    p, o, y, s = world(rng, n=30)
    y[10:] = np.nan
    with pytest.raises(InputError, match="10 held-out stars .* at least 24"):
        conditional_gain(p, o, y, s)
