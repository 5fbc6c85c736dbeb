"""Arrays of the same stars checked and laid out, and bootstrap draws of statistics that are functions of sums over stars."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from ..core import InputError
from ..core.internal import doubles
from ._intervals import Interval

__all__ = [
    "label_columns",
    "paired_ratio",
    "percentiles",
    "r2_of_sums",
    "r2_terms",
    "resampled_sums",
    "same_stars",
]


def label_columns(labels: Mapping[str, ArrayLike], n_stars: int) -> tuple[tuple[str, ...], np.ndarray]:
    """Names and values (star, label) of labels given by name; a missing value is NaN."""
    if not labels:
        raise InputError("no labels were given; give at least one as name -> values of the stars.")
    columns = {name: doubles(f"label '{name}'", v) for name, v in labels.items()}
    for name, column in columns.items():
        if column.shape != (n_stars,):
            raise InputError(
                f"label '{name}' has shape {column.shape}; with {n_stars} stars of latents give ({n_stars},)."
            )
    return tuple(columns), np.stack(list(columns.values()), axis=1)


def resampled_sums(columns: np.ndarray, *, n: int, seed: int) -> np.ndarray:
    """Sums of columns over stars drawn with replacement, all columns of a star together, (draw, column).

    Any statistic that is a function of such sums (a mean square, R2, a correlation) then costs nothing per draw.
    """
    rng, stars = np.random.default_rng(seed), len(columns)
    draws = (np.bincount(rng.integers(stars, size=stars), minlength=stars) for _ in range(n))
    return np.stack([counts @ columns for counts in draws])


def percentiles(draws: np.ndarray, level: float = 0.95) -> np.ndarray:
    """Both ends of the central interval of probability `level`, (2, ...)."""
    return np.nanquantile(draws, [0.5 - level / 2, 0.5 + level / 2], axis=0)


def r2_terms(y: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """What R2 is made of, (..., star, label, 4): 1, y, y^2 and (y - predicted)^2; zeros where either is missing."""
    error = y - predicted
    centred = np.broadcast_to(y - np.nanmean(y, axis=0), error.shape)  # R2 does not mind, rounding does
    terms = np.stack([np.ones_like(error), centred, centred**2, error**2], axis=-1)
    return np.where(np.isfinite(error)[..., None], terms, 0.0)


def r2_of_sums(sums: np.ndarray) -> np.ndarray:
    """R2 = 1 - sum (y - predicted)^2 / sum (y - mean y)^2 from the sums of `r2_terms`."""
    count, first, second, wrong = np.moveaxis(sums, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1 - wrong / (second - first**2 / count)


def same_stars(what: str, others: ArrayLike, *columns: ArrayLike) -> tuple[np.ndarray, ...]:
    """Others (star, other) and columns (star,) as float arrays, after a check that they are of the same stars."""
    o, *rest = (doubles("values of the stars", a) for a in (others, *columns))
    if o.ndim != 2 or any(a.shape != (len(o),) for a in rest):
        raise InputError(
            f"{what} takes the other labels as a (star, other) array and all else as (star,) arrays of the same stars; "
            f"shapes given: {', '.join(str(a.shape) for a in (o, *rest))}."
        )
    return o, *rest


def paired_ratio(
    ours: np.ndarray, theirs: np.ndarray, target: np.ndarray, *, n: int = 2000, seed: int = 0
) -> tuple[float, Interval]:
    """Ratio of two methods' RMSE on the same stars, with its 95% interval: both draw the same stars (paired bootstrap).

    Parameters
    ----------
    ours, theirs, target : (star,) arrays
        Stars where one is NaN do not count.
    """
    squares = np.stack([(ours - target) ** 2, (theirs - target) ** 2], axis=1)
    squares = squares[np.isfinite(squares).all(axis=1)]
    sums = resampled_sums(squares, n=n, seed=seed)
    first, second = squares.sum(axis=0)
    low, high = percentiles(np.sqrt(sums[:, 0] / sums[:, 1]))
    return float(np.sqrt(first / second)), Interval(float(low), float(high))
