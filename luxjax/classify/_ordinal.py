"""Errors along the sequence of classes: how far from the true one, and whether a star is torn only where classes meet.

Types are cuts through one sequence of temperature, so a classifier that knows what it does is wrong only by a neighbour, near the border, and
says so. The position of a type counts subclasses from O0: G2 is 42, and the border of F and G lies at 39.5. A main class
alone stands for its middle.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..core import InputError, check_name
from ..core.internal import classes_of, doubles, identifiers
from ..stats import Interval
from ..stats.internal import star_means
from ..surveys.internal import parse_subclass
from ._class_scores import SEQUENCE

__all__ = ["OrdinalError", "border_rows", "ordinal_error", "sequence_position"]

NEAR = 2.5  # subclasses on either side of a border
REACH = 10.0


def sequence_position(types: Iterable[str]) -> np.ndarray:
    """Position of spectral types such as ``G2``, ``K7.5V`` or ``F`` along the sequence, subclasses from O0; NaN for other words."""
    parts = parse_subclass(types)
    main = parts["main"].map({name: 10.0 * k for k, name in enumerate(SEQUENCE)})
    return (main + parts["subtype"].fillna(4.5)).to_numpy(float)


@dataclass(frozen=True, eq=False)
class OrdinalError:
    """Errors along the sequence, each with a 95% interval and a baseline.

    Attributes
    ----------
    value : dict of str to float
        ``classes``: mean distance of the likeliest class from the true one, in classes. ``adjacent``: share of errors by one class. With true
        positions also ``subclasses``: mean distance of the mean position under the probabilities from the true one; ``offset``:
        its mean with a sign, positive if too cool; ``near``: share of errors on stars within 2.5 subclasses of the border crossed.
    interval : dict of str to Interval
        From bootstrap samples of stars.
    baseline : dict of str to float
        With every star put at the median class or position; for ``adjacent`` and ``near``, of classes drawn by their shares.
    known : float
        What ``subclasses`` would be if the class were known for certain: main classes alone cannot tell much more.
    borders : pandas.DataFrame
        One row for each border and bin of distance to it: ``border`` (``"F|G"``), ``distance`` in subclasses (positive on the cool side), ``n``,
        ``probability`` (mean share of the cooler class in the probability of both) with ``lower`` and ``upper``, ``called`` (share of stars
        for which it is the greater).
    n : int
    """

    value: Mapping[str, float]
    interval: Mapping[str, Interval]
    baseline: Mapping[str, float]
    known: float
    borders: pd.DataFrame
    n: int


def ordinal_error(
    table: pd.DataFrame,
    position: ArrayLike | None = None,
    *,
    ids: Sequence | np.ndarray | None = None,
    n_bins: int = 8,
    n_draws: int = 200,
    seed: int = 0,
) -> OrdinalError:
    """Measure errors along the sequence O B A F G K M.

    Parameters
    ----------
    table : DataFrame
        With ``truth``, ``class`` and ``p_`` columns, as from `cross_validate_classifier`; classes may be main ones or subclasses.
    position : (row,) array, optional
        True positions, as from `sequence_position`. Default: those of ``truth`` where it names subclasses.
    ids : (row,) sequence, optional
        Star of each row. Default: the table's index.
    n_bins : int
        Bins of distance within 10 subclasses of a border.
    n_draws, seed : int
    """
    for name in ("truth", "class"):
        check_name("column", name, list(table.columns), "Give a table as from cross_validate_classifier")
    names = [c for c in table.columns if str(c).startswith("p_")]
    centre = sequence_position([c.removeprefix("p_") for c in names])
    true, called = (sequence_position(table[c]) for c in ("truth", "class"))
    if not names or not np.isfinite(np.concatenate([centre, true, called])).all():
        raise InputError(
            "an ordinal error is for classes of the sequence O B A F G K M; leave stars of other classes out."
        )
    if position is None:
        given = np.char.str_len(classes_of("classes", table["truth"])) > 1
        position = np.where(given, true, np.nan)
    place = doubles("positions", position)
    if place.shape != (len(table),):
        raise InputError(f"every row needs its position; given {place.shape} for {len(table)} rows.")
    ids = identifiers("ids", table.index if ids is None else ids)
    p = table[names].to_numpy(float)
    p = p / p.sum(axis=1, keepdims=True)
    value, interval, baseline = {}, {}, {}
    median = np.full(len(true), np.median(true))
    dealt = np.random.default_rng(seed).permutation(true)
    middle = np.full(len(true), np.nanmedian(place)) if np.isfinite(place).any() else place
    each: dict[str, tuple[np.ndarray, np.ndarray]] = {
        "classes": (_classes_apart(true, called), _classes_apart(true, median)),
        "adjacent": (_adjacent(true, called), _adjacent(true, dealt)),
        "subclasses": (np.abs(p @ centre - place), np.abs(middle - place)),
        "offset": (p @ centre - place, middle - place),
        "near": (_near(place, true, called), _near(place, true, dealt)),
    }
    for name, (found, plain) in each.items():
        counts = np.isfinite(found)
        value[name] = float(found[counts].mean()) if counts.any() else np.nan
        baseline[name] = float(np.nanmean(plain)) if np.isfinite(plain).any() else np.nan
        interval[name] = Interval(np.nan, np.nan)
        if counts.any():
            draws = star_means(found[counts, None], ids[counts], n_draws=n_draws, seed=seed)[1]
            interval[name] = Interval(*(float(q) for q in np.quantile(draws, [0.025, 0.975])))
    sure = np.abs(10 * np.floor(true / 10) + 4.5 - place)
    known = float(np.nanmean(sure)) if np.isfinite(sure).any() else np.nan
    return OrdinalError(
        value, interval, baseline, known, _borders(p, centre, place, ids, n_bins, n_draws, seed), len(table)
    )


def _classes_apart(true: np.ndarray, called: np.ndarray) -> np.ndarray:
    return np.abs(np.floor(true / 10) - np.floor(called / 10))


def _adjacent(true: np.ndarray, called: np.ndarray) -> np.ndarray:
    """1 for errors by one class, 0 for larger ones, NaN where right."""
    apart = _classes_apart(true, called)
    return np.where(apart == 0, np.nan, apart == 1)


def _near(place: np.ndarray, true: np.ndarray, called: np.ndarray) -> np.ndarray:
    """1 for errors of stars near the border they were put beyond, 0 for other errors, NaN where right."""
    own, other = np.floor(true / 10), np.floor(called / 10)
    border = np.where(other > own, 10 * own + 9.5, 10 * own - 0.5)
    near = np.where(np.isfinite(place), np.abs(place - border) <= NEAR, np.nan)
    return np.where(own == other, np.nan, near)


def _borders(p, centre, place, ids, n_bins: int, n_draws: int, seed: int) -> pd.DataFrame:
    rows = []
    letter = np.floor(centre / 10).astype(int)
    edges = np.linspace(-REACH, REACH, n_bins + 1)
    for hot in range(len(SEQUENCE) - 1):
        if not {hot, hot + 1} <= set(letter):
            continue
        warm, cool = (p[:, letter == k].sum(axis=1) for k in (hot, hot + 1))
        share = cool / np.maximum(warm + cool, np.finfo(float).tiny)
        border = f"{SEQUENCE[hot]}|{SEQUENCE[hot + 1]}"
        rows += border_rows(border, share, place - (10 * hot + 9.5), ids, edges, n_draws, seed)
    columns = ["border", "distance", "n", "probability", "lower", "upper", "called"]
    return pd.DataFrame(rows, columns=columns)


def border_rows(
    border: str,
    share: np.ndarray,
    distance: np.ndarray,
    ids: np.ndarray,
    edges: np.ndarray,
    n_draws: int,
    seed: int,
) -> list[tuple]:
    """For each bin of distance to a border: border, mean distance, n, mean share with the ends of its interval, and how often it is above half."""
    rows = []
    for low, high in itertools.pairwise(edges):
        here = (distance >= low) & (distance < high)
        if not here.any():
            continue
        mean, draws = star_means(share[here, None], ids[here], n_draws=n_draws, seed=seed)
        ends = np.quantile(draws, [0.025, 0.975])
        called = float(np.mean(share[here] > 0.5))
        rows.append((border, distance[here].mean(), int(here.sum()), mean[0], *ends, called))
    return rows
