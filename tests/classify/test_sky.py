"""Folds by blocks of the sky: equal areas, no star divided, and a gap where a classifier learns the neighbourhood."""

import numpy as np
import pandas as pd
import pytest

from luxjax.classify import cross_validate_classifier
from luxjax.classify._folds import answer_by_folds
from luxjax.classify._sky import healpix_of
from luxjax.classify.features import Features
from luxjax.classify.internal import fold_gap, sky_blocks
from luxjax.core import InputError


def features_of(values: np.ndarray, ids: np.ndarray) -> Features:
    table = pd.DataFrame(values, columns=[f"x{k}" for k in range(values.shape[1])])
    families = dict.fromkeys(table.columns, "other")
    nothing = pd.DataFrame(columns=["row", "id", "reason"])
    return Features(table, 0 * table + 1, families, ids, np.arange(len(ids)), nothing)


@pytest.mark.parametrize("nside", [1, 3, 16])
def test_pixels_have_equal_areas_and_are_compact(rng, nside):
    n = 4000 * 12 * nside**2 if nside < 16 else 600_000
    ra, dec = rng.uniform(-360, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    pixel = healpix_of(ra, dec, nside=nside)
    count = np.bincount(pixel, minlength=12 * nside**2)
    assert len(count) == 12 * nside**2
    mean = count.mean()
    assert np.sum((count - mean) ** 2 / mean) == pytest.approx(len(count), abs=5 * np.sqrt(2 * len(count)))
    # compact: no star of a pixel is far from the pixel's middle
    xyz = np.stack([np.cos(np.radians(dec)) * np.cos(np.radians(ra)), np.cos(np.radians(dec)) * np.sin(np.radians(ra)), np.sin(np.radians(dec))])  # fmt: skip
    middle = np.stack([np.bincount(pixel, weights=x) for x in xyz])
    middle = middle / np.linalg.norm(middle, axis=0)
    reach = np.degrees(np.arccos(np.clip(np.sum(xyz * middle[:, pixel], axis=0), -1, 1))).max()
    assert reach < 1.1 * 58.6 / nside  # corners of the base pixels are 48 degrees from their middles


def test_pixels_are_those_of_astropy_healpix(rng):
    library = pytest.importorskip("astropy_healpix.healpy", reason="astropy-healpix is not installed")
    ra, dec = rng.uniform(0, 360, 5000), np.degrees(np.arcsin(rng.uniform(-1, 1, 5000)))
    for nside in (1, 4, 16, 64):
        expected = library.ang2pix(nside, ra, dec, lonlat=True)
        np.testing.assert_array_equal(healpix_of(ra, dec, nside=nside), expected)


def test_centres_and_corners_of_the_twelve_base_pixels():
    """Numbers by the definition of the ring scheme: four pixels about each pole and four on the equator."""
    ra = [45, 135, 225, 315, 0, 90, 180, 270, 45, 135, 225, 315]
    dec = [41.81] * 4 + [0] * 4 + [-41.81] * 4
    assert healpix_of(ra, dec, nside=1).tolist() == list(range(12))
    assert healpix_of([0, 359.9999, 0], [0, 0, 90], nside=1).tolist() == [4, 4, 0]


def test_a_star_is_in_one_block_even_across_an_edge_or_without_positions():
    ra, dec = [10.0, 80.0, np.nan, np.nan, 80.0], [40.0, 40.0, np.nan, 3.0, 40.0]
    blocks = sky_blocks(ra, dec, ["a", "a", "a", "b", "c"])
    assert blocks[0] == blocks[1] == blocks[2] >= 0
    assert blocks[3] < 0
    assert blocks[4] not in blocks[:4]
    with pytest.raises(InputError, match="between -90 and 90"):
        sky_blocks([1.0], [100.0], ["a"])
    with pytest.raises(InputError, match="every row needs right ascension"):
        sky_blocks([1.0, 2.0], [10.0], ["a", "b"])


def test_groups_stay_together_and_bad_ones_are_refused():
    ids = np.repeat([f"s{k}" for k in range(20)], 2)
    features, groups = features_of(np.zeros((40, 1)), ids), np.repeat(np.arange(10), 4)

    def answer(fit, held):
        assert not set(groups[fit]) & set(groups[held])
        return pd.DataFrame({"held": held}, index=ids[held])

    found = answer_by_folds(features, 5, 0, answer, groups=groups)
    assert found["held"].tolist() == list(range(40))
    with pytest.raises(InputError, match="belong to one group; those of s0"):
        answer_by_folds(features, 5, 0, answer, groups=np.arange(40))
    with pytest.raises(InputError, match="12 folds need as many groups; there are 10"):
        answer_by_folds(features, 12, 0, answer, groups=groups)
    with pytest.raises(InputError, match="every row needs its group"):
        answer_by_folds(features, 5, 0, answer, groups=[1, 2])


def fields(rng, per_block: float) -> tuple[Features, np.ndarray, np.ndarray]:
    """Stars in 30 fields. One feature tells the class a little; another tells the field, in which one class is common."""
    block = np.repeat(np.arange(30), 20)
    common = rng.permutation(np.repeat([0, 1], 15))[block]
    code = np.where(rng.random(600) < per_block, common, rng.integers(2, size=600))
    x = np.stack([code + rng.normal(0, 1.2, 600), rng.permutation(30)[block] + rng.normal(0, 0.05, 600)], axis=1)  # fmt: skip
    return features_of(x, np.arange(600).astype(str)), np.array(["F", "G"])[code], block


@pytest.mark.long
def test_the_gap_shows_who_learnt_the_field_and_is_nothing_where_there_is_nothing_to_learn(rng):
    how = {"estimator": "forest", "n_estimators": 60, "folds": 5, "seed": 1}
    gaps = []
    for share in (0.9, 0.0):
        features, truth, block = fields(rng, share)
        by_star = cross_validate_classifier(features, truth, **how)
        by_block = cross_validate_classifier(features, truth, groups=block, **how)
        assert by_block.groupby(block)["fold"].nunique().max() == 1
        gaps.append(fold_gap(by_star, by_block, block))
    learnt, nothing = gaps
    assert learnt.n_blocks == 30
    assert learnt.interval("accuracy").upper < -0.1
    assert learnt.interval("log_loss").lower > 0.1
    assert nothing.interval("accuracy").lower < 0.03
    assert nothing.interval("accuracy").upper > -0.03
    row = learnt.table.loc["accuracy"]
    assert row["gap"] == pytest.approx(row["by_block"] - row["by_star"])
    with pytest.raises(InputError, match="same rows in the same order"):
        fold_gap(by_star, by_block.iloc[::-1], block)
