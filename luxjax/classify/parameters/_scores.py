"""Scores of predicted parameters: errors, their trends and coverage with intervals, and the best that a constant can do."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ...core import InputError
from ...core.internal import doubles, identifiers
from ...data import LabelTable
from ...stats import binomial_interval, robust_scatter
from .._class_scores import resampled_stars
from ._parameters import labels_of

__all__ = ["score_parameters"]


def score_parameters(
    predicted: pd.DataFrame,
    labels: LabelTable,
    *,
    against: Mapping[str, ArrayLike] | None = None,
    n_draws: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """Score predicted parameters against labels of the same stars.

    Parameters
    ----------
    predicted : DataFrame
        From `ParameterModel.predict` or `cross_validate_parameters`; its index names the stars.
    labels : LabelTable
        Matched by identifier, or row by row where it has the same identifiers in the same order.
    against : mapping of str to (row,) array, optional
        What the errors may also depend on, such as the magnitude or the logarithm of S/N; NaN where unknown.
    n_draws, seed : int
        Bootstrap samples of stars; all spectra of a star go together.

    Returns
    -------
    DataFrame
        One row for each parameter: ``n`` spectra and ``n_stars``; ``mae``, ``bias`` (mean of predicted minus label), ``scatter``
        (1.4826 times the median absolute deviation), ``r2`` (share of the labels' variance that is explained; a constant has 0 at best),
        ``slope_label`` (slope of predicted minus label against the label; 0 without shrinkage to the mean, -1 for a constant) and one
        ``slope_`` for each entry of `against`, NaN where it never varies; and ``coverage`` of the intervals; each with 95% interval
        ``_lower`` and ``_upper``; the median ``width`` of the intervals; ``baseline``, the mean absolute error of the held-out stars' own median. The interval of the
        coverage is Clopper and Pearson's (1934), a star counting once however many spectra it has. Errors of the labels
        themselves make ``slope_label`` more negative, by their share of the labels' variance.
    """
    names = [c for c in predicted.columns if f"{c}_lower" in predicted.columns]
    if not names or len(predicted) == 0:
        raise InputError(
            "there are no predicted parameters to score; give the table that `predict` returns, with columns such as 'teff', "
            "'teff_lower' and 'teff_upper'."
        )
    ids = identifiers("ids", predicted.index)
    others = {name: doubles(f"'{name}'", column) for name, column in (against or {}).items()}
    for name, column in others.items():
        if column.shape != (len(predicted),):
            raise InputError(
                f"'{name}' needs a value for each of the {len(predicted)} rows; given shape {column.shape}."
            )
    rows = {}
    for name in names:
        truth = labels_of(ids, labels, [name])[name].to_numpy()
        known = np.isfinite(truth) & predicted[name].notna().to_numpy()
        if not known.any():
            raise InputError(f"no star with a predicted '{name}' has this label; give labels of these stars.")
        part = predicted.loc[known, [name, f"{name}_lower", f"{name}_upper"]].to_numpy()
        columns = {other: column[known] for other, column in others.items()}
        rows[name] = _row(part, truth[known], columns, ids[known], n_draws, seed)
    return pd.DataFrame.from_dict(rows, orient="index")


def _row(
    found: np.ndarray,
    truth: np.ndarray,
    others: Mapping[str, np.ndarray],
    ids: np.ndarray,
    n_draws: int,
    seed: int,
) -> dict[str, float]:
    """The scores of one parameter; `found` holds the prediction and both ends of its interval, (row, 3)."""
    residual = found[:, 0] - truth
    columns = {"label": truth, **others}
    samples = resampled_stars(ids, len(ids), n_draws, seed)
    draws = pd.DataFrame(
        [_errors(residual[r], truth[r], {k: c[r] for k, c in columns.items()}) for r in samples]
    )
    row: dict[str, float] = {"n": len(truth), "n_stars": len(np.unique(ids))}
    for name, value in _errors(residual, truth, columns).items():
        ends = draws[name].quantile([0.025, 0.975]).to_numpy()  # undefined draws do not count
        row |= {name: value, f"{name}_lower": float(ends[0]), f"{name}_upper": float(ends[1])}
    inside = pd.Series((found[:, 1] <= truth) & (truth <= found[:, 2])).groupby(ids).mean()
    low, high = binomial_interval(round(inside.sum()), len(inside), 0.95, "exact")
    row |= {"coverage": float(inside.mean()), "coverage_lower": low, "coverage_upper": high}
    row["width"] = float(np.median(found[:, 2] - found[:, 1]))
    row["baseline"] = float(np.mean(np.abs(truth - np.median(truth))))
    return row


def _errors(residual: np.ndarray, truth: np.ndarray, columns: Mapping[str, np.ndarray]) -> dict[str, float]:
    scatter = np.sum((truth - truth.mean()) ** 2)
    return {
        "mae": float(np.mean(np.abs(residual))),
        "bias": float(np.mean(residual)),
        "scatter": robust_scatter(residual),
        "r2": float(1 - np.sum(residual**2) / scatter) if scatter > 0 else np.nan,
        **{f"slope_{name}": _slope(column, residual) for name, column in columns.items()},
    }


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    """Slope of the straight line through the points whose x is known, by least squares; NaN where x never varies."""
    x, y = x[np.isfinite(x)], y[np.isfinite(x)]
    centred = x - x.mean() if len(x) else x
    square = centred @ centred
    return float(centred @ y / square) if square > 0 else np.nan
