"""Intervals: of proportions, of many statistics at once, and of any statistic by bootstrap over stars."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike

from ..core import InputError, check_name
from ..core.internal import doubles, identifiers

__all__ = [
    "Interval",
    "binomial_interval",
    "bootstrap_interval",
    "check_level",
    "familywise_band",
    "share_interval",
]


class Interval(NamedTuple):
    """An interval, lower and upper end included.

    Examples
    --------
    >>> from luxjax.stats import Interval
    >>> low, high = Interval(-0.5, 0.25)
    >>> high - low
    0.75
    """

    lower: float
    upper: float

    def holds(self, value: float) -> bool:
        return self.lower <= value <= self.upper


def binomial_interval(inside: int, n: int, level: float = 0.6827, method: str = "wilson") -> Interval:
    """Confidence interval of a proportion observed as `inside` of `n`.

    Parameters
    ----------
    level : float
        Confidence level.
    method : "wilson" or "exact"
        Wilson (1927) has coverage close to nominal on average and suits error bars; "exact" is Clopper and
        Pearson (1934), which never covers less than `level`.
    inside, n : int
        Number of successes, and of trials.

    Examples
    --------
    >>> from luxjax.stats import binomial_interval
    >>> low, high = binomial_interval(68, 100)
    >>> round(low, 3), round(high, 3)
    (0.632, 0.725)
    """
    check_level(level)
    check_name("binomial interval", method, ("wilson", "exact"))
    if not 0 <= inside <= n or n < 1:
        raise InputError(f"{inside} of {n} is not a proportion; give 0 <= inside <= n and n >= 1.")
    low, high = scipy.stats.binomtest(int(inside), int(n)).proportion_ci(level, method=method)
    return Interval(float(low), float(high))


def share_interval(right: ArrayLike, ids: ArrayLike) -> tuple[float, Interval]:
    """A share of spectra with its 95% Wilson interval; as many trials as there are stars, not spectra.

    Parameters
    ----------
    right : (spectrum,) bool array
    ids : (spectrum,) array of str
        Star of each.
    """
    share, stars = float(np.mean(np.asarray(right))), len(np.unique(identifiers("ids", ids)))
    return share, binomial_interval(round(share * stars), stars, 0.95)


def familywise_band(
    n: int, level: float, n_cells: int = 1, alpha: float = 0.05, n_calibration: int | None = None
) -> Interval:
    """Band that an observed coverage must be in, in each of `n_cells` cells, if the intervals are right.

    Without `n_calibration` the number of covered stars is Binomial(n, level). With it, the intervals were
    scaled by split conformal calibration on other, exchangeable stars: their half-width is the k-th smallest
    of `n_calibration` scores, k = ceil((n_calibration + 1) level). Given the calibration stars, the true
    coverage is a draw from Beta(k, n_calibration + 1 - k), the same for all test stars, so the number of
    covered stars is beta-binomial and the band is wider than the binomial one (Vovk 2012, ACML; Angelopoulos
    and Bates 2021, arXiv:2107.07511). This is exact for scores without ties. Where errors were scaled by one
    fitted factor instead of a quantile, the calibration error is smaller, and this band somewhat generous.

    Cells share `alpha` by Bonferroni, which holds however they depend on one another (labels of the same
    stars do): with correct intervals all cells lie inside with a probability of at least 1 - alpha.

    Parameters
    ----------
    n : int
        Stars whose coverage is counted.
    level : float
        Nominal probability of the intervals.
    n_cells : int
        How many coverages are tested together: labels times levels, say.
    alpha : float
        Probability of a false alarm in any cell.
    n_calibration : int, optional
        Stars that the calibration used; none if the errors are the model's own.

    Returns
    -------
    Interval
        Fractions of `n`, ends included.

    Examples
    --------
    >>> from luxjax.stats import familywise_band
    >>> low, high = familywise_band(1000, 0.68, n_cells=10)
    >>> round(low, 3), round(high, 3)
    (0.638, 0.721)
    """
    check_level(level)
    if n < 1 or n_cells < 1 or not 0 < alpha < 1:
        raise InputError(
            f"a band needs at least one star and one cell and 0 < alpha < 1; given n = {n}, "
            f"n_cells = {n_cells}, alpha = {alpha}."
        )
    count = np.arange(n + 1)
    if n_calibration is None:
        pmf = scipy.stats.binom.pmf(count, n, level)
    else:
        # Rounded first: 0.95 * 20 may come out a hair above 19.
        rank = int(np.ceil(np.round((n_calibration + 1) * level, 9)))
        if rank > n_calibration:
            raise InputError(
                f"{n_calibration} calibration stars are too few for a {level:.0%} interval, which would be "
                f"infinite; at least {int(np.ceil(np.round(level / (1 - level), 9)))} are needed."
            )
        pmf = scipy.stats.betabinom.pmf(count, n, rank, n_calibration + 1 - rank)
    tail = alpha / n_cells / 2
    below, above = np.cumsum(pmf), np.cumsum(pmf[::-1])[::-1]
    # Each count outside is that far out with a probability of at most `tail`.
    inside = count[(below > tail) & (above > tail)]
    return Interval(float(inside[0] / n), float(inside[-1] / n))


def bootstrap_interval(
    statistic: Callable[..., float],
    arrays: Sequence[ArrayLike],
    *,
    seed: int,
    n: int = 1000,
    level: float = 0.6827,
) -> Interval:
    """Percentile bootstrap interval of a statistic of stars, resampled with all their columns together.

    Parameters
    ----------
    statistic : callable
        Called with the resampled arrays, returns a number; `rmse`, say.
    arrays : sequence of arrays
        Same first axis: the stars.
    seed : int
        Random seed of NumPy's generator.
    n : int
        Resamplings.
    level : float
        Confidence level.

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.stats import bootstrap_interval, rmse
    >>> truth = np.zeros(200)
    >>> predicted = np.random.default_rng(0).normal(0.0, 0.1, 200)
    >>> low, high = bootstrap_interval(rmse, [predicted, truth], seed=1)
    >>> bool(low < rmse(predicted, truth) < high)
    True
    """
    check_level(level)
    columns = [doubles("values to resample", a) for a in arrays]
    sizes = {len(c) for c in columns}
    if len(sizes) != 1 or 0 in sizes:
        raise InputError(
            f"arrays to resample must hold the same stars, at least one; lengths were {sorted(sizes)}."
        )
    rng, stars = np.random.default_rng(seed), sizes.pop()
    draws = [statistic(*(c[i] for c in columns)) for i in (rng.integers(stars, size=stars) for _ in range(n))]
    low, high = np.nanquantile(draws, [0.5 - level / 2, 0.5 + level / 2])
    return Interval(float(low), float(high))


def check_level(level: float) -> None:
    if not 0 < level < 1:
        raise InputError(f"a level is a probability between 0 and 1, such as 0.68; given: {level}.")
