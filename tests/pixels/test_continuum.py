import time

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.data import Spectra
from luxjax.pixels import ContinuumPolynomial, ContinuumQuantile, continuum_pixels, normalize

METHODS = [ContinuumPolynomial(2), ContinuumPolynomial(3, clip=(1.5, 3.0)), ContinuumQuantile(20.0, 0.9)]


@pytest.mark.parametrize("method", METHODS, ids=lambda m: type(m).__name__)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_undo(spectra, method, dtype):
    spectra = spectra.replace(flux=spectra.flux.astype(dtype), ivar=spectra.ivar.astype(dtype))
    done = normalize(spectra, method)
    assert done.spectra.normalized
    assert done.spectra.flux_unit == ""
    assert np.median(done.spectra.flux) == pytest.approx(1, abs=0.05)
    back = done.undo()
    tolerance = 4 * np.finfo(dtype).eps
    assert back.flux.dtype == dtype
    np.testing.assert_allclose(back.flux, spectra.flux, rtol=tolerance)
    np.testing.assert_allclose(back.ivar, spectra.ivar, rtol=tolerance)
    assert (back.normalized, back.flux_unit) == (False, "counts")


@pytest.mark.parametrize("method", METHODS, ids=lambda m: type(m).__name__)
def test_signal_to_noise_is_kept(spectra, method):
    """Dividing by the continuum scales the ivar by its square: the ratio of flux to error stays."""
    done = normalize(spectra, method).spectra
    before, after = (s.flux * np.sqrt(s.ivar) for s in (spectra, done))
    np.testing.assert_allclose(after, before, rtol=1e-9)


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


def test_where_there_is_no_continuum_there_is_no_weight(spectra):
    ivar = spectra.ivar.copy()
    ivar[1] = 0
    ivar[2, 3:] = 0
    flux = spectra.flux.copy()
    flux[3] *= -1
    changed = spectra.replace(flux=flux, ivar=ivar)
    for method in METHODS:
        done = normalize(changed, method)
        assert not done.spectra.good[1:4].any()
        np.testing.assert_array_equal(done.spectra.good[[0, 4, 5]], spectra.good[[0, 4, 5]])
        assert np.isfinite(done.spectra.flux).all()
        np.testing.assert_allclose(done.undo().ivar, changed.ivar, rtol=1e-12)
        np.testing.assert_allclose(done.undo().flux, changed.flux, rtol=1e-12)


def test_continuum_pixels_are_those_without_lines():
    rng = np.random.default_rng(3)
    grid = 5000 + np.arange(300.0)
    line = np.zeros(300, bool)
    line[::3] = True
    strength = rng.uniform(0.0, 0.3, (50, 1))
    sigma = np.where(np.arange(300) < 150, 0.003, 0.01)
    flux = 1 - strength * line + sigma * rng.normal(size=(50, 300))
    flux[:, 100:110] = 1.1  # steady, but not at the continuum
    spectra = Spectra(flux, np.tile(1 / sigma**2, (50, 1)), grid, "air", range(50), normalized=True)
    chosen = continuum_pixels(spectra, fraction=0.3)
    assert chosen.sum() == 90
    assert not chosen[line].any()
    assert not chosen[100:110].any()
    # Noisier pixels are as good as quiet ones.
    assert chosen[150:].sum() > 20
    assert continuum_pixels(spectra, tolerance=1e-9).sum() == 0


def test_refused(spectra):
    with pytest.raises(InputError, match="give one of them"):
        ContinuumPolynomial(pixels=np.ones(3, bool), regions=[(1, 2)])
    with pytest.raises(InputError, match="one bool per pixel, 600"):
        ContinuumPolynomial(pixels=np.ones(3, bool)).continuum(spectra)
    with pytest.raises(InputError, match="0 or more"):
        ContinuumPolynomial(-1)
    with pytest.raises(InputError, match="between 0 and 1"):
        ContinuumQuantile(50, 1.2)
    with pytest.raises(InputError, match="normalised spectra"):
        continuum_pixels(spectra)

    class Wrong:
        def continuum(self, spectra):
            return np.ones(3)

    with pytest.raises(InputError, match="they must agree"):
        normalize(spectra, Wrong())


@pytest.mark.parametrize(
    "method", [ContinuumQuantile(), ContinuumPolynomial(3, clip=(1.5, 3))], ids=["q", "p"]
)
def test_fast_enough_for_surveys(make, method):
    """A hundred full-size spectra in a second, so that a thousand take a few."""
    spectra = make(100, 10 ** (4.179 + 6e-6 * np.arange(8575)))
    start = time.perf_counter()
    normalize(spectra, method)
    assert time.perf_counter() - start < 4
