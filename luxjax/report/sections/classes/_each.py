"""Scores of each class against the rest, as a table and a figure."""

from typing import Any

import numpy as np
import pandas as pd

from ....plots.internal import plot_scores_by_class, save
from ....runs import RunFolder
from ....stats import binomial_interval
from ..._section import Cell, Shown, Table

__all__ = ["each_class", "each_class_shown"]

COLUMNS = {
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "roc_auc": "ROC area",
    "average_precision": "Precision-recall area",
}


def each_class(found: dict[str, Any]) -> Table:
    """One row for each class; recall and precision alone where the run has no more."""
    if "by_class" not in found:
        return _from_confusion(np.asarray(found["confusion"]), found["names"])
    rows: list[list[str | Cell]] = []
    for name, e in found["by_class"].items():
        cells = [_cell(e[k], e[f"{k}_lower"], e[f"{k}_upper"]) for k in COLUMNS]
        rows.append([name, f"{e['n']:,.0f}", f"{e['share']:.3f}", *cells])
    return Table(
        ["Class", "Spectra", "Share", *COLUMNS.values()],
        rows,
        "Each class against the rest. Guessing by the shares of the classes has the share as precision, recall, F1 and precision-recall "
        "area, and a ROC area of 0.5. Small print: 95% bootstrap interval over stars; where all or none are right, the exact interval.",
    )


def each_class_shown(run: RunFolder, found: dict[str, Any]) -> tuple[Shown, ...]:
    """The figure of precision and recall; none where the run has no scores of each class."""
    if "by_class" not in found:
        return ()
    table = pd.DataFrame.from_dict(found["by_class"], orient="index").astype(float)
    save(plot_scores_by_class(table), run.figures, "classes_each")
    return (
        Shown(
            "classes_each.png",
            "Precision, recall and F1 of each class",
            "Each class against the rest, with 95% intervals. Grey bars: the share of the class, which guessing would reach.",
        ),
    )


def _cell(value: float | None, low: float | None, high: float | None) -> str | Cell:
    if value is None:
        return "\N{EN DASH}"
    return Cell(f"{value:.3f}", "" if low is None else f"{low:.3f} to {high:.3f}")


def _from_confusion(matrix: np.ndarray, names: list[str]) -> Table:
    rows: list[list[str | Cell]] = []
    for k, name in enumerate(names):
        hit, true, given = int(matrix[k, k]), int(matrix[k].sum()), int(matrix[:, k].sum())
        rows.append([name, f"{true:,}", *(_share(hit, n) for n in (true, given))])
    return Table(
        ["Class", "Spectra", "Recall", "Precision"], rows, "Small print: 95% Wilson interval, by spectra."
    )


def _share(hit: int, n: int) -> str | Cell:
    if not n:
        return ""
    low, high = binomial_interval(hit, n, 0.95)
    return Cell(f"{hit / n:.1%}", f"{low:.1%} to {high:.1%}")
