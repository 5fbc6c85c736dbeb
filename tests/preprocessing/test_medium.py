import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxjax.core import InputError
from luxjax.preprocessing import air_to_vacuum, to_medium, vacuum_to_air

# Air and vacuum wavelengths of strong lines, each as tabulated on its own in the literature.
LINES = {
    "[O III] 4959": (4958.911, 4960.295),
    "[O III] 5007": (5006.843, 5008.240),
    "Na D2": (5889.950, 5891.583),
    "Na D1": (5895.924, 5897.558),
    "Kr 6056": (6056.125, 6057.802),
    "H alpha": (6562.80, 6564.61),
}


@pytest.mark.parametrize("line", LINES)
def test_published_lines(line):
    air, vacuum = LINES[line]
    assert air_to_vacuum(air) == pytest.approx(vacuum, abs=0.004)
    assert vacuum_to_air(vacuum) == pytest.approx(air, abs=0.004)


@given(st.floats(2000, 25_000))
def test_round_trip(wavelength):
    assert abs(vacuum_to_air(air_to_vacuum(wavelength)) - wavelength) < 1e-6
    assert abs(air_to_vacuum(vacuum_to_air(wavelength)) - wavelength) < 1e-6
    assert vacuum_to_air(wavelength) < wavelength < air_to_vacuum(wavelength)


def test_agrees_with_an_older_formula():
    """Edlen (1953), which differs from Birch & Downs by less than 0.001 Angstrom below 30,000 Angstrom."""
    vacuum = np.linspace(2000, 25_000, 500)
    s2 = (1e4 / vacuum) ** 2
    edlen = vacuum / (1 + 6.4328e-5 + 2.94981e-2 / (146 - s2) + 2.5540e-4 / (41 - s2))
    np.testing.assert_allclose(vacuum_to_air(vacuum), edlen, atol=1.5e-3, rtol=0)


def test_agrees_with_a_fitted_inverse():
    """The direct air-to-vacuum fit that the VALD tools use (N. Piskunov)."""
    air = np.linspace(2000, 25_000, 500)
    s2 = (1e4 / air) ** 2
    n = (
        1
        + 8.336624212083e-5
        + 2.408926869968e-2 / (130.1065924522 - s2)
        + 1.599740894897e-4 / (38.92568793293 - s2)
    )
    np.testing.assert_allclose(air_to_vacuum(air), air * n, atol=1e-4, rtol=0)


def test_h_band_shift():
    shift = 16_000 - vacuum_to_air(16_000.0)
    assert 4.3 < shift < 4.5


def test_spectra_change_their_wavelengths_alone(spectra):
    air = to_medium(spectra, "air")
    assert (air.medium, spectra.medium) == ("air", "vacuum")
    np.testing.assert_array_equal(air.wavelength, vacuum_to_air(spectra.wavelength))
    np.testing.assert_array_equal(air.flux, spectra.flux)
    assert "Morton" in air.history[-1]
    back = to_medium(air, "vacuum")
    np.testing.assert_allclose(back.wavelength, spectra.wavelength, atol=1e-8, rtol=0)
    assert to_medium(back, "vacuum") is back


@pytest.mark.parametrize("wavelength", [1500.0, [5000.0, np.nan], 0.0, -5000.0])
def test_refused(wavelength, spectra):
    with pytest.raises(InputError, match="at least 2000"):
        air_to_vacuum(wavelength)
    with pytest.raises(InputError, match="at least 2000"):
        vacuum_to_air(wavelength)
    with pytest.raises(InputError, match="no wavelength medium 'Air'"):
        to_medium(spectra, "Air")
