"""Readers of light curves: files made here, and real ones of Kepler and TESS."""

import gzip

import numpy as np
import pytest
from astropy.io import fits

from luxjax.core import InputError
from luxjax.lightcurves import read_light_curve


def write(path, *, mission="Kepler", star=12, quarter=3, reference=None, flags=(), drop=(), start=100.0):
    """A small light curve as the mission writes it."""
    quality = "SAP_QUALITY" if mission == "Kepler" else "QUALITY"
    n = 5
    bits = np.zeros(n, np.int32)
    for k, flag in flags:
        bits[k] |= flag
    columns = {
        "TIME": start + 0.02 * np.arange(n),
        "SAP_FLUX": np.arange(n) + 50.0,
        "SAP_FLUX_ERR": np.ones(n),
    }
    columns |= {"PDCSAP_FLUX": np.arange(n) + 100.0, "PDCSAP_FLUX_ERR": np.ones(n), quality: bits}
    columns["PDCSAP_FLUX"][1] = np.nan
    table = fits.BinTableHDU.from_columns([
        fits.Column(k, "J" if k == quality else "D", array=v) for k, v in columns.items() if k not in drop
    ], name="LIGHTCURVE")  # fmt: skip
    zero = {"Kepler": 2454833, "TESS": 2457000}.get(mission, 0)
    table.header.update(
        {"BJDREFI": zero if reference is None else reference, "BJDREFF": 0.0, "TIMEDEL": 0.02}
    )
    head = fits.Header({"TELESCOP": mission, "TEFF": 4800, "LOGG": None})
    head.update(
        {"KEPLERID": star, "QUARTER": quarter} if mission == "Kepler" else {"TICID": star, "SECTOR": quarter}
    )
    head["KEPMAG" if mission == "Kepler" else "TESSMAG"] = 11.5
    fits.HDUList([fits.PrimaryHDU(header=head), table]).writeto(path)
    return path


@pytest.mark.parametrize(
    ("mission", "standard", "name"), [("Kepler", "bkjd", "KIC 12"), ("TESS", "btjd", "TIC 12")]
)
def test_mission_files(tmp_path, mission, standard, name):
    made = read_light_curve(write(tmp_path / "a.fits", mission=mission))
    assert (made.id, made.time_standard, made.cadence_s) == (name, standard, 1728.0)
    assert made.flux.tolist() == [100, 102, 103, 104]
    assert set(made.pieces) == {3}
    assert made.meta == {"teff": 4800.0, "mag": 11.5}
    assert not made.normalized
    sap = read_light_curve(write(tmp_path / "b.fits", mission=mission), flux="sap")
    assert sap.flux.tolist() == [50, 51, 52, 53, 54]


def test_flags_are_dropped_by_name(tmp_path):
    file = write(tmp_path / "a.fits", flags=[(2, 1 << 7), (3, 1 << 8)])
    assert read_light_curve(file).flux.tolist() == [100, 104]
    kept = read_light_curve(file, drop_flags=["manual exclude"])
    assert kept.flux.tolist() == [100, 102, 104]
    assert read_light_curve(file, drop_flags=[]).flux.tolist() == [100, 102, 103, 104]
    with pytest.raises(InputError, match="no quality flag 'manual exclud' .*Did you mean 'manual exclude'"):
        read_light_curve(file, drop_flags=["manual exclud"])


def test_files_of_one_star_are_joined_and_of_two_refused(tmp_path):
    first = write(tmp_path / "a.fits")
    second = write(tmp_path / "b.fits", quarter=4, start=200.0)
    both = read_light_curve([second, first])
    assert both.pieces.tolist() == [3] * 4 + [4] * 4
    other = write(tmp_path / "c.fits", star=13)
    with pytest.raises(InputError, match=r"whose id differs \('KIC 12' and 'KIC 13'\)"):
        read_light_curve([first, other])


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    ("text", "error"),
    [("# t f\n1 2\n2 3\n", None), ("time,flux,err\n1,2,0.1\n2,3,0.1\n", 0.1), ("1\t2\n2\t3\n", None)],
)
def test_text(tmp_path, text, error, zipped):
    file = tmp_path / ("star.7.txt.gz" if zipped else "star.7.txt")
    file.write_bytes(gzip.compress(text.encode()) if zipped else text.encode())
    made = read_light_curve(file, time_standard="btjd")
    assert (made.id, made.time.tolist(), made.flux.tolist()) == ("star", [1, 2], [2, 3])
    assert (made.flux_err is None) if error is None else (made.flux_err.tolist() == [error] * 2)
    assert read_light_curve(file, time_standard="btjd", id="mine").id == "mine"


def said(*args, **options) -> str:
    with pytest.raises(InputError) as error:
        read_light_curve(*args, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_bad_files_are_one_sentence(tmp_path):
    text = tmp_path / "star.txt"
    text.write_text("1 2\n2 3\n")
    assert "state time_standard: 'bkjd'" in said(text)
    assert "'mjd'" in said(text, time_standard="mjd")
    assert "Did you mean 'pdcsap'" in said(text, flux="pdsap", time_standard="bkjd")
    text.write_text("one two\nthree four\n")
    assert "neither FITS nor text in columns of numbers" in said(text, time_standard="bkjd")
    text.write_text("1 2 3 4\n")
    assert "4 columns of numbers" in said(text, time_standard="bkjd")
    text.write_text("")
    assert "it holds no numbers" in said(text, time_standard="bkjd")
    assert "cannot be read (No such file" in said(tmp_path / "none.fits")
    assert "name at least one file" in said([])
    whole = write(tmp_path / "a.fits")
    cut = tmp_path / "cut.fits"
    cut.write_bytes(whole.read_bytes()[:4000])
    assert "cut.fits' is" in said(cut)
    assert "TELESCOP is 'Hubble'" in said(write(tmp_path / "h.fits", mission="Hubble"))
    assert "counts its times from the Julian date 2400000.0" in said(
        write(tmp_path / "r.fits", reference=2400000)
    )
    assert "no column in" in said(write(tmp_path / "d.fits", drop=("PDCSAP_FLUX",)))
    flagged = write(tmp_path / "f.fits", flags=[(k, 1) for k in range(5)])
    assert "are flagged" in said(flagged)


def test_real_kepler_and_tess(real_data):
    kepler = read_light_curve(sorted((real_data / "kepler").glob("kplr005899262*")))
    assert kepler.id == "KIC 5899262"
    assert sorted(set(kepler.pieces)) == [0, 1]
    assert (kepler.meta["teff"], kepler.meta["logg"]) == (4710.0, 2.543)
    assert len(kepler) == 444 + 1409  # finite and without a flag
    assert kepler.cadence_s == pytest.approx(1765.46, abs=0.01)
    tess = read_light_curve(sorted((real_data / "tess").glob("*.fits")))
    assert (tess.id, sorted(set(tess.pieces))) == ("TIC 150065151", [1, 2])
    assert tess.cadence_s == pytest.approx(120.0)
    assert len(tess) == 18102 + 18316
