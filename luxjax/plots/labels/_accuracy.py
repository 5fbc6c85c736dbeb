"""Accuracy of the labels, compared with simpler methods and with what the spectra allow."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...core import InputError
from .._style import COLOURS, WIDTH, label_name, styled
from ._one_to_one import number

__all__ = ["METHODS", "plot_accuracy"]

METHODS = {
    "labels_only": ("labels only", "#C9C9C9", ""),
    "cannon": ("The Cannon", COLOURS["orange"], "////"),
    "ridge": ("ridge on pixels", COLOURS["sky"], "...."),
    "quadratic": ("Lux, quadratic", COLOURS["green"], "\\\\\\\\"),
    "lux": ("Lux", COLOURS["blue"], ""),
}


@styled
def plot_accuracy(labels: Mapping[str, Mapping[str, Any]]) -> Figure:
    """RMSE of Lux and of the baselines in units of each label's spread, with the bound as a black bar.

    Parameters
    ----------
    labels : mapping
        ``metrics["labels"]``: by label ``rmse``, ``spread`` (standard deviation of the label over the test
        stars), and as far as known ``baselines`` (``ridge``, ``cannon``, ``labels_only``), ``bound_rmse`` and
        ``unit``. A label without a spread is divided by the largest of its RMSEs instead.
    """
    shown = {name: m for name, m in labels.items() if m.get("rmse") is not None}
    if not shown:
        raise InputError("there is no RMSE to draw; metrics need one for some label.")
    values = {name: {**(m.get("baselines") or {}), "lux": m["rmse"]} for name, m in shown.items()}
    scale = {name: m.get("spread") or max(v for v in values[name].values() if v) for name, m in shown.items()}
    methods = [k for k in METHODS if any(v.get(k) is not None for v in values.values())]
    figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
    ax = figure.subplots()
    width = 0.8 / len(methods)
    at = np.arange(len(shown))
    for k, method in enumerate(methods):
        word, colour, hatch = METHODS[method]
        heights = [(values[n].get(method) or np.nan) / scale[n] for n in shown]
        x = at + (k - (len(methods) - 1) / 2) * width
        ax.bar(
            x, heights, 0.92 * width, color=colour, hatch=hatch, edgecolor="white", linewidth=0.4, label=word
        )
    for xi, (name, m) in zip(at, shown.items(), strict=True):
        if m.get("bound_rmse") is not None:
            bound = m["bound_rmse"] / scale[name]
            ax.plot([xi - 0.42, xi + 0.42], [bound, bound], color="white", linewidth=3, solid_capstyle="butt")
            ax.plot(
                [xi - 0.42, xi + 0.42],
                [bound, bound],
                color=COLOURS["ink"],
                linewidth=1.5,
                solid_capstyle="butt",
            )
    handles, words = ax.get_legend_handles_labels()
    if any(m.get("bound_rmse") is not None for m in shown.values()):
        handles.append(Line2D([], [], color=COLOURS["ink"], linewidth=1.5))
        words.append("information bound")
    figure.legend(handles, words, loc="outside upper center", ncols=len(words))
    ax.set_xticks(at, [f"{label_name(n)}\n{_rmse(m)}" for n, m in shown.items()], linespacing=1.5)
    ax.tick_params(axis="x", which="both", length=0)
    spreads = all(m.get("spread") for m in shown.values())
    ax.set_ylabel("RMSE / spread of the label" if spreads else "RMSE, relative")
    ax.set_ylim(0, 1.08 * ax.dataLim.y1)
    return figure


def _rmse(metrics: Mapping[str, Any]) -> str:
    return f"Lux: {number(metrics['rmse'])} {metrics.get('unit') or ''}".rstrip()
