import json

import numpy as np
import pandas as pd
import pytest

import luxjax
from luxjax.core import InputError
from luxjax.data import Catalog, LabelTable, Spectra, load_catalog, save_catalog
from luxjax.data._store import CATALOG_FOLDER


@pytest.fixture
def catalog(rng) -> Catalog:
    ids = ["2M1", "sobject 2", "ü"]
    table = pd.DataFrame(
        {
            "gaia": np.array([2**60 + 1, 2**60 + 2, 3]),
            "flag": pd.array([None, 2**41 + 1, 0], dtype="Int64"),
            "name": ["", "NaN", 'a "b", c'],
            "object": pd.Series(["x", "y", "z"], dtype=object),
            "good": [True, False, True],
            "snr": np.array([1.1, np.nan, 3.3], np.float32),
            "ra": [0.1 + 0.2, np.pi, -1e-300],
        }
    )
    ivar = rng.uniform(1, 2, (3, 5)).astype(np.float32)
    ivar[1, 2] = 0
    spectra = Spectra(
        rng.normal(size=(3, 5)).astype(np.float32),
        ivar,
        10 ** (4.179 + 6e-6 * np.arange(5)),
        "vacuum",
        ids,
        frame="barycentric",
        survey="apogee",
        normalized=True,
        flux_unit="counts",
        mask=np.array([[1 << 40] * 5, [-1] * 5, [0] * 5]),
        bits={"BADPIX": 0, "HIGH": 40},
        table=table,
        history=("read", "shifted"),
    )
    labels = LabelTable(
        [[5000.1, 0.1], [np.nan, 0.3], [1 / 3, 1e-8]],
        [[50.0, 0.1], [1.0, 0.2], [0.1, 0.3]],
        ("teff", "eu_fe"),
        ids,
        units={"teff": "K"},
        species={"eu_fe": "Eu"},
        survey="galah",
        table=table[["gaia"]],
    )
    bare = Spectra(rng.normal(size=(3, 2)), np.ones((3, 2)), [1.0, 2.0], "air", ids)
    return Catalog({"apogee/H band": spectra, "labels": labels, "second": bare}, table)


def same(a: Catalog, b: Catalog) -> None:
    assert list(a.outputs) == list(b.outputs)
    pd.testing.assert_frame_equal(a.table, b.table)
    for one, two in zip(a.outputs.values(), b.outputs.values(), strict=True):
        assert type(one) is type(two)
        for name, value in vars(one).items():
            other = getattr(two, name)
            if isinstance(value, pd.DataFrame):
                pd.testing.assert_frame_equal(value, other)
            elif isinstance(value, np.ndarray):
                assert value.dtype == other.dtype
                np.testing.assert_array_equal(value, other)
            else:
                assert value == other
                assert type(value) is type(other)


def test_everything_comes_back_exactly(catalog, tmp_path):
    assert save_catalog(catalog, tmp_path / "deep" / "c") == tmp_path / "deep" / "c"
    same(catalog, load_catalog(tmp_path / "deep" / "c"))
    assert [f.name for f in (tmp_path / "deep").iterdir()] == ["c"]  # nothing left beside it
    assert luxjax.load_catalog is load_catalog


def test_large_arrays_are_mapped_and_survive_replacement(catalog, tmp_path):
    save_catalog(catalog, tmp_path / "c")
    first = load_catalog(tmp_path / "c")
    assert isinstance(first.spectra("apogee/H band").flux.base, np.memmap)
    save_catalog(first, tmp_path / "c")  # over the files that it is mapped from
    same(catalog, load_catalog(tmp_path / "c"))


def test_an_ingested_catalogue_is_replaced_with_its_account(catalog, tmp_path):
    save_catalog(catalog, tmp_path / "c")
    for name in ("ingest.txt", "ingest_lost.csv"):
        (tmp_path / "c" / name).write_text("what was lost")
    assert CATALOG_FOLDER.strangers(tmp_path / "c") == []
    save_catalog(catalog, tmp_path / "c")
    assert not (tmp_path / "c" / "ingest.txt").exists()  # it was of the earlier catalogue


def test_header_is_for_people(catalog, tmp_path):
    save_catalog(catalog, tmp_path / "c")
    header = json.loads((tmp_path / "c" / "catalog.json").read_text())
    assert header["schema"] == 1
    assert header["n_stars"] == 3
    entry = header["outputs"]["apogee/H band"]
    assert (entry["medium"], entry["frame"], entry["bits"]["HIGH"]) == ("vacuum", "barycentric", 40)
    np.testing.assert_array_equal(
        np.load(tmp_path / "c" / entry["arrays"]["wavelength"]), catalog.spectra("apogee/H band").wavelength
    )


def test_missing_and_padded_text(catalog, tmp_path):
    table = pd.DataFrame({"a": pd.Series(["x", None, " y "], dtype=object)})
    save_catalog(Catalog(catalog.outputs, table), tmp_path / "c")
    assert load_catalog(tmp_path / "c").table["a"].tolist() == ["x", "", "y"]


def test_what_a_table_cannot_hold(catalog, tmp_path):
    for table, said in [
        (pd.DataFrame({"a": pd.Series([(1, 2), None, "x"], dtype=object)}), "'a'.*type tuple"),
        (pd.DataFrame(np.zeros((3, 2)), columns=["a", "a"]), "column a twice"),
    ]:
        with pytest.raises(InputError, match=said):
            save_catalog(Catalog(catalog.outputs, table), tmp_path / "c")
    assert list(tmp_path.iterdir()) == []


def test_refusals(catalog, tmp_path):
    with pytest.raises(InputError, match="no catalogue at"):
        load_catalog(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match="holds no catalogue"):
        save_catalog(catalog, tmp_path / "other")
    assert (tmp_path / "other" / "thesis.tex").is_file()
    save_catalog(catalog, tmp_path / "c")
    path = tmp_path / "c" / "catalog.json"
    header = json.loads(path.read_text())
    path.write_text(json.dumps(header | {"schema": 9, "luxjax": "7.0"}))
    with pytest.raises(InputError, match=r"schema 9, written by luxjax 7\.0.*install a newer"):
        load_catalog(tmp_path / "c")
    path.write_text("{")
    with pytest.raises(InputError, match="not the header"):
        load_catalog(tmp_path / "c")


@pytest.mark.parametrize("what", ["gone", "cut", "objects", "shape", "table", "kind"])
def test_damage_is_one_sentence(catalog, tmp_path, what):
    folder = save_catalog(catalog, tmp_path / "c")
    header = json.loads((folder / "catalog.json").read_text())
    flux = folder / header["outputs"]["apogee/H band"]["arrays"]["flux"]
    if what == "gone":
        flux.unlink()
    elif what == "cut":
        flux.write_bytes(flux.read_bytes()[:-8])
    elif what == "objects":  # would need pickle
        np.save(flux, np.array([{}], dtype=object), allow_pickle=True)
    elif what == "shape":
        np.save(flux, np.zeros((3, 4)))
    elif what == "table":
        (folder / "table.ecsv").write_text("rubbish")
    else:
        header["outputs"]["second"]["kind"] = "light curve"
        (folder / "catalog.json").write_text(json.dumps(header))
    with pytest.raises(InputError, match="is damaged"):
        load_catalog(folder)
