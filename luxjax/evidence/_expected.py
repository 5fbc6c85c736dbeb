"""What could be expected: the response a measurement can reach, and the stars that a verdict takes."""

import numpy as np
from numpy.typing import ArrayLike

from ..core import InputError

__all__ = ["claimed_slope", "expected_slope", "needed_stars", "stars_for_scatter"]


def expected_slope(
    tau: ArrayLike, bound: ArrayLike, *, n_train: int | None = None, n_pixels: int | None = None
) -> np.ndarray:
    """Off-trend response of the best predictor: a posterior mean shrinks, so even a measurement stays below 1.

    With l = (tau / bound)^2 and the other labels well known, beta = l / (1 + l). A model that has to learn the
    direction in P pixels from N stars finds it only if l > sqrt(P / N), and then with

        cos^2 = (1 - P / (N l^2)) / (1 + P / (N l)),        beta = l cos^2 / (1 + l cos^2),

    the overlap of a sample principal component with the true one (Johnstone & Lu 2009, JASA 104, 682, and references
    therein).

    Parameters
    ----------
    tau : float or array
        Scatter of the true label at fixed other labels.
    bound : float or array
        Smallest error of the label that the spectrum allows at fixed other labels, same unit.
    n_train, n_pixels : int, optional
        N and P; without them the decoder is taken as known.
    """
    signal = (np.asarray(tau, float) / np.asarray(bound, float)) ** 2
    if n_train is None or n_pixels is None:
        return signal / (1 + signal)
    ratio = n_pixels / n_train
    found = signal > np.sqrt(ratio)
    safe = np.where(found, signal, 1.0)
    overlap = np.where(found, (1 - ratio / safe**2) / (1 + ratio / safe), 0.0)
    return signal * overlap / (1 + signal * overlap)


def claimed_slope(
    weight: ArrayLike, scatter: ArrayLike, latent_cov: ArrayLike, label: int, others: list[int]
) -> float:
    """The off-trend response that a linear model states of itself, which is no evidence.

    Labels A z + scatter have prior covariance S0 = A A' + scatter^2 and, given a spectrum, Ss = A C A' + scatter^2.
    With c = S0_yo S0_oo^-1 the response at fixed other labels is 1 - (Ss_yy - c Ss_oy) / (S0_yy - c S0_oy). It
    is exact if the model is true; where the trend is curved it reached 0.33 in worlds without any line.

    Parameters
    ----------
    weight : (label, latent) array
        A.
    scatter : (label,) array
        Standard deviations.
    latent_cov : (latent, latent) array
        C = (B'WB + I)^-1 of a typical star.
    label, others : int, list of int
        Rows of the label and of those held fixed.
    """
    a, noise = np.asarray(weight, float), np.diag(np.asarray(scatter, float) ** 2)
    prior, given = a @ a.T + noise, a @ np.asarray(latent_cov, float) @ a.T + noise
    c = np.linalg.solve(prior[np.ix_(others, others)], prior[others, label])
    tau2 = prior[label, label] - c @ prior[others, label]
    return float(1 - (given[label, label] - c @ given[others, label]) / tau2)


def needed_stars(tau: float, error: float, bound: float) -> int:
    """Held-out stars for element lines to show T >= 4 with 95% power.

    T is expected at sqrt(n l / (1 + l) tau^2 / (tau^2 + s_y^2)), so n = 32 (1 + s_y^2/tau^2) (1 + bound^2/tau^2) gives
    T = 5.64; twice that is returned, because for strong lines the formula is up to 40% too high.

    Parameters
    ----------
    tau : float
        Scatter of the true label at fixed other labels.
    error : float
        s_y, error of the observed label.
    bound : float
        Smallest error of the label that the spectrum allows at fixed other labels.
    """
    _check(tau)
    return int(np.ceil(64 * (1 + (error / tau) ** 2) * (1 + (bound / tau) ** 2)))


def stars_for_scatter(tau: float, error: float, precision: float = 0.25) -> int:
    """Held-out stars that tell the off-trend variance tau^2 to this relative precision (one sigma).

    A variance tau^2 + s_y^2 known to sqrt(2 / n): n = 2 (1 + s_y^2/tau^2)^2 / precision^2.
    """
    _check(tau)
    return int(np.ceil(2 * (1 + (error / tau) ** 2) ** 2 / precision**2))


def _check(tau: float) -> None:
    if not tau > 0:
        raise InputError(f"the off-trend scatter tau is {tau}; give a number above 0, in the label's unit.")
