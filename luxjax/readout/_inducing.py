"""The posterior of a Gaussian process: exact from some stars, and by inducing points, with sums over stars, from many.

With points u, K_uu = L L' and a_n = L^-1 k(u, z_n) a label is y_n = a_n . v + noise, v ~ N(0, I): a linear regression, so that
stars enter through B = sum w a a' and b = sum w a y alone (projected process; Rasmussen & Williams 2006, section 8.3.4). The
posterior of v is N((I + B)^-1 b, (I + B)^-1), the variance at z is k(z, z) - a' (I - (I + B)^-1) a.
"""

from typing import NamedTuple

import numpy as np
import scipy

from ._gp_evidence import Hyper, kernel, prior_variance

__all__ = ["Projected", "choose_points", "exact_posterior", "project"]

JITTER = 1e-8
TOLD = 1e-3  # information on a direction, in units of its prior, below which it is left out of the variance
BLOCK = 4096


class Projected(NamedTuple):
    """Weights of the points, root of what the stars take from the variance, leverages and residuals of the stars."""

    alpha: np.ndarray
    root: np.ndarray
    leverage: np.ndarray
    residual: np.ndarray
    effective: float


def exact_posterior(h: Hyper, z: np.ndarray, y: np.ndarray, noise: np.ndarray) -> Projected:
    """The posterior of one label's process whose points are the stars themselves; parameters as of `project`."""
    k, error = kernel(h, z, z), np.sqrt(noise)
    values, vectors = np.linalg.eigh(k / error[:, None] / error)
    values = np.maximum(values, 0.0)
    kept = values / (1 + values)
    # (K + N)^-1 = N^-1/2 V (1 + values)^-1 V' N^-1/2: no inverse of K, which hardly has one.
    alpha = (vectors @ ((vectors.T @ (y / error)) / (1 + values))) / error
    told = values > TOLD
    root = vectors.T[told] / np.sqrt(1 + values[told])[:, None] / error
    return Projected(alpha, root, vectors**2 @ kept, y - k @ alpha, float(kept.sum()))


def project(h: Hyper, points: np.ndarray, z: np.ndarray, y: np.ndarray, noise: np.ndarray) -> Projected:
    """The posterior of one label's process by points, given its hyper-parameters.

    Parameters
    ----------
    h : Hyper
    points : (point, latent) array
    z : (star, latent) array
    y, noise : (star,) arrays
        The label and the variance of its noise.
    """
    prior = kernel(h, points, points)
    prior[np.diag_indices_from(prior)] += JITTER * np.trace(prior) / len(prior)
    low = scipy.linalg.cholesky(prior, lower=True, check_finite=False)
    gram, rhs = np.zeros_like(low), np.zeros(len(points))
    for part in _parts(len(y)):
        a = _features(h, low, points, z[part])
        gram += (a / noise[part]) @ a.T
        rhs += a @ (y[part] / noise[part])
    values, vectors = np.linalg.eigh(gram)
    values = np.maximum(values, 0.0)
    mean = vectors @ ((vectors.T @ rhs) / (1 + values))
    leverage, residual = np.empty(len(y)), np.empty(len(y))
    for part in _parts(len(y)):
        a = _features(h, low, points, z[part])
        leverage[part] = np.sum((vectors.T @ a) ** 2 / (1 + values)[:, None], axis=0) / noise[part]
        residual[part] = y[part] - mean @ a
    told = values > TOLD
    # Back from a = L^-1 k to the kernels at the points themselves.
    root = np.sqrt(values / (1 + values))[told, None] * vectors.T[told]
    alpha, root = (scipy.linalg.solve_triangular(low.T, x, lower=False).T for x in (mean, root.T))
    return Projected(alpha, root, leverage, residual, float(np.sum(values / (1 + values))))


def choose_points(hypers: list[Hyper], z: np.ndarray, n_points: int) -> np.ndarray:
    """Stars that leave least of the labels' prior variance unexplained: indices, by greedy selection.

    Each next point is the star whose labels are least certain given the points before (Burt, Rasmussen & van der Wilk 2020,
    JMLR 21, 131), on average over the labels.
    """
    left = np.sum([prior_variance(h, z) for h in hypers], axis=0)
    rows = np.empty((n_points, len(z)))
    chosen: list[int] = []
    for k in range(n_points):
        best = int(np.argmax(left))
        if left[best] <= JITTER * len(hypers):
            return np.array(chosen)
        column = np.sum([kernel(h, z[best : best + 1], z)[0] for h in hypers], axis=0)
        rows[k] = (column - rows[:k, best] @ rows[:k]) / np.sqrt(left[best])
        left = np.maximum(left - rows[k] ** 2, 0.0)
        left[best] = 0.0
        chosen.append(best)
    return np.array(chosen)


def _features(h: Hyper, low: np.ndarray, points: np.ndarray, z: np.ndarray) -> np.ndarray:
    """L^-1 k(u, z), (point, star)."""
    return scipy.linalg.solve_triangular(low, kernel(h, points, z), lower=True, check_finite=False)


def _parts(n: int) -> list[slice]:
    return [slice(k, k + BLOCK) for k in range(0, n, BLOCK)]
