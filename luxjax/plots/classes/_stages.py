"""Probabilities of evolutionary stages about the gravities where they meet."""

import pandas as pd
from matplotlib.figure import Figure

from .._style import COLOURS, styled

__all__ = ["plot_stage_borders"]

_LOOKS = (("blue", "o"), ("vermilion", "s"))


@styled
def plot_stage_borders(table: pd.DataFrame) -> Figure:
    """Probability of the more evolved of two stages against the distance to their border in log g, with 95% intervals.

    Parameters
    ----------
    table : DataFrame
        Columns ``border``, ``distance`` (dex, positive on the evolved side), ``probability``, ``lower`` and ``upper``.
    """
    figure = Figure(figsize=(3.5, 2.8), layout="constrained")
    ax = figure.subplots()
    for (name, part), (colour, marker) in zip(table.groupby("border", sort=False), _LOOKS, strict=False):
        bars = [part["probability"] - part["lower"], part["upper"] - part["probability"]]
        ax.errorbar(
            part["distance"],
            part["probability"],
            yerr=[b.clip(lower=0) for b in bars],
            fmt=marker + "-",
            color=COLOURS[colour],
            markersize=4,
            linewidth=0.9,
            label=str(name).replace("|", " | "),
        )
    ax.axvline(0, color=COLOURS["grey"], linewidth=0.6, linestyle=(0, (5, 3)))
    ax.axhline(0.5, color=COLOURS["grey"], linewidth=0.6, linestyle=(0, (5, 3)))
    ax.set_ylim(-0.02, 1.02)
    ax.set_xlabel("Distance to the border in log g (dex, evolved to the right)")
    ax.set_ylabel("Probability of the more evolved stage")
    ax.legend(loc="upper left")
    return figure
