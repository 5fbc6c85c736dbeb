import json
import threading
import uuid
from pathlib import Path

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.data import Catalog
from luxjax.dataset import Dataset, open_dataset
from luxjax.dataset._location import Location
from luxjax.dataset._prefetch import prefetched
from luxjax.dataset._zarr import Arrays

from .stars import content, stars


def made(location, *cuts) -> Dataset:
    """Stars up to the last cut, appended cut by cut; shards of 8."""
    dataset = Dataset.create(location, stars(0, 1).outputs, chunk=4, shard=8)
    for start, stop in zip((0, *cuts), cuts, strict=False):
        dataset.append(stars(start, stop))
    return dataset


def arrays(catalog):
    batch = catalog.batch()
    return {name: (np.asarray(m.value), np.asarray(m.ivar)) for name, m in batch.outputs.items()}


def assert_same_stars(dataset, catalog):
    back, there = dataset.catalog(), catalog
    assert back.ids.tolist() == there.ids.tolist()
    for name, pair in arrays(there).items():
        for one, other in zip(arrays(back)[name], pair, strict=True):
            np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(back.labels().value, there.labels().value)  # tables keep double precision
    for column in there.table:
        assert back.table[column].tolist() == there.table[column].tolist()
    assert back.table["labels_flag"].tolist() == there.labels().table["flag"].tolist()
    spectra, was = back.spectra("spectra"), there.spectra("spectra")
    np.testing.assert_array_equal(spectra.wavelength, was.wavelength)
    assert (spectra.medium, spectra.frame, spectra.survey) == (was.medium, was.frame, was.survey)
    assert (back.labels().units, back.labels().names) == (there.labels().units, there.labels().names)


@pytest.mark.parametrize("kind", ["folder", "file", "memory"])
def test_stars_come_back(tmp_path, kind):
    address = {
        "folder": tmp_path / "d",
        "file": f"file://{tmp_path}/d",
        "memory": f"memory://{uuid.uuid4()}/d",
    }
    made(address[kind], 13, 14, 16, 30)
    dataset = open_dataset(address[kind])
    assert len(dataset) == 30
    assert_same_stars(dataset, stars(0, 30))
    assert dataset.check() == []


def test_arrays_are_plain_zarr_and_tables_plain_parquet(tmp_path):
    import pandas as pd
    import zarr

    made(tmp_path / "d", 13, 20)
    value = zarr.open_group(tmp_path / "d", mode="r")["spectra/value"]
    assert (value.shape, value.chunks, value.shards) == ((20, 7), (4, 7), (8, 7))
    np.testing.assert_array_equal(value[:], arrays(stars(0, 20))["spectra"][0])
    assert len(pd.read_parquet(tmp_path / "d" / "table")) == 20


def die_at(patch, step):
    """Die at write number `step`: of a shard, a table or the manifest, which is half written."""
    count = iter(range(1000))
    put, write = Arrays.put, Location.write

    def arrays_put(self, name, start, rows, head):
        for written in put(self, name, start, rows, head):
            if next(count) == step:
                raise KeyboardInterrupt
            yield written

    def location_write(self, name, content):
        if next(count) == step:
            part = Path(self.path(f"{name}.partial"))
            part.parent.mkdir(exist_ok=True)
            part.write_bytes(content[:9])
            raise KeyboardInterrupt
        write(self, name, content)

    patch.setattr(Arrays, "put", arrays_put)
    patch.setattr(Location, "write", location_write)


@pytest.mark.slow
def test_bytes_do_not_depend_on_interruptions(tmp_path, monkeypatch):
    """An append that dies at any of its writes leaves the dataset as it was, and nothing that the next one keeps."""
    whole = content(made(tmp_path / "whole", 13, 22).location.root)
    for step in (0, 7, 12, 13):  # of 4 arrays with 3 shards each, a table and the manifest
        folder = tmp_path / f"d{step}"
        dataset = made(folder, 13)
        before = content(folder)
        with monkeypatch.context() as patch:
            die_at(patch, step)
            with pytest.raises(KeyboardInterrupt):
                dataset.append(
                    stars(13, 33)
                )  # more than what follows, so that it leaves rows and shards behind
        dataset = open_dataset(folder)
        assert (len(dataset), dataset.check()) == (13, [])
        assert content(folder) != before
        (folder / "spectra/ivar/c/1/0.6f3a.partial").write_bytes(b"as zarr leaves it when killed")
        dataset.append(stars(13, 22))
        assert content(folder) == whole
    assert_same_stars(dataset, stars(0, 22))


