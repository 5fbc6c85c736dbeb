"""Convergence of chains against ArviZ, and smoothed importance weights against ArviZ and a known tail."""

import warnings

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.posterior import chain_stats, e_bfmi
from luxjax.posterior.checks._importance import pareto_smooth

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import arviz


def autoregressive(coefficients, chains=4, draws=300, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(chains, draws, len(coefficients)))
    for t in range(1, draws):
        x[:, t] += np.array(coefficients) * x[:, t - 1]
    return x


def test_as_arviz():
    x = autoregressive([0.9, 0.3, 0.0])
    x[..., 1] = np.exp(2 * x[..., 1])  # heavy tails
    x[0, :, 2] *= 3  # same place, another width: seen by the folded ranks alone
    found = chain_stats(x)
    for j in range(3):
        np.testing.assert_allclose(found.r_hat[j], arviz.rhat(x[..., j]), rtol=1e-9)
        np.testing.assert_allclose(found.ess_bulk[j], arviz.ess(x[..., j], method="bulk"), rtol=0.02)
        tail = arviz.ess(x[..., j], method="tail", prob=(0.05, 0.95))
        np.testing.assert_allclose(found.ess_tail[j], tail, rtol=0.02)
    assert found.r_hat[2] > 1.05 > 1.01
    np.testing.assert_allclose(e_bfmi(x[..., 0]), arviz.bfmi(x[..., 0]), rtol=0.01)


def test_worth_of_correlated_draws():
    """An autoregressive chain of coefficient a is worth (1 - a) / (1 + a) of its draws for the mean."""
    x = autoregressive([0.8], draws=20_000)
    assert chain_stats(x).ess_bulk[0] / 80_000 == pytest.approx(0.2 / 1.8, rel=0.1)


def test_antithetic_draws_are_worth_more_but_not_without_limit():
    found = chain_stats(autoregressive([-0.95] * 20, draws=30))
    assert (found.ess_bulk > 120).all()
    assert (found.ess_bulk <= 120 * np.log10(120)).all()


def test_shapes_and_what_never_moves():
    x = autoregressive([0.0] * 6).reshape(4, 300, 2, 3)
    x[:, :, 1, 2] = 7
    found = chain_stats(x)
    assert found.r_hat.shape == (2, 3)
    assert np.isnan(found.r_hat[1, 2])
    assert np.isfinite(found.ess_tail).sum() == 5
    stuck = autoregressive([0.0])
    stuck[1] = 0.3
    assert chain_stats(stuck).r_hat[0] > 1.2
    with pytest.raises(InputError, match="at least 8 draws"):
        chain_stats(x[:, :7])


def _by_arviz(ratio, efficiency):
    """Smoothed log weights and k-hat; version 1.x asks for the likelihoods that the ratios are the inverse of."""
    if hasattr(arviz, "psislw"):
        return arviz.psislw(ratio.copy(), efficiency)
    from arviz_stats.base import array_stats

    return array_stats.psislw(-ratio, efficiency)


def test_smoothed_weights():
    rng = np.random.default_rng(1)
    # So many that the tails, 3 sqrt(draws / efficiency), are whole numbers: ArviZ 0.x rounds them up as we do, 1.x down.
    ratio = rng.normal(size=(1600, 3)) * [0.1, 1, 3]
    weight, k = pareto_smooth(ratio, [1, 0.64, 1])
    for j, efficiency in enumerate([1, 0.64, 1]):
        theirs, their_k = _by_arviz(ratio[:, j], efficiency)
        np.testing.assert_allclose(weight[:, j], theirs, atol=1e-10)
        assert k[j] == pytest.approx(float(their_k))
    # Ratios with a Pareto tail of index 2 have shape 1/2, which the 1,342 largest of them tell to 0.04.
    known = pareto_smooth(-0.5 * np.log(rng.uniform(size=(200_000, 1))))[1][0]
    assert known == pytest.approx(0.5, abs=0.12)


def test_weights_of_a_perfect_and_of_a_broken_approximation():
    weight, k = pareto_smooth(np.full((100, 1), 3.0))
    assert k[0] == -np.inf
    np.testing.assert_allclose(weight, -np.log(100))
    assert pareto_smooth(np.r_[np.zeros(99), np.nan][:, None])[1][0] == np.inf
