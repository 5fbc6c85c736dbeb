"""Spectra from and to specutils: units, every kind of uncertainty, masks; medium and frame, which it does not know, are stated."""

import sys

import astropy.units as u
import numpy as np
import pytest
from astropy.nddata import InverseVariance, StdDevUncertainty, UnknownUncertainty, VarianceUncertainty

from luxjax import Spectra
from luxjax.core import InputError

WAVE = np.array([4000.0, 4001.0, 4002.0, 4003.0])
FLUX = np.array([[1.0, 2.0, 3.0, 4.0], [2.0, 3.0, 4.0, 5.0]])
FLAM = u.Unit("erg / (s cm2 Angstrom)")
KINDS = [(StdDevUncertainty, 0.5, u.mJy, 0.5e-3), (VarianceUncertainty, 0.25, u.mJy**2, 0.5e-3)]
KINDS += [(InverseVariance, 4.0, u.mJy**-2, 0.5e-3), (StdDevUncertainty, 0.5, None, 0.5)]


@pytest.fixture
def specutils():
    return pytest.importorskip("specutils")


@pytest.fixture
def made():
    ivar = np.array([[1.0, 4.0, 0.0, 1.0], [1.0, 1.0, 1.0, 0.25]])
    facts = {"snr": [3.0, 4.0], "z": [1e-3, np.nan]}
    more = {"frame": "barycentric", "survey": "mine", "flux_unit": str(FLAM), "resolution": 2000.0}
    return Spectra(FLUX, ivar, WAVE, "air", ["a", "b"], table=facts, history=("made",), **more)


@pytest.mark.parametrize("row", [0, 1, None, "b"])
def test_there_and_back_is_the_same(specutils, made, row):
    given = made if row is None else made.select([row] if isinstance(row, int) else row)
    spectrum = made.to_specutils(row)
    assert isinstance(spectrum, specutils.Spectrum)
    assert spectrum.flux.unit == FLAM
    assert (spectrum.flux.ndim == 1) == isinstance(row, int)
    np.testing.assert_array_equal(np.atleast_2d(spectrum.mask), ~given.good)
    found = Spectra.from_specutils(spectrum)
    for name in ("flux", "ivar", "wavelength", "ids"):
        np.testing.assert_array_equal(getattr(found, name), getattr(given, name))
    for name in ("medium", "frame", "survey", "normalized", "flux_unit", "resolution"):
        assert getattr(found, name) == getattr(given, name)
    assert found.history == ("made", "from a spectrum of specutils")
    np.testing.assert_array_equal(found.table["z"], given.table["z"])
    assert Spectra.from_specutils(spectrum, "vacuum", frame="observed").medium == "vacuum"


def test_the_redshift_goes_along(specutils, made):
    spectrum = made.to_specutils(0)
    assert float(spectrum.redshift) == pytest.approx(1e-3)
    bare = specutils.Spectrum(
        flux=FLUX[0] * u.Jy, spectral_axis=WAVE * u.AA, uncertainty=InverseVariance(FLUX[0]), redshift=0.1
    )
    assert Spectra.from_specutils(bare, "air", frame="observed").table["z"][0] == pytest.approx(0.1)
    with pytest.raises(InputError, match=r"redshift of 0.1 in specutils, so it is not at rest"):
        Spectra.from_specutils(bare, "air")
    assert float(made.to_specutils(1).redshift) == 0  # not known


@pytest.mark.parametrize(("kind", "value", "unit", "error"), KINDS)
def test_every_kind_of_uncertainty_in_every_unit(specutils, kind, value, unit, error):
    uncertainty = kind(np.full(4, value), unit=unit)
    spectrum = specutils.Spectrum(flux=FLUX[0] * u.Jy, spectral_axis=WAVE * u.AA, uncertainty=uncertainty)
    found = Spectra.from_specutils(spectrum, "vacuum", ["star"])
    np.testing.assert_allclose(found.error, error, rtol=1e-12)
    assert (found.flux_unit, found.ids.tolist(), found.frame) == ("Jy", ["star"], "rest")