def test_interrupted_creation_is_made_again(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        die_at(patch, 0)
        with pytest.raises(KeyboardInterrupt):
            made(tmp_path / "d", 5)
    with pytest.raises(InputError, match="no dataset at"):
        open_dataset(tmp_path / "d")
    assert len(made(tmp_path / "d", 5)) == 5


def test_selections(tmp_path):
    dataset, whole = made(tmp_path / "d", 13, 20, 30), stars(0, 30)
    table = whole.table
    some = dataset.select("snr > 40 and field == 'f1'")
    expected = np.flatnonzero((table["snr"] > 40) & (table["field"] == "f1"))
    assert 0 < len(expected) < 15
    assert_same_stars(some, whole.select(expected))
    assert_same_stars(dataset.select([21, 3, 14]), whole.select([21, 3, 14]))
    assert_same_stars(dataset.select([25, 3, 12]), whole.select([25, 3, 12]))  # none of the second part
    assert_same_stars(dataset.select(slice(5, 25)).select([19, 0]), whole.select([24, 5]))
    assert dataset.select(table["snr"].to_numpy() > 40).table(["snr"])["snr"].min() > 40
    with pytest.raises(InputError, match="selection"):
        some.append(stars(30, 31))
    with pytest.raises(InputError, match="labels_teff"):
        dataset.select("teff > 3")


def test_labels_of_runs_of_stars_stand_for_all(tmp_path, monkeypatch):
    dataset = made(tmp_path / "d", 13, 30)
    assert len(dataset["labels"]) == 30
    monkeypatch.setattr("luxjax.dataset._dataset.MANY", 12)
    monkeypatch.setattr("luxjax.dataset._dataset.RUN", 4)
    expected = stars(0, 30).select([0, 1, 2, 3, 13, 14, 15, 16, 26, 27, 28, 29])
    assert dataset["labels"].ids.tolist() == expected.ids.tolist()
    np.testing.assert_array_equal(dataset["labels"].value, expected["labels"].value)
    odd = dataset.select(slice(1, 30, 2))["labels"]
    assert odd.ids.tolist() == dataset.ids[1::2][[0, 1, 2, 3, 5, 6, 7, 8, 11, 12, 13, 14]].tolist()


def test_batches(tmp_path):
    dataset, whole = made(tmp_path / "d", 13, 30), arrays(stars(0, 30))
    for source, rows in ((dataset, np.arange(30)), (dataset.select([21, 3, 14]), np.array([21, 3, 14]))):
        got = list(source.batches(11))
        assert [b.n_stars for b in got] == [len(rows[at : at + 11]) for at in range(0, len(rows), 11)]
        for name, pair in whole.items():
            for which, array in zip(("value", "ivar"), pair, strict=True):
                joined = np.concatenate([np.asarray(getattr(b[name], which)) for b in got])
                np.testing.assert_array_equal(joined, array[rows])
    assert [b.names for b in dataset.batches(20, "labels")] == [("labels",)] * 2
    assert [len(c) for c in dataset.catalogs()] == [8, 8, 8, 6]
    assert next(dataset.catalogs(9, "spectra")).ids.tolist() == stars(0, 9).ids.tolist()
    with pytest.raises(InputError, match="at least one star"):
        next(dataset.batches(0))


def test_reading_goes_on_while_a_batch_is_used():
    begun = [threading.Event() for _ in range(5)]
    results = prefetched(lambda k: (begun[k].set(), k)[1], range(5), depth=1)
    assert next(results) == 0
    assert begun[1].wait(10)  # begun without being asked for
    assert not begun[3].is_set()  # and not all at once
    assert list(results) == [1, 2, 3, 4]


def test_all_reading_is_done_by_one_thread():
    """Threads of their own would each keep the memory of what they have read."""
    threads = {
        thread for _ in range(3) for thread in prefetched(lambda _: threading.current_thread(), range(2))
    }
    two = zip(prefetched(lambda k: k, range(9)), prefetched(lambda k: -k, range(9)), strict=True)
    assert list(two) == [(k, -k) for k in range(9)]  # and side by side
    assert len(threads) == 1
    assert threading.main_thread() not in threads


def test_reading_reports_what_went_wrong():
    def read(k):
        if k == 2:
            raise InputError("broken")
        return k

    results = prefetched(read, range(4))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(InputError, match="broken"):
        next(results)


def test_stars_that_do_not_fit_are_refused(tmp_path):
    dataset = made(tmp_path / "d", 5)
    labels = stars(5, 9).labels()
    wrong = {
        "already in the dataset: s3, s4": stars(3, 7),
        "medium of output 'spectra' is 'vacuum'": stars(5, 9, medium="vacuum"),
        "wavelengths of output 'spectra'": stars(5, 9, shift=0.01),
        "outputs spectra, labels, the stars to append spectra": stars(5, 9).only("spectra"),
        "names of output 'labels'": Catalog({**stars(5, 9).outputs, "labels": labels.only("teff")}),
    }
    before = content(tmp_path / "d")
    for sentence, catalog in wrong.items():
        with pytest.raises(InputError, match=sentence):
            dataset.append(catalog)
    assert content(tmp_path / "d") == before
    with pytest.raises(InputError, match="the column labels_flag twice"):
        made(tmp_path / "e", 1).append(
            Catalog(stars(5, 9).outputs, stars(5, 9).table.assign(labels_flag=0.5))
        )


def test_places_that_do_not_fit_are_refused(tmp_path):
    made(tmp_path / "d", 5)
    with pytest.raises(InputError, match="there is a dataset at"):
        made(tmp_path / "d", 5)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match=r"thesis\.tex and no dataset"):
        made(tmp_path / "other", 5)
    assert (tmp_path / "other" / "thesis.tex").exists()
    with pytest.raises(InputError, match="whole number of chunks"):
        Dataset.create(tmp_path / "e", stars(0, 1).outputs, chunk=3, shard=8)
    with pytest.raises(InputError, match="protocol"):
        open_dataset("gopher://x")
    manifest = tmp_path / "d" / "manifest.json"
    header = json.loads(manifest.read_text())
    for change, sentence in (({"schema": 2}, "schema 2"), ({"parts": [{"size": 1}]}, "is damaged")):
        manifest.write_text(json.dumps(header | change))
        with pytest.raises(InputError, match=sentence):
            open_dataset(tmp_path / "d")


