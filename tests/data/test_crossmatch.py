import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luxjax.core import InputError
from luxjax.data import crossmatch

ARCSEC = 1 / 3600
GAIA = 598869284609619840


def frame(gaia=None, tmass=None, ra=None, dec=None) -> pd.DataFrame:
    columns = {"gaia_dr3": gaia, "tmass_id": tmass, "ra": ra, "dec": dec}
    return pd.DataFrame({k: v for k, v in columns.items() if v is not None})


def pairs(match) -> set:
    return set(zip(match.left.tolist(), match.right.tolist(), match.how.tolist(), strict=True))


def test_order_of_keys_and_what_is_left_for_the_next():
    left = frame(
        [GAIA, 0, GAIA + 2, 0],
        ["2M08482003+1114207", "2M08482637+1112374", "", ""],
        [10.0, 20, 30, 40],
        [1.0, 2, 3, 4],
    )
    right = frame(
        [0, GAIA, 0, 0],
        ["08482637+1112374", "08482003+1114207", "", ""],
        [20.0, 10, 40 + 0.5 * ARCSEC / np.cos(np.radians(4)), 50],
        [2.0, 1, 4, 5],
    )
    match = crossmatch(left, right)
    assert pairs(match) == {(0, 1, "gaia_dr3"), (1, 0, "tmass_id"), (3, 2, "position")}
    np.testing.assert_allclose(match.separation_arcsec, [0, 0, 0.5], atol=1e-6)
    assert len(match.ambiguous) == 0
    assert match.summary.startswith(
        "3 pairs of 4 rows on the left and 4 on the right\n  by gaia_dr3: 1 (known for 2 and 1"
    )
    assert list(match.to_frame().columns) == ["left", "right", "how", "separation_arcsec"]


def test_ids_a_float_would_confuse():
    near = np.array([GAIA, GAIA + 1])
    assert float(near[0]) == float(near[1])
    match = crossmatch(frame(near), frame(near[::-1]))
    assert pairs(match) == {(0, 1, "gaia_dr3"), (1, 0, "gaia_dr3")}
    with pytest.raises(InputError, match="column 'gaia_dr3' holds Gaia ids as float64"):
        crossmatch(frame(near.astype(float)), frame(near))
    with pytest.raises(InputError, match=r"it also holds 5\.98"):
        crossmatch(frame(["5.98e17", "1"]), frame(near))


@pytest.mark.parametrize(
    "column",
    [
        [str(GAIA), ""],
        [f"Gaia DR3 {GAIA}", "nan"],
        np.array([str(GAIA), "-9999"], "S"),
        [GAIA, None],
        pd.array([GAIA, None], "Int64"),
        [GAIA, -1],
        pd.Categorical([str(GAIA), "0"]),
    ],
)
def test_forms_of_gaia_ids(column):
    column = list(column) if isinstance(column, np.ndarray) else column
    left = pd.DataFrame({"gaia_dr3": pd.Series(column, dtype=object if isinstance(column, list) else None)})
    right = frame([7, GAIA, 0])
    assert pairs(crossmatch(left, right)) == {(0, 1, "gaia_dr3")}


@pytest.mark.parametrize(
    "name",
    [
        "2M08482003+1114207",
        "2MASS J08482003+1114207",
        "J08482003+1114207",
        "2MASSJ08482003+1114207 ",
        b"2M08482003+1114207 ",
    ],
)
def test_forms_of_2mass_ids(name):
    right = frame(tmass=["VESTA", "08482003-1114207", "08482003+1114207"])
    assert pairs(crossmatch(frame(tmass=["", name, "VESTA", None]), right)) == {(1, 2, "tmass_id")}


