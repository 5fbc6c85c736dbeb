"""Which rows of one table are the same star: the one rule of luxjax for repeats, visits and second designations."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from ..core import InputError
from ..core.internal import identifiers, number
from ..system.internal import lazy_import
from ._sky import ARCSEC, MAS, directions, numbers, positions
from .tables._frames import frame_of
from .tables._identifiers import tmass_ids
from .tables._star_columns import IDENTIFIERS, UNITS, star_identifiers

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

__all__ = ["same_star"]

Pairs = Iterator[tuple[int, int]]


def same_star(
    table: "pd.DataFrame", *, ids: Sequence[str] | np.ndarray | None = None, radius_arcsec: float = 3.0
) -> np.ndarray:
    """Number of the star that each row belongs to.

    Rows are one star, in this order:

    1. if they have the same name in `ids`;
    2. if they have the same Gaia DR3 id, then the same Gaia DR2 id, and then the same 2MASS designation, wherever their positions
       are;
    3. if their positions lie within the radius, the closest pairs first. Where both rows have an epoch, and at least one
       a proper motion, the position of one is moved to the epoch of the other.

    By 2 and 3 rows do not become one star if another identifier is known for both and differs. Rows are linked in
    chains: two that are further apart than the radius are one star if rows between them link them. A row with neither
    an identifier nor a position is a star by itself.

    Parameters
    ----------
    table : DataFrame
        With any of the columns ``gaia_dr3`` and ``gaia_dr2`` (whole numbers or text, never floats), ``tmass_id``, ``ra`` and
        ``dec`` (degrees, or sexagesimal text), ``pmra`` (times cos dec) and ``pmdec`` (milliarcseconds per year), ``epoch`` (Julian year of the
        position). Missing values are NaN or -9999.
    ids : (row,) sequence of str, optional
        Names of the stars. Different names decide nothing, since surveys name one star twice; a name that is a 2MASS
        designation counts as one where the table has no ``tmass_id``.
    radius_arcsec : float
        Default: 3, the diameter of a LAMOST fibre.

    Returns
    -------
    (row,) int array
        From 0, in the order in which the stars first occur. It serves as `groups` of `split` and `folds`.

    Raises
    ------
    InputError
        The radius is not above 0, there is not one name for every row, or an id column holds floats.

    Examples
    --------
    >>> import pandas as pd
    >>> from luxjax.data import same_star
    >>> table = pd.DataFrame({"ra": [10.0, 80.0, 10.0001], "dec": [20.0, -5.0, 20.0]})
    >>> same_star(table).tolist()  # the last lies 0.3 arcsec from the first
    [0, 1, 0]
    """
    radius_arcsec = number("the radius", radius_arcsec, "arcsec")
    if not radius_arcsec > 0:
        raise InputError(f"the radius must be above 0 arcsec; given: {radius_arcsec}.")
    frame = frame_of("table of stars", table, units=UNITS)
    known = star_identifiers(frame, {key: key for key in IDENTIFIERS if key in frame})
    names = np.zeros(len(frame), str) if ids is None else identifiers("ids", ids, optional=True)
    if len(names) != len(frame):
        raise InputError(f"{len(names)} names were given for {len(frame)} rows; give one for each.")
    if ids is not None:
        known.setdefault("tmass_id", tmass_ids(pd.Series(names, dtype=object)))
    stars = _Stars(known, len(frame))
    for a, b in _equal(names):
        stars.join(a, b, certain=True)
    for values in known.values():
        for a, b in _equal(values):
            stars.join(a, b)
    for a, b in _near(frame, radius_arcsec * ARCSEC):
        stars.join(a, b)
    return stars.numbers()


class _Stars:
    """Sets of rows that are one star, and the identifiers known of each."""

    def __init__(self, known: dict[str, np.ndarray], size: int):
        self.known, self.parent = list(known.values()), list(range(size))
        self.names: dict[int, list[set]] = {}  # of the first row of every set that has several

    def first(self, row: int) -> int:
        while self.parent[row] != row:
            self.parent[row] = row = self.parent[self.parent[row]]
        return row

    def names_of(self, first: int) -> list[set]:
        """Identifiers of the star, a set for every kind."""
        own = [{values[first]} if values[first] else set() for values in self.known]
        return self.names.get(first, own)

    def join(self, a: int, b: int, *, certain: bool = False) -> None:
        """Make one star of two, unless their identifiers contradict each other and it is not `certain`."""
        a, b = sorted((self.first(a), self.first(b)))
        if a == b:
            return
        both = list(zip(self.names_of(a), self.names_of(b), strict=True))
        if certain or not any(x and y and x.isdisjoint(y) for x, y in both):
            self.parent[b], self.names[a] = a, [x | y for x, y in both]
            self.names.pop(b, None)

    def numbers(self) -> np.ndarray:
        # The first row of a set is its lowest, so that numbers follow the order of the rows.
        return np.unique([self.first(row) for row in range(len(self.parent))], return_inverse=True)[1]


def _equal(values: np.ndarray) -> Pairs:
    """Pairs that link all rows of the same value, the empty one and 0 left out."""
    rows = np.flatnonzero(values != np.zeros((), values.dtype))
    order = rows[np.argsort(values[rows], kind="stable")]
    same = values[order[:-1]] == values[order[1:]]
    yield from zip(order[:-1][same].tolist(), order[1:][same].tolist(), strict=True)


def _near(frame: "pd.DataFrame", radius: float) -> Pairs:
    """Pairs that link all rows within the radius, radians, the closest first."""
    if not {"ra", "dec"} <= set(frame.columns):
        return
    ra, dec = positions(frame, {"ra": "ra", "dec": "dec"}, "star")
    column = {
        c: numbers(frame[c]) if c in frame else np.full(len(frame), np.nan)
        for c in ("pmra", "pmdec", "epoch")
    }
    facts = pd.DataFrame({"ra": ra, "dec": dec, **column}).dropna(subset=["ra", "dec"])
    # A place that many rows share is looked at once.
    place = facts.groupby(list(facts.columns), dropna=False, sort=False).ngroup().to_numpy() + 1
    yield from ((int(facts.index[i]), int(facts.index[j])) for i, j in _equal(place))
    distinct = facts.iloc[np.unique(place, return_index=True)[1]]
    rows = distinct.index.to_numpy()
    there, east, north = directions(distinct["ra"].to_numpy(), distinct["dec"].to_numpy())
    motion = MAS * (
        distinct["pmra"].to_numpy()[:, None] * east + distinct["pmdec"].to_numpy()[:, None] * north
    )
    a, b, separation = _within(there, motion, distinct["epoch"].to_numpy(), radius)
    order = np.lexsort((rows[b], rows[a], separation))
    yield from zip(rows[a[order]].tolist(), rows[b[order]].tolist(), strict=True)


def _within(
    there: np.ndarray, motion: np.ndarray, epoch: np.ndarray, radius: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of directions that are within the radius at one epoch, and their separations, radians."""
    nothing = np.zeros(0, int), np.zeros(0, int), np.zeros(0)
    if len(there) < 2:
        return nothing
    dated = np.isfinite(epoch)
    span = np.ptp(epoch[dated]) if dated.any() else 0.0
    moves = np.isfinite(motion).all(axis=1)
    reach = radius + np.where(moves, np.linalg.norm(motion, axis=1), 0.0) * span
    found = cKDTree(there).query_ball_point(there, 1.001 * 2 * np.sin(np.minimum(reach, np.pi) / 2))
    a = np.repeat(np.arange(len(there)), [len(rows) for rows in found])
    b = np.concatenate([np.asarray(rows, int) for rows in found])
    a, b = np.unique(np.stack([np.minimum(a, b), np.maximum(a, b)])[:, a != b], axis=1)
    years = np.nan_to_num(epoch[b] - epoch[a])
    moved = there[a] + np.nan_to_num(np.where(moves[a, None], motion[a], motion[b])) * years[:, None]
    moved /= np.linalg.norm(moved, axis=1, keepdims=True)
    separation = 2 * np.arcsin(np.minimum(np.linalg.norm(moved - there[b], axis=1) / 2, 1.0))
    near = separation <= radius
    return a[near], b[near], separation[near]
