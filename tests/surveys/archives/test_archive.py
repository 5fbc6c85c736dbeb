"""Addresses as tables: what the archives document, letter by letter."""

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.surveys.archives._archive import (
    apogee_file,
    archive_file,
    archive_files,
    archive_url,
    galah_nights,
    lamost_file,
)

ASPCAP = "https://data.sdss.org/sas/dr17/apogee/spectro/aspcap/dr17/synspec_rev1"
STARS = "https://data.sdss.org/sas/dr17/apogee/spectro/redux/dr17/stars"
GALAH = "https://cloud.datacentral.org.au/teamdata/GALAH/public/GALAH_DR3"
STAR = "2M00005143+5615568"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    for name in ("APOGEE_ROOT", "GALAH_ROOT", "LAMOST_ROOT", "LAMOST_TOKEN"):
        monkeypatch.delenv(f"LUXJAX_{name}", raising=False)


@pytest.mark.parametrize(
    ("release", "file", "url"),
    [
        ("apogee-dr17", "allStar", f"{ASPCAP}/allStar-dr17-synspec_rev1.fits"),
        ("apogee-dr17", "allStarLite", f"{ASPCAP}/allStarLite-dr17-synspec_rev1.fits"),
        ("apogee-dr17", "allVisit", f"{ASPCAP}/allVisit-dr17-synspec_rev1.fits"),
        ("galah-dr3", "allstar", f"{GALAH}/GALAH_DR3_main_allstar_v2.fits"),
        ("galah-dr3", "allspec", f"{GALAH}/GALAH_DR3_main_allspec_v2.fits"),
        ("galah-dr3", "gaia", f"{GALAH}/GALAH_DR3_VAC_GaiaEDR3_v2.fits"),
        ("galah-dr3", "missing-spectra", f"{GALAH}/spectra/GALAH_DR3_list_missing_reduced_spectra_v2.csv"),
        (
            "lamost-dr10",
            "LRS_stellar",
            "https://www.lamost.org/dr10/v2.0/catdl?name=dr10_v2.0_LRS_stellar.fits.gz",
        ),
    ],
)
def test_catalogues(release, file, url):
    assert archive_url(release, file) == url
    assert archive_file(release, file).path == url.replace("=", "/").rsplit("/", 1)[1]


@pytest.mark.parametrize(
    ("kind", "telescope", "field", "url", "path"),
    [
        ("aspcapStar", "apo25m", "M67", f"{ASPCAP}/apo25m/M67/aspcapStar-dr17-{STAR}.fits", "aspcapStar"),
        (
            "aspcapStar",
            "lco25m",
            "120-08-RV",
            f"{ASPCAP}/lco25m/120-08-RV/aspcapStar-dr17-{STAR}.fits",
            "aspcapStar",
        ),
        ("apStar", "apo25m", "000+02", f"{STARS}/apo25m/000+02/apStar-dr17-{STAR}.fits", "apStar"),
        ("apStar", "lco25m", "M_53", f"{STARS}/lco25m/M_53/asStar-dr17-{STAR}.fits", "asStar"),
        ("apStar", "apo1m", "RRLYR", f"{STARS}/apo1m/RRLYR/apStar-dr17-{STAR}.fits", "apStar"),
    ],
)
def test_apogee_spectra(kind, telescope, field, url, path):
    file = apogee_file(kind, telescope, field, STAR)
    assert file.url == url
    assert file.path == f"{telescope}/{field}/{path}-dr17-{STAR}.fits"
    padded = [f"{text}   ".encode() for text in (telescope, field, STAR)]
    assert apogee_file(kind, *padded) == file


def test_galah_nights_are_grouped():
    ids = [170418003701205, "170418003701206", np.int64(170418003702001), 131116000501001]
    nights = galah_nights(ids)
    assert {f.path: ids for f, ids in nights.items()} == {
        "170418_com.tar.gz": [170418003701205, 170418003701206],
        "170418_com2.tar.gz": [170418003702001],
        "131116_com.tar.gz": [131116000501001],
    }
    assert next(iter(nights)).url == f"{GALAH}/spectra/tar_files/170418_com.tar.gz"


