"""Whether chains have converged, and how many independent draws they are worth.

R-hat compares the spread within halves of chains with that of all draws; the effective sample size divides the number of
draws by their autocorrelation time. Both are of ranks turned into normal scores, so that heavy tails and changes of
variable do not matter, and both look at the tails too (Vehtari et al. 2021, Bayesian Analysis 16, 667). NumPyro has the
formulas without ranks.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from numpyro.diagnostics import effective_sample_size, gelman_rubin
from scipy.stats import norm, rankdata

from ...core import InputError

__all__ = ["ChainStats", "chain_stats", "e_bfmi"]

COLUMNS = 512  # quantities worked on at a time, for memory
LEAST_DRAWS = 8


class ChainStats(NamedTuple):
    """Convergence of many quantities at once; NaN where a quantity never moves.

    Attributes
    ----------
    r_hat : array
        Rank-normalised split R-hat, the larger of those of location and of spread; 1 where chains agree.
    ess_bulk, ess_tail : array
        Effective numbers of draws for the middle of the distribution, and for its 5% and 95% quantiles, the smaller.
    """

    r_hat: np.ndarray
    ess_bulk: np.ndarray
    ess_tail: np.ndarray


def chain_stats(draws: ArrayLike) -> ChainStats:
    """R-hat and effective sample sizes of chains.

    Parameters
    ----------
    draws : (chain, draw, ...) array
        At least 8 draws a chain. A single chain is compared with itself, one half with the other.

    Returns
    -------
    ChainStats
        Arrays of the trailing shape.

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.posterior import chain_stats
    >>> chains = np.random.default_rng(0).normal(size=(4, 500))
    >>> bool(chain_stats(chains).r_hat < 1.01)
    True
    >>> chains[0] += 3.0  # one chain is stuck elsewhere
    >>> bool(chain_stats(chains).r_hat > 1.1)
    True
    """
    x = np.asarray(draws, float)
    if x.ndim < 2 or x.shape[1] < LEAST_DRAWS:
        raise InputError(
            f"R-hat and effective sample sizes need (chain, draw, ...) with at least {LEAST_DRAWS} draws a chain; given "
            f"shape {x.shape}. Sample longer chains: NUTS(draws=1000)."
        )
    flat = x.reshape(*x.shape[:2], -1)
    parts = [_columns(flat[:, :, i : i + COLUMNS]) for i in range(0, flat.shape[2], COLUMNS)]
    joined = (np.concatenate(p).reshape(x.shape[2:]) for p in zip(*parts, strict=True))
    return ChainStats(*joined)


def _columns(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    halves, still = _split(x), np.ptp(x, axis=(0, 1)) == 0
    z = _normal_scores(halves)
    folded = _normal_scores(np.abs(halves - np.median(halves, axis=(0, 1))))
    with np.errstate(invalid="ignore", divide="ignore"):  # of what never moves
        r_hat = np.fmax(gelman_rubin(z), gelman_rubin(folded))
        bulk = effective_sample_size(z)
        ends = np.quantile(x, [0.05, 0.95], axis=(0, 1))
        tail = np.minimum(*(effective_sample_size(_split(x <= end).astype(float)) for end in ends))
    # Antithetic chains can be worth more than their draws, but not without limit (Vehtari et al. 2021, section 3.2); in short
    # ones the estimated autocorrelation time is negative.
    most = x.shape[0] * x.shape[1] * np.log10(x.shape[0] * x.shape[1])
    bulk, tail = (np.where(a < 0, most, np.minimum(a, most)) for a in (bulk, tail))
    return tuple(np.where(still, np.nan, a) for a in (r_hat, bulk, tail))  # type: ignore[return-value]


def _split(x: np.ndarray) -> np.ndarray:
    """Every chain as two."""
    half = x.shape[1] // 2
    return np.concatenate([x[:, :half], x[:, -half:]])


def _normal_scores(x: np.ndarray) -> np.ndarray:
    """Ranks among all draws as normal quantiles (Blom 1958)."""
    pooled = rankdata(x.reshape(-1, x.shape[2]), axis=0)
    return norm.ppf((pooled - 0.375) / (len(pooled) + 0.25)).reshape(x.shape)


def e_bfmi(energy: ArrayLike) -> np.ndarray:
    """Energy Bayesian fraction of missing information of every chain: mean squared change of energy over its variance.

    Small where new momenta cannot carry the chain across the energies of the posterior, as in funnels and heavy tails
    (Betancourt 2016, arXiv:1604.00695).

    Parameters
    ----------
    energy : (chain, draw, ...) array

    Returns
    -------
    (chain, ...) array

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.posterior import e_bfmi
    >>> energy = np.random.default_rng(1).normal(size=(1, 2000))  # independent draws
    >>> e_bfmi(energy).round(1).tolist()
    [2.0]
    """
    e = np.asarray(energy, float)
    with np.errstate(invalid="ignore", divide="ignore"):  # a chain that never moved
        return np.mean(np.diff(e, axis=1) ** 2, axis=1) / np.var(e, axis=1)
