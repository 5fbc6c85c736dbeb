import numpy as np

from luxjax.dataset import _table
from luxjax.dataset._table import KnownIds

IDS = np.array([f"star {n}" for n in range(50)])


def test_as_a_set_of_identifiers(monkeypatch):
    monkeypatch.setattr(_table, "READ_AT_ONCE", 7)
    rows = np.arange(0, 40, 2)
    known = KnownIds(lambda rows: IDS[rows], rows)
    known.add(IDS[41:44], np.arange(41, 44))
    asked = [*IDS[::-1], "", "star", "star 7 "]
    there = set(IDS[rows]) | set(IDS[41:44])
    got = known.has(np.array(asked, object), lambda rows: IDS[rows])
    assert got.tolist() == [star in there for star in asked]
    assert known.has(np.zeros(0, object), lambda rows: IDS[rows]).tolist() == []
    assert not KnownIds(lambda rows: IDS[rows], rows[:0]).has(IDS, lambda rows: IDS[rows]).any()


def test_two_stars_of_one_hash_are_two(monkeypatch):
    monkeypatch.setattr(_table, "_hashed", lambda ids: np.zeros(len(ids), np.uint64))
    known = KnownIds(lambda rows: IDS[rows], np.arange(1))
    assert known.has(IDS[:3], lambda rows: IDS[rows]).tolist() == [True, False, False]
