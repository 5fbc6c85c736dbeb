"""Blocks of the sky for cross-validation, and what judging by them instead of by star makes of the scores.

Neighbours on the sky share plate, night, sky lines, reddening and reduction. A classifier may learn these together with the stars, and folds by
star cannot tell: its training stars surround those that it is judged on. Folds by blocks of the sky keep neighbourhoods together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..core import InputError, check_name
from ..core.internal import classes_of, doubles, identifiers
from ..stats import Interval
from ..stats.internal import percentiles, star_means

__all__ = ["FoldGap", "fold_gap", "healpix_of", "sky_blocks"]


def healpix_of(ra: ArrayLike, dec: ArrayLike, *, nside: int = 16) -> np.ndarray:
    """Number of the HEALPix pixel of each position, in the ring scheme (Gorski et al. 2005, ApJ 622, 759).

    Parameters
    ----------
    ra, dec : (row,) arrays
        Degrees.
    nside : int
        The sky has 12 nside^2 pixels of equal area.
    """
    z, quarter = np.sin(np.radians(dec)), np.mod(ra, 360) / 90
    # the belt about the equator: rising and falling lines of pixel edges
    rising = np.floor(nside * (0.5 + quarter - 0.75 * z)).astype(int)
    falling = np.floor(nside * (0.5 + quarter + 0.75 * z)).astype(int)
    ring = nside + 1 + rising - falling  # from 1 at z = 2/3
    place = (rising + falling - nside + 2 - ring % 2) // 2 % (4 * nside)
    belt = 2 * nside * (nside - 1) + (ring - 1) * 4 * nside + place
    # the caps about the poles: four triangles
    within, scale = quarter % 1, nside * np.sqrt(3 * (1 - np.abs(z)))
    ring = np.floor(within * scale).astype(int) + np.floor((1 - within) * scale).astype(int) + 1
    place = np.floor(quarter * ring).astype(int) % (4 * ring)
    cap = np.where(z > 0, 2 * ring * (ring - 1), 12 * nside**2 - 2 * ring * (ring + 1)) + place
    return np.where(np.abs(z) <= 2 / 3, belt, cap)


def sky_blocks(ra: ArrayLike, dec: ArrayLike, ids: Sequence | np.ndarray, *, nside: int = 16) -> np.ndarray:
    """Block of the sky of each row, for folds by block; a star is never divided.

    Parameters
    ----------
    ra, dec : (row,) arrays
        Degrees. Stars without a position are blocks by themselves, with negative numbers.
    ids : (row,) sequence
        All rows of a star go by the first of them that has a position.
    nside : int
        Blocks are HEALPix pixels, 3.7 degrees wide at 16 and half as wide at 32.

    Returns
    -------
    (row,) array of int

    Examples
    --------
    >>> from luxjax.classify.internal import sky_blocks
    >>> sky_blocks([10.0, 10.1, 10.1, 200.0], [40.0, 40.0, 40.0, -5.0], ["a", "b", "b", "c"]).tolist()
    [546, 546, 546, 1667]
    """
    if nside < 1:
        raise InputError(f"the sky is divided by an nside of at least 1, such as 16; given: {nside}.")
    ra, dec = doubles("right ascensions", ra), doubles("declinations", dec)
    names = identifiers("ids", ids)
    if ra.shape != names.shape or dec.shape != names.shape:
        raise InputError(
            f"every row needs right ascension, declination and its star; given {len(ra)}, {len(dec)} and {len(names)}."
        )
    known = np.isfinite(ra) & np.isfinite(dec)
    if np.any(np.abs(dec[known]) > 90):
        raise InputError("declinations are between -90 and 90 degrees; give positions in degrees.")
    star, first = np.unique(names[known], return_index=True)
    block = pd.Series(healpix_of(ra[known][first], dec[known][first], nside=nside), index=star)
    found = block.reindex(names)
    own = -1 - np.unique(names, return_inverse=True)[1]
    return np.where(found.notna(), found.fillna(0), own).astype(int)


@dataclass(frozen=True, eq=False)
class FoldGap:
    """Scores of the same stars in folds by star and in folds by block, and the paired difference.

    Attributes
    ----------
    table : pandas.DataFrame
        Rows ``accuracy`` and ``log_loss`` (nats); columns ``by_star``, ``by_block``, ``gap`` (by block minus by star) and the ends of its 95%
        interval, ``lower`` and ``upper``: stars drawn with replacement, the same ones for both.
    n_stars, n_blocks : int
    """

    table: pd.DataFrame
    n_stars: int
    n_blocks: int

    def interval(self, score: str) -> Interval:
        """The 95% interval of the gap."""
        check_name("score", score, list(self.table.index))
        return Interval(*self.table.loc[score, ["lower", "upper"]].to_numpy(float).tolist())


def fold_gap(
    by_star: pd.DataFrame, by_block: pd.DataFrame, blocks: ArrayLike, *, n_draws: int = 1000, seed: int = 0
) -> FoldGap:
    """Compare the same stars judged in folds by star and in folds by block.

    Parameters
    ----------
    by_star, by_block : DataFrame
        From `cross_validate_classifier` on the same features, without and with `groups`; rows without ``truth`` do not count.
    blocks : (row,) array
        The groups.
    n_draws, seed : int
        Bootstrap samples of stars.
    """
    blocks = np.asarray(blocks)
    ids = identifiers("ids", by_star.index)
    if not np.array_equal(ids, identifiers("ids", by_block.index)) or len(blocks) != len(ids):
        raise InputError(
            "a gap is measured on the same rows in the same order; judge the same features twice."
        )
    known = classes_of("classes", by_star["truth"]) != ""
    if not known.any():
        raise InputError("a gap needs known classes; that of every spectrum given is missing.")
    each = np.concatenate([_each(by_star)[known], _each(by_block)[known]], axis=1)
    mean, draws = star_means(each, ids[known], n_draws=n_draws, seed=seed)
    low, high = percentiles(draws[:, 2:] - draws[:, :2])
    columns = {
        "by_star": mean[:2],
        "by_block": mean[2:],
        "gap": mean[2:] - mean[:2],
        "lower": low,
        "upper": high,
    }
    return FoldGap(
        pd.DataFrame(columns, index=["accuracy", "log_loss"]),
        len(np.unique(ids[known])),
        len(np.unique(blocks[known])),
    )


def _each(judged: pd.DataFrame) -> np.ndarray:
    """Whether each row is right, and the log loss of its class, (row, 2)."""
    names = [str(c).removeprefix("p_") for c in judged if str(c).startswith("p_")]
    p = judged[[f"p_{n}" for n in names]].fillna(0.0).to_numpy(float)  # a fold may not know a class
    own = pd.Index(names).get_indexer(pd.Index(judged["truth"]))
    chance = np.where(own < 0, 0.0, p[np.arange(len(p)), own])
    right = (judged["class"].astype(str) == judged["truth"].astype(str)).to_numpy(float)
    return np.stack([right, -np.log(np.maximum(chance, np.finfo(float).eps))], axis=1)
