"""What is added to a dataset is compared with what it holds, and what a dataset holds can be read, or left out."""

import json
import os
import zlib
from io import BytesIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from luxjax.core import InputError
from luxjax.data import Catalog, LabelTable, Spectra
from luxjax.dataset import Dataset, _append, ingest_dataset, open_dataset
from luxjax.surveys import ingest

from ..dataset.stars import lamost_file

GAIA = 2584290038276303745
WHOLE = {"wavelength_range": (3700, 3900), "binning": 1, "normalization": "none"}


def stars(ids, values) -> Catalog:
    spectra = Spectra(np.ones((len(ids), 3)), np.ones((len(ids), 3)), [1.0, 2.0, 3.0], "vacuum", ids)
    return Catalog({"s": spectra}, pd.DataFrame({"c": values}))


def begun(folder, values) -> Dataset:
    first = stars(["a", "b"], values)
    dataset = Dataset.create(folder, first.outputs)
    dataset.append(first)
    return dataset


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        ([GAIA, 7], [np.nan, 5.0], [GAIA, 7, None, 5]),
        ([GAIA, 7], pd.array([None, GAIA + 1], "Int64"), [GAIA, 7, None, GAIA + 1]),
        ([GAIA, 7], np.array([GAIA + 1, 8], "u8"), [GAIA, 7, GAIA + 1, 8]),
        (["x", "y"], [np.nan, np.nan], ["x", "y", None, None]),
        ([np.nan, np.nan], ["x", "y"], [None, None, "x", "y"]),
        ([None, None], [True, False], [None, None, True, False]),
        ([1, 2], [1.5, np.nan], [1, 2, 1.5, None]),
        ([1.5, 2.5], [1, 2], [1.5, 2.5, 1, 2]),
        ([True, False], [1.0, np.nan], [True, False, True, None]),
        ([1, 2], [True, False], [1, 2, 1, 0]),
        (np.array([1, 2], "i2"), np.array([1, 1 << 40]), [1, 2, 1, 1 << 40]),
        (pd.Categorical(["x", "y"]), ["z", "x"], ["x", "y", "z", "x"]),
        (np.array([1, 2], "f2"), [0.5, 1e300], [1, 2, 0.5, 1e300]),
        (
            pd.to_datetime(["2020-01-01", "2021-01-01"]),
            pd.to_datetime(["2022-01-01", None]),
            [pd.Timestamp(2020, 1, 1), pd.Timestamp(2021, 1, 1), pd.Timestamp(2022, 1, 1), None],
        ),
    ],
)
def test_a_column_is_widened_without_loss(tmp_path, first, then, expected):
    begun(tmp_path / "d", first).append(stars(["c", "d"], then))
    read = open_dataset(tmp_path / "d")
    found = read.table()["c"].tolist()
    assert [None if pd.isna(v) else v for v in found] == expected
    assert read.check() == []
    assert len(read.catalog()) == 4


@pytest.mark.parametrize(
    ("first", "then", "words"),
    [
        ([1, 2], ["x", "y"], "whole numbers.*text"),
        (["x", "y"], [1, 2], "text.*whole numbers"),
        ([True, False], [1, 2], "booleans.*whole numbers"),
        ([True, False], ["x", "y"], "booleans.*text"),
        (pd.to_datetime(["2020-01-01", "2021-01-01"]), ["x", "y"], "dates.*text"),
        ([GAIA, 7], [1.5, 2.5], "digits would be lost"),
        ([1, 2], [float(GAIA), np.nan], "digits would be lost"),
        ([0.5, 1.5], [GAIA, 7], "digits would be lost"),
        (
            pd.to_datetime(["2020-01-01", "2021-01-01"]),
            pd.to_datetime(["2020-01-01", "2021-01-01"], utc=True),
            "time zone",
        ),
    ],
)
def test_a_column_of_another_kind_is_refused_and_nothing_is_added(tmp_path, first, then, words):
    dataset = begun(tmp_path / "d", first)
    with pytest.raises(InputError, match=words) as refused:
        dataset.append(stars(["c", "d"], then))
    assert "column 'c'" in str(refused.value)
    read = open_dataset(tmp_path / "d")
    assert (len(read), read.check(), len(read.table())) == (2, [], 2)
    dataset.append(stars(["c", "d"], first))  # the same stars with another column can be added
    assert len(open_dataset(tmp_path / "d").table()) == 4