def test_repeated_ids_are_reported_and_not_resolved_by_position():
    left = frame([GAIA, 5], ra=[10.0, 20.0], dec=[0.0, 0.0])
    right = frame([GAIA, GAIA, 5], ra=[10.0, 10.0 + 0.1 * ARCSEC, 20.0], dec=[0.0, 0.0, 0.0])
    match = crossmatch(left, right)
    assert pairs(match) == {(1, 2, "gaia_dr3")}
    assert match.ambiguous[["left", "right"]].to_numpy().tolist() == [[0, 0], [0, 1]]
    assert set(match.ambiguous["reason"]) == {"several rows on the right for one on the left"}
    assert "2 x several rows on the right" in match.summary
    swapped = crossmatch(right, left)
    assert set(swapped.ambiguous["reason"]) == {"several rows on the left for one on the right"}


def test_ids_that_contradict_each_other():
    a, b = "08482003+1114207", "08482637+1112374"
    match = crossmatch(frame([1, 2, 3], [a, b, ""]), frame([1, 9, 3], [b, b, a]), allow_empty=True)
    assert pairs(match) == {(2, 2, "gaia_dr3")}
    assert dict(zip(match.ambiguous["left"], match.ambiguous["reason"], strict=True)) == {
        0: "tmass_id differs",
        1: "gaia_dr3 differs",
    }
    near = crossmatch(frame([1], ra=[5.0], dec=[5.0]), frame([2], ra=[5.0], dec=[5.0]), allow_empty=True)
    assert near.ambiguous["reason"].tolist() == ["gaia_dr3 differs"]


def test_the_nearest_of_several_is_not_taken():
    left = frame(ra=[10.0, 50.0], dec=[0.0, -60.0])
    right = frame(ra=[10 + 0.2 * ARCSEC, 10 - 0.8 * ARCSEC, 50.0], dec=[0.0, 0.0, -60 + 0.9 * ARCSEC])
    match = crossmatch(left, right)
    assert pairs(match) == {(1, 2, "position")}
    assert match.ambiguous["right"].tolist() == [0, 1]
    np.testing.assert_allclose(match.ambiguous["separation_arcsec"], [0.2, 0.8], rtol=1e-6)
    assert pairs(crossmatch(left, right, radius_arcsec=0.5)) == {(0, 0, "position")}
    # A candidate that its id rules out is no rival.
    ruled = crossmatch(left.assign(gaia_dr3=[4, 0]), right.assign(gaia_dr3=[0, 9, 0]))
    assert (0, 0, "position") in pairs(ruled)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_positions_agree_with_all_pairs(seed):
    """Against every pair of a crowded patch, by the haversine formula, near the pole and across 0 degrees."""
    rng = np.random.default_rng(seed)
    dec0 = rng.choice([0.0, 60.0, -89.99])

    def patch(n):
        ra = rng.uniform(-4, 4, n) * ARCSEC / np.cos(np.radians(dec0))
        return frame(ra=np.mod(ra, 360), dec=dec0 + rng.uniform(-4, 4, n) * ARCSEC)

    left, right = patch(12), patch(9)
    a, b = np.radians(left.to_numpy())[:, None], np.radians(right.to_numpy())[None]
    hav = np.sin((a[..., 1] - b[..., 1]) / 2) ** 2
    hav = hav + np.cos(a[..., 1]) * np.cos(b[..., 1]) * np.sin((a[..., 0] - b[..., 0]) / 2) ** 2
    near = np.degrees(2 * np.arcsin(np.sqrt(hav))) / ARCSEC <= 1
    alone = near & (near.sum(axis=1, keepdims=True) == 1) & (near.sum(axis=0, keepdims=True) == 1)
    match = crossmatch(left, right, allow_empty=True)
    assert {(i, j) for i, j, _ in pairs(match)} == set(map(tuple, np.argwhere(alone).tolist()))
    assert len(match) + len(match.ambiguous) == near.sum()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 8), max_size=12), st.lists(st.integers(1, 8), max_size=12))
def test_ids_agree_with_a_double_loop(left, right):
    expected = {
        (i, j)
        for i, a in enumerate(left)
        for j, b in enumerate(right)
        if a == b and left.count(a) == 1 and right.count(b) == 1
    }
    make = lambda ids: frame(np.array(ids, np.int64))  # noqa: E731
    match = crossmatch(make(left), make(right), allow_empty=True)
    assert {(i, j) for i, j, _ in pairs(match)} == expected


