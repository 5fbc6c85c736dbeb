"""The reliability diagram: how often classes given with a certain probability are right."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..core.internal import doubles

__all__ = ["Reliability", "calibration_error", "reliability"]


@dataclass(frozen=True, eq=False)
class Reliability:
    """Stars in bins of the probability of their likeliest class.

    Attributes
    ----------
    edges : (bin + 1,) array
    confidence, accuracy : (bin,) arrays
        Mean probability, and share of stars whose likeliest class is true; NaN in empty bins.
    count : (bin,) int array
    """

    edges: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    count: np.ndarray

    @property
    def error(self) -> float:
        """Expected calibration error: mean |accuracy - confidence|, by stars (Naeini et al. 2015, AAAI)."""
        used = self.count > 0
        gap = np.abs(self.accuracy - self.confidence)[used]
        return float(gap @ self.count[used] / self.count.sum())


def reliability(p: ArrayLike, codes: ArrayLike, *, n_bins: int = 15) -> Reliability:
    """The reliability diagram of the likeliest class, in equal bins; a probability of exactly 1 belongs to the last.

    Parameters
    ----------
    p : (row, class) array
    codes : (row,) int array
        The true class.
    n_bins : int

    Examples
    --------
    >>> from luxjax.classify import reliability
    >>> found = reliability([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]], [0, 0, 1], n_bins=2)
    >>> round(found.error, 3)
    0.2
    """
    p, codes = doubles("probabilities", p), np.asarray(codes)
    top, right = p.max(axis=1), p.argmax(axis=1) == codes
    edges = np.linspace(0, 1, n_bins + 1)
    bins = np.minimum((top * n_bins).astype(int), n_bins - 1)
    count = np.bincount(bins, minlength=n_bins)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = [np.bincount(bins, weights=w, minlength=n_bins) / count for w in (top, right.astype(float))]
    return Reliability(edges, mean[0], mean[1], count)


def calibration_error(p: ArrayLike, codes: ArrayLike, *, n_bins: int = 15) -> float:
    """Expected calibration error of the likeliest class.

    Parameters
    ----------
    p : (row, class) array
        Probabilities.
    codes : (row,) int array
        The true class.
    n_bins : int
        Number of bins of the likeliest class's probability.

    Examples
    --------
    >>> from luxjax.classify import calibration_error
    >>> round(calibration_error([[0.9, 0.1], [0.8, 0.2]], [0, 1]), 2)
    0.45
    """
    return reliability(p, codes, n_bins=n_bins).error
