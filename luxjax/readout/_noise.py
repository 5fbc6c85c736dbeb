"""The noise of labels: stated errors are data, not a floor."""

import numpy as np
import scipy

__all__ = ["learn_noise"]

LEAST_SCALE = 0.05  # stated errors are not taken to be more than 20 times too large
WIDTH = 1.0  # of the normal prior of ln t^2


def learn_noise(square: np.ndarray, variance: np.ndarray) -> tuple[float, float]:
    """T and s of a label with the variance t^2 error^2 + s^2 about its prediction, most probable for these residuals.

    Catalogues state errors that may be too large, and then a method that takes them as given explains signal as noise.
    Scatter s can only add to them; t <= 1 can take away. Where all errors are alike the two cannot be told apart, and t
    alone is below 1, or s alone above 0.

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

    def loss(p):
        t2, s2 = np.exp(p[0]), p[1] * unit
        total = np.maximum(t2 * variance + s2, 1e-12 * unit)
        slope = 0.5 * (1 / total - square / total**2)
        value = 0.5 * np.sum(np.log(total) + square / total) + 0.5 * (p[0] / WIDTH) ** 2
        return value, np.array([slope @ variance * t2 + p[0] / WIDTH**2, slope.sum() * unit])

    bounds = [(2 * np.log(LEAST_SCALE), 0.0), (0.0, None)]
    starts = [np.array([0.0, 0.0]), np.array([-2.0, 0.3])]
    found = [scipy.optimize.minimize(loss, x, jac=True, method="L-BFGS-B", bounds=bounds) for x in starts]
    best = min(found, key=lambda f: f.fun)
    return float(np.exp(best.x[0] / 2)), float(np.sqrt(best.x[1] * unit))
