"""Figures of classified stars: confusion, and scores against S/N.

All figures of classes are drawn from one table of evaluated spectra: ``id``, ``snr``, ``truth``, ``class``, ``probability``, ``set``, and for
every class X its probability ``p_X``, and ``raw_X`` before calibration.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, PercentFormatter

from ...classify.internal import SEQUENCE
from ...stats.internal import share_interval
from .._style import COLOURS, DENSITY, WIDTH, note, styled

__all__ = ["INK", "class_colours", "in_sets", "judged_classes", "plot_classes_by_snr", "plot_confusion"]

# From hot to cool.
INK = dict(zip(SEQUENCE, ("purple", "blue", "sky", "green", "orange", "vermilion", "ink"), strict=True))


def judged_classes(judged: pd.DataFrame) -> list[str]:
    """The classes of a table of evaluated spectra."""
    return [str(c).removeprefix("p_") for c in judged.columns if str(c).startswith("p_")]


def class_colours(names: Sequence[str]) -> list[str]:
    """A colour for every class: fixed ones along the sequence O to M, others in turn."""
    others = list(INK.values())
    return [COLOURS[INK.get(n, others[k % len(others)])] for k, n in enumerate(names)]


def in_sets(judged: pd.DataFrame) -> pd.Series:
    """Whether the set of each spectrum holds its true class."""
    sets = judged["set"].fillna("")
    return pd.Series([t in s.split() for t, s in zip(judged["truth"], sets, strict=True)], judged.index)


@styled
def plot_confusion(matrix: np.ndarray, names: Sequence[str]) -> Figure:
    """Spectra of each true class (row) by the class that they were given (column).

    Parameters
    ----------
    matrix : (true class, predicted class) int array
    names : sequence of str
    """
    matrix = np.asarray(matrix)
    n = len(names)
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    size = max(2.4, 0.52 * n + 0.7)
    figure = Figure(figsize=(size + 0.7, size), layout="constrained")
    ax = figure.subplots()
    image = ax.imshow(np.where(matrix > 0, share, np.nan), cmap=DENSITY, vmin=0, vmax=1)
    for row in range(n):
        for column in range(n):
            if matrix[row, column]:
                colour = "white" if share[row, column] > 0.3 else COLOURS["ink"]
                text = f"{share[row, column]:.0%}\n{matrix[row, column]:,}"
                ax.text(column, row, text, ha="center", va="center", color=colour, fontsize=6.5, linespacing=1.1)  # fmt: skip
    ax.set_xticks(range(n), names)
    ax.set_yticks(range(n), names)
    ax.set_xticks(np.arange(n - 1) + 0.5, minor=True)
    ax.set_yticks(np.arange(n - 1) + 0.5, minor=True)
    ax.grid(which="minor", color="#E0E0E0", linewidth=0.5)
    ax.tick_params(which="both", length=0)
    ax.set_xlabel("Class given")
    ax.set_ylabel("True class")
    bar = figure.colorbar(image, ax=ax, shrink=0.85, format=PercentFormatter(1, decimals=0))
    bar.set_label("Share of the true class")
    bar.ax.minorticks_off()
    return figure


@styled
def plot_classes_by_snr(judged: pd.DataFrame, level: float, bins: int = 6) -> Figure | None:
    """Right classes, coverage and size of sets in bins of S/N of equal numbers; None where S/N is not known."""
    known = judged[np.isfinite(judged["snr"]) & (judged["snr"] > 0)]
    bins = min(bins, len(known) // 25)
    if bins < 2:
        return None
    which = pd.qcut(known["snr"], bins, labels=False, duplicates="drop")
    right = known["class"] == known["truth"]
    inside, sizes = in_sets(known), known["set"].fillna("").str.split().str.len()
    figure = Figure(figsize=(WIDTH, 2.4), layout="constrained")
    axes = figure.subplots(1, 3)
    for b in np.unique(which):
        rows = which == b
        x, ids = known["snr"][rows].median(), known["id"][rows]
        for ax, hit, label in ((axes[0], right, "share right"), (axes[1], inside, "coverage")):
            share, ends = share_interval(hit[rows], ids)
            ax.plot([x, x], ends, color=COLOURS["blue"], linewidth=0.9)
            ax.plot(x, share, "o", color=COLOURS["blue"], markersize=4, label=label if b == 0 else None)
        mean = known["probability"][rows].mean()
        axes[0].plot(x, mean, "D", markerfacecolor="white", color=COLOURS["vermilion"], markersize=4, label="mean probability given" if b == 0 else None)  # fmt: skip
        error = sizes[rows].std() / np.sqrt(ids.nunique())
        axes[2].errorbar(x, sizes[rows].mean(), 1.96 * error, fmt="o", color=COLOURS["blue"], markersize=4, elinewidth=0.9)  # fmt: skip
    axes[1].axhline(level, color=COLOURS["ink"], linewidth=0.6, linestyle=(0, (5, 3)))
    titles = ("Share of right classes", f"Coverage of {level:.0%} sets", f"Classes in the {level:.0%} set")
    for ax, title in zip(axes, titles, strict=True):
        _snr_axis(ax, known["snr"])
        ax.set_ylabel(title)
    for ax in axes[:2]:
        ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        ax.set_ylim(top=1.01)
    axes[0].set_ylim(bottom=1.01 - 1.35 * (1.01 - axes[0].get_ylim()[0]))
    axes[0].legend(loc="lower right")
    note(axes[2], f"{len(known):,} spectra", "upper right")
    return figure


def _snr_axis(ax: Axes, snr: pd.Series) -> None:
    low, high = np.quantile(snr, [0.01, 0.99])
    ax.set_xscale("log")
    ax.set_xlim(0.8 * low, 1.25 * high)
    ticks = [t for t in (2, 5, 10, 20, 50, 100, 200, 500) if 0.8 * low < t < 1.25 * high]
    ax.set_xticks(ticks)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("S/N per pixel in g")
