"""Calibration of errors on stars that the model has not seen, and its precision with finitely many."""

import numpy as np
import scipy

from ..core import InputError
from ..data import LabelTable
from ..fitted import Calibration
from ..stats import LEVELS
from ._prediction import Prediction

__all__ = ["LEAST_CALIBRATION", "calibrate", "coverage_bands"]

LEAST_CALIBRATION = 30
WIDTH_OF_LOG_SCALE = 0.25
CLIP, CLIP_ROUNDS = 3.5, 6


def calibrate(prediction: Prediction, observed: LabelTable, *, least: int = LEAST_CALIBRATION) -> Calibration:
    """Calibrate predicted errors on stars kept out of training.

    For each label the residuals to the observed labels are taken as normal with the variance of `Calibration`
    plus the observed label's own, and its three numbers are their maximum-likelihood values (ln scale has a
    N(0, 0.25^2) prior: the model states its own variance, and few calibration stars with noisy labels know it less well).
    Stars beyond 3.5 of these errors are left out and the rest fitted again: the few peculiar stars of a sample, such
    as those rich in r-process elements, would otherwise widen the intervals of all others.

    Parameters
    ----------
    prediction : Prediction
        Prediction of the calibration stars, which must be neither training nor test stars, with the model's own errors:
        ``transfer(..., calibrated=False)`` where the model has a calibration already.
    observed : LabelTable
        Their catalogue labels, row for row.
    least : int
        Stars that have to have a label.

    Returns
    -------
    Calibration
        ``fitted.with_calibration(calibration)`` is the model that predicts with these errors.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.prediction import calibrate
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> train, kept_out = stars.select(slice(0, 60)), stars.select(slice(60, 90))
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), train, key=1)
    >>> calibration = calibrate(luxjax.transfer(fitted, kept_out, calibrated=False), kept_out.labels())
    >>> calibration.names, calibration.n_stars.tolist()
    (('label_1', 'label_2', 'label_3'), [30, 30, 30])
    """
    if prediction.calibrated:
        raise InputError(
            "this prediction is calibrated already; learn a calibration from transfer(..., calibrated=False)."
        )
    if not np.array_equal(prediction.ids, observed.ids):
        raise InputError("prediction and observed labels must hold the same stars in the same order.")
    found, count, believed = [], [], prediction.believed_error(observed)
    for j, name in enumerate(prediction.names):
        residual = prediction.value[:, j] - observed[name]
        seen = np.isfinite(residual)
        if seen.sum() < least:
            raise InputError(
                f"{seen.sum()} calibration stars have '{name}'; at least {least} are needed, and a few hundred for "
                "an error good to 10%."
            )
        noise = believed[seen, j] ** 2
        variance = prediction.error[seen, j] ** 2
        best, used = _fit_clipped(residual[seen], variance, prediction.latent_distance[seen], noise)
        found.append(best)
        count.append(used)
    scale, floor, growth = np.array(found).T
    return Calibration(
        prediction.names, scale, floor, growth, np.array(count), prediction.shrunk, prediction.inputs
    )


def _fit_clipped(residual, variance, distance, noise) -> tuple[tuple[float, float, float], int]:
    """`fit_variance` without outliers, and how many stars it used."""
    keep = np.ones(len(residual), bool)
    for _ in range(CLIP_ROUNDS):
        best = fit_variance(residual[keep], variance[keep], distance[keep], noise[keep])
        scale, floor, growth = best
        total = scale * variance + floor**2 + (growth * distance**2) ** 2 + noise
        inside = np.abs(residual) < CLIP * np.sqrt(total)
        if np.array_equal(inside, keep):
            break
        keep = inside
    return best, int(keep.sum())


def fit_variance(
    residual: np.ndarray, variance: np.ndarray, distance: np.ndarray, noise: np.ndarray
) -> tuple[float, float, float]:
    """Scale, floor and growth of one label that make these residuals most probable.

    Parameters
    ----------
    residual : (star,) array
        Predicted minus observed.
    variance, noise : (star,) arrays
        Predicted variance, and variance of the observed label.
    distance : (star,) array
        Latent distance.
    """
    unit = np.mean(variance + noise)
    terms = np.stack([np.ones_like(variance), distance**4]) * unit

    def loss(p):
        a = np.exp(p[0])
        total = a * variance + p[1:] @ terms + noise
        slope = 0.5 / total - 0.5 * residual**2 / total**2
        value = 0.5 * np.sum(np.log(total) + residual**2 / total) + 0.5 * (p[0] / WIDTH_OF_LOG_SCALE) ** 2
        return value, np.array([slope @ variance * a + p[0] / WIDTH_OF_LOG_SCALE**2, *(terms @ slope)])

    bounds = [(-4, 4), (0, None), (0, None)]
    found = scipy.optimize.minimize(
        loss, np.array([0.0, 0.05, 0.05]), jac=True, method="L-BFGS-B", bounds=bounds
    )
    log_scale, floor2, growth2 = found.x
    return float(np.exp(log_scale)), float(np.sqrt(floor2 * unit)), float(np.sqrt(growth2 * unit))


def coverage_bands(
    error: np.ndarray,
    noise: np.ndarray,
    distance: np.ndarray,
    *,
    n_calibration: int,
    n_cells: int,
    alpha: float = 0.05,
    n_draws: int = 80,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """The bands that coverages must fall in, were the calibrated errors of the right form.

    Calibration stars are finite: even a right form of the errors gets its numbers slightly wrong. That is
    simulated: residuals of `n_calibration` stars are drawn, a calibration fitted to them, and the coverage
    of a fresh test sample counted. A band is the mean +- z standard deviations of that coverage, z for a chance
    of `alpha` over all `n_cells` cells together.

    Parameters
    ----------
    error : (star,) array
        Calibrated errors of the test stars.
    noise : (star,) array
        Errors of their observed labels.
    distance : (star,) array
        Their latent distances.
    n_cells : int
        Coverages reported together, over labels, levels and references.
    n_calibration : int
        Number of calibration stars.
    alpha : float
        Chance that any band is missed.
    n_draws, seed : int
        Number of simulated samples, and their random seed.

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
        a, b, c = fit_variance(residual, variance[pick], distance[pick], noise2[pick])
        drawn = np.abs(rng.normal(size=len(error)))
        for end, extra in (("", noise2), ("_truth", 0.0)):
            pull = drawn * np.sqrt(
                (variance + extra) / (a * variance + b**2 + (c * distance**2) ** 2 + extra)
            )
            for level in LEVELS:
                inside = np.mean(pull < scipy.stats.norm.ppf(0.5 + level / 2))
                covered.setdefault(f"{round(100 * level)}{end}", []).append(float(inside))
    z = scipy.stats.norm.ppf(1 - alpha / (2 * n_cells))
    return {
        key: (float(np.mean(c) - z * np.std(c)), float(min(np.mean(c) + z * np.std(c), 1.0)))
        for key, c in covered.items()
    }
