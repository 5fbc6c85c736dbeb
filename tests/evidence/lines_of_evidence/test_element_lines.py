"""Element-line residual: depths against a dense fit, T in worlds where its expectation is known."""

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.evidence.lines_of_evidence._element_lines import (
    element_line_residual,
    line_depth,
    line_depth_without,
)

PROFILE = np.array([0, 0.5, 1.0, 0.5, 0, 0.2, 0.8, 0.2, 0])
LINE = np.array([-1, 0, 0, 0, -1, 1, 1, 1, -1])


@pytest.fixture
def spectra(rng):
    model = 1 - 0.1 * rng.random((40, 9))
    depth = rng.normal(0, 0.1, 40)
    ivar = rng.uniform(0.5, 2, (40, 9)) * 1e4
    flux = model - depth[:, None] * PROFILE + rng.normal(size=model.shape) / np.sqrt(ivar)
    ivar[3, 2], flux[3, 2] = 0, np.nan
    ivar[5] = 0
    return flux, ivar, model, depth


def test_depth_is_the_weighted_least_squares_amplitude(spectra):
    flux, ivar, model, truth = spectra
    depth = line_depth(flux, ivar, model, PROFILE)
    assert np.isnan(depth[5])
    for n in (0, 3, 17):
        good = ivar[n] > 0
        root = np.sqrt(ivar[n, good])
        dense = np.linalg.lstsq((root * -PROFILE[good])[:, None], root * (flux - model)[n, good])[0][0]
        assert depth[n] == pytest.approx(dense, rel=1e-10)
    known = np.isfinite(depth)
    assert np.corrcoef(depth[known], truth[known])[0, 1] > 0.99  # deeper lines, larger depth


def test_leaving_out_a_line_is_blanking_it(spectra):
    flux, ivar, model, _ = spectra
    depth, weight = line_depth_without(flux, ivar, model, PROFILE, LINE)
    for line in (0, 1):
        blank = np.where(line == LINE, 0.0, PROFILE)
        np.testing.assert_allclose(depth[:, line], line_depth(flux, ivar, model, blank), rtol=1e-9)
    assert weight.sum() == pytest.approx(1)
    assert weight[0] > weight[1]
    alone, _ = line_depth_without(flux, ivar, model, PROFILE, np.where(LINE == 0, 0, -1))
    np.testing.assert_allclose(alone[:, 0], line_depth(flux, ivar, model, PROFILE * (LINE != 0)), rtol=1e-9)


def world(rng, n=4000, bound=0.1, tau=0.05, error=0.08, slope=1.0):
    o = rng.normal(size=(n, 2))
    off = tau * rng.normal(size=n)
    y = 0.1 * o[:, 0] + 0.05 * o[:, 1] ** 2 + off + error * rng.normal(size=n)
    # What lines show beyond a prediction that knows the trend already, blended with the others' errors.
    x = slope * off + bound * rng.normal(size=n) + 0.3 * o[:, 1]
    return x, o, y, np.full(n, error)


def test_t_information_and_slope_are_the_expected_ones(rng):
    found = element_line_residual(*world(rng))
    known = 0.05**2 / (0.05**2 + 0.1**2)
    expected = np.sqrt(4000 * known * 0.05**2 / (0.05**2 + 0.08**2))
    assert found.t == pytest.approx(expected, abs=3.5)  # 15.0, its spread is about 1
    assert found.information == pytest.approx(known, rel=0.25)
    assert found.slope == pytest.approx(1, rel=0.25)


def test_t_is_one_sided_and_centred_on_zero_without_a_line(rng):
    assert element_line_residual(*world(rng, slope=-1.0)).t < -10
    null = [element_line_residual(*world(rng, n=400, slope=0.0)).t for _ in range(200)]
    assert abs(np.mean(null)) < 0.3
    assert 0.8 < np.std(null) < 1.25


def test_given_tau2_scales_information(rng):
    given = world(rng)
    a, b = element_line_residual(*given, tau2=0.002), element_line_residual(*given, tau2=0.004)
    assert a.information == pytest.approx(2 * b.information)
    assert np.isnan(element_line_residual(*given, tau2=-1.0).slope)


def test_one_line_that_carries_all_is_seen(rng):
    """Two lines of equal weight: both real, or one real and the other noise."""
    x, o, y, s = world(rng, bound=0.07)
    off = x - 0.3 * o[:, 1]
    second = np.column_stack([rng.permutation(off), off])  # left after the first, and after the second
    weight = np.array([0.5, 0.5])
    found = element_line_residual(x, o, y, s, depth_without=second, weight=weight)
    assert found.t_without_expected[0] == pytest.approx(found.t / np.sqrt(2))
    assert abs(found.t_without[0]) < 3.5
    assert found.t_without[1] > 10
    missing = np.column_stack([np.full(len(y), np.nan), off])
    assert np.isnan(element_line_residual(x, o, y, s, depth_without=missing, weight=weight).t_without[0])


def test_wrong_shapes_are_named():
    with pytest.raises(InputError, match="profile"):
        line_depth(np.zeros((3, 4)), np.zeros((3, 4)), np.zeros((3, 4)), np.zeros(5))
    with pytest.raises(InputError, match="shapes given"):
        element_line_residual(np.zeros(5), np.zeros(5), np.zeros(5), np.zeros(5))
    with pytest.raises(InputError, match="at least 12"):
        element_line_residual(np.zeros(5), np.zeros((5, 2)), np.zeros(5), np.zeros(5))