def test_a_misspelt_column_is_no_missing_one(tmp_path):
    with pytest.raises(InputError, match="no column of the dataset 'd'"):
        begun(tmp_path / "d", [1, 2]).table(["d"])


def broken(folder, monkeypatch) -> Dataset:
    """Three parts, of which the second has text where the others have numbers, as nothing kept it out once."""
    dataset = begun(folder, [1, 2])
    with monkeypatch.context() as patch:
        patch.setattr(_append, "to_parquet", lambda table, *_: (_bytes(table), {}))
        dataset.append(stars(["c", "d"], ["x", "y"]))
    with monkeypatch.context() as patch:
        patch.setattr(_append, "to_parquet", lambda table, *_: (_bytes(table), {}))
        dataset.append(stars(["e", "f"], [5, 6]))
    return open_dataset(folder)


def _bytes(table) -> bytes:
    out = BytesIO()
    pq.write_table(pa.Table.from_pandas(table), out)
    return out.getvalue()


def test_check_reads_tables_and_a_bad_part_can_be_dropped(tmp_path, monkeypatch):
    dataset = broken(tmp_path / "d", monkeypatch)
    with pytest.raises(InputError, match="luxjax check"):
        dataset.table()
    (damage,) = dataset.check()
    assert (damage.parts, damage.rows) == ((1,), (2, 4))
    assert "column 'c' holds text" in damage.problem
    dataset.drop(damage.parts)
    for read in (dataset, open_dataset(tmp_path / "d")):
        assert (list(read.ids), read.check()) == (["a", "b", "e", "f"], [])
        assert read.table()["c"].tolist() == [1, 2, 5, 6]
        assert read.catalog().spectra("s").flux.shape == (4, 3)
    dataset.append(stars(["c", "g"], [7, 8]))  # a star that was left out may come again
    assert list(open_dataset(tmp_path / "d").select("c > 5").ids) == ["f", "c", "g"]
    with pytest.raises(InputError, match="no part 9"):
        dataset.drop([9])


def test_check_reads_a_part_whose_bytes_are_as_committed(tmp_path):
    """A parquet file that never was one: its checksum is right."""
    begun(tmp_path / "d", [1, 2])
    content = b"PAR1 nothing of the kind PAR1"
    (tmp_path / "d" / "table" / "000000.parquet").write_bytes(content)
    manifest = json.loads((tmp_path / "d" / "manifest.json").read_text())
    manifest["parts"][0]["table"] = f"{zlib.crc32(content):08x}"
    (tmp_path / "d" / "manifest.json").write_text(json.dumps(manifest))
    (damage,) = open_dataset(tmp_path / "d").check()
    assert "cannot be read" in damage.problem


def test_a_damaged_last_shard_can_be_dropped_and_added_after(tmp_path):
    dataset = begun(tmp_path / "d", [1, 2])
    shard = tmp_path / "d" / "s" / "value" / "c" / "0" / "0"
    shard.write_bytes(shard.read_bytes()[:20])
    dataset = open_dataset(tmp_path / "d")
    with pytest.raises(InputError):
        dataset.append(stars(["c", "d"], [3, 4]))
    dataset.drop([part for damage in dataset.check() for part in damage.parts])
    dataset.append(stars(["c", "d"], [3, 4]))
    read = open_dataset(tmp_path / "d")
    assert (list(read.ids), read.check()) == (["c", "d"], [])
    np.testing.assert_array_equal(read.catalog().spectra("s").flux, 1)


def test_a_dataset_without_its_manifest_is_not_made_again(tmp_path):
    begun(tmp_path / "d", [1, 2])
    os.rename(tmp_path / "d" / "manifest.json", tmp_path / "manifest.json")
    with pytest.raises(InputError, match=r"manifest\.json is missing"):
        Dataset.create(tmp_path / "d", stars(["a"], [1]).outputs)
    os.rename(tmp_path / "manifest.json", tmp_path / "d" / "manifest.json")
    assert open_dataset(tmp_path / "d").check() == []


