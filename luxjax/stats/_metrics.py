"""Scores of predicted labels and of their errors, shared by reports and claims.

Everything works on host arrays. Entries that are not finite are left out pairwise, as missing labels; a
statistic of no entries at all is NaN.
"""

from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike

from ..core import InputError
from ..core.internal import doubles
from ._intervals import check_level

__all__ = [
    "LEVELS",
    "Coverage",
    "bias",
    "coverage",
    "interval_coverage",
    "rmse",
    "robust_scatter",
]

LEVELS = (0.68, 0.95)
"""The levels at which coverage is reported: central intervals of these probabilities."""


class Coverage(NamedTuple):
    """Coverage: `inside` of `n` values are in their intervals.

    Examples
    --------
    >>> from luxjax.stats import coverage
    >>> held = coverage([-0.5, 0.2, 0.9, 3.0], 0.68)
    >>> held.inside, held.n, held.fraction
    (3, 4, 0.75)
    """

    inside: int
    n: int

    @property
    def fraction(self) -> float:
        return self.inside / self.n if self.n else float("nan")


def _difference(predicted: ArrayLike, reference: ArrayLike) -> np.ndarray:
    p, r = doubles("predicted values", predicted), doubles("reference values", reference)
    if p.shape != r.shape:
        raise InputError(
            f"predicted values of shape {p.shape} cannot be compared with reference values of shape {r.shape}; "
            "give two arrays of the same shape."
        )
    difference = (p - r).ravel()
    return difference[np.isfinite(difference)]


def rmse(predicted: ArrayLike, reference: ArrayLike) -> float:
    """Root mean square of predicted minus reference.

    Examples
    --------
    >>> from luxjax.stats import rmse
    >>> round(rmse([4800.0, 5700.0], [4803.0, 5704.0]), 2)
    3.54
    """
    d = _difference(predicted, reference)
    return float(np.sqrt(np.mean(d**2))) if d.size else float("nan")


def bias(predicted: ArrayLike, reference: ArrayLike) -> float:
    """Mean of predicted minus reference.

    Examples
    --------
    >>> from luxjax.stats import bias
    >>> bias([4800.0, 5700.0], [4803.0, 5704.0])
    -3.5
    """
    d = _difference(predicted, reference)
    return float(np.mean(d)) if d.size else float("nan")


def robust_scatter(values: ArrayLike) -> float:
    """1.4826 times the median absolute deviation from the median: sigma for a Gaussian, deaf to outliers.

    Examples
    --------
    >>> from luxjax.stats import robust_scatter
    >>> round(robust_scatter([-1.0, 0.0, 1.0, 1000.0]), 4)  # the outlier hardly counts
    1.4826
    """
    v = doubles("values", values).ravel()
    v = v[np.isfinite(v)]
    return float(scipy.stats.median_abs_deviation(v, scale="normal")) if v.size else float("nan")


def coverage(pull: ArrayLike, level: float) -> Coverage:
    """Coverage of Gaussian central intervals of probability `level`: how many hold their value.

    Parameters
    ----------
    pull : array
        (predicted - reference) / sigma; what is not finite is left out.
    level : float
        Such as 0.68; the half-width is 0.994 sigma then, and 1.96 sigma at 0.95.

    Examples
    --------
    >>> from luxjax.stats import coverage
    >>> held = coverage([-0.5, 0.2, 0.9, 3.0], 0.68)
    >>> held.n, held.fraction
    (4, 0.75)
    """
    check_level(level)
    p = doubles("pulls", pull)
    p = p[np.isfinite(p)]
    return Coverage(int(np.sum(np.abs(p) <= scipy.stats.norm.ppf(0.5 + level / 2))), int(p.size))


def interval_coverage(value: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> Coverage:
    """Coverage of given intervals: how many values are inside, ends included. Ends may be infinite; NaN is left out.

    Parameters
    ----------
    value, lower, upper : arrays
        Values, and the ends of their intervals; shapes that broadcast.

    Examples
    --------
    >>> from luxjax.stats import interval_coverage
    >>> interval_coverage([1.0, 5.0], [0.0, 0.0], [2.0, 2.0]).fraction
    0.5
    """
    v, low, high = np.broadcast_arrays(*(doubles("values and intervals", a) for a in (value, lower, upper)))
    known = np.isfinite(v) & ~np.isnan(low) & ~np.isnan(high)
    inside = (v >= low) & (v <= high) & known
    return Coverage(int(inside.sum()), int(known.sum()))
