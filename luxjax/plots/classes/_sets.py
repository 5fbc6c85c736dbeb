"""Figure of the sets of classes: how often they hold the true one, and how large they are."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ...stats.internal import share_interval
from .._style import COLOURS, WIDTH, styled
from ._classes import class_colours, in_sets, judged_classes

__all__ = ["plot_set_coverage"]


@styled
def plot_set_coverage(levels: Sequence[Mapping[str, float]], judged: pd.DataFrame, level: float) -> Figure:
    """How often sets of classes hold the true one, level by level and class by class, and how large they are.

    Parameters
    ----------
    levels : sequence of mapping
        ``level``, ``fraction``, ``lower``, ``upper``, and the band of right sets, ``band_lower``, ``band_upper``; one spectrum per star.
    judged : DataFrame
    level : float
        Coverage of its sets.
    """
    figure = Figure(figsize=(WIDTH, 2.5), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    at = [e["level"] for e in levels]
    band = [[e[f"band_{end}"] - e["level"] for e in levels] for end in ("lower", "upper")]
    left.fill_between(at, *band, color="#DDDDDD", linewidth=0, label="95% band of right sets")
    off = np.array([e["fraction"] - e["level"] for e in levels])
    ends = [[e["fraction"] - e["lower"] for e in levels], [e["upper"] - e["fraction"] for e in levels]]
    left.errorbar(at, off, yerr=np.maximum(ends, 0), fmt="o", markersize=4, color=COLOURS["blue"], elinewidth=0.9, label="measured")  # fmt: skip
    left.axhline(0, color=COLOURS["ink"], linewidth=0.6)
    left.set_xlabel("Level")
    left.set_ylabel("Coverage less level")
    low, high = left.get_ylim()
    left.set_ylim(low, high + 0.35 * (high - low))
    left.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    left.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    left.legend(loc="upper left")
    inside = in_sets(judged)
    names = judged_classes(judged)
    for k, (name, colour) in enumerate(zip(names, class_colours(names), strict=True)):
        rows = judged["truth"] == name
        if rows.any():
            share, (low, high) = share_interval(inside[rows], judged["id"][rows])
            middle.plot([k, k], [low, high], color=colour, linewidth=1)
            middle.plot(k, share, "o", color=colour, markersize=4)
    middle.axhline(level, color=COLOURS["ink"], linewidth=0.6, linestyle=(0, (5, 3)))
    middle.set_xticks(range(len(names)), names)
    middle.tick_params(axis="x", which="both", length=0)
    middle.set_xlim(-0.6, len(names) - 0.4)
    middle.set_xlabel("True class")
    middle.set_ylabel(f"Coverage of {level:.0%} sets")
    middle.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    sizes = judged["set"].fillna("").str.split().str.len()
    count = np.bincount(sizes, minlength=4) / len(sizes)
    right.bar(range(len(count)), count, color=COLOURS["sky"], width=0.7)
    for k, share in enumerate(count):
        right.text(k, share + 0.01, f"{share:.1%}", ha="center", va="bottom", fontsize=7)
    right.set_ylim(0, min(1.12 * max(count), 1.1))
    right.set_xticks(range(len(count)))
    right.tick_params(axis="x", which="both", length=0)
    right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    right.set_xlabel(f"Classes in the {level:.0%} set")
    right.set_ylabel("Share of spectra")
    return figure
