"""Calibration of a posterior: ranks of the truth among draws, over many simulated data sets.

If theta ~ p(theta), y ~ p(y | theta) and the draws come from p(theta | y), then the rank of theta among L independent draws
is uniform on 0 ... L, for theta itself and for any function of it and of y (simulation-based calibration; Talts et al. 2018,
arXiv:1804.06788). Draws too narrow pile ranks up at both ends, draws too wide in the middle.
"""

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binom

from ...core import InputError

__all__ = ["RankTest", "rank_test", "ranks", "tarp_ranks"]


class RankTest(NamedTuple):
    """How far ranks are from uniform.

    Attributes
    ----------
    p_value : float
        Chance that uniform ranks leave the band that these ranks just touch.
    at : (point,) array
        Fractions of the range of ranks.
    ecdf, lower, upper : (point,) arrays
        Fraction of ranks up to each point, and the simultaneous band.
    """

    p_value: float
    at: np.ndarray
    ecdf: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def ranks(draws: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """Number of draws below the truth.

    Parameters
    ----------
    draws : (draw, simulation, ...) array
        Nearly independent draws: thin a chain first.
    truth : (simulation, ...) array

    Returns
    -------
    (simulation, ...) int array
        From 0 to the number of draws.

    Examples
    --------
    >>> from luxjax.posterior import ranks
    >>> ranks([[0.1, 5.0], [0.2, 6.0], [0.3, 7.0]], [0.25, 9.0]).tolist()
    [2, 3]
    """
    draws, truth = np.asarray(draws), np.asarray(truth)
    if draws.shape[1:] != truth.shape:
        raise InputError(
            f"draws of shape {draws.shape} do not go with truths of shape {truth.shape}; give draws as (draw, "
            "simulation, ...) and truths as (simulation, ...)."
        )
    return np.sum(draws < truth, axis=0)


def tarp_ranks(draws: ArrayLike, truth: ArrayLike, references: ArrayLike) -> np.ndarray:
    """Number of draws nearer to a reference point than the truth is: tests all parameters at once.

    Uniform if the posterior is right. With reference points that depend on the data the converse holds too (TARP; Lemos
    et al. 2023, arXiv:2302.03026); with fixed ones, a posterior that ignores the data also passes.

    Parameters
    ----------
    draws : (draw, simulation, parameter) array
    truth, references : (simulation, parameter) arrays
        In units in which distances make sense.

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.posterior import tarp_ranks
    >>> rng = np.random.default_rng(1)
    >>> draws, truth, references = rng.normal(size=(99, 500, 2)), rng.normal(size=(500, 2)), rng.normal(size=(500, 2))
    >>> found = tarp_ranks(draws, truth, references)
    >>> found.shape, bool(40 < found.mean() < 60)  # uniform on 0 ... 99: draws and truth are alike
    ((500,), True)
    """
    draws, truth, references = (np.asarray(a) for a in (draws, truth, references))
    if draws.shape[1:] != truth.shape or truth.shape != references.shape or truth.ndim != 2:
        raise InputError(
            f"draws {draws.shape}, truths {truth.shape} and references {references.shape} do not fit together; give (draw, "
            "simulation, parameter) and twice (simulation, parameter)."
        )
    return ranks(np.sum((draws - references) ** 2, axis=-1), np.sum((truth - references) ** 2, axis=-1))


def rank_test(
    rank: ArrayLike, n_draws: int, *, seed: int, level: float = 0.95, n_sets: int = 4000
) -> RankTest:
    """Test ranks for uniformity by their cumulative distribution, everywhere at once.

    The number of ranks up to a point is binomial; the band holds all points of the ECDF of uniform ranks together with
    probability `level`. It is the pointwise binomial band whose pointwise level is found by simulating sets of uniform
    ranks (Sailynoja, Buerkner & Vehtari 2022, Stat. Comput. 32, 32).

    Parameters
    ----------
    rank : (simulation,) int array
        Each from 0 to `n_draws`.
    n_draws : int
        Draws per simulation.
    seed : int
        Random seed of the simulated sets.
    level : float
        Level of the band; the p value does not depend on it.
    n_sets : int
        Simulated sets; the smallest p value is 1 / (n_sets + 1).

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.posterior import rank_test
    >>> right = np.random.default_rng(0).integers(0, 100, 300)
    >>> rank_test(right, 99, seed=1).p_value > 0.05
    True
    >>> rank_test(right // 2, 99, seed=1).p_value < 0.01  # the truth lies too often below the draws
    True
    """
    rank = np.asarray(rank).ravel()
    if len(rank) == 0 or rank.min() < 0 or rank.max() > n_draws:
        raise InputError(f"ranks among {n_draws} draws are whole numbers from 0 to {n_draws}, at least one.")
    null = _uniform_ranks(len(rank), n_draws, n_sets, seed)
    counts = np.sum(rank[:, None] <= null.points, axis=0)
    p_value = (1 + np.sum(null.extremeness <= _extremeness(null.tails, counts))) / (1 + n_sets)
    pointwise, probability = np.quantile(null.extremeness, 1 - level), (null.points + 1) / (n_draws + 1)
    lower, upper = binom.ppf([[pointwise / 2], [1 - pointwise / 2]], len(rank), probability) / len(rank)
    return RankTest(float(p_value), probability, counts / len(rank), lower, upper)


class _Null(NamedTuple):
    """What uniform ranks do: two-sided binomial tails by (count, point), and the smallest of each simulated set."""

    points: np.ndarray
    tails: np.ndarray
    extremeness: np.ndarray


@functools.lru_cache(maxsize=8)
def _uniform_ranks(n: int, n_draws: int, n_sets: int, seed: int) -> _Null:
    points = np.unique(np.linspace(0, n_draws, min(n_draws, 100) + 1).astype(int))[:-1]
    probability, count = (points + 1) / (n_draws + 1), np.arange(n + 1)[:, None]
    below, above = binom.cdf(count, n, probability), binom.sf(count - 1, n, probability)
    tails = 2 * np.minimum(below, above)
    # How many of n uniform ranks fall between one point and the next is multinomial.
    shares = np.diff(probability, prepend=0, append=1)
    between = np.random.default_rng(seed).multinomial(n, shares, n_sets)
    return _Null(points, tails, _extremeness(tails, between[:, :-1].cumsum(axis=1)))


def _extremeness(tails: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The smallest tail probability of the counts (..., point) over the points."""
    return tails[counts, np.arange(tails.shape[1])].min(axis=-1)
