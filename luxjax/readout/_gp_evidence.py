"""The evidence of a Gaussian process whose kernel is linear, quadratic and smooth in the latents, and its slope.

k(x, x') = 1 + l + q l^2 + a exp(-r |x - x'|^2 / 2) with l = sum_a tau_a x_a x'_a, the distance in the same measure, and the noise
t^2 error^2 + s^2 of every star (Rasmussen & Williams 2006, chapter 5). One relevance tau_a for each latent serves all three
terms: with a separate roughness for each latent, some hundred stars determine too much. Labels are in units of their
spread here.
"""

from typing import NamedTuple

import numpy as np
import scipy

from ._noise import LEAST_SCALE

__all__ = ["Hyper", "kernel", "maximise_evidence", "minus_evidence", "prior_variance"]

STEPS = 40
CONSTANT = 1.0
# Mean and width of the normal priors of the logarithms of tau, q, a, r, s^2 and t^2.
PRIOR = {
    "tau": (-3.0, 2.0),
    "square": (-1.0, 2.0),
    "amplitude": (-2.0, 2.0),
    "roughness": (0.0, 2.0),
    "scatter2": (-6.0, 2.0),
    "scale2": (0.0, 2.0),
}


class Hyper(NamedTuple):
    """Hyper-parameters of one label: relevance of each latent, q, a, r, s^2 and t^2."""

    tau: np.ndarray
    square: float
    amplitude: float
    roughness: float
    scatter2: float
    scale2: float


def kernel(h: Hyper, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Covariance of the label at latents x (star, latent) and y (point, latent), (star, point)."""
    line, smooth, _ = _terms(h, x, y)
    return CONSTANT + line + h.square * line**2 + smooth


def prior_variance(h: Hyper, x: np.ndarray) -> np.ndarray:
    """The label's variance at latents x (star, latent) before any star is seen, (star,)."""
    line = x**2 @ h.tau
    return CONSTANT + line + h.square * line**2 + h.amplitude


def _terms(h: Hyper, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The linear and the smooth term of the kernel, and the squared distance."""
    line = (x * h.tau) @ y.T
    distance = np.maximum((x**2 @ h.tau)[:, None] + y**2 @ h.tau - 2 * line, 0)
    return line, h.amplitude * np.exp(-0.5 * h.roughness * distance), distance


def maximise_evidence(z: np.ndarray, y: np.ndarray, variance: np.ndarray) -> tuple[Hyper, float]:
    """The most probable hyper-parameters of one label, and the log evidence there.

    Parameters
    ----------
    z : (star, latent) array
    y, variance : (star,) arrays
        The label and its squared stated error.
    """
    names = ["tau"] * z.shape[1] + list(PRIOR)[1:]
    middle, width = np.array([PRIOR[name] for name in names]).T
    bounds = [(-20.0, 8.0)] * (len(names) - 1) + [(2 * np.log(LEAST_SCALE), 0.0)]

    def loss(theta):
        value, slope = minus_evidence(theta, z, y, variance)
        pull = (theta - middle) / width
        return value + 0.5 * pull @ pull, slope + pull / width

    found = scipy.optimize.minimize(
        loss, middle, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": STEPS}
    )
    return as_hyper(found.x), -minus_evidence(found.x, z, y, variance)[0]


def as_hyper(theta: np.ndarray) -> Hyper:
    values = np.exp(theta)
    return Hyper(values[:-5], *(float(v) for v in values[-5:]))


def minus_evidence(theta, z, y, variance) -> tuple[float, np.ndarray]:
    """Minus the log marginal likelihood, and its slope by the logarithms of the hyper-parameters."""
    h = as_hyper(theta)
    line, smooth, distance = _terms(h, z, z)
    k = CONSTANT + line + h.square * line**2 + smooth
    k[np.diag_indices_from(k)] += h.scale2 * variance + h.scatter2
    factor = scipy.linalg.cholesky(k, lower=True, overwrite_a=True, check_finite=False)
    a = scipy.linalg.cho_solve((factor, True), y, check_finite=False)
    value = 0.5 * y @ a + np.log(np.diag(factor)).sum() + 0.5 * len(y) * np.log(2 * np.pi)
    # d value = tr(M dK), M = (K^-1 - a a') / 2
    inverse, _ = scipy.linalg.lapack.dpotri(factor, lower=1)
    m = 0.5 * (np.tril(inverse) + np.tril(inverse, -1).T - np.outer(a, a))
    smoothed = h.roughness * m * smooth
    along = m * (1 + 2 * h.square * line) + smoothed
    tau = h.tau * (np.sum(z * (along @ z), axis=0) - smoothed.sum(axis=1) @ z**2)
    diagonal = np.diag(m)
    others = [
        h.square * np.sum(m * line**2),
        np.sum(m * smooth),
        -0.5 * np.sum(smoothed * distance),
        h.scatter2 * diagonal.sum(),
        h.scale2 * (diagonal @ variance),
    ]
    return float(value), np.append(tau, others)
