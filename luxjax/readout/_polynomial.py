"""Linear and quadratic read-outs: Bayesian regression on polynomials of the latents, one scale for each latent.

Features are orthonormal for latents drawn from N(0, I): z_a, (z_a^2 - 1) / sqrt 2 and z_a z_b. Their weights have the
priors N(0, t_a) and N(0, q t_a t_b), so that a latent without use for a label takes all its terms with it (automatic
relevance determination; MacKay 1992, Neural Computation 4, 415; Neal 1996). The scales maximise the evidence, which needs nothing
of the stars but sums.
"""

from typing import NamedTuple

import numpy as np
import scipy

__all__ = ["Design", "Regression", "as_monomials", "regress"]

STEPS = 60
PRIOR = {"scale": (-3.0, 3.0), "ratio": (-1.0, 2.0)}  # mean and width of the normal priors of ln t_a and ln q
START = {"scale": -2.0, "ratio": -1.0}


class Design:
    """The features of the latents, made for some stars at a time.

    Parameters
    ----------
    n_latents : int
    leading : int
        Latents of which there are products, 0 for none.
    """

    def __init__(self, n_latents: int, leading: int):
        self.n_latents, self.leading = n_latents, leading
        self.first, self.second = np.triu_indices(leading)
        n = n_latents + len(self.first)
        exponents = np.zeros((n, n_latents))
        exponents[np.arange(n_latents), np.arange(n_latents)] = 1
        for place in (self.first, self.second):
            np.add.at(exponents, (np.arange(n_latents, n), place), 1)
        product = (np.arange(n) >= n_latents).astype(float)
        self.scales = np.column_stack(
            [exponents, product]
        )  # ln prior variance = scales @ [ln t_1 .. ln t_D, ln q]

    @property
    def n_features(self) -> int:
        return len(self.scales)

    def __call__(self, z: np.ndarray) -> np.ndarray:
        same = self.first == self.second
        products = (z[:, self.first] * z[:, self.second] - same) / np.where(same, np.sqrt(2.0), 1.0)
        return np.concatenate([z, products], axis=1)


class Sums(NamedTuple):
    """All that the evidence needs of the stars: centred, weighted sums over them."""

    n: int
    total: float
    mean_x: np.ndarray
    mean_y: float
    gram: np.ndarray
    rhs: np.ndarray
    square: float
    log_weight: float


class Regression(NamedTuple):
    """Posterior of the weights of one label; ``y = mean_y + (x - mean_x) . weight``."""

    mean_x: np.ndarray
    mean_y: float
    weight: np.ndarray
    cov: np.ndarray
    mean_variance: float
    evidence: float
    effective: float


BLOCK = 4096


def sums_of(design: Design, z: np.ndarray, y: np.ndarray, weight: np.ndarray) -> Sums:
    """The sums of these stars, some at a time."""
    n = design.n_features
    gram, first = np.zeros((n, n)), np.zeros(n)
    rhs = np.zeros(n)
    mean_y = float(weight @ y / weight.sum())
    for k in range(0, len(y), BLOCK):
        x, w, v = design(z[k : k + BLOCK]), weight[k : k + BLOCK], y[k : k + BLOCK] - mean_y
        wx = w[:, None] * x
        gram += x.T @ wx
        first += wx.sum(axis=0)
        rhs += wx.T @ v
    total = float(weight.sum())
    mean_x = first / total
    # Centred afterwards: x is of order one, so nothing cancels that matters.
    gram -= np.outer(first, mean_x)
    return Sums(
        len(y),
        total,
        mean_x,
        mean_y,
        gram,
        rhs,
        float(weight @ (y - mean_y) ** 2),
        float(np.sum(np.log(weight))),
    )


def regress(
    design: Design, z: np.ndarray, y: np.ndarray, noise: np.ndarray, start: np.ndarray | None = None
) -> tuple[Regression, np.ndarray]:
    """The weights of one label, and the logarithms of their scales.

    Parameters
    ----------
    design : Design
    z : (star, latent) array
    y, noise : (star,) arrays
        The label, and its variance about the prediction.
    start : (latent + 1,) array, optional
        Logarithms of the scales to start from, as returned for similar noise.
    """
    sums = sums_of(design, z, y, 1 / noise)
    unit = max(sums.square / sums.total, 1e-300)  # priors are in units of the label's variance
    names = ["scale"] * design.n_latents + ["ratio"]
    middle, width = np.array([PRIOR[k] for k in names]).T
    first = np.array([START[k] for k in names]) if start is None else start
    if not design.leading:  # no product: its ratio has no meaning
        width[-1] = 1e-3

    def loss(theta):
        value, slope, *_ = _evidence(design, sums, unit, theta)
        pull = (theta - middle) / width
        return value + 0.5 * pull @ pull, slope + pull / width

    found = scipy.optimize.minimize(loss, first, jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    value, _, weight, cov, effective = _evidence(design, sums, unit, found.x)
    evidence = -value + 0.5 * sums.log_weight - 0.5 * sums.n * np.log(2 * np.pi)
    return (
        Regression(sums.mean_x, sums.mean_y, weight, cov, 1 / sums.total, float(evidence), float(effective)),
        found.x,
    )


def _evidence(design: Design, sums: Sums, unit: float, theta: np.ndarray):
    """Minus the log evidence without its constants, its slope, and the posterior of the weights."""
    root = np.exp(0.5 * np.clip(design.scales @ theta, -40, 10)) * np.sqrt(unit)
    a = np.eye(len(root)) + root[:, None] * sums.gram * root
    factor = scipy.linalg.cho_factor(a, lower=True, check_finite=False)
    inverse = scipy.linalg.cho_solve(factor, np.eye(len(root)), check_finite=False)
    m = inverse @ (root * sums.rhs)
    value = 0.5 * (sums.square - (root * sums.rhs) @ m) + np.log(np.diag(factor[0])).sum()
    slope = design.scales.T @ (0.5 * (1 - np.diag(inverse)) - 0.5 * m**2)
    return value, slope, root * m, root[:, None] * inverse * root, len(root) - np.trace(inverse)


def as_monomials(design: Design, found: Regression) -> tuple[np.ndarray, np.ndarray]:
    """Row and covariance of [1, z, z_a z_b (a <= b)] for the same function."""
    n, d = design.n_features, design.n_latents
    factor = np.ones(n)
    square = np.zeros(n, bool)
    square[d:] = design.first == design.second
    factor[square] = 1 / np.sqrt(2.0)
    # intercept = mean_y - (mean_x + the constants of the squares) . weight
    shift = found.mean_x + np.where(square, factor, 0.0)
    turn = np.zeros((n + 1, n))
    turn[0], turn[1:] = -shift, np.diag(factor)
    row, cov = turn @ found.weight, turn @ found.cov @ turn.T
    row[0] += found.mean_y
    cov[0, 0] += found.mean_variance
    return row, cov
