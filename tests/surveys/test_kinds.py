"""What does not belong together is told apart: classes, resolutions, surveys; and reasons are true and grouped."""

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.surveys import IngestOptions, ingest, read_arrays
from luxjax.surveys._ingested import by_reason
from luxjax.surveys.formats._read import _without_path

from . import fixtures
from .test_velocities import _simulated

WAVE = 10.0 ** (3.5682 + 1e-4 * np.arange(3909))


def lamost(path, z=1e-4, **header):
    template = _simulated("lamost").select([4])
    flux = 50 * np.interp(WAVE / (1 + z), template.wavelength, template.flux[0])
    return fixtures.write_lamost(path, flux, np.ones(3909), Z=z, SN_G=50.0, **header)


@pytest.fixture
def folder(tmp_path):
    for k in range(3):
        lamost(tmp_path / f"spec-{k}.fits", DESIG=f"LAMOST J{k}", CLASS="STAR")
    for k, kind in enumerate(("GALAXY", "QSO", "Unknown")):
        lamost(tmp_path / f"spec-{5 + k}.fits", DESIG=f"LAMOST J{5 + k}", CLASS=kind)
    return tmp_path


def test_what_is_no_star_does_not_enter_unless_asked(folder):
    result = ingest(folder, progress=False)
    assert sorted(result.unlabelled.ids) == ["J0", "J1", "J2"]
    assert sorted(result.failures["reason"]) == [
        f"its class is {c}, not STAR" for c in ("GALAXY", "QSO", "Unknown")
    ]
    assert len(ingest(folder, progress=False, classes=("STAR", "qso")).unlabelled) == 4
    assert len(ingest(folder, progress=False, classes=()).unlabelled) == 6
    assert IngestOptions(classes="STAR").classes == ("STAR",)


def test_a_wrong_redshift_is_found_by_the_lines(folder):
    lamost(folder / "spec-9.fits", z=3e-4, DESIG="LAMOST J9", CLASS="STAR")
    from astropy.io import fits

    fits.setval(folder / "spec-9.fits", "Z", value=0.003)
    spectra = ingest(folder, progress=False).unlabelled.spectra("spectra")
    row = spectra.ids.tolist().index("J9")
    assert abs(spectra.table["z"][row] - 3e-4) < 5e-5


@pytest.mark.parametrize("bad", [{"Z": -9999.0}, {"Z": 0.1}, {"Z_ERR": 1.0}])
def test_doubtful_redshifts_are_measured(folder, bad):
    lamost(folder / "spec-9.fits", z=3e-4, DESIG="LAMOST J9", CLASS="STAR")
    from astropy.io import fits

    for key, value in bad.items():
        fits.setval(folder / "spec-9.fits", key, value=value)
    spectra = ingest(folder, progress=False).unlabelled.spectra("spectra")
    assert abs(spectra.table["z"][spectra.ids.tolist().index("J9")] - 3e-4) < 5e-5


def test_paths_are_no_part_of_reasons(tmp_path):
    for name in ("a.fits", "b.fits"):
        (tmp_path / name).write_text("x")
    lamost(tmp_path / "spec.fits", CLASS="STAR")
    result = ingest(tmp_path, progress=False)
    assert "2 x the file is not a FITS file" in result.summary
    assert "[a.fits, b.fits]" in result.summary
    error = InputError(f"'{tmp_path / 'a.fits'}' has 3 bytes")
    assert _without_path(error, tmp_path / "a.fits") == "the file has 3 bytes"
    import pandas as pd

    table = pd.DataFrame({"reason": ["it has 3 bytes", "it has 5,000 bytes", "else"]})
    assert [(said, len(part)) for said, part in by_reason(table)] == [("it has 3 bytes", 2), ("else", 1)]


def test_arrays_in_another_frame(tmp_path):
    template = _simulated("apogee").select([3])
    moved = np.interp(template.wavelength / 1.0002, template.wavelength, template.flux[0])
    arrays = {
        "flux": np.array([moved] * 2),
        "ivar": np.ones((2, 8575)),
        "wavelength": template.wavelength,
        "ids": ["a", "b"],
    }
    np.savez(tmp_path / "x.npz", **arrays, z=[0.0002, 0.0002], ra=[1.0, 2.0], dec=[1.0, 2.0])
    spectra, _ = read_arrays(tmp_path / "x.npz", medium="vacuum", frame="barycentric")
    assert spectra.table[["z", "ra"]].to_numpy().tolist() == [[0.0002, 1.0], [0.0002, 2.0]]
    rest = ingest(spectra).unlabelled.spectra("spectra")
    assert rest.frame == "rest"
    inside = rest.good[0] & (template.flux[0] < 0.9)
    assert np.abs(rest.flux[0] - template.flux[0])[inside].max() < 0.05


