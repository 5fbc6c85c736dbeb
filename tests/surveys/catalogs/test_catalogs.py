import gzip
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import Table

from luxjax.core import InputError
from luxjax.surveys import read_catalog
from luxjax.surveys.catalogs import _columns
from luxjax.surveys.catalogs._catalogs import catalog_columns

from ..fixtures import write_allstar, write_galah_dr3, write_table

BIG = 3335074476514836609  # not representable in 64-bit floating point


@pytest.fixture
def allstar(tmp_path):
    ids = ["2M00000000+0000000", "2M00000001+0000000"]
    more = {
        "J": ("E", [99.99, 8.25]),
        "VISIT_PK": ("3J", [[1, 2, 3], [4, 5, 6]]),
        "COMMENT": ("PE()", [[1.0], [2.0]]),
    }
    return write_allstar(tmp_path / "all.fits", ids, [4500.0, np.nan], [2.5, -9999.0], [0.1, -0.2], **more)


def test_columns_in_any_case_under_the_asked_names(allstar):
    frame = read_catalog(allstar, ["apogee_id", "teff", "LOGG", "GAIAEDR3_SOURCE_ID"])
    assert list(frame.columns) == ["apogee_id", "teff", "LOGG", "GAIAEDR3_SOURCE_ID"]
    assert list(frame.apogee_id) == ["2M00000000+0000000", "2M00000001+0000000"]
    assert frame.teff[0] == 4500
    assert np.isnan(frame.teff[1])
    assert np.isnan(frame.LOGG[1])  # -9999
    assert list(frame.GAIAEDR3_SOURCE_ID) == [2**53 + 1, 2**53 + 2]
    assert frame.attrs == {"survey": "apogee", "release": "dr17"}
    assert all(t.isnative for t in frame.dtypes if isinstance(t, np.dtype))


def test_masks_stay_64_bit_integers(allstar):
    frame = read_catalog(allstar, ["ASPCAPFLAG"])
    assert frame.ASPCAPFLAG.dtype == np.int64
    assert frame.ASPCAPFLAG[0] == 1 << 40


def test_99_is_missing_in_magnitudes_only(allstar):
    frame = read_catalog(allstar, ["J", "SNR", "K"])
    assert np.isnan(frame.J[0])
    assert frame.J[1] == 8.25
    assert list(frame.SNR) == [99.0, 99.0]
    assert list(frame.K) == [9.5, 9.5]


def test_vectors_expand_by_entry(allstar):
    frame = read_catalog(allstar, ["FPARAM[4]", "VISIT_PK"])
    assert list(frame.columns) == ["FPARAM[4]", "VISIT_PK[0]", "VISIT_PK[1]", "VISIT_PK[2]"]
    assert list(frame["FPARAM[4]"]) == [4, 13]
    assert list(frame["VISIT_PK[2]"]) == [3, 6]
    every = read_catalog(allstar)
    assert "TEFF" in every
    assert not any(c.startswith(("FPARAM", "COMMENT")) for c in every)
    with pytest.raises(InputError, match=r"9 entries per row; 'FPARAM\[9\]'"):
        read_catalog(allstar, ["FPARAM[9]"])
    with pytest.raises(InputError, match="do not fit a table"):
        read_catalog(allstar, ["COMMENT"])


def test_missing_column_names_its_neighbours(allstar):
    with pytest.raises(InputError, match=r"no column 'MG_FEE'; near names: MG_FE"):
        read_catalog(allstar, ["MG_FEE"])
    assert "MG_FE_FLAG" in catalog_columns(allstar)


def test_columns_that_differ_in_case_only(tmp_path):
    path = write_table(tmp_path / "t.fits", {"teff": ("E", [1.0]), "TEFF": ("E", [2.0])})
    frame = read_catalog(path, ["TEFF", "teff"])
    assert (frame.TEFF[0], frame.teff[0]) == (2.0, 1.0)
    with pytest.raises(InputError, match="near names: TEFF"):
        read_catalog(path, ["Teff"])


