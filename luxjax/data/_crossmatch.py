"""Which rows of two catalogues are the same star: by identifier where both have one, else by position."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial import cKDTree

from ..core import InputError, check_name
from ..core.internal import join_names, number
from ..system.internal import lazy_import
from ._sky import ARCSEC, MAS, directions, numbers, positions
from .tables._frames import frame_of
from .tables._star_columns import IDENTIFIERS, UNITS, epochs, find_star_columns, star_identifiers

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

__all__ = ["Match", "crossmatch"]

KEYS = (*IDENTIFIERS, "position")


@dataclass(frozen=True, eq=False)
class Match:
    """Pairs of rows that are one star, and the pairs that could not be decided.

    Parameters
    ----------
    left, right : (pair,) int arrays
        Row positions (``iloc``), in the order of `left`; no row occurs twice.
    how : (pair,) array of str
        What matched: ``"gaia_dr3"``, ``"gaia_dr2"``, ``"tmass_id"`` or ``"position"``.
    separation_arcsec : (pair,) array
        NaN where a position is missing. Large values among pairs matched by id deserve a look.
    ambiguous : DataFrame
        Pairs left out, with columns ``left``, ``right``, ``how``, ``separation_arcsec`` and ``reason``.
    n_left, n_right : int
        Rows of the two catalogues.
    compared : mapping of str to (int, int)
        By key: how many rows on the left and on the right had it.

    Examples
    --------
    >>> import pandas as pd
    >>> import luxjax
    >>> left = pd.DataFrame({"gaia_dr3": [1, 2, 3]})
    >>> match = luxjax.crossmatch(left, pd.DataFrame({"gaia_dr3": [3, 1]}))
    >>> len(match), match.left.tolist(), match.right.tolist()
    (2, [0, 2], [1, 0])
    """

    left: np.ndarray
    right: np.ndarray
    how: np.ndarray
    separation_arcsec: np.ndarray
    ambiguous: "pd.DataFrame"
    n_left: int
    n_right: int
    compared: Mapping[str, tuple[int, int]]

    def __len__(self) -> int:
        return len(self.left)

    def __repr__(self) -> str:
        return self.summary

    @property
    def summary(self) -> str:
        """What was matched, how, and what was left out; a few lines."""
        lines = [f"{len(self)} pairs of {self.n_left} rows on the left and {self.n_right} on the right"]
        for key, (n_left, n_right) in self.compared.items():
            lines.append(f"  by {key}: {np.sum(self.how == key)} (known for {n_left} and {n_right} rows)")
        if len(self.ambiguous):
            lines.append(f"  not decided: {len(self.ambiguous)} pairs, listed in .ambiguous:")
            lines += [f"    {n} x {reason}" for reason, n in self.ambiguous["reason"].value_counts().items()]
        return "\n".join(lines)

    def to_frame(self) -> "pd.DataFrame":
        """One row per pair: ``left``, ``right``, ``how``, ``separation_arcsec``."""
        return pd.DataFrame(
            {
                "left": self.left,
                "right": self.right,
                "how": self.how,
                "separation_arcsec": self.separation_arcsec,
            }
        )


def crossmatch(
    left: "pd.DataFrame",
    right: "pd.DataFrame",
    *,
    radius_arcsec: float = 1.0,
    keys: Sequence[str] = KEYS,
    left_columns: Mapping[str, str] | None = None,
    right_columns: Mapping[str, str] | None = None,
    left_epoch: float | None = None,
    right_epoch: float | None = None,
    allow_empty: bool = False,
) -> Match:
    """Match the rows of two catalogues one to one.

    Gaia DR3 ids first, then Gaia DR2 ids, then 2MASS designations among the rows not yet matched, then positions. Ids of two
    releases of Gaia never meet. Nothing is decided silently:

    - an id that occurs more than once on a side (repeat visits) leaves all its rows out: make ids unique first;
    - two rows whose other ids are both known and differ are not matched, by whatever key they agree;
    - by position, rows are matched if each is the only candidate of the other within the radius. The nearest of
      several is not taken.

    All three are listed in ``Match.ambiguous``. Positions are compared at one epoch: where both sides have one and at least one
    row of a pair a proper motion, the position of that row is moved to the epoch of the other. Otherwise they are compared as
    they stand.

    Parameters
    ----------
    left, right : DataFrame
        With any of the columns ``gaia_dr3`` and ``gaia_dr2`` (whole numbers or text, never floats), ``tmass_id``, ``ra`` and
        ``dec`` (degrees, or sexagesimal text), ``pmra`` (times cos dec) and ``pmdec`` (milliarcseconds per year), ``epoch``
        (Julian year), or with those that surveys have for them (``dr3_source_id``, ``APOGEE_ID``, ``ra_dr2``, ``ref_epoch``, ...).
    radius_arcsec : float
        Largest separation of positions.
    keys : sequence of str
        Of ``"gaia_dr3"``, ``"gaia_dr2"``, ``"tmass_id"``, ``"position"``: what to use, in this order. A key that either side
        lacks is passed over.
    left_columns, right_columns : mapping of str to str, optional
        Where a column has another name: ``{"gaia_dr3": "source_id"}``.
    left_epoch, right_epoch : float, optional
        Julian year of the positions. Default: the column ``epoch``; without one, 2000 for 2MASS positions such as APOGEE's, and
        2015.5 or 2016 for those of a table with identifiers and proper motions of Gaia DR2 or DR3.
    allow_empty : bool
        Return an empty match instead of raising.

    Raises
    ------
    InputError
        No key is on both sides, an id column holds floats, or nothing matches.

    Examples
    --------
    >>> import luxjax
    >>> import pandas as pd
    >>> left = pd.DataFrame({"ra": [10.0, 20.0], "dec": [0.0, 5.0]})
    >>> right = pd.DataFrame({"ra": [20.0001, 80.0], "dec": [5.0, 5.0]})
    >>> match = luxjax.crossmatch(left, right, radius_arcsec=1.0)
    >>> match.left.tolist(), match.right.tolist(), match.how.tolist()
    ([1], [0], ['position'])
    >>> match.separation_arcsec.round(2).tolist()
    [0.36]
    """
    for key in keys:
        check_name("key", key, KEYS)
    radius_arcsec = number("the radius", radius_arcsec, "arcsec")
    if not radius_arcsec > 0:
        raise InputError(f"the radius must be above 0 arcsec; given: {radius_arcsec}.")
    a = _Side("left", left, left_columns, left_epoch)
    b = _Side("right", right, right_columns, right_epoch)
    keys = [k for k in dict.fromkeys(keys) if a.has(k) and b.has(k)]
    if not keys:
        raise InputError(
            f"the two tables share no key (left has {join_names(a.column) or 'none'}, right has "
            f"{join_names(b.column) or 'none'}); name columns for gaia_dr3, gaia_dr2, tmass_id, or both ra and dec with "
            f"left_columns and right_columns.{_unsaid(a, b)}"
        )
    found: "list[pd.DataFrame]" = []
    for key in keys:
        pairs = _within(a, b, radius_arcsec) if key == "position" else _same_id(a, b, key)
        pairs = _judged(pairs.assign(how=key), a, b)
        found.append(pairs)
        # Rows that an id named are settled, matched or not: a position must not pick one of several visits.
        done = pairs[pairs["reason"].eq("") | (key != "position")]
        a.free[done["left"]] = False
        b.free[done["right"]] = False
    pairs = pd.concat(found, ignore_index=True)
    pairs["separation_arcsec"] = _separation(a, b, pairs["left"].to_numpy(), pairs["right"].to_numpy())
    matched = pairs[pairs["reason"] == ""].sort_values("left")
    ambiguous = pairs[pairs["reason"] != ""].sort_values(["left", "right"], ignore_index=True)
    match = Match(
        matched["left"].to_numpy(),
        matched["right"].to_numpy(),
        matched["how"].to_numpy(object),
        matched["separation_arcsec"].to_numpy(),
        ambiguous[["left", "right", "how", "separation_arcsec", "reason"]],
        a.size,
        b.size,
        {key: (int(a.known(key).sum()), int(b.known(key).sum())) for key in keys},
    )
    if not len(match) and not allow_empty:
        raise InputError(_why_empty(match, a, b, radius_arcsec))
    return match


def _names_of(table: Any) -> list[Any]:
    """Names of the columns of a table of whatever library, as far as they are found without reading it."""
    names = (
        getattr(table, "colnames", None)
        or getattr(table, "column_names", None)
        or getattr(getattr(table, "dtype", None), "names", None)
    )
    return list(table) if names is None else list(names)


class _Side:
    """One catalogue, with its identifiers in one form."""

    def __init__(self, name: str, table: Any, columns: Mapping[str, str] | None, epoch: float | None):
        given = find_star_columns(_names_of(table), columns)
        frame = frame_of(
            f"{name} table", table, units={given[c]: unit for c, unit in UNITS.items() if c in given}
        )
        self.size = len(frame)
        for column in (columns or {}).values():
            check_name(f"column of the {name} table", column, frame.columns)
        self.column = find_star_columns(frame.columns, columns)
        self.ids = star_identifiers(frame, self.column)
        self.free = np.ones(len(frame), bool)
        nothing = np.full(len(frame), np.nan)
        self.ra, self.dec, self.epoch = nothing, nothing, nothing
        self.there, self.motion = np.full((len(frame), 3), np.nan), np.full((len(frame), 3), np.nan)
        if self.has("position"):
            self._place(frame, name, epoch)

    def _place(self, frame: "pd.DataFrame", name: str, epoch: float | None) -> None:
        self.ra, self.dec = positions(frame, self.column, name)
        self.epoch = epochs(frame, self.column) if epoch is None else np.full(len(frame), float(epoch))
        self.there, east, north = directions(self.ra, self.dec)
        moves = [
            numbers(frame[self.column[c]]) if c in self.column else np.full(len(frame), np.nan)
            for c in ("pmra", "pmdec")
        ]
        self.motion = MAS * (moves[0][:, None] * east + moves[1][:, None] * north)  # radians in a year

    def has(self, key: str) -> bool:
        return {"ra", "dec"} <= set(self.column) if key == "position" else key in self.ids

    def known(self, key: str) -> np.ndarray:
        """Rows that have the key, (row,) bool."""
        if key == "position":
            return np.isfinite(self.ra) & np.isfinite(self.dec)
        return self.ids[key] != np.zeros((), self.ids[key].dtype)


def _unsaid(a: _Side, b: _Side) -> str:
    """What to do with ids of Gaia that do not say of which release they are."""
    names = {str(side.column["gaia"]) for side in (a, b) if "gaia" in side.column}
    if not names:
        return ""
    return f" Nothing tells of which release of Gaia the ids in {join_names(sorted(names))} are: name the column gaia_dr3 or gaia_dr2."


def _same_id(a: _Side, b: _Side, key: str) -> "pd.DataFrame":
    """All pairs of free rows with the same id."""
    sides = []
    for name, side in (("left", a), ("right", b)):
        rows = np.flatnonzero(side.free & side.known(key))
        sides.append(pd.DataFrame({"id": side.ids[key][rows], name: rows}))
    return sides[0].merge(sides[1], on="id")[["left", "right"]]


def _within(a: _Side, b: _Side, radius_arcsec: float) -> "pd.DataFrame":
    """All pairs of free rows within the radius, at one epoch."""
    rows = [np.flatnonzero(side.free & side.known("position")) for side in (a, b)]
    if not all(len(r) for r in rows):
        return pd.DataFrame({"left": [], "right": []}, dtype=np.int64)
    dated = np.concatenate(
        [side.epoch[r][np.isfinite(side.epoch[r])] for side, r in zip((a, b), rows, strict=True)]
    )
    years = np.ptp(dated) if len(dated) else 0.0
    trees = [cKDTree(side.there[r]) for side, r in zip((a, b), rows, strict=True)]
    pairs = []
    for k, side in enumerate((a, b)):  # by the motion of either
        motion = np.linalg.norm(side.motion[rows[k]], axis=1)
        reach = radius_arcsec * ARCSEC + np.nan_to_num(motion) * years
        near = trees[1 - k].query_ball_point(
            side.there[rows[k]], 1.001 * 2 * np.sin(np.minimum(reach, np.pi) / 2)
        )
        one = np.repeat(rows[k], [len(n) for n in near])
        other = rows[1 - k][np.concatenate([np.asarray(n, int) for n in near])]
        pairs.append(np.stack([one, other] if k == 0 else [other, one], axis=1))
    left, right = np.unique(np.concatenate(pairs), axis=0).T
    close = _separation(a, b, left, right) <= radius_arcsec
    return pd.DataFrame({"left": left[close], "right": right[close]})


def _judged(pairs: "pd.DataFrame", a: _Side, b: _Side) -> "pd.DataFrame":
    """The pairs with the reason why each cannot be matched, empty if it can."""
    reason = np.full(len(pairs), "", object)
    for other in IDENTIFIERS:
        if a.has(other) and b.has(other):
            left, right = pairs["left"].to_numpy(), pairs["right"].to_numpy()
            both = a.known(other)[left] & b.known(other)[right]
            differ = both & (a.ids[other][left] != b.ids[other][right])
            reason[differ & (reason == "")] = f"{other} differs"
    pairs = pairs.assign(reason=reason)
    # What is already ruled out is no rival.
    rivals = pairs[pairs["reason"] == ""]
    for side, opposite in (("left", "right"), ("right", "left")):
        several = rivals.duplicated(side, keep=False)
        late = rivals.index[several & (pairs.loc[rivals.index, "reason"] == "")]
        pairs.loc[late, "reason"] = f"several rows on the {opposite} for one on the {side}"
    return pairs


def _separation(a: _Side, b: _Side, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Separations in arcseconds, at one epoch where proper motions and epochs are known; NaN without a position."""
    years = np.nan_to_num(b.epoch[right] - a.epoch[left])[:, None]
    own, other = a.motion[left] * years, -b.motion[right] * years
    moves = np.isfinite(own).all(axis=1, keepdims=True)
    start = a.there[left] + np.where(moves, own, 0.0)
    end = b.there[right] + np.where(moves, 0.0, np.nan_to_num(other))
    apart = np.linalg.norm(_unit(start) - _unit(end), axis=1)
    return 2 * np.arcsin(np.minimum(apart / 2, 1.0)) / ARCSEC


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _why_empty(match: Match, a: _Side, b: _Side, radius_arcsec: float) -> str:
    parts = []
    for key, known in match.compared.items():
        if key == "position" and all(known):
            rows = [np.flatnonzero(side.known(key)) for side in (a, b)]
            near = cKDTree(b.there[rows[1]]).query(a.there[rows[0]])[0].min()
            nearest = 2 * np.arcsin(min(near / 2, 1.0)) / ARCSEC
            parts.append(
                f"the closest positions are {nearest:.3g} arcsec apart, the radius is {radius_arcsec:g}"
            )
        elif key == "position":
            parts.append(f"positions are known for {known[0]} and {known[1]} rows")
        else:
            examples = [join_names(side.ids[key][side.known(key)][:1]) or "none" for side in (a, b)]
            parts.append(
                f"{key} is known for {known[0]} and {known[1]} rows (such as {examples[0]}; {examples[1]})"
            )
    inconclusive = f" {len(match.ambiguous)} pairs could not be decided." if len(match.ambiguous) else ""
    return (
        f"no row of the left table ({a.size}) matches one of the right ({b.size}): {'; '.join(parts)}.{inconclusive} Check "
        "that both sides have the same stars, Gaia DR3 ids (DR2 ids differ, and are compared with DR2 ids alone) and degrees; in "
        "Python: allow_empty=True gives the empty match with the pairs that were not decided."
    )
