"""Masks, units, byte order and gaps of whatever library are honoured where values come in (spectra and labels)."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.utils.masked import Masked

from luxjax.core import InputError
from luxjax.core.internal import values
from luxjax.data import LabelTable, Spectra
from luxjax.data._split import sky_blocks
from luxjax.data.internal import native
from luxjax.preprocessing import doppler_shift, to_rest, vacuum_to_air
from luxjax.stats import rmse

ONES, WAVE = np.ones((1, 2)), [5000.0, 5001.0]
FLUX = [[1.0, -9999.0]]
HIDDEN = [[False, True]]

# The same two pixels, of which the second is missing, in every way that one may say so.
SECOND_MISSING = {
    "numpy": np.ma.array(FLUX, mask=HIDDEN),
    "numpy int": np.ma.array([[1, -9999]], mask=HIDDEN),
    "numpy big-endian": np.ma.array(np.array(FLUX, ">f4"), mask=HIDDEN),
    "rows": [np.ma.array(FLUX[0], mask=HIDDEN[0])],
    "astropy": Masked(np.array(FLUX), mask=HIDDEN),
    "column": [MaskedColumn(FLUX[0], mask=HIDDEN[0])],
    "pandas Float64": pd.DataFrame([[1.0, None]], dtype="Float64"),
    "pandas Int64": pd.DataFrame([[1, None]], dtype="Int64"),
    "pandas NaN": pd.DataFrame([[1.0, np.nan]]),
    "pyarrow": pa.array([[1.0, None]]),
    "pyarrow fixed": pa.array([[1.0, None]], type=pa.list_(pa.float32(), 2)),
    "pyarrow int": pa.array([[1, None]]),
    "list": [[1.0, None]],
    "NA": [[1.0, pd.NA]],
    "text": [["1.0", ""]],
}


def spectra(flux=ONES, ivar=ONES, wavelength=WAVE, **facts) -> Spectra:
    return Spectra(flux, ivar, wavelength, "vacuum", ["a"], **facts)


@pytest.mark.parametrize("name", SECOND_MISSING)
def test_masked_pixels_have_no_weight(name):
    given = SECOND_MISSING[name]
    made = [
        spectra(given),
        spectra(ivar=given),
        Spectra.from_error(given, ONES, WAVE, "vacuum", ["a"]),
        Spectra.from_error(ONES, given, WAVE, "vacuum", ["a"]),
        spectra().replace(flux=given),
        spectra().replace(ivar=given),
    ]
    for one in made:
        assert one.good.tolist() == [[True, False]], name
        assert one.ivar.tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize("name", [n for n in SECOND_MISSING if n != "rows"])
def test_masked_labels_are_missing(name):
    given = SECOND_MISSING[name]
    for labels in (
        LabelTable(given, 50.0, ("teff", "logg"), ["a"]),
        LabelTable(ONES, given, ("teff", "logg"), ["a"]),
    ):
        assert np.isfinite(labels.value).tolist() == [[True, False]]
        assert labels.ivar[0, 1] == 0


def test_masked_wavelengths_are_refused():
    with pytest.raises(InputError, match="finite and strictly increasing"):
        spectra(wavelength=np.ma.array(WAVE, mask=[False, True]))


def test_masked_numbers_elsewhere():
    ra = np.ma.array([1.0, -9999.0], mask=[False, True])
    with pytest.raises(InputError, match="1 unusable right ascensions"):
        sky_blocks(ra, [0.0, 0.0])
    assert rmse(np.ma.array([1.0, 99.0], mask=[False, True]), [1.0, 2.0]) == 0
    two = spectra(np.ones((1, 2)), frame="barycentric")
    with pytest.raises(InputError, match="1 of 1 spectra have no usable velocity"):
        to_rest(two, velocity_kms=np.ma.array([30.0], mask=[True]))


def test_units_are_converted():
    for given in (np.array([500.0, 600.0]) * u.nm, Column([0.5, 0.6], unit="um")):
        np.testing.assert_allclose(spectra(wavelength=given).wavelength, [5000.0, 6000.0])
    assert sky_blocks([1.0] * u.hourangle, [0.0] * u.rad).tolist() == sky_blocks([15.0], [0.0]).tolist()
    np.testing.assert_allclose(vacuum_to_air(656.461 * u.nm), vacuum_to_air(6564.61))
    np.testing.assert_allclose(doppler_shift(5000.0, 30_000 * u.m / u.s), doppler_shift(5000.0, 30.0))
    np.testing.assert_allclose(values("the grid", [1, 2] * u.nm, "Angstrom"), [10, 20])


def test_flux_brings_its_unit_along_or_is_converted():
    density = u.Unit("1e-17 erg / (s cm2 AA)")
    one = spectra(Masked(np.array([[2.0, 3.0]]), mask=HIDDEN) * density, ONES / density**2)
    assert u.Unit(one.flux_unit) == density
    assert one.flux[0, 0] == 2
    assert one.ivar.tolist() == [[1.0, 0.0]]
    stated = spectra(ONES * u.mJy, ONES / u.mJy**2, flux_unit="Jy")
    np.testing.assert_allclose(stated.flux, 1e-3)
    np.testing.assert_allclose(stated.ivar, 1e6)
    errors = Spectra.from_error(ONES * u.mJy, 0.1 * ONES * u.Jy, WAVE, "vacuum", ["a"])
    np.testing.assert_allclose(errors.error, 100)
    assert spectra(100 * ONES * u.percent).flux.tolist() == [[1.0, 1.0]]


@pytest.mark.parametrize(
    "build",
    [
        lambda: spectra(wavelength=np.array(WAVE) * u.Hz),
        lambda: spectra(wavelength=np.array(WAVE) * u.one),
        lambda: spectra(ONES * u.mJy, flux_unit="counts"),
        lambda: spectra(ONES, ONES / u.Jy**2),
        lambda: LabelTable([[5.0]] * u.m, 1.0, ("teff",), ["a"], units={"teff": "K"}),
        lambda: rmse([1.0] * u.K, [1.0] * u.K),
    ],
)
def test_units_that_do_not_fit_are_refused(build):
    with pytest.raises(InputError, match="cannot be converted"):
        build()


def test_labels_in_units():
    kilo = LabelTable([[5.0], [6.0]] * u.kK, 50 * u.K, ("teff",), ["a", "b"], units={"teff": "K"})
    assert kilo.value.ravel().tolist() == [5000.0, 6000.0]
    assert kilo.error.ravel().tolist() == [50.0, 50.0]
    bare = LabelTable([[5.0]] * u.kK, 50 * u.K, ("teff",), ["a"])
    assert bare.units == {"teff": "kK"}
    np.testing.assert_allclose(bare.error, 0.05)


@pytest.mark.parametrize("kind", [Table, QTable])
def test_tables_with_units_and_masks(kind):
    teff = Masked([5.0, 6.0], mask=[False, True]) * u.kK
    teff = teff if kind is QTable else MaskedColumn([5.0, 6.0], mask=[False, True], unit="kK")
    table = kind({"id": ["a", "b"], "teff": teff, "e": Column([60.0, 60.0], unit="K")})
    made = LabelTable.from_frame(
        table, id_column="id", labels=["teff"], errors={"teff": "e"}, units={"teff": "K"}
    )
    np.testing.assert_allclose(made.value, [[5000.0], [np.nan]])
    np.testing.assert_allclose(made.error, [[60.0], [np.nan]])


@pytest.mark.parametrize("order", ["<", ">"])
def test_byte_order(order):
    flux, ivar = np.ones((1, 2), f"{order}f4"), np.ones((1, 2), f"{order}f8")
    one = Spectra(flux, ivar, np.array(WAVE, f"{order}f8"), "vacuum", np.array([5], f"{order}i8"))
    assert all(native(a).dtype.isnative and a.dtype.isnative for a in (one.flux, one.ivar, one.wavelength))
    assert (one.ids.tolist(), one.flux.dtype) == (["5"], np.float32)


@pytest.mark.parametrize(
    "flux", [[["1", "5,000"]], ONES * 1j, np.array([["2020-01-01"] * 2], "M8[D]"), np.zeros((1, 2), "i4,f4")]
)
def test_what_is_no_number_is_refused(flux):
    with pytest.raises(InputError, match="must be"):
        spectra(flux)
