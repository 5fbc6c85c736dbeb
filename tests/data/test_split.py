import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luxjax.core import InputError
from luxjax.data import folds, split
from luxjax.data._split import sky_blocks

IDS = np.array([f"2M{i:08d}+00000000" for i in range(4000)])
SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}

unique_ids = st.lists(st.text("abcXYZ019+-", min_size=1, max_size=12), min_size=1, max_size=60, unique=True)


def test_every_star_is_in_one_part_of_about_the_right_size():
    parts = split(IDS, SHARES)
    assert list(parts) == list(SHARES)
    np.testing.assert_array_equal(sum(p.astype(int) for p in parts.values()), 1)
    for name, share in SHARES.items():
        assert abs(parts[name].mean() - share) < 4 * np.sqrt(share * (1 - share) / len(IDS))


def test_threshold_on_the_documented_hash():
    """The number of a star, computed here from its definition."""
    number = [
        int.from_bytes(hashlib.blake2b(f"5:{i}".encode(), digest_size=8).digest(), "little") / 2**64
        for i in IDS
    ]
    np.testing.assert_array_equal(split(IDS, {"a": 0.3, "b": 0.7}, seed=5)["a"], np.array(number) < 0.3)


@given(unique_ids, st.integers(0, 50), st.randoms())
def test_adding_and_shuffling_stars_moves_none(ids, n_kept, random):
    parts = split(ids, SHARES, seed=1)
    kept = list(range(len(ids)))
    random.shuffle(kept)
    kept = kept[: max(n_kept, 1)]
    again = split([ids[i] for i in kept], SHARES, seed=1)
    for name in SHARES:
        np.testing.assert_array_equal(again[name], parts[name][kept])


def test_seeds_differ():
    one, two = (split(IDS, SHARES, seed=s)["train"] for s in (0, 1))
    assert abs(np.mean(one & two) - 0.49) < 0.05


def test_the_same_for_ever():
    """Written down once: a change of these would silently move test stars into training."""
    parts = split([f"2M{i:08d}" for i in range(12)], {"train": 0.5, "test": 0.5}, seed=7)
    np.testing.assert_array_equal(np.flatnonzero(parts["train"]), [0, 1, 2, 6, 8, 10, 11])


def test_groups_and_repeated_ids_stay_together():
    groups = np.arange(len(IDS)) // 40
    parts = split(IDS, SHARES, groups=groups)
    for part in parts.values():
        together = part.reshape(-1, 40)
        assert np.all(together.all(axis=1) | ~together.any(axis=1))
    visits = split(np.repeat(IDS, 2), SHARES)["train"].reshape(-1, 2)
    np.testing.assert_array_equal(visits[:, 0], visits[:, 1])
    np.testing.assert_array_equal(visits[:, 0], split(IDS, SHARES)["train"])


def test_numbers_text_and_bytes_are_the_same_ids():
    numbers = np.arange(598869284609619840, 598869284609619940)
    one = split(numbers, SHARES)["train"]
    np.testing.assert_array_equal(split(numbers.astype(str), SHARES)["train"], one)
    np.testing.assert_array_equal(split(numbers.astype("S"), SHARES)["train"], one)
    np.testing.assert_array_equal(split([f" {n} " for n in numbers], SHARES)["train"], one)


@pytest.mark.parametrize("fractions", [{"a": 0.5, "b": 0.4}, {}, {"a": 1.5, "b": -0.5}, {"a": float("nan")}])
def test_fractions_must_add_up(fractions):
    with pytest.raises(InputError, match="add up to 1"):
        split(IDS, fractions)


def test_extreme_fractions():
    parts = split(IDS, {"none": 0.0, "all": 1.0, "nobody": 0.0})
    assert parts["all"].all()


def test_floats_and_lengths_are_refused():
    with pytest.raises(InputError, match="19 digits"):
        split(np.array([5.98e17]), SHARES)
    with pytest.raises(InputError, match="2 groups were given for 3 ids"):
        split(list("abc"), SHARES, groups=list("xy"))


def test_a_star_in_two_groups_is_refused():
    with pytest.raises(InputError, match="star 'a' is in the groups 'x' and 'z'"):
        split(list("aba"), SHARES, groups=list("xyz"))


@settings(deadline=None)
@given(unique_ids, st.integers(2, 6))
def test_folds_are_balanced(ids, k):
    if k > len(ids):
        with pytest.raises(InputError, match=f"at most {len(ids)}, the number of distinct ids"):
            folds(ids, k)
        return
    numbers = folds(ids, k)
    counts = np.bincount(numbers, minlength=k)
    assert len(counts) == k
    assert np.ptp(counts) <= 1
    np.testing.assert_array_equal(folds(ids[::-1], k)[::-1], numbers)


def test_folds_of_groups():
    groups = np.arange(len(IDS)) // 400
    numbers = folds(IDS, 5, groups=groups).reshape(10, 400)
    assert np.all(numbers == numbers[:, :1])
    assert np.all(np.bincount(numbers[:, 0]) == 2)
    with pytest.raises(InputError, match="at most 10, the number of groups"):
        folds(IDS, 11, groups=groups)
    assert not np.array_equal(folds(IDS, 5, seed=1), folds(IDS, 5))


def test_sky_blocks_are_equal_in_area():
    rng = np.random.default_rng(0)
    n = 200_000
    ra, dec = rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    counts = np.bincount(sky_blocks(ra, dec, side_deg=20))
    expected = n / len(counts)
    assert abs(len(counts) / (41253 / 400) - 1) < 0.1
    assert np.sum((counts - expected) ** 2 / expected) < len(counts) + 5 * np.sqrt(2 * len(counts))


def test_sky_blocks_at_the_edges():
    blocks = sky_blocks([0.0, 360.0, -1.0, 359.0, 10, 10], [0.0, 0, 0, 0, 90, -90])
    assert blocks[0] == blocks[1]
    assert blocks[2] == blocks[3]
    assert blocks[5] < blocks[0] < blocks[4]
    near = sky_blocks([132.8, 132.9], [11.8, 11.9])
    assert near[0] == near[1]
    with pytest.raises(InputError, match="1 unusable right ascensions and 1 unusable declinations"):
        sky_blocks([1.0, np.nan], [95.0, 0.0])
    with pytest.raises(InputError, match="at most 90"):
        sky_blocks([1.0], [1.0], side_deg=0)
