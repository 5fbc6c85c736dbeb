"""Optical spectra of SDSS, BOSS and eBOSS: the table COADD by name, wavelengths in steps from COEFF0, redshifts, bits, reasons."""

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.preprocessing import measure_velocity
from luxjax.surveys import detect_format, flag_names, ingest, read, read_many
from luxjax.surveys.formats._bits import SPPIXMASK, ZWARNING

from ..fixtures import SDSS_START, write_sdss
from ..test_velocities import _simulated

N = 3834
WAVE = 10.0 ** (SDSS_START + 1e-4 * (18 + np.arange(N)))


def star(path, z=1e-4, of=4, **more):
    """A file with a simulated star that moves."""
    template = _simulated("lamost").select([of])
    flux = 50 * np.interp(WAVE / (1 + z), template.wavelength, template.flux[0])
    return write_sdss(path, flux, np.ones(N), **{"Z": z} | more)


@pytest.mark.parametrize(
    "how", [{}, {"about": "SPALL", "exposures": 3}, {"gz": True}, {"about": "SPALL", "cut": 0}]
)
def test_wavelengths_are_whole_steps_from_coeff0(tmp_path, how):
    s = read(write_sdss(tmp_path / "spec-0618-52049-0372.fits", np.ones(N), np.ones(N), **how))
    first = SDSS_START + 1e-4 * how.get("cut", 18)
    np.testing.assert_allclose(s.wavelength, 10 ** (first + 1e-4 * np.arange(N)), rtol=1e-13)
    assert (s.medium, s.frame, s.survey, s.resolution) == ("vacuum", "barycentric", "sdss", 2000.0)
    assert s.flux_unit == "1e-17 erg / (s cm2 Angstrom)"


def test_facts_of_the_object(tmp_path):
    s = read(write_sdss(tmp_path / "x.fits", np.ones(9), np.ones(9)))
    facts = s.table.iloc[0]
    assert list(s.ids) == ["0618-52049-0372"]
    assert facts["obsid"] == "695908431386667008"
    assert (facts["ra"], facts["dec"]) == (236.97794, 52.815963)  # the star's, not the plate's
    assert facts["rv_kms"] == pytest.approx(29.979, abs=1e-3)
    assert (facts["class"], facts["subclass"]) == ("STAR", "F3/F5V (30743)")
    assert (facts["snr"], facts["snrg"], facts["pipeline"]) == (50.0, 2.0, "26")
    assert not any("elodie" in name.lower() or "teff" in name.lower() for name in s.table)


def test_bits_by_name_and_pixels_without_weight(tmp_path):
    mask, ivar = np.zeros(9, int), np.ones(9)
    mask[2], mask[3], mask[4] = 1 << 23, 1 << 27, 1 << 2
    ivar[5] = 0
    path = write_sdss(tmp_path / "x.fits", np.ones(9), ivar, mask=mask)
    s = read(path)
    assert s.good[0].tolist() == [True, True, False, True, True, False, True, True, True]
    assert s.mask_counts()["BRIGHTSKY"] == s.mask_counts()["BADSKYCHI"] == 1
    assert flag_names(s.mask[0, 4], SPPIXMASK) == ("BADFLAT",)
    assert read(path, bad_pixels=("BADFLAT",)).good[0, 2:6].tolist() == [True, True, False, False]
    with pytest.raises(InputError, match="no mask bit 'BRIGHTSKI'"):
        read(path, bad_pixels=("BRIGHTSKI",))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"coadd": "B1-1"}, r"no table COADD with flux, loglam, ivar.*HDUs: PRIMARY, B1-1, SPECOBJ"),
        ({"header": {"COEFF0": None}}, "no COEFF0 and COEFF1 in its header"),
        ({"header": {"COEFF1": None}}, "no COEFF0 and COEFF1 in its header"),
        ({"header": {"COEFF0": 3.57945}}, "not on the grid of its header"),
    ],
)
def test_files_that_cannot_be_read_say_why(tmp_path, how, said):
    path = write_sdss(tmp_path / "x.fits", np.ones(N), np.ones(N), **how)
    with pytest.raises(InputError, match=said) as refused:
        read(path)
    assert "\n" not in str(refused.value)
    assert detect_format(path) == "sdss-spec"