def test_tidying_leaves_files_of_the_user(tmp_path):
    dataset = begun(tmp_path / "d", [1, 2])
    (tmp_path / "d" / "my notes.partial").write_text("x")
    open_dataset(tmp_path / "d").append(stars(["c", "d"], [3, 4]))
    assert (tmp_path / "d" / "my notes.partial").exists()
    assert len(dataset) == 2


# Survey files: both forms of one ingest.


@pytest.fixture(scope="module")
def repeats(tmp_path_factory):
    """Nine files of six stars, some seen twice with another S/N or designation, and one without any S/N."""
    folder = tmp_path_factory.mktemp("repeats")
    place = {"RA": 45.248042, "DEC": -1.5538333}
    for number, facts in enumerate(
        [
            {"snr": 30, "DESIG": "LAMOST J1"},
            {"snr": 50, "DESIG": "LAMOST J030059.53-013313.8", **place},
            {"snr": 60, "DESIG": "LAMOST J1"},
            {"snr": 50, "DESIG": "LAMOST J030059.53-013313.7", **place},
            {"snr": 20},
            {"snr": 90, "DESIG": "LAMOST J030059.53-013313.6", **place},
            {"snr": 40, "DESIG": "LAMOST J1"},
            {"snr": 60, "DESIG": "LAMOST J1"},
            {"snr": 10, "SN_G": -9999.0},
        ]
    ):
        lamost_file(folder, number, **facts)
    return folder


@pytest.mark.parametrize("batch_size", [1, 2, 4, 100])
def test_both_forms_keep_the_same_spectra_whatever_the_batch_size(repeats, tmp_path, batch_size):
    catalog = ingest(repeats, **WHOLE, progress=False)
    made = ingest_dataset(repeats, tmp_path / "d", **WHOLE, batch_size=batch_size, chunk=2, shard=4)
    assert sorted(made.dataset.table()["file"]) == sorted(catalog.unlabelled.table["file"])
    assert sorted(made.lost["file"]) == sorted(catalog.lost["file"])
    again = ingest_dataset(repeats, tmp_path / "d", **WHOLE, batch_size=batch_size)
    assert (again.n_read, len(again.dataset), again.dataset.check()) == (0, len(catalog.unlabelled), [])


def test_an_odd_value_in_one_header_costs_nothing_else(tmp_path):
    """Text where other files have a number, in the same part and in another one, and in the catalogue form."""
    for number in range(4):
        lamost_file(tmp_path, number, **({"RA": "good"} if number == 2 else {}))
    kept = ingest(tmp_path, **WHOLE, progress=False).unlabelled
    assert kept.table["ra"].dtype == float
    kept_in_table = ingest_dataset(tmp_path, tmp_path / "d", **WHOLE, batch_size=1).dataset
    assert len(kept) == len(kept_in_table) == 4
    assert sorted(kept.ids) == sorted(kept_in_table.ids)
    assert len(kept_in_table.table()) == 4


def test_labels_of_another_kind_are_refused_before_a_spectrum_is_read(repeats, tmp_path, monkeypatch):
    def labels(value):
        return LabelTable(
            np.array([[5000.0]]), 50.0, ("teff",), ["J1"], table=pd.DataFrame({"sobject_id": [value]})
        )

    ingest_dataset(
        sorted(repeats.glob("*"))[:2], tmp_path / "d", label_catalog=labels(131116000501001), **WHOLE
    )
    monkeypatch.setattr("luxjax.surveys._reduce.Reduction.read", lambda *_, **__: pytest.fail("read"))
    with pytest.raises(InputError, match="labels_sobject_id"):
        ingest_dataset(repeats, tmp_path / "d", label_catalog=labels("S131116000501002"), **WHOLE)
    with pytest.raises(InputError, match="joined by file"):
        ingest(repeats, label_catalog=labels(1), join="file", **WHOLE)
    with pytest.raises(InputError, match="label"):
        ingest(repeats, label_catalog=labels(1), labels=["tef"], **WHOLE)
