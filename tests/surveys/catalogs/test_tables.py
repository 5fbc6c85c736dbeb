"""Tables of any kind: separated text in all its forms, VOTable, ECSV, parquet; identifiers stay as they are written."""

import gzip

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, Table

from luxjax.core import InputError
from luxjax.surveys import read_catalog
from luxjax.surveys.catalogs import _text
from luxjax.surveys.catalogs._catalogs import catalog_columns

GAIA = 2584290038276303745
SIMBAD = """C.D.S.  -  SIMBAD4 rel 1.8  -  2026.11.30CET12:00:00

Query : list of objects, 2
-----------------------------------------

Number of objects : 2

#|typed ident|      identifier     |typ|  coord1 (ICRS,J2000/2000)  |Mag V|spec. type
-|-----------|---------------------|---|----------------------------|-----|----------
1|HD 1       |HD   1               |*  |00 05 08.83 +67 50 24.0     | 7.42|K0
2|HD 2       |HD   2               |PM*|00 05 03.82 -00 30 10.9     | ~   |F5
================================================================================

"""
TEXTS = {
    SIMBAD: {"typed ident": ["HD 1", "HD 2"], "Mag V": [7.42, np.nan], "spec. type": ["K0", "F5"]},
    "#\n#   VizieR\n#Column\tName\t(A4)\nName\tTeff\te_Teff\n \tK\tK\n----\t----\t---\na\t5777\t50\nb\t4500\t60\n": {
        "Name": ["a", "b"],
        "Teff": [5777, 4500],
    },
    "| id | teff |\n|----+------|\n| 001 | 5000 |\n| 002 | 4000 |\n": {
        "id": ["001", "002"],
        "teff": [5000, 4000],
    },
    "+----+------+\n| id | teff |\n+----+------+\n| x1 | 5000 |\n| x2 | NULL |\n+----+------+\n": {
        "id": ["x1", "x2"],
        "teff": [5000, np.nan],
    },
    'id;teff\n"a;1";5000\nb;4000\n': {"id": ["a;1", "b"], "teff": [5000, 4000]},
    "# id teff\nx 5000\ny 4000.5\n": {"id": ["x", "y"], "teff": [5000, 4000.5]},
    "#obsid|teff\n1|2\n": {"obsid": [1], "teff": [2]},
    "\ufeffid,teff\r\na,1\r\n": {"id": ["a"], "teff": [1]},
    'id,"teff, K",logg\na,5000,4\n': {"id": ["a"], "teff, K": [5000], "logg": [4]},
    'id,"a ""b""",x\ns,5000,4\n': {"id": ["s"], 'a "b"': [5000], "x": [4]},
    "id,teff,\na,5,\nb,6,\n": {"id": ["a", "b"], "teff": [5, 6]},
}


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
@pytest.mark.parametrize("gz", [False, True])
def test_text_in_all_its_forms(tmp_path, text, gz):
    path = tmp_path / "t.txt"
    path.write_bytes(gzip.compress(text.encode()) if gz else text.encode())
    frame = read_catalog(path)
    assert catalog_columns(path) == list(frame)
    for name, values in TEXTS[text].items():
        got = [np.nan if v is pd.NA else v for v in frame[name].tolist()]
        assert all(a == b or (a != a and b != b) for a, b in zip(got, values, strict=True)), (name, got)
    np.testing.assert_array_equal(read_catalog(path, [list(frame)[-1]]).iloc[:, 0], frame.iloc[:, -1])


@pytest.mark.parametrize("repeated", ["id,teff,teff\na,5000,4\n", "id|teff|teff\na|1|2\n"])
def test_a_name_that_two_columns_have(tmp_path, repeated):
    path = tmp_path / "t.csv"
    path.write_text(repeated)
    with pytest.raises(InputError, match="2 columns called 'teff'; rename"):
        read_catalog(path)
    assert read_catalog(path, ["id"])["id"].tolist() == ["a"]


