"""Scores of predicted labels: errors, baselines and coverage, label by label."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..core.internal import doubles
from ..data import LabelTable
from ..stats import LEVELS, bias, bootstrap_interval, coverage, rmse, robust_scatter
from ._calibrate import coverage_bands
from ._prediction import Prediction

__all__ = ["score"]


def score(
    prediction: Prediction,
    observed: LabelTable,
    *,
    truth: np.ndarray | None = None,
    bound: np.ndarray | None = None,
    baselines: Mapping[str, np.ndarray] | None = None,
    n_calibration: np.ndarray | None = None,
) -> dict[str, dict[str, Any]]:
    """Scores of every predicted label on test stars.

    Parameters
    ----------
    prediction : Prediction
    observed : LabelTable
        Catalogue labels of the same stars.
    truth : (star, label) array, optional
        True labels, where the survey is simulated. Errors are then against the truth.
    bound : (star, label) array, optional
        The smallest error that any method could reach.
    baselines : mapping of str to (star, label) array, optional
        Labels predicted by other methods for the same stars.
    n_calibration : (label,) array, optional
        Calibration stars behind each label's error.

    Returns
    -------
    dict
        By label: ``n``, ``unit``, ``against`` (``"truth"`` or ``"observed"``), ``rmse`` with ``rmse_interval``
        (95%, bootstrap), ``bias``, ``robust`` scatter, ``spread`` of the label, ``bound_rmse``, ``baselines``,
        ``median_error``, and coverages ``coverage68``, ``coverage95`` (of observed labels, their noise included)
        and ``..._truth``, with their family-wise bands ``band68`` ... where calibrated.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.prediction import score
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> train, test = stars.select(slice(0, 60)), stars.select(slice(60, 90))
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), train, key=1)
    >>> scores = score(luxjax.transfer(fitted, test), test.labels())
    >>> first = scores[test.labels().names[0]]
    >>> first["n"], first["against"], bool(first["rmse"] < first["spread"])
    (30, 'observed', True)
    """
    truth = None if truth is None else doubles("the truth", truth)
    bound = None if bound is None else doubles("the bound", bound)
    baselines = {name: doubles(f"baseline '{name}'", v) for name, v in (baselines or {}).items()}
    cells = len(prediction.names) * len(LEVELS) * (1 if truth is None else 2)
    out, believed = {}, prediction.believed_error(observed)
    for j, name in enumerate(prediction.names):
        value, error = prediction.value[:, j], prediction.error[:, j]
        seen, noise = observed[name], believed[:, j]
        target = seen if truth is None else truth[:, j]
        known = np.isfinite(target)
        pair = (value[known], target[known])
        entry: dict[str, Any] = {
            "n": int(known.sum()),
            "n_observed": int(np.isfinite(seen).sum()),
            "unit": prediction.units.get(name, ""),
            "against": "observed" if truth is None else "truth",
            "rmse": rmse(*pair),
            "rmse_interval": list(bootstrap_interval(rmse, pair, seed=0, n=400, level=0.95)),
            "bias": bias(*pair),
            "robust": robust_scatter(pair[0] - pair[1]),
            "spread": float(np.std(target[known])),
            "median_error": float(np.median(error)),
            "baselines": {k: rmse(v[known, j], target[known]) for k, v in baselines.items()},
        }
        if bound is not None:
            entry["bound_rmse"] = float(np.sqrt(np.mean(bound[:, j] ** 2)))
        pulls = {"": (value - seen) / np.hypot(error, noise)}
        if truth is not None:
            pulls["_truth"] = (value - truth[:, j]) / error
        if n_calibration is not None:
            entry["n_calibration"] = int(n_calibration[j])
        for end, pull in pulls.items():
            entry[f"pull_sd{end}"] = float(np.sqrt(np.nanmean(pull**2)))
            for level in LEVELS:
                key = f"{round(100 * level)}{end}"
                entry[f"coverage{key}"] = coverage(pull, level).fraction
        if n_calibration is not None:
            usable = np.isfinite(noise)
            bands = coverage_bands(
                error[usable],
                noise[usable],
                prediction.latent_distance[usable],
                n_calibration=int(n_calibration[j]),
                n_cells=cells,
            )
            entry |= {
                f"band{key}": band for key, band in bands.items() if truth is not None or "truth" not in key
            }
        out[name] = entry
    return out
