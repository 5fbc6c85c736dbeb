"""The evidence of a Gaussian process with a linear and a squared-exponential kernel, and its slope.

k(x, x') = c + sum_a tau_a x_a x'_a + amplitude exp(-sum_a rho_a (x_a - x'_a)^2 / 2), with the noise t^2 error^2 + spread + s^2
of every star (Rasmussen & Williams 2006, chapter 5). Labels are in units of their own spread here.
"""

from typing import NamedTuple

import numpy as np
import scipy

from ._noise import LEAST_SCALE

__all__ = ["Hyper", "kernel", "maximise_evidence"]

STEPS = 40
CONSTANT = 1.0
# Mean and width of the normal priors of the logarithms: relevance, roughness, amplitude, s^2 and t^2.
PRIOR = {"tau": (-3.0, 2.0), "rho": (-3.0, 2.0), "amplitude": (-2.0, 2.0), "scatter": (-6.0, 2.0), "t": (0.0, 2.0)}


class Hyper(NamedTuple):
    """Hyper-parameters of one label: relevance and roughness of each latent, amplitude, s^2 and t^2."""

    tau: np.ndarray
    rho: np.ndarray
    amplitude: float
    scatter2: float
    scale2: float


def kernel(h: Hyper, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Covariance of the label at latents x (star, latent) and y (point, latent), (star, point)."""
    return CONSTANT + (x * h.tau) @ y.T + _smooth(h, x, y)


def _smooth(h: Hyper, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    square = (x**2 @ h.rho)[:, None] + y**2 @ h.rho - 2 * (x * h.rho) @ y.T
    return h.amplitude * np.exp(-0.5 * np.maximum(square, 0))


def maximise_evidence(
    z: np.ndarray, y: np.ndarray, variance: np.ndarray, spread: np.ndarray
) -> tuple[Hyper, float]:
    """The most probable hyper-parameters of one label, and the log evidence there.

    Parameters
    ----------
    z : (star, latent) array
    y, variance, spread : (star,) arrays
        The label, its squared stated error, and its variance by the noise of the inputs.
    """
    d = z.shape[1]
    names = ["tau"] * d + ["rho"] * d + ["amplitude", "scatter", "t"]
    middle, width = np.array([PRIOR[name] for name in names]).T
    bounds = [(-20.0, 8.0)] * (2 * d + 2) + [(2 * np.log(LEAST_SCALE), 0.0)]

    def loss(theta):
        value, slope = minus_evidence(theta, z, y, variance, spread)
        pull = (theta - middle) / width
        return value + 0.5 * pull @ pull, slope + pull / width

    found = scipy.optimize.minimize(
        loss, middle, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": STEPS}
    )
    return as_hyper(found.x, d), -minus_evidence(found.x, z, y, variance, spread)[0]


def as_hyper(theta: np.ndarray, d: int) -> Hyper:
    values = np.exp(theta)
    return Hyper(values[:d], values[d : 2 * d], *(float(v) for v in values[2 * d :]))


def minus_evidence(theta, z, y, variance, spread) -> tuple[float, np.ndarray]:
    """Minus the log marginal likelihood, and its slope by the logarithms of the hyper-parameters."""
    d = z.shape[1]
    h = as_hyper(theta, d)
    smooth = _smooth(h, z, z)
    k = CONSTANT + (z * h.tau) @ z.T + smooth
    k[np.diag_indices_from(k)] += h.scale2 * variance + spread + h.scatter2
    factor = scipy.linalg.cholesky(k, lower=True, overwrite_a=True, check_finite=False)
    a = scipy.linalg.cho_solve((factor, True), y, check_finite=False)
    value = 0.5 * y @ a + np.log(np.diag(factor)).sum() + 0.5 * len(y) * np.log(2 * np.pi)
    # d value = tr(M dK), M = (K^-1 - a a') / 2
    inverse, _ = scipy.linalg.lapack.dpotri(factor, lower=1)
    m = np.tril(inverse) + np.tril(inverse, -1).T
    m = 0.5 * (m - np.outer(a, a))
    ms = m * smooth
    linear = np.sum(z * (m @ z), axis=0) * h.tau
    rough = -h.rho * (ms.sum(axis=1) @ z**2 - np.sum(z * (ms @ z), axis=0))
    diagonal = np.diag(m)
    noise = [ms.sum(), h.scatter2 * diagonal.sum(), h.scale2 * (diagonal @ variance)]
    return float(value), np.concatenate([linear, rough, noise])
