import shutil
from pathlib import Path

import numpy as np
import pytest
import zarr

from luxjax.core import InputError
from luxjax.dataset._location import Location
from luxjax.dataset._shards import is_plain
from luxjax.dataset._zarr import Arrays

CHUNK, SHARD, N = 4, 12, 41


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    """Rows of noise; one chunk and one shard of zeros, which are not stored; a shard that is not full."""
    place = Location(tmp_path_factory.mktemp("shards") / "d")
    arrays = Arrays(place, CHUNK, SHARD, write=True)
    arrays.create({}, {"flux": (7, {"medium": "air"})})
    rows = np.random.default_rng(1).normal(size=(N, 7)).astype(np.float32)
    rows[4:8] = rows[24:36] = 0
    assert len(list(arrays.put("flux/value", 0, rows, rows[:0]))) == 4
    return Arrays(place, CHUNK, SHARD), rows


RUNS = [(0, N), (0, 12), (12, 24), (3, 5), (5, 7), (2, 31), (11, 13), (24, 36), (40, 41), (9, 9)]


@pytest.mark.parametrize(("start", "stop"), RUNS)
def test_runs_as_zarr_reads_them(arrays, start, stop):
    arrays, rows = arrays
    got = arrays.read("flux/value", slice(start, stop))
    np.testing.assert_array_equal(got, rows[start:stop])
    theirs = zarr.open_array(arrays.location.path("flux/value"), mode="r")
    np.testing.assert_array_equal(got, theirs[start:stop])
    assert len(got) == 0 or got.ctypes.data % 64 == 0  # as JAX asks for it, to take it without a copy


def test_any_rows(arrays):
    arrays, rows = arrays
    rng = np.random.default_rng(2)
    for picked in ([], [40], [5, 5, 3], np.arange(0, N, 3), rng.permutation(N), rng.choice(N, 9)):
        picked = np.asarray(picked, np.int64)
        np.testing.assert_array_equal(arrays.read("flux/value", picked), rows[picked])


def test_the_way_by_zarr_is_the_same(arrays, monkeypatch):
    arrays, rows = arrays
    monkeypatch.setattr("luxjax.dataset._zarr.is_plain", lambda array: False)
    monkeypatch.setattr("luxjax.dataset._zarr.read_shard", None)
    for start, stop in RUNS:
        np.testing.assert_array_equal(arrays.read("flux/value", slice(start, stop)), rows[start:stop])


def test_only_what_it_understands(tmp_path):
    about = {"shape": (8, 3), "chunks": (4, 3), "dtype": "float32", "fill_value": 0}
    packed = {**about, "shards": (8, 3), "compressors": zarr.codecs.BloscCodec()}
    others = [
        about,
        {**packed, "dtype": "float64"},
        {**packed, "compressors": zarr.codecs.ZstdCodec()},
        {**packed, "compressors": None},
        {**packed, "filters": zarr.codecs.TransposeCodec(order=(1, 0))},
    ]
    made = [zarr.create_array(tmp_path / str(k), **kind) for k, kind in enumerate([packed, *others])]
    assert [is_plain(array) for array in made] == [True, *[False] * len(others)]


@pytest.mark.parametrize("content", [b"", b"short", bytes(range(256))])
def test_a_damaged_shard_is_named(arrays, tmp_path, content):
    there = arrays[0].location
    shutil.copytree(there.path(), tmp_path / "d")
    place = Location(tmp_path / "d")
    Path(place.path("flux/value/c/1/0")).write_bytes(content)
    damaged = Arrays(place, CHUNK, SHARD)
    assert damaged.read("flux/value", slice(0, 12)).any()
    with pytest.raises(InputError, match="'flux/value/c/1/0' .* run luxjax check"):
        damaged.read("flux/value", slice(10, 14))
