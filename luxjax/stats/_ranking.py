"""Importances of named things, with the bootstrap draws that say how sure their order is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..core import InputError, check_name
from ..core.internal import doubles, identifiers
from ..system.internal import lazy_import
from ._intervals import Interval

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

__all__ = ["Ranking", "star_means"]


@dataclass(frozen=True, eq=False)
class Ranking:
    """Ranking: the importance of each of several things, with bootstrap draws.

    Attributes
    ----------
    what : str
        What the importance is, for titles: "loss of log-likelihood when permuted".
    unit : str
    names : tuple of str
    value : (name,) array
    draws : (draw, name) array
        The values in bootstrap samples of the stars, all names in the same sample, so that two may be compared in pairs.
    null : float or (name,) array
        The value of a thing that does not matter.
    noise : float
        Size of differences that mean nothing, beyond what the draws show: of models trained again.

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.stats import Ranking
    >>> draws = np.random.default_rng(1).normal([1.0, 3.0], 0.1, (200, 2))
    >>> found = Ranking("loss of accuracy", "", ("iron", "balmer"), np.array([1.0, 3.0]), draws)
    >>> found.table().index.tolist()  # most important first
    ['balmer', 'iron']
    >>> found.chance("balmer", "iron")
    1.0
    """

    what: str
    unit: str
    names: tuple[str, ...]
    value: np.ndarray
    draws: np.ndarray
    null: float | np.ndarray = 0.0
    noise: float = 0.0

    def __post_init__(self):
        if self.value.shape != (len(self.names),) or self.draws.shape[1:] != self.value.shape:
            raise InputError(
                f"a ranking of {len(self.names)} names needs as many values and columns of draws; given values "
                f"{self.value.shape} and draws {self.draws.shape}."
            )

    def __getitem__(self, name: str) -> float:
        return float(self.value[self._place(name)])

    def interval(self, name: str, level: float = 0.95) -> Interval:
        """Central interval of the bootstrap draws."""
        low, high = np.quantile(self.draws[:, self._place(name)], [0.5 - level / 2, 0.5 + level / 2])
        return Interval(float(low), float(high))

    def chance(self, first: str, second: str) -> float:
        """Share of the bootstrap samples in which the first matters more than the second; ties count half."""
        a, b = (self.draws[:, self._place(n)] for n in (first, second))
        return float(np.mean((a > b) + 0.5 * (a == b)))

    def table(self, level: float = 0.95) -> "pd.DataFrame":
        """One row per name, most important first: value, its interval, rank and the rank's interval, null."""
        tails = [0.5 - level / 2, 0.5 + level / 2]
        low, high = np.quantile(self.draws, tails, axis=0)
        first, last = np.quantile(_ranks(self.draws), tails, axis=0, method="nearest")
        columns = {"value": self.value, "lower": low, "upper": high, "rank": _ranks(self.value[None])[0]}
        columns |= {"rank_lower": first.astype(int), "rank_upper": last.astype(int)}
        columns["null"] = np.broadcast_to(self.null, self.value.shape)
        index = pd.Index(self.names, name="name")
        return pd.DataFrame(columns, index=index).sort_values("rank", kind="stable")

    def select(self, names: Sequence[str]) -> "Ranking":
        """These alone, in this order."""
        at = [self._place(n) for n in names]
        null = np.broadcast_to(self.null, self.value.shape)[at]
        return Ranking(
            self.what, self.unit, tuple(names), self.value[at], self.draws[:, at], null, self.noise
        )

    def _place(self, name: str) -> int:
        check_name("name", name, self.names)
        return self.names.index(name)


def _ranks(values: np.ndarray) -> np.ndarray:
    """1 for the greatest of each row; equal ones in their order."""
    return np.argsort(np.argsort(-values, axis=1, kind="stable"), axis=1) + 1


def star_means(
    columns: np.ndarray, ids: Sequence | np.ndarray | None = None, *, n_draws: int = 200, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Means of columns over rows, and the same in bootstrap samples of stars, all rows of a star together.

    Parameters
    ----------
    columns : (row, column) array
    ids : (row,) sequence, optional
        Star of each row. Default: each row is another star.
    n_draws, seed : int

    Returns
    -------
    mean : (column,) array
    draws : (draw, column) array
    """
    columns = doubles("values of the stars", columns)
    if ids is not None and len(ids) != len(columns):
        raise InputError(f"every row needs its star; given {len(columns)} rows and {len(ids)} stars.")
    if len(columns) == 0:
        raise InputError("a mean over stars needs at least one row; given none.")
    star = (
        np.arange(len(columns)) if ids is None else np.unique(identifiers("ids", ids), return_inverse=True)[1]
    )
    sums = np.zeros((star.max() + 1, columns.shape[1] + 1))
    np.add.at(sums, star, np.column_stack([columns, np.ones(len(columns))]))
    rng, n = np.random.default_rng(seed), len(sums)
    drawn = np.stack([np.bincount(rng.integers(n, size=n), minlength=n) @ sums for _ in range(n_draws)])
    return columns.mean(axis=0), drawn[:, :-1] / drawn[:, -1:]
