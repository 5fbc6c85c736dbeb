"""Sets of classes that hold the true one with a chosen probability, whatever the classifier is worth: conformal prediction."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import betabinom

from ...core import InputError

__all__ = ["ConformalSets", "coverage_band"]


@dataclass(frozen=True, eq=False)
class ConformalSets:
    """Least ambiguous sets: all classes of at least a certain probability (Sadinle, Lei & Wasserman 2019, JASA).

    The probability comes from stars kept apart: there, the score 1 - p of the true class was at most q for ceil((n + 1) coverage) of
    n stars. A new star's set {k: 1 - p_k <= q} then holds its class with at least this probability, if it is drawn as those
    were. A set may be empty: no class is likely enough to be sure of, which says that the star is unlike the others.

    Attributes
    ----------
    scores : (star,) array
        The calibration stars' 1 - p of their own class, sorted.
    """

    scores: np.ndarray

    @classmethod
    def fit(cls, p: np.ndarray, codes: np.ndarray) -> "ConformalSets":
        """From the probabilities (star, class) and classes (as numbers) of stars that nothing else was fitted to."""
        return cls(np.sort(1 - np.asarray(p, float)[np.arange(len(codes)), codes]))

    def rank(self, coverage: float) -> int:
        """ceil((n + 1) coverage); the threshold is the score of this rank.

        Raises
        ------
        InputError
            If n is so small that only the set of all classes is sure to cover.
        """
        if not 0 < coverage < 1:
            raise InputError(
                f"the coverage is a probability between 0 and 1, such as 0.9; given: {coverage}."
            )
        n = len(self.scores)
        rank = int(
            np.ceil(np.round((n + 1) * coverage, 9))
        )  # rounded first: 0.95 * 20 may come out a hair above 19
        if rank > n:
            least = int(np.ceil(np.round(coverage / (1 - coverage), 9)))
            raise InputError(
                f"{n} calibration stars cannot support sets at {coverage:.0%}; give at least {least}, or a lower coverage."
            )
        return rank

    def contains(self, p: np.ndarray, coverage: float = 0.9) -> np.ndarray:
        """Which classes are in each star's set, (star, class) bool."""
        return 1 - np.asarray(p, float) <= self.scores[self.rank(coverage) - 1]

    def coverage_band(
        self, n_test: int, coverage: float = 0.9, confidence: float = 0.95
    ) -> tuple[float, float]:
        """Central band of the share of `n_test` new stars whose set holds their class; beta-binomial (Vovk 2012, ACML).

        It allows for the finite number of calibration stars as well as that of test stars.
        """
        return coverage_band([self], [n_test], coverage, confidence)


def coverage_band(
    sets: Sequence[ConformalSets], counts: Sequence[int], coverage: float = 0.9, confidence: float = 0.95
) -> tuple[float, float]:
    """Central band of the share of stars whose set holds their class, over several folds with their own sets.

    Each fold gives a beta-binomial number (Vovk 2012, ACML); these are added. The band allows for finite numbers of calibration and of test stars.

    Parameters
    ----------
    sets : sequence of ConformalSets
        Those of the classifier of each fold (`Classifier.sets`).
    counts : sequence of int
        Stars that each of them judged.
    coverage : float
        What the sets promise.
    confidence : float
        Probability that the share is inside the band if the promise holds.

    Returns
    -------
    low, high : float

    Raises
    ------
    InputError
        If a fold has too few calibration stars for this coverage.

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.classify import coverage_band
    >>> from luxjax.classify.internal import ConformalSets
    >>> sets = ConformalSets(np.linspace(0.0, 0.9, 200))
    >>> low, high = coverage_band([sets, sets], [50, 50], 0.9)
    >>> bool(0.8 < low < 0.9 < high < 1)
    True
    """
    mass = np.ones(1)
    for one, n in zip(sets, counts, strict=True):
        rank = one.rank(coverage)
        mass = np.convolve(mass, betabinom(n, rank, len(one.scores) + 1 - rank).pmf(np.arange(n + 1)))
    ends = np.searchsorted(np.cumsum(mass), [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(ends[0] / sum(counts)), float(ends[1] / sum(counts))
