"""Deterministic splits of stars: by a hash of each id, so that adding stars never moves others.

A star has one number between 0 and 1, made from its id and the seed by BLAKE2b (the same on every machine and in
every Python, unlike ``hash``). A split is a cut of that interval. Visits of one star, members of one cluster and stars
of one field share light paths, flats and abundances: give them one group, and they stay on one side.
"""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..core import InputError
from ..core.internal import identifiers, number, values

__all__ = ["folds", "hash_ids", "sky_blocks", "split"]


def split(
    ids: Sequence, fractions: Mapping[str, float], *, seed: int = 0, groups: Sequence | None = None
) -> dict[str, np.ndarray]:
    """Divide stars into named parts.

    Parameters
    ----------
    ids : (star,) sequence of str or int
        Rows with the same id go to the same part.
    fractions : mapping of str to float
        Share of each part, such as ``{"train": 0.8, "test": 0.2}``; they add up to 1. Parts hold these shares on average
        (the hash is like a random number): the fewer the groups, the further off.
    seed : int
        Another seed gives another split.
    groups : (star,) sequence of str or int, optional
        What must not be divided (cluster, field, `sky_blocks`); hashed instead of the ids.

    Returns
    -------
    dict of str to (star,) bool array
        In the order of `fractions`; every star is in exactly one.

    Examples
    --------
    >>> from luxjax.data import split
    >>> parts = split(["a", "b", "a", "c"], {"train": 0.5, "test": 0.5})
    >>> list(parts)
    ['train', 'test']
    >>> bool(parts["train"][0] == parts["train"][2])  # both rows of star a are in one part
    True
    """
    share = np.array(list(fractions.values()), float)
    if len(share) == 0 or not np.all(share >= 0) or not np.isclose(share.sum(), 1, rtol=0, atol=1e-9):
        raise InputError(
            f"fractions must not be negative and must add up to 1; given: {dict(fractions)}, which add up to "
            f"{share.sum():g}."
        )
    number, row = _numbers(ids, groups, seed)
    # side="right": a number equal to an edge belongs to the part above. The last edge is beyond all numbers.
    part = np.searchsorted(np.cumsum(share)[:-1], number, side="right")[row]
    return {name: part == i for i, name in enumerate(fractions)}


def folds(ids: Sequence, k: int, *, seed: int = 0, groups: Sequence | None = None) -> np.ndarray:
    """Number the stars 0 to k - 1 for cross-validation, with as many groups in each fold as can be.

    Groups (stars, without `groups`) are ranked by their hash and assigned to the folds in turn, so folds differ by at most one group.
    Unlike in `split`, adding stars moves others.

    Parameters
    ----------
    ids : (star,) sequence of str or int
        Rows with the same id go to the same fold.
    k : int
        Number of folds, at least 2 and at most the number of groups.
    seed, groups
        As for `split`.

    Returns
    -------
    (star,) int array

    Examples
    --------
    >>> from luxjax.data import folds
    >>> sorted(folds(["a", "b", "c", "d"], 2).tolist())
    [0, 0, 1, 1]
    """
    number, row = _numbers(ids, groups, seed)
    if not 2 <= k <= len(number):
        what = "distinct ids" if groups is None else "groups"
        raise InputError(
            f"{k} folds were asked for; give at least 2 and at most {len(number)}, the number of {what}."
        )
    rank = np.empty(len(number), int)
    rank[np.argsort(number, kind="stable")] = np.arange(len(number))
    return (rank % k)[row]


def sky_blocks(ra_deg: ArrayLike, dec_deg: ArrayLike, *, side_deg: float = 10.0) -> np.ndarray:
    """Number of the block of sky that each star lies in, for `groups`.

    Blocks are equal in area: bands of equal width in sin(declination), cut into equal steps of right ascension. They
    are about square near the equator, and get narrow towards the poles.

    Parameters
    ----------
    ra_deg, dec_deg : (star,) arrays
        Degrees; right ascensions may lie outside 0 to 360.
    side_deg : float
        Side of a square of the same area as a block, approximately: a whole number of blocks fits each way.

    Returns
    -------
    (star,) int array
    """
    ra, dec = (
        values(f"the {what}", given, "deg")
        for what, given in (("right ascension", ra_deg), ("declination", dec_deg))
    )
    ra, dec, side_deg = (
        ra.astype(np.float64),
        dec.astype(np.float64),
        number("the side of a block", side_deg, "deg"),
    )
    if ra.shape != dec.shape or not np.all(np.isfinite(ra) & (np.abs(dec) <= 90)):
        raise InputError(
            "sky blocks need a finite right ascension and a declination between -90 and 90 degrees for every star; given: "
            f"arrays of shapes {ra.shape} and {dec.shape}, with {int((~np.isfinite(ra)).sum())} unusable right "
            f"ascensions and {int((~(np.abs(dec) <= 90)).sum())} unusable declinations."
        )
    if not 0 < side_deg <= 90:
        raise InputError(f"the side of a block is above 0 and at most 90 degrees; given: {side_deg}.")
    n_bands = max(round(2 / np.radians(side_deg)), 2)
    n_steps = max(round(360 / side_deg), 4)
    band = np.minimum(((np.sin(np.radians(dec)) + 1) / 2 * n_bands).astype(int), n_bands - 1)
    step = np.minimum((np.mod(ra, 360) / 360 * n_steps).astype(int), n_steps - 1)
    return band * n_steps + step


def _numbers(ids: Sequence, groups: Sequence | None, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A number in [0, 1) for every group, and the group of every row."""
    keys = identifiers("ids", ids)
    if groups is not None:
        stars = keys
        keys = identifiers("groups", groups)
        if len(stars) != len(keys):
            raise InputError(f"{len(keys)} groups were given for {len(stars)} ids; give one for each.")
    names, row = np.unique(keys, return_inverse=True)
    if groups is not None:
        _check_whole(stars, row, names)
    # 53 bits, all that a float64 below 1 can hold; the rest would round some numbers up to 1.
    return (_hashed(names, f"{int(seed)}:") >> np.uint64(11)) * 2.0**-53, row


def hash_ids(ids: Sequence | np.ndarray) -> np.ndarray:
    """One number for every id, (star,) uint64: the same on every machine, and for an id as text or as a number."""
    return _hashed(identifiers("ids", ids), "star:")


def _hashed(names: np.ndarray, salt: str) -> np.ndarray:
    """The first 64 bits of the BLAKE2b hash of each name, with the salt before it."""
    begin = salt.encode()
    digest = b"".join(hashlib.blake2b(begin + str(n).encode(), digest_size=8).digest() for n in names)
    return np.frombuffer(digest, "<u8").astype(np.uint64)


def _check_whole(stars: np.ndarray, group: np.ndarray, names: np.ndarray) -> None:
    """Raise unless all rows of a star are in one group: otherwise it could stand on both sides."""
    first, row = np.unique(stars, return_index=True, return_inverse=True)[1:]
    astray = np.flatnonzero(group != group[first][row])
    if len(astray):
        i = astray[0]
        raise InputError(
            f"star '{stars[i]}' is in the groups '{names[group[first[row[i]]]]}' and '{names[group[i]]}', so its rows could "
            "be divided; give every star one group."
        )
