"""Figure of the verdicts of several labels: their off-trend responses with intervals."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ...fitted import Verdict
from .._style import COLOURS, WIDTH, label_name, styled

__all__ = ["LOOK", "plot_responses"]

# Colour and marker of each verdict: told apart without colour too.
LOOK = {
    "measured": (COLOURS["blue"], "o"),
    "followed": (COLOURS["sky"], "^"),
    "proxy": (COLOURS["orange"], "s"),
    "shortcut": (COLOURS["vermilion"], "X"),
    "inconclusive": (COLOURS["grey"], "D"),
}


@styled
def plot_responses(found: Sequence[Verdict]) -> Figure:
    """Off-trend responses of several labels with their intervals, marked by verdict."""
    figure = Figure(figsize=(0.62 * WIDTH, 0.75 + 0.3 * len(found)), layout="constrained")
    ax = figure.subplots()
    for row, verdict in enumerate(found):
        colour, marker = LOOK[verdict.verdict]
        if not math.isfinite(verdict.response):
            ax.text(0.03, row, "unresolved", fontsize=7.5, color=COLOURS["grey"], va="center")
            continue
        if all(map(math.isfinite, verdict.response_interval)):
            ax.plot(verdict.response_interval, [row, row], color=colour, linewidth=1.6, solid_capstyle="butt")
        ax.plot(
            [verdict.response], [row], marker=marker, color=colour, markersize=6, markeredgecolor="white",
            markeredgewidth=0.5, linestyle="none",
        )  # fmt: skip
    for end in (0.0, 1.0):
        ax.axvline(end, color=COLOURS["ink"], linewidth=0.7, linestyle=(0, (2, 2)), zorder=0)
    ax.set_yticks(range(len(found)), [label_name(v.label) for v in found])
    ax.tick_params(axis="y", which="both", length=0)
    ax.tick_params(axis="x", which="both", top=False)
    ax.set_ylim(len(found) - 0.5, -0.5)
    ends = np.array([[*v.response_interval, v.response] for v in found], float)
    low, high = np.nanmin(ends, initial=0.0), np.nanmax(ends, initial=1.0)
    ax.set_xlim(max(low, -1.0) - 0.08, min(high, 2.0) + 0.08)
    ax.set_xlabel("Off-trend response")
    for word in dict.fromkeys(v.verdict for v in found):
        colour, marker = LOOK[word]
        ax.plot([], [], marker=marker, color=colour, linestyle="none", label=word)
    figure.legend(loc="outside upper center", ncols=5, handletextpad=0.1)
    return figure
