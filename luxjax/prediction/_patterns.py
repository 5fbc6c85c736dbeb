"""Stars of one set that have different inputs: errors and calibrations for each pattern of inputs."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..data import LabelTable
from ..fitted import Calibration
from ..fitted.internal import calibration_by_rows
from ..fitted.internal import patterns as rows_by_inputs
from ._calibrate import LEAST_CALIBRATION, calibrate
from ._prediction import Prediction

__all__ = ["applied", "calibrate_by_inputs", "patterns", "scores_by_inputs"]

LEAST_PATTERN = 100


def patterns(prediction: Prediction) -> dict[tuple[str, ...], np.ndarray]:
    """Rows of the stars that have the same inputs, by the names of these; the most frequent first."""
    if prediction.present.size == 0:
        return {prediction.inputs: np.arange(len(prediction))}
    return rows_by_inputs(prediction.inputs, prediction.present)


def calibrate_by_inputs(
    prediction: Prediction,
    observed: LabelTable,
    *,
    least: int = LEAST_CALIBRATION,
    least_each: int = LEAST_PATTERN,
) -> tuple[Calibration, ...]:
    """Calibrations of predictions of stars that do not all have the same inputs.

    Parameters
    ----------
    prediction, observed, least
        As for `luxjax.prediction.calibrate`.
    least_each : int
        Stars with every label that a pattern of inputs needs for its calibration.

    Returns
    -------
    tuple of Calibration
        That of all stars together first, which serves rare patterns, and one for each pattern with stars enough.
        ``fitted.with_calibration`` takes them one after the other; `luxjax.transfer` then gives each star that of its inputs.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.prediction import calibrate_by_inputs
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars.select(slice(0, 60)), key=1)
    >>> held = stars.select(slice(60, 90))
    >>> [c.inputs for c in calibrate_by_inputs(luxjax.transfer(fitted, held, calibrated=False), held.labels())]
    [('flux',)]
    """
    pooled = calibrate(prediction, observed, least=least)
    found = []
    groups = patterns(prediction)
    for names, rows in groups.items() if len(groups) > 1 else ():
        seen = np.isfinite(observed.value[rows]).sum(axis=0)
        if names and seen.min() >= least_each:
            own = calibrate(prediction.select(rows), observed.select(rows))
            found.append(dataclasses.replace(own, inputs=names))
    return (dataclasses.replace(pooled, pooled=len(groups) > 1), *found)


def applied(
    prediction: Prediction, calibration: Calibration, others: Sequence[Calibration] = ()
) -> Prediction:
    """Each star with the calibration of its inputs among the `others`; where there is none, with the first."""
    groups = calibration_by_rows(calibration, others, prediction.inputs, prediction.present)
    if all(used is calibration for _, used in groups):
        return calibration.apply(prediction)
    cov = np.array(prediction.cov)
    for rows, used in groups:
        cov[rows] = used.covariance(cov[rows], prediction.latent_distance[rows])
    return dataclasses.replace(prediction, cov=cov, calibrated=True)


def scores_by_inputs(prediction: Prediction, observed: LabelTable) -> list[dict[str, Any]]:
    """Stars, RMSE and 68% coverage of each label by the inputs that stars have, for JSON; the most frequent inputs first."""
    found = []
    noise = prediction.believed_error(observed)
    for names, rows in patterns(prediction).items():
        labels = {}
        for j, name in enumerate(prediction.names):
            residual = prediction.value[rows, j] - observed[name][rows]
            seen = np.isfinite(residual)
            if seen.any():
                pull = np.abs(residual) / np.hypot(prediction.error[rows, j], noise[rows, j])
                labels[name] = {
                    "n": int(seen.sum()),
                    "rmse": float(np.sqrt(np.mean(residual[seen] ** 2))),
                    "coverage68": float(np.mean(pull[seen] < 1)),
                }
        found.append({"inputs": list(names), "n": len(rows), "labels": labels})
    return found
