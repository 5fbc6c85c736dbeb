"""One star is one star: under two designations, at two epochs, across 0 degrees and at the pole."""

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luxjax.core import InputError
from luxjax.data import folds, same_star, split

ARCSEC = 1 / 3600


def numbers(ids=None, radius=3.0, **columns) -> list[int]:
    return same_star(pd.DataFrame(columns), ids=ids, radius_arcsec=radius).tolist()


def test_two_designations_of_one_star():
    names = ["J030059.53-013313.8", "J030059.53-013313.7", "J030059.60-013340.0"]
    ra, dec = [45.248042, 45.248042, 45.24833], [-1.5538333, -1.5538056, -1.5611111]
    assert numbers(names, ra=ra, dec=dec) == [0, 0, 1]


def test_a_star_of_high_proper_motion_at_two_epochs():
    """Barnard's star: 10.4 arcsec a year, 166 arcsec from 2000 to 2016."""
    barnard = {"ra": [269.452075, 269.448503], "dec": [4.693391, 4.739420]}
    motion = {"pmra": [-801.55, np.nan], "pmdec": [10362.39, np.nan]}
    epochs = {"epoch": [2000.0, 2016.0]}
    assert numbers(**barnard) == [0, 1]
    assert numbers(**barnard, **motion) == [0, 1]  # epochs are needed too
    assert numbers(**barnard, **motion, **epochs) == [0, 0]
    back = {k: v[::-1] for k, v in (barnard | motion | epochs).items()}
    assert numbers(**back) == [0, 0]
    wrong = motion | {"pmdec": [-10362.39, np.nan]}
    assert numbers(**barnard, **wrong, **epochs) == [0, 1]
    # What lies where the star was, at the epoch where it no longer is, is another.
    assert numbers(ra=[269.452075] * 2, dec=[4.693391] * 2, **motion, **epochs) == [0, 1]


def test_two_stars_ten_arcseconds_apart():
    assert numbers(ra=[10.0, 10.0], dec=[20.0, 20.0 + 10 * ARCSEC]) == [0, 1]
    assert numbers(ra=[10.0, 10.0], dec=[20.0, 20.0 + 10 * ARCSEC], radius=11) == [0, 0]


def test_right_ascension_zero_and_the_pole():
    assert numbers(ra=[0.5 * ARCSEC, 360 - 0.5 * ARCSEC, 360.0, 180.0], dec=[0.0] * 4) == [0, 0, 0, 1]
    assert numbers(ra=[0.0, 90.0, 180.0, 0.0], dec=[90 - ARCSEC, 90 - ARCSEC, 90 - ARCSEC, 89.9]) == [
        0,
        0,
        0,
        1,
    ]
    assert numbers(ra=[0.0, 180.0], dec=[90 - 2 * ARCSEC] * 2) == [0, 1]
    assert numbers(ra=[10.0, 10.0 + 2 * ARCSEC / np.cos(np.radians(80))], dec=[80.0, 80.0]) == [0, 0]


def test_equal_gaia_ids_at_different_positions():
    gaia = [604911272803437824, 604911272803437824, 604911272803437825]
    assert numbers(gaia_dr3=gaia, ra=[10.0, 40.0, 10.0], dec=[0.0, 0.0, 0.0]) == [0, 0, 1]


def test_identifiers_that_differ_keep_close_stars_apart():
    near = {"ra": [10.0, 10.0, 10.0], "dec": [0.0, 1 * ARCSEC, 1.5 * ARCSEC]}
    assert numbers(**near) == [0, 0, 0]
    assert numbers(**near, gaia_dr3=[1, 2, 0]) == [0, 1, 1]  # the third is nearer to the second
    assert numbers(**near, gaia_dr3=[1, 0, 2]) == [0, 1, 1]
    pair = ["2M08482003+1114207", "2M08482010+1114207"]
    assert numbers(pair, ra=[132.0, 132.0], dec=[11.0, 11.0]) == [0, 1]
    assert numbers(["a", "a"], ra=[1.0, 50.0], dec=[0.0, 0.0], gaia_dr3=[1, 2]) == [
        0,
        0,
    ]  # one name is one star


