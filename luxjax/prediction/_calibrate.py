"""Errors made honest on stars the model has not seen, and what that honesty is worth with finitely many."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.stats import norm

from ..core import LEVELS, InputError, listing
from ..data import LabelTable
from ._prediction import Prediction

__all__ = ["Calibration", "calibrate", "coverage_bands"]

LEAST_STARS = 30
WIDTH_OF_LOG_SCALE = 0.5


@dataclass(frozen=True)
class Calibration:
    """Variance of a predicted label after calibration: ``scale * variance + floor**2``.

    Two terms, because model error does not fall with the signal-to-noise ratio as the predicted error does.

    Attributes
    ----------
    names : tuple of str
    scale : (label,) array
        Factor of the predicted variance.
    floor : (label,) array
        Error added in quadrature, in the label's unit.
    n_stars : (label,) array of int
        Calibration stars with that label observed.
    """

    names: tuple[str, ...]
    scale: np.ndarray
    floor: np.ndarray
    n_stars: np.ndarray

    def apply(self, prediction: Prediction) -> Prediction:
        """The prediction with calibrated covariance."""
        if prediction.names != self.names:
            raise InputError(
                f"this calibration is for the labels {listing(self.names)}; the prediction has {listing(prediction.names)}."
            )
        root = np.sqrt(self.scale)
        cov = prediction.cov * root[:, None] * root + np.diag(self.floor**2)
        changed = prediction.select(slice(None))
        object.__setattr__(changed, "cov", cov)
        return changed


def calibrate(prediction: Prediction, observed: LabelTable) -> Calibration:
    """Learn how wrong predicted errors are from stars kept out of training.

    For each label the residuals to the observed labels are taken as N(0, scale v + floor^2 + s^2), v the
    predicted variance and s the observed label's own error; scale and floor are their maximum-likelihood values
    (ln scale has a N(0, 0.5^2) prior: with little spread in v the two terms cannot be told apart).

    Parameters
    ----------
    prediction : Prediction
        Of the calibration stars, which must be neither training nor test stars.
    observed : LabelTable
        Their catalogue labels, row for row.
    """
    if not np.array_equal(prediction.ids, observed.ids):
        raise InputError("prediction and observed labels must hold the same stars in the same order.")
    scale, floor, count = [], [], []
    for j, name in enumerate(prediction.names):
        residual = prediction.value[:, j] - observed[name]
        seen = np.isfinite(residual)
        if seen.sum() < LEAST_STARS:
            raise InputError(
                f"{seen.sum()} calibration stars have '{name}'; at least {LEAST_STARS} are needed, and a few hundred for "
                "an error good to 10%."
            )
        variance = prediction.error[seen, j] ** 2
        noise = observed.error[seen, observed.names.index(name)] ** 2
        a, b = _fit_variance(residual[seen], variance, noise)
        scale.append(a)
        floor.append(b)
        count.append(int(seen.sum()))
    return Calibration(prediction.names, np.array(scale), np.array(floor), np.array(count))


def _fit_variance(residual, variance, noise) -> tuple[float, float]:
    unit = np.mean(variance + noise)

    def loss(p):
        a, b2 = np.exp(p[0]), p[1] * unit
        total = a * variance + b2 + noise
        derivative = 0.5 / total - 0.5 * residual**2 / total**2
        value = 0.5 * np.sum(np.log(total) + residual**2 / total) + 0.5 * (p[0] / WIDTH_OF_LOG_SCALE) ** 2
        gradient = [
            np.sum(derivative * a * variance) + p[0] / WIDTH_OF_LOG_SCALE**2,
            np.sum(derivative) * unit,
        ]
        return value, np.array(gradient)

    start = np.array([0.0, 0.05])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(-4, 4), (0, None)])
    return float(np.exp(found.x[0])), float(np.sqrt(found.x[1] * unit))


def coverage_bands(
    error: np.ndarray,
    noise: np.ndarray,
    *,
    n_calibration: int,
    n_cells: int,
    alpha: float = 0.05,
    n_draws: int = 80,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """The bands that coverages must fall in, were the calibrated errors of the right form.

    Calibration stars are finite: even a right form of the errors gets its scale and floor slightly wrong. That
    is simulated: residuals of `n_calibration` stars are drawn, scale and floor fitted to them, and the coverage
    of a fresh test sample counted. A band is the mean +- z standard deviations of that coverage, z for a chance
    of `alpha` over all `n_cells` cells together.

    Parameters
    ----------
    error : (star,) array
        Calibrated errors of the test stars.
    noise : (star,) array
        Errors of their observed labels.
    n_cells : int
        Coverages reported together, over labels, levels and references.

    Returns
    -------
    dict
        ``"68"``, ``"95"`` (of observed labels), ``"68_truth"``, ``"95_truth"``: lower and upper ends.
    """
    rng = np.random.default_rng(seed)
    variance, noise2 = error**2, noise**2
    covered: dict[str, list[float]] = {}
    for _ in range(n_draws):
        pick = rng.integers(0, len(error), n_calibration)
        residual = rng.normal(0, np.sqrt(variance[pick] + noise2[pick]))
        a, b = _fit_variance(residual, variance[pick], noise2[pick])
        drawn = np.abs(rng.normal(size=len(error)))
        for end, extra in (("", noise2), ("_truth", 0.0)):
            pull = drawn * np.sqrt((variance + extra) / (a * variance + b**2 + extra))
            for level in LEVELS:
                inside = np.mean(pull < norm.ppf(0.5 + level / 2))
                covered.setdefault(f"{round(100 * level)}{end}", []).append(float(inside))
    z = norm.ppf(1 - alpha / (2 * n_cells))
    return {
        key: (float(np.mean(c) - z * np.std(c)), float(min(np.mean(c) + z * np.std(c), 1.0)))
        for key, c in covered.items()
    }
