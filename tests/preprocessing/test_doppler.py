import numpy as np
import pytest
from astropy import units as u
from hypothesis import given
from hypothesis import strategies as st

from luxjax.core import InputError
from luxjax.data import Spectra
from luxjax.preprocessing import doppler_shift, resample, to_rest

HALPHA = 6564.61


def line_at(centres, grid, depth=0.6, width=0.5) -> np.ndarray:
    return 1 - depth * np.exp(-0.5 * ((grid - np.asarray(centres)[:, None]) / width) ** 2)


def centroid(spectra) -> np.ndarray:
    weight = np.where(spectra.good, 1 - spectra.flux, 0)
    return weight @ spectra.wavelength / weight.sum(axis=1)


@pytest.mark.parametrize("velocity", [-3000.0, -20.0, 0.0, 150.0, 100_000.0])
def test_shift_agrees_with_astropy(velocity):
    observed = (velocity * u.km / u.s).to(u.AA, u.doppler_relativistic(HALPHA * u.AA)).value
    assert doppler_shift(HALPHA, velocity) == pytest.approx(observed, rel=1e-12)


@given(st.floats(-1e5, 1e5))
def test_shift_is_undone_by_the_opposite_velocity(velocity):
    assert doppler_shift(doppler_shift(5000.0, velocity), -velocity) == pytest.approx(5000, rel=1e-12)


def test_receding_is_redder():
    assert doppler_shift(5000.0, 100.0) > 5000


def test_one_velocity_moves_the_grid_alone():
    grid = np.linspace(6500, 6620, 800)
    spectra = Spectra(
        line_at([doppler_shift(HALPHA, 80)], grid), np.ones((1, 800)), grid, "vacuum", "a", "barycentric"
    )
    rest = to_rest(spectra, velocity_kms=80.0)
    assert rest.flux is spectra.flux
    assert rest.frame == "rest"
    assert centroid(rest)[0] == pytest.approx(HALPHA, abs=1e-3)
    by_z = to_rest(spectra, redshift=doppler_shift(HALPHA, 80) / HALPHA - 1)
    np.testing.assert_allclose(by_z.wavelength, rest.wavelength, rtol=1e-12)


def test_every_star_comes_to_rest_on_the_common_grid():
    velocity = np.array([-250.0, 0.0, 90.0, 90.0, 400.0])
    grid = np.linspace(6500, 6620, 800)
    flux = line_at(doppler_shift(HALPHA, velocity), grid)
    mask = np.zeros(flux.shape, int)
    mask[4, :400] = 1
    spectra = Spectra(flux, np.ones_like(flux), grid, "vacuum", list("abcde"), "barycentric", mask=mask)
    rest = to_rest(spectra, velocity_kms=velocity)
    np.testing.assert_array_equal(rest.wavelength, grid)
    np.testing.assert_allclose(centroid(rest), HALPHA, atol=2e-3)
    # A star that recedes loses its last rest wavelengths: they were observed beyond the grid.
    assert rest.good[1].all()
    assert rest.good[4, 0] and not rest.good[4, -1]  # noqa: PT018
    # Each row as if it were alone, on a grid of one's own choice.
    own = np.linspace(6540, 6590, 100)
    each = to_rest(spectra, velocity_kms=velocity, grid=own)
    for i, v in enumerate(velocity):
        alone = resample(to_rest(spectra.select([i]), velocity_kms=v), own)
        np.testing.assert_allclose(each.flux[i], alone.flux[0], rtol=1e-12)
        np.testing.assert_allclose(each.ivar[i], alone.ivar[0], rtol=1e-12)
        np.testing.assert_array_equal(each.mask[i], alone.mask[0])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"velocity_kms": [10, -9999, 0, 0, 0, 0]},
            "1 of 6 spectra have no usable velocity_kms .star1: -9999",
        ),
        ({"velocity_kms": np.nan}, "6 of 6"),
        ({"velocity_kms": 3e5}, "6 of 6"),
        ({"redshift": [0, 0, -9999, 0, 0, 0]}, "star2"),
        ({"velocity_kms": [1.0, 2.0]}, "one for each of the 6"),
        ({"velocity_kms": 1.0, "redshift": 0.0}, "either velocity_kms or redshift"),
        ({}, "either velocity_kms or redshift"),
    ],
)
def test_refused(spectra, given, words):
    with pytest.raises(InputError, match=words):
        to_rest(spectra, **given)


def test_not_twice(spectra):
    with pytest.raises(InputError, match="already"):
        to_rest(to_rest(spectra, velocity_kms=5.0), velocity_kms=5.0)
    with pytest.raises(InputError, match="speed of light"):
        doppler_shift(5000.0, 4e5)