def test_stars_come_to_rest_and_the_rest_is_listed(tmp_path):
    star(tmp_path / "spec-a.fits", 3e-4, header={"FIBERID": 1})
    star(tmp_path / "spec-b.fits", -4e-4, header={"FIBERID": 2}, PLUG_RA=10.0, about="SPALL", cut=18)
    star(tmp_path / "spec-c.fits", header={"FIBERID": 3}, CLASS="GALAXY", Z=0.2)
    star(tmp_path / "spec-d.fits", header={"FIBERID": 4}, CLASS="QSO", Z=2.0)
    star(tmp_path / "spec-e.fits", header={"FIBERID": 5}, PLUG_RA=20.0, ZWARNING=1 << ZWARNING["UNPLUGGED"])
    write_sdss(tmp_path / "spec-f.fits", np.ones(N), np.zeros(N), PLUG_RA=30.0, header={"FIBERID": 6})
    made = ingest(tmp_path, progress=False)
    spectra = made.unlabelled.spectra("spectra")
    assert sorted(spectra.ids) == ["0618-52049-0001", "0618-52049-0002"]
    assert spectra.frame == "rest"
    assert "fibre_flags" not in spectra.table
    template = _simulated("lamost").select([4])
    moving = measure_velocity(spectra, template, largest_kms=600)["velocity_kms"]
    assert moving.abs().max() < 5
    reasons = dict(zip((p[-6:-5] for p in made.failures["path"]), made.failures["reason"], strict=True))
    assert reasons == {
        "c": "its class is GALAXY, not STAR",
        "d": "its class is QSO, not STAR",
        "e": "the survey says that this fibre saw no object (ZWARNING UNPLUGGED)",
    }
    assert made.left_out["reason"].tolist() == ["no good pixel"]


@pytest.mark.parametrize(
    "odd", [{"ZWARNING": 4}, {"Z_ERR": -3.0}, {"Z_ERR": 3e-4}, {"Z": np.nan}, {"ZWARNING": 1 << 5}]
)
def test_doubtful_redshifts_are_measured(tmp_path, odd):
    z = 0.004 if "Z_ERR" in odd or "ZWARNING" in odd else np.nan
    star(tmp_path / "spec-a.fits", 3e-4, **{"Z": z} | odd)
    table = ingest(tmp_path, progress=False).unlabelled.table
    assert abs(table["z"][0] - 3e-4) < 5e-5
    assert "measured with a simulated star" in table["rv_source"][0]


def test_a_doubtful_redshift_that_no_lines_confirm_is_a_reason(tmp_path, rng):
    star(tmp_path / "spec-a.fits", header={"FIBERID": 1})
    write_sdss(
        tmp_path / "spec-b.fits",
        rng.normal(size=N),
        np.ones(N),
        ZWARNING=4,
        header={"FIBERID": 2},
        PLUG_RA=9.0,
    )
    made = ingest(tmp_path, progress=False)
    assert made.failures["reason"].tolist() == [
        "its velocity is doubtful (ZWARNING SMALL_DELTA_CHI2), and cross-correlation with simulated stars finds none"
    ]
    star(tmp_path / "spec-b.fits", header={"FIBERID": 2}, PLUG_RA=9.0, ZWARNING=1 << 4)  # MANY_OUTLIERS
    assert len(ingest(tmp_path, progress=False).unlabelled) == 2


@pytest.mark.parametrize(
    "odd",
    [
        {"header": {"FIBERID": "12a"}},
        {"header": {"MJD": None}},
        {"SN_MEDIAN": None, "SN_MEDIAN_ALL": None, "SUBCLASS": None},
        {"PLUG_RA": None, "PLUG_DEC": None, "header": {"PLUG_RA": None}},
        {"about": "ZALL"},
    ],
)
def test_odd_and_missing_facts_cost_no_spectrum(tmp_path, odd):
    s = read(write_sdss(tmp_path / "spec-x.fits", np.ones(N), np.ones(N), **odd))
    assert s.good.all()
    assert s.ids.tolist() == ["spec-x" if "FIBERID" in str(odd) or "MJD" in str(odd) else "0618-52049-0372"]
    assert "PLUG_RA" not in odd or np.isnan(s.table["ra"][0])


@pytest.mark.slow
def test_every_real_file(real_data):
    paths = sorted((real_data / "sdss_optical").glob("spec-*"))
    found = read_many(paths, progress=False, stack=False)
    assert len(found.spectra) == len(paths) == 14
    for s, path in zip(found.spectra, paths, strict=True):
        assert s.ids[0] == "-".join(path.name.split(".")[0].split("-")[1:]).zfill(len(s.ids[0]))
        assert s.good.mean() > 0.9
    made = ingest(paths, progress=False)
    assert sorted(made.unlabelled.table["subclass"].str[:2]) == [
        "A9",
        "F3",
        "F3",
        "F3",
        "F9",
        "G8",
        "M1",
        "M4",
    ]
    assert len(made.failures) == 6
    assert made.failures["reason"].str.contains("its class is|SMALL_DELTA_CHI2").all()
    assert (made.unlabelled.table["rv_source"] == "").all()  # the lines agree with the survey
