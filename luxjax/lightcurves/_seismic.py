"""nu_max of stars from binned log power: a profile of the template fit over nu_max, by Laplace's method over its amplitudes.

The fit is quick because it needs no start: the four amplitudes have Gaussian priors in their logarithm (granulation and hump near the scaling
relations, slow variations and white noise wide), and Gauss-Newton steps find their mode at every nu_max of a grid, for many stars at a time.
"""

from dataclasses import dataclass

import numpy as np

from ._bins import Binned
from ._template import components

__all__ = ["SYSTEMATIC", "TemplateFit", "fit_template"]

GRID = np.linspace(np.log10(3.0), np.log10(4000.0), 180)
#: log10 of 1.025. Of real stars nu_max comes out some 2.5% from that of other methods: the template is an average over stars.
SYSTEMATIC = float(np.log10(1.025))
_STEPS = 8
_MODEL_ERROR = 0.05  # of ln power in a bin: no template is right to better than that
_PRIOR = np.array([0.35, 0.35, 2.5, 1.5])  # one sigma of the ln amplitudes
_AT_A_TIME = 250  # stars


@dataclass(frozen=True, eq=False)
class TemplateFit:
    """Fit of the template to stars.

    Parameters
    ----------
    log_nu_max, log_nu_max_err : (star,) arrays
        Mean and standard deviation of log10 nu_max, microhertz, of the noise alone.
    amplitude, amplitude_err : (star, component) arrays
        log10 amplitudes relative to the scaling relations, at the best nu_max, and their errors.
    criterion : (star,) array
        Chi-square plus penalty of the priors plus ln determinant, at the best nu_max.
    """

    log_nu_max: np.ndarray
    log_nu_max_err: np.ndarray
    amplitude: np.ndarray
    amplitude_err: np.ndarray
    criterion: np.ndarray


def fit_template(binned: Binned, nyquist: float) -> TemplateFit:
    """Fit the template to the binned power of stars of one cadence."""
    parts = [
        _fit_block(
            binned.frequency, binned.value[k : k + _AT_A_TIME], binned.error[k : k + _AT_A_TIME], nyquist
        )
        for k in range(0, len(binned.value), _AT_A_TIME)
    ]
    return TemplateFit(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _fit_block(frequency: np.ndarray, value: np.ndarray, error: np.ndarray, nyquist: float) -> tuple:
    to_ln = np.log(10.0)
    seen = np.isfinite(value) & np.isfinite(error)
    y = np.where(seen, value * to_ln, 0.0)
    weight = np.where(seen, 1.0 / ((error * to_ln) ** 2 + _MODEL_ERROR**2), 0.0)
    white = np.log(np.maximum(np.exp(np.median(y[:, -4:], axis=1)), 1e-3)) - 0.3
    mean = np.stack([np.zeros(len(y)), np.zeros(len(y)), np.full(len(y), np.log(100.0)), white], axis=1)
    found = [_amplitudes(y, weight, mean, components(frequency, 10.0**g, nyquist)) for g in GRID]
    theta, variance, criterion = (np.stack(a, axis=1) for a in zip(*found, strict=True))
    chance = np.exp(-0.5 * (criterion - criterion.min(axis=1, keepdims=True)))
    chance /= chance.sum(axis=1, keepdims=True)
    centre = chance @ GRID
    spread = np.sqrt(np.maximum(chance @ GRID**2 - centre**2, 0.0) + (GRID[1] - GRID[0]) ** 2 / 12)
    best, star = criterion.argmin(axis=1), np.arange(len(y))
    amplitude, sigma = theta[star, best] / to_ln, np.sqrt(variance[star, best]) / to_ln
    return centre, spread, amplitude, sigma, criterion.min(axis=1)


def _amplitudes(y: np.ndarray, weight: np.ndarray, mean: np.ndarray, parts: np.ndarray) -> tuple:
    """Mode of the ln amplitudes at one nu_max, their variances, and the criterion."""
    theta, precision = mean.copy(), 1.0 / _PRIOR**2
    for _ in range(_STEPS):
        power = np.exp(theta)[:, :, None] * parts
        total = power.sum(axis=1)
        slope, off = power / total[:, None], y - np.log(total)
        hessian = np.einsum("nkp,np,nlp->nkl", slope, weight, slope, optimize=True) + np.diag(precision)
        gradient = np.einsum("nkp,np->nk", slope, weight * off) - (theta - mean) * precision
        theta = theta + np.clip(np.linalg.solve(hessian, gradient[..., None])[..., 0], -1.0, 1.0)
    off = y - np.log((np.exp(theta)[:, :, None] * parts).sum(axis=1))
    misfit = (weight * off**2).sum(axis=1) + ((theta - mean) ** 2 * precision).sum(axis=1)
    variance = np.diagonal(np.linalg.inv(hessian), axis1=1, axis2=2)
    return theta, variance, misfit + np.linalg.slogdet(hessian)[1]
