import numpy as np
import pytest
from scipy.signal import savgol_filter

from luxjax.core import InputError
from luxjax.data import Spectra
from luxjax.preprocessing import reject_cosmic_rays
from luxjax.preprocessing._denoise import smooth_median, smooth_polynomial

N = 300
GRID = np.linspace(5000, 5300, N)


def spectra(flux, ivar=1.0):
    flux = np.atleast_2d(flux)
    return Spectra(flux, np.broadcast_to(ivar, flux.shape), GRID, "air", [str(k) for k in range(len(flux))])


def test_polynomial_is_savitzky_and_golay(rng):
    flux = rng.standard_normal(N)
    got = smooth_polynomial(spectra(flux), 9, 3)
    expected = savgol_filter(flux, 9, 3)
    np.testing.assert_allclose(got.flux[0, 4:-4], expected[4:-4], rtol=1e-9)


def test_polynomial_keeps_polynomials_and_fills_masked_pixels():
    x = np.linspace(-1, 1, N)
    flux, ivar = 1 + x - 2 * x**2, np.ones(N)
    flux[50], ivar[50] = 1e6, 0
    ivar[100:120] = 0
    got = smooth_polynomial(spectra(flux, ivar), 7, 2)
    good = got.good[0]
    assert good[50]
    assert not good[103:117].any()
    clean = 1 + x - 2 * x**2
    np.testing.assert_allclose(got.flux[0][good], clean[good], atol=1e-9)


@pytest.mark.parametrize(("smooth", "tolerance"), [(smooth_polynomial, 0.03), (smooth_median, 0.05)])
def test_variance_equals_monte_carlo(rng, smooth, tolerance):
    ivar = np.ones(N)
    ivar[[40, 41, 150]] = 0
    noisy = spectra(rng.standard_normal((400, N)), ivar)
    got = smooth(noisy, 7)
    good = got.good[0]
    ratio = got.flux[:, good].std(axis=0) * np.sqrt(got.ivar[0, good])
    assert ratio.mean() == pytest.approx(1, abs=tolerance / 2)
    assert np.mean(got.ivar[0, good]) > 2


def test_median_ignores_an_outlier_and_masked_values():
    flux, ivar = np.full(N, 3.0), np.ones(N)
    flux[60], flux[61], ivar[61] = 1e4, -1e4, 0
    got = smooth_median(spectra(flux, ivar), 5)
    np.testing.assert_array_equal(got.flux[got.good], 3.0)


def test_cosmic_rays_are_masked_and_lines_are_not(rng):
    flux = 1 + 0.02 * rng.standard_normal(N)
    flux[120] += 2.0  # a cosmic ray
    flux[200:204] -= 0.8  # a line
    got = reject_cosmic_rays(spectra(flux, 0.02**-2))
    np.testing.assert_array_equal(np.flatnonzero(~got.good[0]), [119, 120, 121])
    np.testing.assert_array_equal(got.flux, spectra(flux).flux)


def test_windows_are_checked():
    with pytest.raises(InputError, match=r"odd number of pixels.*given: 6"):
        smooth_median(spectra(np.ones(N)), 6)
    with pytest.raises(InputError, match="at least 5"):
        smooth_polynomial(spectra(np.ones(N)), 3, 3)
