"""Pareto-smoothed importance sampling (Vehtari et al. 2024, JMLR 25, 72; arXiv:1507.02646).

The largest importance ratios are replaced by the quantiles of a generalised Pareto distribution fitted to them. Its
shape k-hat says whether to trust the result: below 0.7 and below 1 - 1/log10(draws) the estimates converge well enough.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

__all__ = ["k_threshold", "pareto_smooth"]

ALIKE = 1e-3  # log ratios that differ by less count as equal: there is no tail to speak of


def k_threshold(n_draws: int) -> float:
    """The k-hat up to which estimates from this many draws can be trusted."""
    return min(1 - 1 / np.log10(max(n_draws, 11)), 0.7)


def pareto_smooth(log_ratio: ArrayLike, efficiency: ArrayLike = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Smoothed log weights that sum to one, and k-hat.

    Parameters
    ----------
    log_ratio : (draw, case) array
        Log of target density over that of the distribution the draws come from, up to a constant per case.
    efficiency : (case,) array or float
        Effective over actual number of draws, of draws that depend on one another.

    Returns
    -------
    log_weight : (draw, case) array
    k : (case,) array
        Minus infinity where the ratios hardly differ; infinity where some are not finite.
    """
    ratio = np.asarray(log_ratio, float)
    efficiency = np.broadcast_to(np.asarray(efficiency, float), ratio.shape[1:])
    columns = [_smooth(ratio[:, i], float(e)) for i, e in enumerate(efficiency)]
    return np.stack([w for w, _ in columns], axis=1), np.array([k for _, k in columns])


def _smooth(ratio: np.ndarray, efficiency: float) -> tuple[np.ndarray, float]:
    n = len(ratio)
    if not np.isfinite(ratio).all():
        return np.full(n, -np.log(n)), np.inf
    if np.ptp(ratio) < ALIKE:
        return np.full(n, -np.log(n)), -np.inf
    weight = ratio - ratio.max()
    count = int(np.ceil(min(0.2 * n, 3 * np.sqrt(n / efficiency))))
    order = np.argsort(weight)
    tail, cut = order[-count:], weight[order[-count - 1]]
    excess = np.exp(weight[tail]) - np.exp(cut)
    if count < 5 or excess[0] <= 0:  # too few to fit, or ties with the cut
        return weight - logsumexp(weight), np.inf
    k, sigma = _pareto_fit(excess)
    middle = (np.arange(count) + 0.5) / count
    quantile = sigma * np.expm1(-k * np.log1p(-middle)) / k
    weight[tail] = np.minimum(np.log(quantile + np.exp(cut)), 0)
    return weight - logsumexp(weight), k


def _pareto_fit(excess: np.ndarray) -> tuple[float, float]:
    """Shape and scale of a generalised Pareto distribution of sorted excesses.

    Zhang & Stephens (2009, Technometrics 51, 316): a posterior mean over a grid of b = -k / sigma; the shape is then
    drawn towards 0.5 with the weight of ten more draws, as Vehtari et al. do.
    """
    n = len(excess)
    m = 30 + int(np.sqrt(n))
    quartile = excess[int(n / 4 + 0.5) - 1]
    b = 1 / excess[-1] + (1 - np.sqrt(m / (np.arange(1, m + 1) - 0.5))) / (3 * quartile)
    k = np.log1p(-b[:, None] * excess).mean(axis=1)
    score = n * (np.log(-b / k) - k - 1)
    weight = np.exp(score - logsumexp(score))
    mean = float(b @ weight)
    shape = float(np.log1p(-mean * excess).mean())
    return (n * shape + 5) / (n + 10), -shape / mean
