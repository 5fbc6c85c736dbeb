import numpy as np
import pytest
from scipy import stats

from luxjax.core import InputError
from luxjax.stats import (
    bias,
    binomial_interval,
    bootstrap_interval,
    coverage,
    familywise_band,
    interval_coverage,
    rmse,
    robust_scatter,
)


def test_rmse_and_bias_by_hand_leave_missing_out():
    predicted, reference = np.array([1.0, 5.0, np.nan, 2.0]), np.array([0.0, 2.0, 1.0, np.inf])
    assert rmse(predicted, reference) == pytest.approx(np.sqrt((1 + 9) / 2))
    assert bias(predicted, reference) == pytest.approx(2.0)
    assert bias(reference, predicted) == pytest.approx(-2.0)
    assert np.isnan(rmse([np.nan], [1.0]))
    assert np.isnan(bias([], []))
    with pytest.raises(InputError, match="same shape"):
        rmse(np.zeros(3), np.zeros((3, 1)))


def test_robust_scatter_is_sigma_of_a_gaussian_and_deaf_to_outliers():
    x = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000, loc=3, scale=0.7)
    assert robust_scatter(x) == pytest.approx(0.7, rel=1e-3)
    x[:100] = 1e6
    assert robust_scatter(x) == pytest.approx(0.7, rel=0.02)
    assert np.isnan(robust_scatter([np.nan]))


def test_coverage_counts_the_gaussian_core():
    pull = np.array([0.0, 0.99, -0.99, 1.0, -1.9, 1.97, np.nan])
    assert coverage(pull, 0.68) == (3, 6)
    assert coverage(pull, 0.95) == (5, 6)
    assert coverage(pull, 0.95).fraction == pytest.approx(5 / 6)
    assert np.isnan(coverage([], 0.95).fraction)
    with pytest.raises(InputError, match="between 0 and 1"):
        coverage(pull, 68)


def test_interval_coverage_agrees_with_pulls_and_takes_infinite_ends():
    rng = np.random.default_rng(1)
    value, sigma = rng.normal(size=500), rng.uniform(0.5, 2, 500)
    half = stats.norm.ppf(0.975) * sigma
    assert interval_coverage(value, -half, half) == coverage(value / sigma, 0.95)
    assert interval_coverage([1.0, 2.0, np.nan], [-np.inf, 2.5, 0], [np.inf, 3, 1]) == (1, 2)


@pytest.mark.parametrize(("inside", "n"), [(0, 10), (7, 10), (341, 500), (500, 500)])
def test_binomial_interval_closed_forms(inside, n):
    z, p = stats.norm.ppf(0.975), inside / n
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    wilson = binomial_interval(inside, n, 0.95)
    assert wilson == pytest.approx((centre - half, centre + half), abs=1e-12)
    exact = binomial_interval(inside, n, 0.95, "exact")
    lower = stats.beta.ppf(0.025, inside, n - inside + 1) if inside else 0.0
    upper = stats.beta.ppf(0.975, inside + 1, n - inside) if inside < n else 1.0
    assert exact == pytest.approx((lower, upper), abs=1e-9)


def test_binomial_interval_bad_input():
    with pytest.raises(InputError, match="11 of 10"):
        binomial_interval(11, 10)
    with pytest.raises(InputError, match="wilson"):
        binomial_interval(1, 10, method="wald")


@pytest.mark.parametrize("level", [0.68, 0.95])
@pytest.mark.parametrize("n", [37, 500])
def test_band_is_the_binomial_acceptance_region(n, level):
    band = familywise_band(n, level, n_cells=4)
    tail = 0.05 / 4 / 2
    low, high = round(band.lower * n), round(band.upper * n)
    dist = stats.binom(n, level)
    assert dist.cdf(low - 1) <= tail < dist.cdf(low)
    assert dist.sf(high) <= tail < dist.sf(high - 1)


def test_band_of_200_500_and_1000_stars():
    # 95% binomial half-widths at 68%: 0.065, 0.041, 0.029.
    for n, half in [(200, 0.065), (500, 0.041), (1000, 0.029)]:
        band = familywise_band(n, 0.68)
        assert (band.upper - band.lower) / 2 == pytest.approx(half, abs=1.0 / n)


def test_band_after_calibration_is_beta_binomial():
    n, n_cal, level = 400, 300, 0.68
    rank = int(np.ceil((n_cal + 1) * level))
    dist = stats.betabinom(n, rank, n_cal + 1 - rank)
    band = familywise_band(n, level, n_cells=10, n_calibration=n_cal)
    assert band.lower * n == pytest.approx(dist.ppf(0.0025))
    assert band.upper * n == pytest.approx(dist.ppf(0.9975))
    plain = familywise_band(n, level, n_cells=10)
    assert band.lower < plain.lower
    assert band.upper > plain.upper


def test_band_after_calibration_against_simulated_split_conformal():
    rng = np.random.default_rng(4)
    n, n_cal, level, trials = 200, 99, 0.9, 4000
    rank = int(np.ceil((n_cal + 1) * level))
    half = np.sort(np.abs(rng.standard_t(3, (trials, n_cal))), axis=1)[:, rank - 1]
    observed = np.mean(np.abs(rng.standard_t(3, (trials, n))) <= half[:, None], axis=1)
    band = familywise_band(n, level, alpha=0.1, n_calibration=n_cal)
    inside = np.mean((observed >= band.lower) & (observed <= band.upper))
    assert 0.9 - 0.015 < inside < 0.93
    binomial = familywise_band(n, level, alpha=0.1)
    assert np.mean((observed >= binomial.lower) & (observed <= binomial.upper)) < 0.8


def test_band_holds_all_cells_together():
    rng = np.random.default_rng(5)
    n, cells = 300, 10
    band = familywise_band(n, 0.68, n_cells=cells)
    observed = rng.binomial(n, 0.68, (4000, cells)) / n
    joint = np.mean(np.all((observed >= band.lower) & (observed <= band.upper), axis=1))
    assert 0.95 <= joint < 0.99


def test_band_bad_input():
    with pytest.raises(InputError, match="at least 19"):
        familywise_band(100, 0.95, n_calibration=18)
    assert familywise_band(100, 0.95, n_calibration=19).upper == 1.0
    with pytest.raises(InputError, match="at least one star"):
        familywise_band(0, 0.68)


def test_bootstrap_interval_of_a_mean_and_of_pairs():
    rng = np.random.default_rng(2)
    x = rng.normal(size=400)
    low, high = bootstrap_interval(np.mean, [x], seed=0, n=4000)
    se = x.std() / 20
    assert low == pytest.approx(x.mean() - se, abs=0.1 * se)
    assert high == pytest.approx(x.mean() + se, abs=0.1 * se)
    # Rows stay together: y - x is constant, so its rmse has no spread.
    assert bootstrap_interval(rmse, [x + 2, x], seed=0, n=50) == pytest.approx((2, 2))
    assert bootstrap_interval(np.mean, [x], seed=3, n=50) == bootstrap_interval(np.mean, [x], seed=3, n=50)
    with pytest.raises(InputError, match="same stars"):
        bootstrap_interval(rmse, [x, x[:-1]], seed=0)