def test_lamost_spectra(monkeypatch):
    row = {"obsdate": "2013-11-11", "planid": "GAC116N20B1", "lmjd": 56608, "spid": 15, "fiberid": 92}
    file = lamost_file("lamost-dr5", row)
    assert (
        file.url
        == "http://dr5.lamost.org/v3/sas/fits/20131111/GAC116N20B1/spec-56608-GAC116N20B1_sp15-092.fits.gz"
    )
    assert file.path == "spec-56608-GAC116N20B1_sp15-092.fits.gz"
    url = "https://www.lamost.org/dr10/v2.0/spectrum/fits/437513049"
    assert lamost_file("lamost-dr10", {"obsid": np.int32(437513049)}).url == url
    assert lamost_file("lamost-dr10", {"obsid": "437513049"}, token="a b").url == url + "?token=a+b"
    monkeypatch.setenv("LUXJAX_LAMOST_TOKEN", "mine")
    assert lamost_file("lamost-dr10", {"obsid": 437513049}).url == url + "?token=mine"
    assert archive_url("lamost-dr10", "LRS_stellar").endswith("LRS_stellar.fits.gz&token=mine")
    assert "mine" not in lamost_file("lamost-dr5", row).url
    assert lamost_file("lamost-dr10", {"obsid": 437513049}).path == "lamost-dr10-437513049.fits"


def test_mirror_by_argument_and_by_environment(monkeypatch):
    monkeypatch.setenv("LUXJAX_APOGEE_ROOT", "http://mirror.example/sdss/")
    tail = "/sas/dr17/apogee/spectro/aspcap/dr17/synspec_rev1/allStar-dr17-synspec_rev1.fits"
    assert archive_url("apogee-dr17", "allStar") == "http://mirror.example/sdss" + tail
    assert archive_url("apogee-dr17", "allStar", root="https://here.example") == "https://here.example" + tail
    assert archive_url("galah-dr3", "allstar").startswith("https://cloud.datacentral.org.au/")


def test_files_tell_what_they_need():
    assert archive_files("apogee-dr17")["aspcapStar"] == ("telescope", "field", "apogee_id")
    assert archive_files("apogee-dr17")["allStar"] == ()
    assert archive_files("lamost-dr5")["spectrum"] == ("date", "planid", "lmjd", "spid", "fiberid")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: archive_url("apogee-dr18", "allStar"),
            "no release with known addresses 'apogee-dr18'.*Did you mean",
        ),
        (lambda: archive_url("apogee-dr17", "allstars"), "no file of apogee-dr17 'allstars'"),
        (
            lambda: archive_url("apogee-dr17", "apStar"),
            "is made of telescope, field, apogee_id; given: nothing",
        ),
        (lambda: archive_url("apogee-dr17", "allStar", field="M67"), "is made of nothing else; given: field"),
        (
            lambda: apogee_file("aspcapStar", "apo25m", "../../secret", STAR),
            "cannot be the field in an address",
        ),
        (lambda: apogee_file("aspcapStar", "apo25m", "", STAR), "cannot be the field in an address"),
        (lambda: apogee_file("apVisit", "apo25m", "M67", STAR), "no kind of APOGEE spectrum 'apVisit'"),
        (lambda: apogee_file("apStar", "apo2m", "M67", STAR), "no APOGEE telescope 'apo2m'"),
        (lambda: galah_nights([1.70418003701205e14]), "is no GALAH sobject_id; it has 15 digits"),
        (lambda: galah_nights(["17041800370120"]), "is no GALAH sobject_id"),
        (lambda: lamost_file("lamost-dr10", {"obsid": 4.0}), "obsid must be an integer; '4.0' came as float"),
        (lambda: lamost_file("lamost-dr5", {"obsid": 4}), "missing: obsdate, planid, lmjd, spid, fiberid"),
        (lambda: lamost_file("lamost-dr7", {"obsid": 4}), "no LAMOST release 'lamost-dr7'"),
        (lambda: archive_url("galah-dr3", "allstar", root="mirror"), "is no http address"),
        (lambda: archive_url("galah-dr3", "allstar", root="file:///data"), "is no http address"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()
