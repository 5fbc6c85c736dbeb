"""The noise of labels: stated errors are data, not a floor."""

import numpy as np
import scipy

__all__ = ["learn_noise"]

LEAST_SCALE = 0.05  # stated errors are not taken to be more than 20 times too large
WIDTH = 1.0  # of the normal prior of ln t^2
EVIDENCE = 5.0  # nats in favour of t < 1: by chance alone in less than one label of a thousand


def learn_noise(square: np.ndarray, variance: np.ndarray) -> tuple[float, float]:
    """T and s of a label with the variance t^2 error^2 + s^2 about its prediction, most probable for these residuals.

    Catalogues state errors that may be too large, and then a method that takes them as given explains signal as noise.
    Scatter s can only add to them; t <= 1 can take away. Where all errors are alike the two cannot be told apart, and t
    alone is below 1, or s alone above 0. Residuals that are smaller than stated errors as a whole prove these too large.
    Where they are not, only their pattern can tell, and what a catalogue states is believed, t = 1, unless it speaks
    against that by `EVIDENCE`.

    Squared residuals with the kurtosis k tell 2 / (k - 1) of what as many normal ones would about their variance: the
    likelihood is raised to that power (White 1982, Econometrica 50, 1), or a few outliers decide on t.

    Parameters
    ----------
    square : (star,) array
        Squared residuals, each divided by 1 - leverage of its star, so that its expectation is the variance.
    variance : (star,) array
        Squared stated error.

    Returns
    -------
    error_scale, scatter : float
    """
    unit = max(float(np.mean(square)), 1e-300)
    as_stated = _minimum(square, variance, unit, 1.0, (0.0, 0.0))
    relative = square / np.maximum(variance + as_stated.x[1] * unit, 1e-12 * unit)
    kurtosis = np.mean(relative**2) / max(np.mean(relative), 1e-300) ** 2
    power = min(1.0, 2 / max(kurtosis - 1, 1e-12))
    limits = (2 * np.log(LEAST_SCALE), 0.0)
    best, as_stated = (_minimum(square, variance, unit, power, a) for a in (limits, (0.0, 0.0)))
    if as_stated.x[1] > 0 and as_stated.fun - best.fun < EVIDENCE:
        best = as_stated
    return float(np.exp(best.x[0] / 2)), float(np.sqrt(best.x[1] * unit))


def _minimum(square, variance, unit, power, limits) -> scipy.optimize.OptimizeResult:
    """Minimum of -ln posterior over ln t^2 within its limits and s^2 / `unit`, with the normal likelihood to a power."""

    def loss(p):
        t2, s2 = np.exp(p[0]), p[1] * unit
        total = np.maximum(t2 * variance + s2, 1e-12 * unit)
        slope = 0.5 * power * (1 / total - square / total**2)
        value = 0.5 * power * np.sum(np.log(total) + square / total) + 0.5 * (p[0] / WIDTH) ** 2
        return value, np.array([slope @ variance * t2 + p[0] / WIDTH**2, slope.sum() * unit])

    starts = [np.array([0.0, 0.0]), np.array([max(-2.0, limits[0]), 0.3])]
    bounds = [limits, (0.0, None)]
    found = [scipy.optimize.minimize(loss, x, jac=True, method="L-BFGS-B", bounds=bounds) for x in starts]
    return min(found, key=lambda f: f.fun)