def test_every_numeric_type_as_astropy_reads_it(tmp_path):
    rng = np.random.default_rng(0)
    table = Table(
        {
            "u2": rng.integers(0, 2**16, 50).astype(np.uint16),
            "i8": rng.integers(-(2**62), 2**62, 50),
            "u8": rng.integers(2**63, 2**64 - 1, 50, dtype=np.uint64),
            "f4": rng.normal(size=50).astype(np.float32),
            "f8": rng.normal(size=50),
            "b": rng.random(50) > 0.5,
            "s": np.array([f" x{k} " for k in range(50)]),
            "v": rng.normal(size=(50, 3)),
        }
    )
    path = tmp_path / "t.fits"
    table.write(path)
    frame = read_catalog(path, list(table.colnames))
    with fits.open(path) as hdus:
        for name in ("u2", "i8", "u8", "f4", "f8", "b"):
            np.testing.assert_array_equal(frame[name].to_numpy(), hdus[1].data[name], err_msg=name)
        np.testing.assert_array_equal(frame["v[1]"], hdus[1].data["v"][:, 1])
    assert list(frame.s[:2]) == ["x0", "x1"]


def test_integer_nulls_and_sentinels_are_missing(tmp_path):
    column = fits.Column("n", "J", array=np.array([1, -7, -9999]), null=-7)
    path = tmp_path / "t.fits"
    fits.BinTableHDU.from_columns([column]).writeto(path)
    frame = read_catalog(path)
    assert frame.n.dtype == "Int64"
    assert frame.n.isna().tolist() == [False, True, True]


def test_the_table_with_rows_is_chosen(tmp_path):
    path = write_table(
        tmp_path / "t.fits",
        {"sdss_id": ("K", [5]), "result_flags": ("K", [0])},
        extname="APOGEE",
        after_empty=True,
    )
    frame = read_catalog(path)
    assert list(frame.sdss_id) == [5]
    assert frame.attrs["release"] == "sdss5"
    assert len(read_catalog(path, table="EMPTY")) == 0
    with pytest.raises(InputError, match=r"no table 'BOSS'.*APOGEE"):
        read_catalog(path, table="BOSS")


def test_rows_beyond_one_block(tmp_path, monkeypatch):
    path = write_table(
        tmp_path / "t.fits", {"a": ("J", np.arange(1000)), "s": ("4A", [str(k) for k in range(1000)])}
    )
    monkeypatch.setattr(_columns, "BLOCK_BYTES", 100)
    frame = read_catalog(path)
    np.testing.assert_array_equal(frame.a, np.arange(1000))
    assert list(frame.s) == [str(k) for k in range(1000)]
    path.write_bytes(path.read_bytes()[:-4000])
    with pytest.raises(InputError, match=r"truncated: its table has 1000 rows"):
        read_catalog(path, ["a"])