def test_errors_of_zero_and_masked_pixels_have_no_weight(specutils):
    error = np.array([0.1, 0.0, -1.0, np.nan])
    for kind in (StdDevUncertainty, VarianceUncertainty):
        spectrum = specutils.Spectrum(
            flux=FLUX[0] * u.one,
            spectral_axis=WAVE * u.AA,
            uncertainty=kind(error),
            mask=np.array([0, 0, 8, 0]),
        )
        assert Spectra.from_specutils(spectrum, "air").good[0].tolist() == [True, False, False, False]
    spectrum = specutils.Spectrum(
        flux=FLUX * u.one,
        spectral_axis=WAVE * u.AA,
        uncertainty=InverseVariance(np.ones_like(FLUX)),
        mask=FLUX > 3.5,
    )
    np.testing.assert_array_equal(Spectra.from_specutils(spectrum, "air").good, FLUX <= 3.5)


@pytest.mark.parametrize(
    ("unit", "axis"),
    [("nm", WAVE / 10), ("1 / cm", 1e8 / WAVE), ("GHz", 2.99792458e9 / WAVE), ("um", WAVE / 1e4)],
)
def test_axes_of_any_unit_become_increasing_angstroms(specutils, unit, axis):
    spectrum = specutils.Spectrum(
        flux=FLUX[0] * u.one, spectral_axis=axis * u.Unit(unit), uncertainty=InverseVariance(FLUX[0])
    )
    found = Spectra.from_specutils(spectrum, "vacuum")
    np.testing.assert_allclose(found.wavelength, WAVE, rtol=1e-8)
    np.testing.assert_array_equal(found.flux[0], FLUX[0])
    np.testing.assert_array_equal(found.ivar[0], FLUX[0])


def test_what_cannot_be_is_one_sentence(specutils, made):
    def spectrum(axis=WAVE * u.AA, uncertainty=InverseVariance(FLUX[0]), flux=FLUX[0]):  # noqa: B008
        return specutils.Spectrum(flux=flux * u.one, spectral_axis=axis, uncertainty=uncertainty)

    for given, said in [
        (spectrum(uncertainty=None), "no uncertainty; give it one of astropy.nddata"),
        (spectrum(uncertainty=UnknownUncertainty(FLUX[0])), "uncertainty of the kind 'unknown'"),
        (spectrum(axis=np.arange(4.0) * u.km / u.s), "is in 'km / s', which is no wavelength"),
        ([spectrum()], "object of type list given; take several one by one"),
        (
            spectrum(flux=np.ones((6, 8, 4)), uncertainty=InverseVariance(np.ones((6, 8, 4)))),
            "has 3 dimensions",
        ),
    ]:
        with pytest.raises(InputError, match=said) as refused:
            Spectra.from_specutils(given, "air")
        assert "\n" not in str(refused.value)
    with pytest.raises(InputError, match=r"air or vacuum; state medium='air'.*never guessed"):
        Spectra.from_specutils(spectrum())
    with pytest.raises(InputError, match="flux unit 'counts per hour' is none that astropy knows"):
        made.replace(flux_unit="counts per hour").to_specutils()
    flam = made.replace(flux_unit="1e-17 erg/s/cm^2/A").to_specutils(0)
    assert flam.flux.unit == 1e-17 * FLAM  # not per ampere


def test_rows_taken_out_since_have_no_names(specutils, made):
    part = made.to_specutils()[0]
    assert Spectra.from_specutils(part).ids.tolist() == ["0"]


def test_without_specutils_it_is_said_what_to_install(made, monkeypatch):
    monkeypatch.setitem(sys.modules, "specutils", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"needs specutils, which is not installed: pip install luxjax\[specutils\]"
    ):
        made.to_specutils(0)


@pytest.mark.filterwarnings("ignore")  # of specutils itself, about units as it writes them
def test_the_reader_of_sdss_agrees_with_that_of_specutils(specutils, real_data):
    from luxjax.surveys import read

    for path in sorted((real_data / "sdss_optical").glob("spec-*"))[:4]:
        theirs = Spectra.from_specutils(
            specutils.Spectrum.read(path, format="SDSS-III/IV spec"), "vacuum", frame="barycentric"
        )
        ours = read(path, bad_pixels=())
        # float32 of log10(wavelength) is what specutils takes
        np.testing.assert_allclose(ours.wavelength, theirs.wavelength, rtol=1e-6)
        np.testing.assert_array_equal(ours.flux, theirs.flux)
        unmasked = ours.mask == 0  # specutils masks every bit
        np.testing.assert_array_equal(np.where(unmasked, ours.ivar, 0), theirs.ivar)
        strict = read(path, bad_pixels=[name for name, n in ours.mask_counts().items() if n])
        np.testing.assert_array_equal(strict.ivar, theirs.ivar)