@pytest.mark.filterwarnings("ignore::luxjax.core.LuxWarning")  # which tells of the odd value
@pytest.mark.parametrize(
    "odd", [{"SN_G": "bright"}, {"RA": "12:00:00"}, {"DEC": "None"}, {"FIBERMAS": True}, {"SN_U": ""}]
)
def test_one_odd_header_costs_no_other(tmp_path, odd):
    from astropy.io import fits

    for k in range(3):
        lamost(tmp_path / f"spec-{k}.fits", DESIG=f"LAMOST J{k}", CLASS="STAR")
    for key, value in odd.items():
        fits.setval(tmp_path / "spec-1.fits", key, value=value)
    result = ingest(tmp_path, progress=False)
    assert len(result.unlabelled) == 3
    result.save(tmp_path / "out")
    for column in result.unlabelled.table:
        kinds = {type(v) for v in result.unlabelled.table[column].dropna()}
        assert len(kinds) <= 1, (column, kinds)


def test_kinds_of_files_with_other_facts_go_together(tmp_path, real_data):
    files = [
        *sorted(real_data.glob("apogee/apVisit_dr13/*2M03122509*")),
        *sorted(real_data.glob("apogee/apStar_dr13/*.fits")),
    ]
    result = ingest(files, progress=False)
    assert len(result.unlabelled) >= 8
    result.save(tmp_path / "out")


def test_arrays_called_at_rest_that_are_not(tmp_path):
    template = _simulated("apogee")
    at_rest = template.replace(survey="apogee", normalized=True).select([3, 4, 5, 6])
    assert "from rest" not in ingest(at_rest).summary
    moved = at_rest.replace(wavelength=at_rest.wavelength * 1.0003)
    assert (
        "the lines of 4 of 4 spectra looked at stand more than 10 km/s from rest (median 90 km/s)"
        in ingest(moved).summary
    )


def test_another_kind_is_told_in_words(tmp_path, real_data):
    import shutil

    for file in sorted((real_data / "apogee/apStar_dr13").glob("*.fits"))[:3]:
        shutil.copy(file, tmp_path)
    shutil.copy(next((real_data / "apogee/aspcapStar_dr13").glob("*.fits")), tmp_path / "z.fits")
    result = ingest(tmp_path, progress=False)
    assert result.failures["reason"].tolist() == [
        "it is normalised, and most of the first files are not normalised; ingest them separately"
    ]


def test_why_no_file_could_be_used_is_told_by_the_most_frequent_reason(tmp_path):
    (tmp_path / "a.fits").write_bytes(b"")
    for k in range(3):
        lamost(tmp_path / f"spec-{k}.fits", DESIG=f"LAMOST J{k}", CLASS="GALAXY")
    with pytest.raises(
        InputError, match="none of the 4 files could be used: 3 x its class is GALAXY, not STAR; 1 x "
    ):
        ingest(tmp_path, progress=False)


def test_that_no_id_is_shared_is_told_with_ids(tmp_path):
    lamost(tmp_path / "spec-1.fits", DESIG="LAMOST J1", CLASS="STAR", RA=10.0, DEC=20.0)
    (tmp_path / "labels.csv").write_text("id,teff,teff_err,ra,dec\nsomething,5000,50,100.0,-20.0\n")
    with pytest.raises(
        InputError,
        match="shares its id with a label .the spectra have J1, the labels something.*arcsec apart",
    ):
        ingest(tmp_path, label_catalog=tmp_path / "labels.csv", labels=("teff",), progress=False)


@pytest.mark.parametrize(
    "asked", [{"labels": ("teff",)}, {"cuts": "galah-dr3"}, {"label_errors": {"teff": 50.0}}]
)
def test_labels_asked_for_need_a_catalogue(folder, asked):
    """They were left out without a word."""
    with pytest.raises(
        InputError, match=f"{next(iter(asked))} given without a catalogue .* give it as label_catalog="
    ):
        ingest(folder, progress=False, **asked)