def test_column_names_and_choice_of_keys():
    left = pd.DataFrame({"GAIAEDR3_SOURCE_ID": [GAIA], "RA": [1.0], "DEC": [1.0]}, index=[17])
    right = pd.DataFrame({"dr3_source_id": [GAIA], "ra": [1.0], "dec": [1.0]})
    names = {"gaia_dr3": "GAIAEDR3_SOURCE_ID", "ra": "RA", "dec": "DEC"}
    match = crossmatch(left, right, left_columns=names, right_columns={"gaia_dr3": "dr3_source_id"})
    assert pairs(match) == {(0, 0, "gaia_dr3")}
    assert pairs(crossmatch(left, right)) == {(0, 0, "gaia_dr3")}  # by what surveys call them
    only = crossmatch(
        left, right, left_columns=names, right_columns={"gaia_dr3": "dr3_source_id"}, keys=["position"]
    )
    assert pairs(only) == {(0, 0, "position")}


def test_no_row_is_used_twice():
    """A row matched by id is gone, though another lies at its place."""
    one, two = frame([GAIA], ra=[1.0], dec=[1.0]), frame([GAIA, 0], ra=[1.0, 1.0], dec=[1.0, 1.0])
    assert pairs(crossmatch(one, two)) == {(0, 0, "gaia_dr3")}
    assert pairs(crossmatch(two, one)) == {(0, 0, "gaia_dr3")}


def test_missing_positions_never_match():
    side = frame(ra=[np.nan, -9999.0, 3.0], dec=[1.0, -9999.0, np.nan])
    match = crossmatch(side, side, allow_empty=True)
    assert len(match) == 0
    assert match.compared == {"position": (0, 0)}


def test_refused():
    side = frame([GAIA], ra=[1.0], dec=[1.0])
    with pytest.raises(InputError, match="share no key"):
        crossmatch(side, frame(tmass=["08482003+1114207"]))
    with pytest.raises(InputError, match="no column of the left table 'GAIA'"):
        crossmatch(side, side, left_columns={"gaia_dr3": "GAIA"})
    with pytest.raises(InputError, match="no standard column 'gaia'"):
        crossmatch(side, side, left_columns={"gaia": "gaia_dr3"})
    with pytest.raises(InputError, match="no key 'sky'"):
        crossmatch(side, side, keys=["sky"])
    with pytest.raises(InputError, match="above 0 arcsec"):
        crossmatch(side, side, radius_arcsec=0)
    with pytest.raises(InputError, match="right table reach 100"):
        crossmatch(side, side.assign(dec=100.0))


def test_an_empty_match_says_what_was_compared():
    far = frame([7], ra=[1.0], dec=[1.0 + 5 * ARCSEC])
    with pytest.raises(InputError) as caught:
        crossmatch(frame([GAIA], ra=[1.0], dec=[1.0]), far)
    for words in (str(GAIA), "5 arcsec apart", "the radius is 1", "Gaia DR3 ids", "allow_empty"):
        assert words in str(caught.value)
    assert len(crossmatch(frame([GAIA]), frame([7]), allow_empty=True)) == 0


def test_survey_sized_tables():
    """A tenth of GALAH against a tenth of APOGEE, in well under a tenth of a minute."""
    rng = np.random.default_rng(0)
    n = 60_000
    ids = GAIA + np.arange(n)
    ra, dec = rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    left = frame(ids, ra=ra, dec=dec)
    order = rng.permutation(n)
    right = frame(np.where(order % 2, ids[order], 0), ra=ra[order], dec=dec[order] + 0.1 * ARCSEC)
    start = time.perf_counter()
    match = crossmatch(left, right)
    assert time.perf_counter() - start < 6
    np.testing.assert_array_equal(order[match.right], match.left)
    assert len(match) > 0.999 * n
    assert np.sum(match.how == "gaia_dr3") == n // 2
