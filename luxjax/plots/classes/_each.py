"""Precision, recall and F1 of each class, with their intervals."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from .._style import COLOURS, WIDTH, styled

__all__ = ["plot_scores_by_class"]

_MARKS = {"precision": ("blue", "o", -0.2), "recall": ("vermilion", "s", 0.0), "f1": ("ink", "D", 0.2)}


@styled
def plot_scores_by_class(table: pd.DataFrame) -> Figure:
    """Precision, recall and F1 of each class with 95% intervals, over the share that guessing would reach.

    Parameters
    ----------
    table : DataFrame
        The `by_class` of the scores that `luxjax.classify.score_classes` returns.
    """
    figure = Figure(figsize=(WIDTH, 2.6), layout="constrained")
    ax = figure.subplots()
    x = np.arange(len(table))
    ax.bar(x, table["share"], width=0.7, color=COLOURS["grey"], alpha=0.35, label="share of the class")
    for name, (colour, marker, offset) in _MARKS.items():
        value = table[name].to_numpy(float)
        low, high = table[[f"{name}_lower", f"{name}_upper"]].to_numpy(float).T
        bars = np.clip([value - low, high - value], 0, None)
        ax.errorbar(
            x + offset,
            value,
            yerr=bars,
            fmt=marker,
            color=COLOURS[colour],
            markersize=4,
            linewidth=0.9,
            label={"f1": "F1"}.get(name, name),
        )
    ax.set_xticks(x, [f"{name}\n{n:,.0f}" for name, n in zip(table.index, table["n"], strict=True)])
    ax.set_ylim(0, 1.03)
    ax.set_xlabel("Class and its number of spectra")
    ax.set_ylabel("Score")
    figure.legend(loc="outside upper center", ncols=4)
    return figure
