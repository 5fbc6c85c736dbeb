"""Expected slopes and sample sizes: against simulations and arithmetic done by hand."""

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.evidence._expected import expected_slope, needed_stars, stars_for_scatter


def test_posterior_mean_shrinks_as_expected(rng):
    """Regression of the posterior mean of y on y itself, measured with error `bound`."""
    tau, bound = 0.06, 0.03
    y = tau * rng.normal(size=200_000)
    mean = (y + bound * rng.normal(size=y.size)) * tau**2 / (tau**2 + bound**2)
    slope = mean @ y / (y @ y)
    assert float(expected_slope(tau, bound)) == pytest.approx(slope, abs=0.003)
    assert float(expected_slope(tau, tau / 2)) == pytest.approx(0.8)
    assert float(expected_slope(tau, np.inf)) == 0


def test_overlap_is_that_of_a_sample_principal_component(rng):
    """One direction in white noise, found by singular vectors of N stars x P pixels."""
    n, p, signal = 400, 300, 2.0
    z = rng.normal(size=n)
    direction = np.zeros(p)
    direction[0] = 1.0
    found = [
        np.linalg.svd(
            np.sqrt(signal) * np.outer(z, direction) + rng.normal(size=(n, p)), full_matrices=False
        )[2][0]
        for _ in range(3)
    ]
    overlap = np.mean([(v @ direction) ** 2 for v in found])
    slope = float(expected_slope(np.sqrt(signal), 1.0, n_train=n, n_pixels=p))
    assert slope == pytest.approx(signal * overlap / (1 + signal * overlap), abs=0.03)
    assert slope < float(expected_slope(np.sqrt(signal), 1.0)) - 0.03
    # 7,514 pixels and 2,000 stars find nothing below tau / bound = 1.39.
    learned = expected_slope([1.38, 1.40], 1.0, n_train=2000, n_pixels=7514)
    assert learned[0] == 0
    assert 0 < learned[1] < 0.1


def test_sample_sizes_are_those_worked_out_by_hand():
    # 64 (1 + 2.56) (1 + 0.25) = 284.8 and 64 (1 + 16) (1.25) = 1,360
    assert needed_stars(0.05, 0.08, 0.025) == 285
    assert needed_stars(0.03, 0.12, 0.015) == 1360
    # 32 (1 + 2.56)^2 = 405.6
    assert stars_for_scatter(0.05, 0.08) == 406
    assert stars_for_scatter(0.03, 0.12) == 9248
    with pytest.raises(InputError, match="above 0"):
        needed_stars(0.0, 0.1, 0.1)


def test_scatter_is_told_to_the_stated_precision(rng):
    tau, error = 0.05, 0.08
    n = stars_for_scatter(tau, error)
    y = rng.normal(size=(2000, n)) * np.hypot(tau, error)
    tau2 = np.mean(y**2, axis=1) - error**2
    assert tau2.std() / tau**2 == pytest.approx(0.25, rel=0.1)
