"""Scores of predicted parameters: errors and coverage with intervals, and the best that a constant can do."""

import numpy as np
import pandas as pd

from ...core import InputError
from ...core.internal import identifiers
from ...data import LabelTable
from ...stats import binomial_interval, robust_scatter
from .._class_scores import resampled_stars
from ._parameters import labels_of

__all__ = ["score_parameters"]


def score_parameters(
    predicted: pd.DataFrame, labels: LabelTable, *, n_draws: int = 200, seed: int = 0
) -> pd.DataFrame:
    """Score predicted parameters against labels of the same stars.

    Parameters
    ----------
    predicted : DataFrame
        From `ParameterModel.predict` or `cross_validate_parameters`; its index names the stars.
    labels : LabelTable
        Matched by identifier, or row by row where it has the same identifiers in the same order.
    n_draws, seed : int
        Bootstrap samples of stars; all spectra of a star go together.

    Returns
    -------
    DataFrame
        One row for each parameter: ``n`` spectra and ``n_stars``; ``mae``, ``bias`` (mean of predicted minus label), ``scatter``
        (1.4826 times the median absolute deviation) and ``coverage`` of the intervals, each with 95% interval ``_lower`` and
        ``_upper``; the median ``width`` of the intervals; ``baseline``, the mean absolute error of the held-out stars' own median. The interval of the
        coverage is Clopper and Pearson's (1934), a star counting once however many spectra it has.
    """
    names = [c for c in predicted.columns if f"{c}_lower" in predicted.columns]
    if not names or len(predicted) == 0:
        raise InputError(
            "there are no predicted parameters to score; give the table that `predict` returns, with columns such as 'teff', "
            "'teff_lower' and 'teff_upper'."
        )
    ids = identifiers("ids", predicted.index)
    rows = {}
    for name in names:
        truth = labels_of(ids, labels, [name])[name].to_numpy()
        known = np.isfinite(truth) & predicted[name].notna().to_numpy()
        if not known.any():
            raise InputError(f"no star with a predicted '{name}' has this label; give labels of these stars.")
        part = predicted.loc[known, [name, f"{name}_lower", f"{name}_upper"]].to_numpy()
        rows[name] = _row(part, truth[known], ids[known], n_draws, seed)
    return pd.DataFrame.from_dict(rows, orient="index")


def _row(found: np.ndarray, truth: np.ndarray, ids: np.ndarray, n_draws: int, seed: int) -> dict[str, float]:
    """The scores of one parameter; `found` holds the prediction and both ends of its interval, (row, 3)."""
    residual = found[:, 0] - truth
    draws = [_errors(residual[rows]) for rows in resampled_stars(ids, len(ids), n_draws, seed)]
    row: dict[str, float] = {"n": len(truth), "n_stars": len(np.unique(ids))}
    for name, value in _errors(residual).items():
        low, high = np.quantile([d[name] for d in draws], [0.025, 0.975])
        row |= {name: value, f"{name}_lower": float(low), f"{name}_upper": float(high)}
    inside = pd.Series((found[:, 1] <= truth) & (truth <= found[:, 2])).groupby(ids).mean()
    low, high = binomial_interval(round(inside.sum()), len(inside), 0.95, "exact")
    row |= {"coverage": float(inside.mean()), "coverage_lower": low, "coverage_upper": high}
    row["width"] = float(np.median(found[:, 2] - found[:, 1]))
    row["baseline"] = float(np.mean(np.abs(truth - np.median(truth))))
    return row


def _errors(residual: np.ndarray) -> dict[str, float]:
    return {
        "mae": float(np.mean(np.abs(residual))),
        "bias": float(np.mean(residual)),
        "scatter": robust_scatter(residual),
    }