@pytest.mark.slow
@pytest.mark.parametrize("gz", [False, True])
def test_memory_is_that_of_the_asked_columns(tmp_path, gz):
    """60 MB on disk, one 4-byte column asked for: the peak stays near one block of rows."""
    n = 12000
    path = tmp_path / "wide.fits"
    wide = {
        "X_COV": ("1250E", np.zeros((n, 1250), np.float32)),
        "TEFF": ("E", np.arange(n, dtype=np.float32)),
    }
    path = write_table(path, wide, gz=gz)
    tracemalloc.start()
    frame = read_catalog(path, ["TEFF"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(frame.TEFF, np.arange(n))
    assert peak < 25e6


def test_galah_fits_and_comma_text(tmp_path):
    path = write_galah_dr3(
        tmp_path / "g.fits", [131217003901063], [5991.9], [3.98], [-0.07], [0.02], {"Eu": [np.nan]}
    )
    frame = read_catalog(path)
    assert frame.attrs == {"survey": "galah", "release": "dr3"}
    assert frame.sobject_id[0] == 131217003901063
    text = f"tmass_id,sobject_id,gaiadr3_source_id,flag_sp,teff\n08513012+1143498,131217003901063,{BIG},1,5991.92\n,131217003901064,,0,\n"
    (tmp_path / "g.csv").write_text(text)
    frame = read_catalog(tmp_path / "g.csv")
    assert frame.attrs == {"survey": "galah", "release": "dr4"}
    assert frame.gaiadr3_source_id[0] == BIG  # a blank below it must not turn the column into floating point
    assert frame.gaiadr3_source_id.isna().tolist() == [False, True]
    assert np.isnan(frame.teff[1])
    assert frame.tmass_id[1] == ""


@pytest.mark.parametrize("gz", [False, True])
def test_lamost_bar_separated_text(tmp_path, gz):
    text = "obsid|planid|designation|gaia_source_id|snrg|mag1|teff\n101001|F5902|J22|3335074476514836609|99.0|99.0|-9999\n"
    path = tmp_path / "dr8.csv"
    path.write_bytes(gzip.compress(text.encode()) if gz else text.encode())
    frame = read_catalog(path, ["obsid", "gaia_source_id", "snrg", "mag1", "teff"])
    assert frame.attrs["survey"] == "lamost"
    assert (frame.obsid[0], frame.gaia_source_id[0], frame.snrg[0]) == (101001, BIG, 99.0)
    assert np.isnan(frame.mag1[0])
    assert pd.isna(frame.teff[0])


def test_identifiers_that_lost_digits_are_refused(tmp_path):
    path = write_table(
        tmp_path / "t.fits", {"source_id": ("D", [3.3e18]), "sobject_id": ("D", [131217003901063.0])}
    )
    assert read_catalog(path, ["sobject_id"]).sobject_id[0] == 131217003901063
    with pytest.raises(InputError, match=r"'source_id'.*lost their last digits"):
        read_catalog(path)


def test_broken_files(tmp_path, allstar):
    whole = allstar.read_bytes()
    path = tmp_path / "x"
    path.write_bytes(whole[:-3000])
    with pytest.raises(InputError, match=r"truncated|damaged"):
        read_catalog(path, ["TEFF"])
    noise = np.random.default_rng(0).normal(size=2000)
    zipped = write_table(tmp_path / "noise.fits", {"TEFF": ("D", noise)}, gz=True)
    zipped.write_bytes(zipped.read_bytes()[:8000])
    with pytest.raises(InputError, match=r"truncated or damaged gzip"):
        read_catalog(zipped, ["TEFF"])
    path.write_bytes(b"")
    with pytest.raises(InputError, match="empty"):
        read_catalog(path)
    path.write_bytes(b"PK\x03\x04\0\0")
    with pytest.raises(InputError, match="neither FITS nor text"):
        read_catalog(path)
    path.write_text("just a line\n")
    with pytest.raises(InputError, match="column names separated"):
        read_catalog(path)
    for rows in ("1,2\n1,2,3", "1,2,3\n1,2,3"):
        path.write_text(f"a,b\n{rows}\n")
        with pytest.raises(InputError, match="not a clean table"):
            read_catalog(path, ["a"])
    path.write_text("a,b\n")
    assert len(read_catalog(path)) == 0
    fits.PrimaryHDU(np.ones(3)).writeto(tmp_path / "i.fits")
    with pytest.raises(InputError, match="holds no FITS table"):
        read_catalog(tmp_path / "i.fits")
    with pytest.raises(InputError, match="is a directory"):
        read_catalog(tmp_path)


def test_every_real_catalogue(real_data):
    frame = read_catalog(real_data / "apogee/catalogue/allStar-v603-Hipparcos-subset.fits.gz")
    assert frame.attrs == {"survey": "apogee", "release": "dr12"}
    assert len(frame) == 2597
    assert frame.APOGEE_ID.str.fullmatch(r"2M\d{8}[+-]\d{7}").mean() > 0.95
    assert 0.6 < frame.TEFF.isna().mean() < 0.9
    assert not (frame.select_dtypes("float") == -9999).any().any()
    path = real_data / "galah/catalogue/galah_dr3_4_stars_all_columns.fits"
    flux = read_catalog(path, ["sobject_id", "teff", "TEFF", "flux[7000]"])
    with fits.open(path) as hdus:
        np.testing.assert_array_equal(flux["flux[7000]"], hdus[1].data["flux"][:, 7000])
        np.testing.assert_array_equal(flux["sobject_id"], hdus[1].data["sobject_id"])
    for name, survey in (
        ("galah/catalogue/galah_dr3_allstar_m67_lite.csv", "galah"),
        ("lamost/catalogue/lamost_dr1_catalogue_subset.csv", "lamost"),
        ("galah/com_2021_8hdu/db/210115.fits", "galah"),
    ):
        assert read_catalog(real_data / name).attrs["survey"] == survey
