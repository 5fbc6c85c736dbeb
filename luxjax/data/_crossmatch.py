"""Which rows of two catalogues are the same star: by identifier where both have one, else by position."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..core import InputError, check_name
from ..core.internal import join_names, number
from ..system.internal import lazy_import
from ._frames import frame_of
from ._identifiers import gaia_ids, tmass_ids
from ._sky import positions

if TYPE_CHECKING:  # half a second to import, which fits that match nothing need not wait for
    from astropy.coordinates import SkyCoord

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

__all__ = ["Match", "crossmatch"]

KEYS = ("gaia_dr3", "tmass_id", "position")
_READ = {"gaia_dr3": gaia_ids, "tmass_id": tmass_ids}
_COLUMNS = ("gaia_dr3", "tmass_id", "ra", "dec")


@dataclass(frozen=True, eq=False)
class Match:
    """Pairs of rows that are one star, and the pairs that could not be decided.

    Parameters
    ----------
    left, right : (pair,) int arrays
        Row positions (``iloc``), in the order of `left`; no row occurs twice.
    how : (pair,) array of str
        What matched: ``"gaia_dr3"``, ``"tmass_id"`` or ``"position"``.
    separation_arcsec : (pair,) array
        NaN where a position is missing. Large values among pairs matched by id deserve a look.
    ambiguous : DataFrame
        Pairs left out, with columns ``left``, ``right``, ``how``, ``separation_arcsec`` and ``reason``.
    n_left, n_right : int
        Rows of the two catalogues.
    compared : mapping of str to (int, int)
        By key: how many rows on the left and on the right had it.
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
    allow_empty: bool = False,
) -> Match:
    """Match the rows of two catalogues one to one.

    Gaia DR3 ids first, then 2MASS designations among the rows not yet matched, then positions. Nothing is decided
    silently:

    - an id that occurs more than once on a side (repeat visits) leaves all its rows out: make ids unique first;
    - two rows whose other ids are both known and differ are not matched, by whatever key they agree;
    - by position, rows are matched if each is the only candidate of the other within the radius. The nearest of
      several is not taken.

    All three are listed in ``Match.ambiguous``. Positions are compared as they stand: proper motion between epochs
    has to be applied beforehand, or covered by the radius.

    Parameters
    ----------
    left, right : DataFrame
        With any of the columns ``gaia_dr3`` (whole numbers or text, never floats), ``tmass_id``, ``ra`` and ``dec``
        (degrees).
    radius_arcsec : float
        Largest separation of positions.
    keys : sequence of str
        Of ``"gaia_dr3"``, ``"tmass_id"``, ``"position"``: what to use, in this order. A key that either side lacks is
        passed over.
    left_columns, right_columns : mapping of str to str, optional
        Where a column has another name: ``{"gaia_dr3": "dr3_source_id"}``.
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
    a, b = _Side("left", left, left_columns), _Side("right", right, right_columns)
    keys = [k for k in dict.fromkeys(keys) if a.has(k) and b.has(k)]
    if not keys:
        raise InputError(
            f"the two tables share no key (left has {join_names(a.column) or 'none'}, right has "
            f"{join_names(b.column) or 'none'}); name columns for gaia_dr3, tmass_id, or both ra and dec with left_columns "
            "and right_columns."
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


class _Side:
    """One catalogue, with its identifiers in one form."""

    def __init__(self, name: str, frame: "pd.DataFrame", columns: Mapping[str, str] | None):
        for standard in columns or {}:
            check_name("standard column", standard, _COLUMNS)
        named = {c: (columns or {}).get(c, c) for c in _COLUMNS}
        frame = frame_of(f"{name} table", frame, units={named["ra"]: "deg", named["dec"]: "deg"})
        self.size = len(frame)
        for given in (columns or {}).values():
            check_name(f"column of the {name} table", given, frame.columns)
        self.column = {c: given for c, given in named.items() if given in frame.columns}
        self.ids = {k: _READ[k](frame[self.column[k]]) for k in _READ if k in self.column}
        self.free = np.ones(len(frame), bool)
        self.ra = self.dec = np.full(len(frame), np.nan)
        if self.has("position"):
            self.ra, self.dec = positions(frame, self.column, name)

    def has(self, key: str) -> bool:
        return {"ra", "dec"} <= set(self.column) if key == "position" else key in self.ids

    def known(self, key: str) -> np.ndarray:
        """Rows that have the key, (row,) bool."""
        if key == "position":
            return np.isfinite(self.ra) & np.isfinite(self.dec)
        return self.ids[key] != np.zeros((), self.ids[key].dtype)

    def sky(self, rows) -> "SkyCoord":
        from astropy.coordinates import SkyCoord

        return SkyCoord(self.ra[rows], self.dec[rows], unit="deg")


def _same_id(a: _Side, b: _Side, key: str) -> "pd.DataFrame":
    """All pairs of free rows with the same id."""
    sides = []
    for name, side in (("left", a), ("right", b)):
        rows = np.flatnonzero(side.free & side.known(key))
        sides.append(pd.DataFrame({"id": side.ids[key][rows], name: rows}))
    return sides[0].merge(sides[1], on="id")[["left", "right"]]


def _within(a: _Side, b: _Side, radius_arcsec: float) -> "pd.DataFrame":
    """All pairs of free rows within the radius."""
    from astropy.coordinates import Angle, search_around_sky

    rows = [np.flatnonzero(side.free & side.known("position")) for side in (a, b)]
    if not all(len(r) for r in rows):
        return pd.DataFrame({"left": [], "right": []}, dtype=np.int64)
    i, j, _, _ = search_around_sky(a.sky(rows[0]), b.sky(rows[1]), Angle(radius_arcsec, "arcsec"))
    return pd.DataFrame({"left": rows[0][i], "right": rows[1][j]})


def _judged(pairs: "pd.DataFrame", a: _Side, b: _Side) -> "pd.DataFrame":
    """The pairs with the reason why each cannot be matched, empty if it can."""
    reason = np.full(len(pairs), "", object)
    for other in _READ:
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
    out = np.full(len(left), np.nan)
    both = a.known("position")[left] & b.known("position")[right]
    if both.any():
        out[both] = a.sky(left[both]).separation(b.sky(right[both])).arcsec
    return out


def _why_empty(match: Match, a: _Side, b: _Side, radius_arcsec: float) -> str:
    parts = []
    for key, known in match.compared.items():
        if key == "position":
            rows = [np.flatnonzero(side.known(key)) for side in (a, b)]
            if not all(len(r) for r in rows):
                parts.append(f"positions are known for {known[0]} and {known[1]} rows")
            else:
                nearest = a.sky(rows[0]).match_to_catalog_sky(b.sky(rows[1]))[1].arcsec.min()
                parts.append(
                    f"the closest positions are {nearest:.3g} arcsec apart, the radius is {radius_arcsec:g}"
                )
        else:
            examples = [join_names(side.ids[key][side.known(key)][:1]) or "none" for side in (a, b)]
            parts.append(
                f"{key} is known for {known[0]} and {known[1]} rows (such as {examples[0]}; {examples[1]})"
            )
    inconclusive = f" {len(match.ambiguous)} pairs could not be decided." if len(match.ambiguous) else ""
    return (
        f"no row of the left table ({a.size}) matches one of the right ({b.size}): {'; '.join(parts)}.{inconclusive} Check "
        "that both sides use Gaia DR3 ids (DR2 ids differ) and degrees, or pass allow_empty=True to see the inconclusive."
    )
