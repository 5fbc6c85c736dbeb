import time

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.data import Spectra
from luxjax.preprocessing import ContinuumPolynomial, ContinuumQuantile, normalize
from luxjax.preprocessing._normalize import continuum_pixels

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


@pytest.mark.parametrize(
    "method", [ContinuumQuantile(), ContinuumPolynomial(3, clip=(1.5, 3))], ids=["q", "p"]
)
def test_fast_enough_for_surveys(make, method):
    """A hundred full-size spectra in a second, so that a thousand take a few."""
    spectra = make(100, 10 ** (4.179 + 6e-6 * np.arange(8575)))
    start = time.perf_counter()
    normalize(spectra, method)
    assert time.perf_counter() - start < 4


def test_a_second_pass_can_be_undone_too(spectra):
    first = normalize(spectra, ContinuumQuantile(20.0)).spectra
    back = normalize(first, ContinuumPolynomial(1)).undo()
    assert back.normalized
    np.testing.assert_allclose(back.flux, first.flux, rtol=1e-12)


def test_refused(spectra):
    with pytest.raises(InputError, match="normalised spectra"):
        continuum_pixels(spectra)

    class Wrong:
        def continuum(self, spectra):
            return np.ones(3)

    with pytest.raises(InputError, match="they must agree"):
        normalize(spectra, Wrong())