def test_fits_columns_of_one_name(tmp_path):
    columns = [
        fits.Column("id", "K", array=[1]),
        fits.Column("x", "E", array=[2.0]),
        fits.Column("y", "E", array=[3.0]),
    ]
    path = tmp_path / "t.fits"
    fits.BinTableHDU.from_columns(columns).writeto(path)
    path.write_bytes(path.read_bytes().replace(b"TTYPE3  = 'y ", b"TTYPE3  = 'x "))
    assert read_catalog(tmp_path / "t.fits", ["id"])["id"].tolist() == [1]
    with pytest.raises(InputError, match="2 columns called 'x'"):
        read_catalog(tmp_path / "t.fits", ["x"])


@pytest.mark.parametrize("rows", [1, 3, 20_000])
def test_identifiers_stay_as_they_are_written(tmp_path, monkeypatch, rows):
    """Zeros, exponents and a star called NA, wherever the blocks of rows end."""
    monkeypatch.setattr(_text, "ROWS", rows)
    path = tmp_path / "t.csv"
    names = ["7", "8", "00123", "1E5", "NA", "12", "None"]
    path.write_text("obsid,id,teff\n" + "".join(f"{n},{n},{k}\n" for k, n in enumerate(names)))
    frame = read_catalog(path)
    assert frame["id"].tolist() == frame["obsid"].tolist() == names
    assert frame["teff"].tolist() == list(range(7))
    path.write_text("plate,x\n0618,1\n12,2\n")
    assert read_catalog(path)["plate"].tolist() == ["0618", "12"]


def test_whole_numbers_stay_whole(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(f"source_id,GroupID,x\n{GAIA},1.0,1\n,1,2.5\n{GAIA + 1},6,\n")
    frame = read_catalog(path)
    assert frame["source_id"].tolist() == [GAIA, pd.NA, GAIA + 1]
    assert frame["GroupID"].tolist() == [1, 1, 6]
    path.write_text("source_id,x\n2.584290038276304e+18,1\n,2\n")
    with pytest.raises(InputError, match=r"'source_id'.*lost their last digits"):
        read_catalog(path)
    path.write_text(f"source_id,x\n{2**64 + 5},1\n3,2\n")
    assert read_catalog(path)["source_id"].tolist() == [str(2**64 + 5), "3"]


def test_one_odd_value_costs_no_other(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('id,teff,ok,é\na,5000,True,1\nb,~5777,False,2\nc,"5,000",True,3\nd,,True,4\n', "latin-1")
    frame = read_catalog(path)
    assert frame["teff"].tolist() == ["5000", "~5777", "5,000", ""]
    assert frame["ok"].tolist() == [True, False, True, True]


@pytest.mark.parametrize("kind", ["vot", "ecsv", "parquet"])
def test_votable_ecsv_and_parquet(tmp_path, kind):
    path = tmp_path / f"t.{kind}"
    if kind == "parquet":
        pytest.importorskip("pyarrow")
        frame = pd.DataFrame(
            {"source_id": pd.array([GAIA, None], "Int64"), "teff": [np.nan, 3.0], "name": ["007", None]}
        )
        frame.assign(v=[[1, 2], [3, 4]]).to_parquet(path)
    else:
        columns = {
            "source_id": MaskedColumn([GAIA, 5], mask=[0, 1]),
            "teff": MaskedColumn([-9999.0, 3.0]),
            "name": MaskedColumn(["007", "b"], mask=[0, 1]),
            "v": np.ones((2, 3)),
        }
        Table(columns).write(path, format="votable" if kind == "vot" else "ascii.ecsv")
    frame = read_catalog(path)
    assert list(frame) == ["source_id", "teff", "name"]
    assert frame["source_id"].tolist() == [GAIA, pd.NA]
    assert np.isnan(frame["teff"][0])
    assert frame["name"].tolist() == ["007", ""]
    assert read_catalog(path, ["TEFF"])["TEFF"][1] == 3
    with pytest.raises(InputError, match=r"no column 'tef'; near names: teff"):
        read_catalog(path, ["tef"])
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match="cannot be read as"):
        read_catalog(path)
