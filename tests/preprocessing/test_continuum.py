import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.data import Spectra
from luxjax.preprocessing import ContinuumPolynomial, ContinuumQuantile


def test_polynomial_agrees_with_numpy(make):
    spectra = make(2)
    got = ContinuumPolynomial(3).continuum(spectra)
    x = spectra.wavelength - spectra.wavelength.mean()
    for row in range(2):
        fit = np.polynomial.Polynomial.fit(x, spectra.flux[row], 3, w=np.sqrt(spectra.ivar[row]))
        np.testing.assert_allclose(got[row], fit(x), rtol=1e-9)


def test_polynomial_on_continuum_pixels_ignores_lines():
    grid = np.r_[5000 + np.arange(200.0), 6000 + np.arange(200.0)]
    truth = np.r_[2 + 0.001 * np.arange(200), 7 - 0.002 * np.arange(200)]
    flux = truth.copy()
    flux[50:80] *= 0.2
    spectra = Spectra(flux[None], np.ones((1, 400)), grid, "air", ["a"])
    pixels = np.ones(400, bool)
    pixels[50:80] = False
    by_pixels = ContinuumPolynomial(1, pixels=pixels).continuum(spectra)
    np.testing.assert_allclose(by_pixels[0], truth, rtol=1e-10)
    by_region = ContinuumPolynomial(1, regions=[(5000, 5049), (5080, 6199)]).continuum(spectra)
    np.testing.assert_allclose(by_region[0], truth, rtol=1e-10)
    clipped = ContinuumPolynomial(1, clip=(1.5, 3.0), rounds=20).continuum(spectra)
    np.testing.assert_allclose(clipped[0], truth, rtol=1e-10)
    assert np.abs(ContinuumPolynomial(1).continuum(spectra)[0] / truth - 1).max() > 0.1


def test_each_arm_has_its_own_polynomial():
    grid = np.r_[5000 + np.arange(100.0), 6000 + np.arange(100.0)]
    flux = np.r_[np.full(100, 3.0), np.full(100, 8.0)][None]
    spectra = Spectra(flux, np.ones_like(flux), grid, "air", ["a"])
    np.testing.assert_allclose(ContinuumPolynomial(0).continuum(spectra), flux)
    one = ContinuumPolynomial(0, segments=[(5000, 6100)]).continuum(spectra)
    np.testing.assert_allclose(one, 5.5)
    some = ContinuumPolynomial(0, segments=[(5010, 5020)]).continuum(spectra)
    assert np.isfinite(some).sum() == 11


def test_quantile_agrees_with_numpy(spectra):
    """At the nodes, against the quantile of one window of one star; between them, straight lines."""
    method = ContinuumQuantile(30.0, 0.7)
    got = method.continuum(spectra)
    wavelength = spectra.wavelength
    nodes = np.linspace(wavelength[0], wavelength[-1], int(np.ceil(np.ptp(wavelength) / 7.5)) + 1)
    for row in range(3):
        place, level = [], []
        for node in nodes:
            inside = np.abs(wavelength - node) <= 15
            place.append(wavelength[inside & spectra.good[row]].mean())
            level.append(np.quantile(spectra.flux[row, inside & spectra.good[row]], 0.7))
        within = (wavelength >= place[0]) & (wavelength <= place[-1])
        np.testing.assert_allclose(got[row, within], np.interp(wavelength[within], place, level), rtol=1e-9)


def test_quantile_follows_a_slope_to_the_ends():
    grid = 5000 + np.arange(400.0)
    truth = 10 + 0.02 * np.arange(400)
    spectra = Spectra(truth[None], np.ones((1, 400)), grid, "air", ["a"])
    np.testing.assert_allclose(ContinuumQuantile(50, 0.5).continuum(spectra)[0], truth, rtol=1e-9)


def test_quantile_bridges_bad_stretches():
    grid = 5000 + np.arange(400.0)
    truth = 10 + 0.02 * np.arange(400)
    ivar = np.ones((2, 400))
    ivar[0, 150:280] = 0
    flux = np.where(ivar > 0, truth, 1e6)
    got = ContinuumQuantile(40, 0.5).continuum(Spectra(flux, ivar, grid, "air", ["a", "b"]))
    np.testing.assert_allclose(got, np.tile(truth, (2, 1)), rtol=1e-9)


def test_refused(spectra):
    with pytest.raises(InputError, match="give one of them"):
        ContinuumPolynomial(pixels=np.ones(3, bool), regions=[(1, 2)])
    with pytest.raises(InputError, match="one bool per pixel, 600"):
        ContinuumPolynomial(pixels=np.ones(3, bool)).continuum(spectra)
    with pytest.raises(InputError, match="0 or more"):
        ContinuumPolynomial(-1)
    with pytest.raises(InputError, match="between 0 and 1"):
        ContinuumQuantile(50, 1.2)