def test_missing_positions_are_stars_by_themselves():
    ra, dec = [1.0, np.nan, -9999.0, 1.0, np.nan], [1.0, 1.0, -9999.0, np.nan, np.nan]
    assert numbers(ra=ra, dec=dec) == [0, 1, 2, 3, 4]
    assert numbers(["x", "y", "x", "z", "y"], ra=ra, dec=dec) == [0, 1, 0, 2, 1]
    assert numbers(["", "", " x"], ra=[np.nan] * 3, dec=[np.nan] * 3) == [0, 1, 2]
    assert numbers(ra=[], dec=[]) == []


def test_chains_link():
    assert numbers(ra=[10.0] * 4, dec=[0.0, 4 * ARCSEC, 2 * ARCSEC, 60 * ARCSEC]) == [0, 0, 0, 1]


def test_splits_and_folds_keep_a_star_together(rng):
    ra = np.repeat(np.arange(200) * 0.1, 2)
    table = pd.DataFrame({"ra": ra, "dec": np.where(np.arange(400) % 2, ARCSEC, 0.0)})
    names = [f"J{k}" for k in range(400)]  # every spectrum has its own designation
    star = same_star(table, ids=names)
    assert star.tolist() == np.repeat(np.arange(200), 2).tolist()
    for part in split(names, {"train": 0.5, "test": 0.5}, groups=star).values():
        assert (part[::2] == part[1::2]).all()
        assert 0 < part.sum() < 400
    fold = folds(names, 5, groups=star)
    assert (fold[::2] == fold[1::2]).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 60.0, -89.999, 90.0]))
def test_positions_agree_with_all_pairs(seed, dec0):
    """Against the angle between every pair of a crowded patch, linked in chains."""
    rng = np.random.default_rng(seed)
    stretch = np.cos(np.radians(min(abs(dec0), 89.999)))
    ra = np.mod(rng.uniform(-20, 20, 15) * ARCSEC / stretch, 360)
    dec = np.clip(dec0 + rng.uniform(-20, 20, 15) * ARCSEC, -90, 90)
    a, b = np.radians(ra), np.radians(dec)
    hav = (
        np.sin((b[:, None] - b) / 2) ** 2 + np.cos(b[:, None]) * np.cos(b) * np.sin((a[:, None] - a) / 2) ** 2
    )
    linked = 2 * np.arcsin(np.sqrt(hav)) <= 3 * ARCSEC * np.pi / 180
    for _ in range(4):
        linked = linked @ linked
    found = np.array(numbers(ra=ra, dec=dec))
    np.testing.assert_array_equal(found[:, None] == found, linked)


def test_a_survey_and_a_star_seen_often():
    rng = np.random.default_rng(1)
    ra, dec = rng.uniform(0, 360, 60_000), np.degrees(np.arcsin(rng.uniform(-1, 1, 60_000)))
    often = np.full(5000, 7.0)
    start = time.perf_counter()
    found = np.array(numbers(ra=np.concatenate([ra, often]), dec=np.concatenate([dec, often])))
    assert time.perf_counter() - start < 10
    assert len(set(found[60_000:])) == 1
    assert found[:60_000].max() > 59_000


def test_refused():
    with pytest.raises(InputError, match="above 0 arcsec"):
        numbers(ra=[1.0], dec=[1.0], radius=0)
    with pytest.raises(InputError, match="2 names were given for 1 rows"):
        numbers(["a", "b"], ra=[1.0], dec=[1.0])
    with pytest.raises(InputError, match="star table reach 100"):
        numbers(ra=[1.0], dec=[100.0])
    with pytest.raises(InputError, match="19 digits"):
        numbers(gaia_dr3=[1.5, 2.5])
