"""Tables of labels as other programs read them: units, UCDs, descriptions and provenance in every format that can hold them."""

import io

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.io.votable import parse, validate
from astropy.table import Table

from luxjax.files import write_table
from luxjax.files.internal import provenance_of

UNITS = {"teff": "K", "logg": "", "fe_h": "dex", "eu_fe": "dex"}
ABOUT = {"model": "0123456789abcdef", "inputs": "spectra"}


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": ["a", "star b"],
            "ra": [10.5, 359.9],
            "dec": [-1.0, 89.0],
            "gaia_dr3": ["2584290038276303744", ""],
            "teff": [4800.0, np.nan],
            "teff_err": [50.0, np.nan],
            "fe_h": [-0.5, 0.1],
            "fe_h_err": [0.05, 0.06],
            "eu_fe": [0.1, 0.2],
            "eu_fe_verdict": ["measured", "measured"],
            "eu_fe_caveats": ["one_line", "one_line"],
            "flag": np.array([0, 2], dtype=np.uint8),
        }
    )


@pytest.mark.filterwarnings("ignore:'dex' did not parse as fits unit")  # which surveys write all the same
@pytest.mark.parametrize("ending", ["fits", "vot", "ecsv"])
def test_astropy_reads_values_units_and_meanings(frame, tmp_path, ending):
    file = write_table(frame, UNITS, tmp_path / f"labels.{ending}", provenance_of(**ABOUT))
    table = Table.read(file)
    assert table.colnames == list(frame.columns)
    np.testing.assert_allclose(table["ra"], frame["ra"])
    np.testing.assert_allclose(np.ma.filled(table["teff"], np.nan), frame["teff"])
    assert [str(v) for v in table["id"]] == ["a", "star b"]
    assert str(table["gaia_dr3"][0]) == "2584290038276303744"
    assert str(table["teff"].unit) == "K"
    assert str(table["teff_err"].unit) == "K"
    assert str(table["ra"].unit) == "deg"
    assert table["flag"].dtype.kind in "iu"
    assert list(table["flag"]) == [0, 2]
    if ending != "fits":  # which astropy does not read from columns of FITS
        assert table["teff"].description == "Effective temperature"
        assert "[Eu/Fe]" in table["eu_fe"].description
        assert "cannot rule out" in table["eu_fe_caveats"].description


def test_votable_is_valid_and_has_ucds_and_provenance(frame, tmp_path):
    file = write_table(frame, UNITS, tmp_path / "labels.vot", provenance_of(**ABOUT))
    table = parse(file, verify="exception").get_first_table()
    ucds = {f.name: f.ucd for f in table.fields}
    assert ucds["id"] == "meta.id;meta.main"
    assert ucds["teff"] == "phys.temperature.effective"
    assert ucds["teff_err"] == "stat.error;phys.temperature.effective"
    assert ucds["fe_h"] == "phys.abund.Fe"
    assert {i.name: i.value for i in table.infos}["model"] == ABOUT["model"]
    assert validate(str(file), output=io.StringIO())


def test_fits_holds_ucds_descriptions_and_provenance(frame, tmp_path):
    header = fits.getheader(write_table(frame, UNITS, tmp_path / "labels.fits", provenance_of(**ABOUT)), 1)
    k = list(frame.columns).index("fe_h") + 1
    assert header[f"TUCD{k}"] == "phys.abund.Fe"
    assert header[f"TUNIT{k}"] == "dex"
    assert "[Fe/H]" in header[f"TCOMM{k}"]
    assert header["MODEL"] == ABOUT["model"]
    assert header["CREATOR"].startswith("luxjax")
    assert header["DATE"][:2] == "20"
    assert header["COMMAND"]


def test_parquet_holds_them_in_its_metadata(frame, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    schema = parquet.read_schema(
        write_table(frame, UNITS, tmp_path / "labels.parquet", provenance_of(**ABOUT))
    )
    about = schema.field("teff_err").metadata
    assert about[b"unit"] == b"K"
    assert about[b"ucd"] == b"stat.error;phys.temperature.effective"
    assert schema.metadata[b"luxjax.model"] == ABOUT["model"].encode()


def test_csv_is_plain(frame, tmp_path):
    text = write_table(frame, UNITS, tmp_path / "labels.csv", provenance_of(**ABOUT)).read_text()
    assert text.splitlines()[0] == ",".join(frame.columns)


def test_text_that_is_not_ascii_and_long_commands_are_written(frame, tmp_path):
    frame.loc[1, "id"] = "étoile"
    about = {"command": "luxjax transfer " + "é" * 200}
    for ending in ("fits", "vot", "ecsv", "parquet", "csv"):
        if ending == "parquet":
            pytest.importorskip("pyarrow")
        assert write_table(frame, UNITS, tmp_path / f"labels.{ending}", about).stat().st_size > 100
    assert str(Table.read(tmp_path / "labels.vot")["id"][1]) == "étoile"
