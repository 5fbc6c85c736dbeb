"""Lower resolution, and errors from scatter: known widths, light and noise come out."""

import numpy as np
import pytest

from luxjax import Spectra
from luxjax.core import InputError
from luxjax.preprocessing import broaden, error_from_scatter

WAVE = 5000 * np.exp(np.arange(3000) / 30_000)  # 10 km/s


def gaussian(fwhm):
    return 1 - 0.6 * np.exp(-4 * np.log(2) * ((WAVE - 5250) / fwhm) ** 2)


def spectra(flux, **options):
    flux = np.atleast_2d(flux)
    return Spectra(flux, np.full(flux.shape, 1e4), WAVE, "air", [f"{k}" for k in range(len(flux))], **options)


def fwhm_of(flux):
    depth = 1 - flux
    inside = WAVE[depth > depth.max() / 2]
    return inside[-1] - inside[0]


@pytest.mark.parametrize("own", [10_000.0, np.full(len(WAVE), 10_000.0)])
def test_a_line_gets_the_width_of_the_new_resolution(own):
    fine = spectra(gaussian(5250 / 10_000))
    coarse = broaden(fine, 2000, own=own)
    assert fwhm_of(coarse.flux[0]) == pytest.approx(5250 / 2000, rel=0.08)  # of 0.18 Angstrom pixels
    equivalent = [np.sum((1 - s.flux[0]) * np.gradient(WAVE)) for s in (fine, coarse)]
    assert equivalent[1] == pytest.approx(equivalent[0], rel=1e-3)
    assert coarse.resolution == 2000
    assert "resolving power of 2000" in coarse.history[-1]


def test_what_is_as_coarse_already_stays():
    given = spectra(gaussian(3.0), resolution=1500.0)
    assert broaden(given, 1800) is given
    half = np.where(WAVE < 5200, 1000.0, 20_000.0)
    noisy = spectra(1 + 0.1 * np.random.default_rng(1).normal(size=len(WAVE)))
    found = broaden(noisy, 1800, own=half).flux[0]
    np.testing.assert_array_equal(found[WAVE < 5195], noisy.flux[0][WAVE < 5195])
    assert found[WAVE > 5210].std() < 0.04


def test_masked_pixels_stay_masked_and_say_nothing(rng):
    flux = np.ones((1, len(WAVE)))
    ivar = np.full_like(flux, 1e4)
    flux[0, 700], ivar[0, 700] = 1e6, 0
    found = broaden(Spectra(flux, ivar, WAVE, "air", ["a"]), 1800, own=1e4)
    assert not found.good[0, 700]
    np.testing.assert_allclose(found.flux[found.good], 1, rtol=1e-6)


def test_variance_is_that_of_many_draws(rng):
    flux = 1 + 0.01 * rng.normal(size=(400, len(WAVE)))
    found = broaden(spectra(flux), 1800, own=np.inf)
    middle = slice(100, -100)
    ratio = found.flux[:, middle].std(axis=0) * np.sqrt(found.ivar[0, middle])
    assert np.median(ratio) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize(("resolution", "own", "said"), [(1800, None, "is not known"), (0, 1e4, "positive"), (1800, -1.0, "positive")])  # fmt: skip
def test_resolutions_that_are_none(resolution, own, said):
    with pytest.raises(InputError, match=said):
        broaden(spectra(gaussian(3.0)), resolution, own=own)


def test_errors_come_from_the_scatter_whatever_the_continuum_and_the_lines(rng):
    sigma = np.where(WAVE < 5250, 0.01, 0.04)
    flux = (1 + np.linspace(0, 2, len(WAVE))) * gaussian(8.0) + sigma * rng.normal(size=(2, len(WAVE)))
    flux[1, 40:60] = np.nan
    error = error_from_scatter(flux)
    assert np.isnan(error[1, 40:60]).all()
    away = np.abs(WAVE - 5250) > 60
    np.testing.assert_allclose(np.nanmedian(error[:, away] / sigma[away], axis=1), 1, atol=0.05)
    assert error_from_scatter(np.ones(500)).min() == pytest.approx(1e-4)
    assert np.isnan(error_from_scatter(np.full(500, np.nan))).all()
    with pytest.raises(InputError, match="at least 5 pixels"):
        error_from_scatter(flux, window=3)