def test_one_writer_at_a_time(tmp_path):
    dataset = made(tmp_path / "d", 5)
    with (
        Location(tmp_path / "d").lock(),
        pytest.raises(InputError, match="another process is writing"),
    ):
        dataset.append(stars(5, 6))
    other = open_dataset(tmp_path / "d")
    other.append(stars(5, 8))
    with pytest.raises(InputError, match="already in the dataset: s7"):
        dataset.append(stars(7, 9))  # it sees what the other added
    dataset.append(stars(8, 9))
    assert_same_stars(open_dataset(tmp_path / "d"), stars(0, 9))


def change(path, *, at=0.4):
    raw = bytearray(path.read_bytes())
    raw[int(len(raw) * at)] ^= 0x20
    path.write_bytes(bytes(raw))


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("spectra/value/c/1/0", (8, 16)),
        ("labels/ivar/c/2/0", (16, 20)),
        ("spectra/wavelength/c/0", (0, 0)),
        ("table/000001.parquet", (13, 20)),
    ],
)
def test_damage_is_named(tmp_path, name, rows):
    made(tmp_path / "d", 13, 20)
    change(tmp_path / "d" / name)
    (damage,) = open_dataset(tmp_path / "d").check()
    assert damage.name in (name, name.removesuffix("/c/0"))
    assert damage.rows == rows
    assert "restore" in str(damage)
    (tmp_path / "d" / name).unlink()
    (damage,) = open_dataset(tmp_path / "d").check()
    assert damage.rows == rows


def test_nothing_is_added_behind_damage(tmp_path):
    """The last shard is written anew with the stars that follow, so damage there must not get a new checksum."""
    dataset = made(tmp_path / "d", 13)
    change(tmp_path / "d" / "spectra/value/c/1/0", at=0.2)
    with pytest.raises(InputError, match="stars 8 to 12 of 'spectra/value' are damaged|cannot be read"):
        dataset.append(stars(13, 15))
