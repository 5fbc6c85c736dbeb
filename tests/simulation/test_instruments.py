"""Simulated instruments: dust, magnitudes, parallaxes and low-resolution spectra against independent numbers."""

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.simulation import simulate, simulate_instruments
from luxjax.simulation.instruments._dust import extinction
from luxjax.simulation.instruments._light import planck
from luxjax.simulation.instruments._xp import N, _correlations, _hermite

N_STARS = 60


@pytest.fixture(scope="module")
def survey():
    return simulate(N_STARS, key=3, windows=("apogee",))


@pytest.fixture(scope="module")
def made(survey):
    return simulate_instruments(survey, key=4, missing={"photometry": 0.3})


def test_the_extinction_law_is_that_of_gordon_and_others():
    """A(lambda) / E(B-V) by dust_extinction 1.7 (G23, R_V = 3.1), between the knots of the table."""
    wavelength = 1e4 / np.array([0.45, 1.15, 1.45, 1.75, 2.05, 2.65])
    np.testing.assert_allclose(
        extinction(wavelength), [0.3141, 1.5952, 2.3009, 2.9555, 3.6524, 4.6421], rtol=6e-3
    )


def test_black_bodies_follow_wien_and_stefan():
    wavelength = np.geomspace(500, 1e6, 20_000)
    flux = planck(wavelength, np.array([4000.0, 8000.0]))
    np.testing.assert_allclose(wavelength[flux.argmax(axis=1)] * [4000, 8000], 2.8978e7, rtol=1e-3)
    total = np.trapezoid(flux, wavelength, axis=1)
    assert total[1] / total[0] == pytest.approx(16, rel=1e-2)


def test_hermite_functions_are_orthonormal():
    x = np.linspace(-16, 16, 4001)
    h = _hermite(x)
    np.testing.assert_allclose(h @ h.T * (x[1] - x[0]), np.eye(N), atol=1e-6)


def test_distance_brightness_and_parallax_belong_together(made):
    truth = made.truth
    assert truth["parallax"].to_numpy() == pytest.approx(100 / 10 ** (truth["modulus"] / 5))
    # Luminosity is 4 pi R^2 sigma T^4 in solar units, gravity G M / R^2.
    radius = 10 ** truth["log_radius"]
    assert truth["log_luminosity"].to_numpy() == pytest.approx(
        np.log10(radius**2 * (truth["teff"] / 5777) ** 4)
    )
    assert truth["logg"].to_numpy() == pytest.approx(4.438 + truth["log_mass"] - 2 * truth["log_radius"])
    # Brighter by distance and radius as it should be: the absolute magnitude without dust follows the luminosity.
    absolute = truth["K"] - truth["modulus"] - extinction(np.array([21590.0]))[0] * truth["ebv"]
    expected = -2.5 * (2 * truth["log_radius"] + np.log10(truth["teff"]))
    assert np.std(absolute - expected) < 0.15


def test_stated_errors_are_those_of_the_noise(survey):
    made = simulate_instruments(survey, key=9, instruments=("photometry", "parallax"))
    photometry = made.catalog["photometry"]
    pull = (photometry.value - made.truth[list(photometry.names)].to_numpy()) / photometry.error
    assert np.std(pull) == pytest.approx(1, abs=0.12)
    parallax = made.catalog["parallax"]
    pull = (parallax["parallax"] - 5 * np.log10(made.truth["parallax"].to_numpy())) / parallax.error[:, 0]
    assert np.nanstd(pull) == pytest.approx(1, abs=0.3)


def test_dust_reddens_and_is_seen_by_low_resolution_spectra(survey, made):
    truth, xp = made.truth, made.catalog["xp"]
    colour = truth["BP"] - truth["RP"]
    slope = np.polyfit(np.column_stack([truth["ebv"]])[:, 0], colour - np.polyval(np.polyfit(truth["teff"], colour, 2), truth["teff"]), 1)[0]  # fmt: skip
    assert slope > 0.5
    assert xp.correlation.shape == (48, 48)
    assert np.linalg.eigvalsh(xp.correlation)[0] > 0
    for band in (0, 1):
        assert np.linalg.eigvalsh(_correlations(band))[0] > 0


def test_errors_and_correlations_of_sampled_spectra_are_those_of_many_draws(survey):
    """The same stars observed again and again, without a floor: differences have the stated covariance."""
    rng = np.random.default_rng(0)
    from luxjax.simulation.instruments._xp import observe_bands

    wavelength = np.linspace(3700, 9100, 900)
    flux = planck(wavelength, np.full(3000, 5200.0))
    value, error, correlation, _ = observe_bands(flux, wavelength, np.full(3000, 12.0), rng, 1.0).samples()
    assert np.nanstd((value - np.nanmedian(value, axis=0)) / error, axis=0) == pytest.approx(1, abs=0.1)
    drawn = np.corrcoef(((value - np.nanmedian(value, axis=0)) / error)[:, :24].T)
    assert drawn == pytest.approx(correlation[:24, :24], abs=0.12)


def test_stars_that_were_not_seen_have_no_weight(made):
    seen = (made.catalog["photometry"].ivar > 0).any(axis=1)
    assert 0.5 < seen.mean() < 0.9
    assert made.catalog.labels().names[-3:] == ("log_mass", "ebv", "modulus")
    assert made.oscillations.table["nu_max"].tolist() == made.truth["nu_max"].tolist()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"instruments": ("radio",)}, "instrument 'radio'.*xp, photometry, parallax, kepler"),
        ({"xp_form": "images"}, "form of xp 'images'"),
        ({"missing": {"parallax": 1.0}, "instruments": ("parallax",)}, "from 0 to below 1; given 1.0"),
    ],
)
def test_bad_options_are_refused(survey, change, said):
    with pytest.raises(InputError, match=said):
        simulate_instruments(survey, key=1, **change)
