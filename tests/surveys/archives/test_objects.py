"""Objects to files, end to end against a server on the loopback interface."""

import io
import tarfile

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table

from luxjax.core import InputError
from luxjax.surveys import download_objects
from luxjax.surveys.archives._objects import extract_spectra

from ..archive_server import Plan, running_archive

STARS = pd.DataFrame(
    {
        "APOGEE_ID": ["2M01+01", "2M01+01", "2M02+02", "2M03+03"],
        "TELESCOPE": ["apo25m", "lco25m", "apo25m", "apo25m"],
        "FIELD": ["M67", "N188", "M67", "N188"],
    }
)
ASPCAP = "/sas/dr17/apogee/spectro/aspcap/dr17/synspec_rev1"
QUIET = {"progress": False, "backoff": 0.0, "retries": 1}


@pytest.fixture
def archive(monkeypatch):
    with running_archive() as archive:
        for survey in ("APOGEE", "GALAH", "LAMOST"):
            monkeypatch.setenv(f"LUXJAX_{survey}_ROOT", archive.url)
        yield archive


def night(*names: str) -> bytes:
    """A tar file with one small file per name, its own name inside."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(name)
            tar.addfile(info, io.BytesIO(name.encode()))
    return buffer.getvalue()


@pytest.mark.parametrize("kind", [pd.DataFrame, Table.from_pandas, "record"])
def test_apogee_star_in_two_fields(archive, tmp_path, kind):
    for path in ("apo25m/M67", "lco25m/N188"):
        archive.serve(f"{ASPCAP}/{path}/aspcapStar-dr17-2M01+01.fits", Plan(path.encode()))
    if kind == "record":
        catalog = np.rec.fromarrays([STARS[c].to_numpy().astype("S12") for c in STARS], names=list(STARS))
    else:
        catalog = kind(STARS)
    result = download_objects("apogee", "dr17", ["2M01+01"], tmp_path, catalog=catalog, **QUIET)
    assert result.ok, str(result)
    assert [p.read_text() for p in result.paths] == ["apo25m/M67", "lco25m/N188"]


def test_apogee_field(archive, tmp_path):
    archive.serve(f"{ASPCAP}/apo25m/M67/aspcapStar-dr17-2M01+01.fits", Plan(b"1"))
    result = download_objects("apogee", "dr17", None, tmp_path, catalog=STARS, field="M67", **QUIET)
    assert [(f.path.name, f.status) for f in result.files] == [
        ("aspcapStar-dr17-2M01+01.fits", "downloaded"),
        ("aspcapStar-dr17-2M02+02.fits", "missing"),
    ]


def test_galah_spectra_are_taken_out_of_their_night(archive, tmp_path):
    wanted, other = "170418003701205", "170418003701206"
    names = [f"170418/com/{wanted}{k}.fits" for k in (1, 2, 3)] + [
        f"170418/com/{other}1.fits",
        "../../escape.fits",
    ]
    tar_files = "/teamdata/GALAH/public/GALAH_DR3/spectra/tar_files"
    archive.serve(f"{tar_files}/170418_com.tar.gz", Plan(night(*names)))
    result = download_objects("galah", "dr3", [int(wanted), 170418003701299], tmp_path, **QUIET)
    assert [p.name for p in result.paths] == [f"{wanted}{k}.fits" for k in (1, 2, 3)]
    assert [p.read_text() for p in result.paths] == names[:3]
    assert {p.name for p in tmp_path.iterdir()} == {"170418_com.tar.gz", *(p.name for p in result.paths)}
    assert [(f.path.name, f.status) for f in result.problems] == [("170418003701299", "missing")]


def test_galah_night_that_fails_is_listed(archive, tmp_path):
    (tmp_path / "170418_com.tar.gz").write_bytes(b"no archive")
    result = download_objects("galah", "dr3", [170418003701205, 170419003701205], tmp_path, **QUIET)
    assert [f.status for f in result.files] == ["failed", "missing"]
    assert "is no whole tar file" in result.files[0].message
    assert result.paths == []


def test_extract_refuses_a_cut_archive(tmp_path):
    whole = night("a/1704180037012051.fits")
    (tmp_path / "n.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="is no whole tar file"):
        extract_spectra(tmp_path / "n.tar.gz", [170418003701205], tmp_path)


def test_lamost(archive, tmp_path):
    archive.serve("/dr10/v2.0/spectrum/fits/437513049?token=t", Plan(b"spectrum"))
    result = download_objects("lamost", "dr10", [437513049], tmp_path, token="t", **QUIET)
    assert result.paths == [tmp_path / "lamost-dr10-437513049.fits"]
    rows = pd.DataFrame(
        {
            "obsid": [7, 8],
            "obsdate": "2013-11-11",
            "planid": "P",
            "lmjd": 56608,
            "spid": [1, 2],
            "fiberid": [3, 4],
        }
    )
    archive.serve("/v3/sas/fits/20131111/P/spec-56608-P_sp02-004.fits.gz", Plan(b"spectrum"))
    assert download_objects("lamost", "dr5", [8], tmp_path, catalog=rows, **QUIET).ok


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("desi", "dr1", [1]), "no survey with known addresses 'desi'"),
        (("galah", "dr4", [1]), "no release of galah with known addresses 'dr4'"),
        (("apogee", "dr17", []), "no objects were asked for"),
        (("galah", "dr3", None), "galah needs the objects themselves"),
        (("apogee", "dr17", None), "give APOGEE_IDs, or a field"),
        (("apogee", "dr17", ["2M01+01"]), "looked up by APOGEE_ID; give the survey's catalogue"),
    ],
)
def test_bad_input(tmp_path, arguments, message):
    with pytest.raises(InputError, match=message):
        download_objects(*arguments, tmp_path)


def test_bad_catalogue(tmp_path):
    with pytest.raises(InputError, match="does not have APOGEE_ID 2M09"):
        download_objects("apogee", "dr17", ["2M09", "2M01+01"], tmp_path, catalog=STARS)
    with pytest.raises(InputError, match="no catalogue column 'TELESCOPE'"):
        download_objects("apogee", "dr17", ["2M01+01"], tmp_path, catalog=STARS.drop(columns="TELESCOPE"))
    with pytest.raises(InputError, match="none of these stars in field 'M68'"):
        download_objects("apogee", "dr17", ["2M01+01"], tmp_path, catalog=STARS, field="M68")
