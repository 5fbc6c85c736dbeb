"""Figures of the labels that a posterior gives: of many stars with their intervals, and of one star jointly."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from scipy.ndimage import gaussian_filter

from ...core import InputError
from ...core.internal import PRNGKeyArray
from ...data import LabelTable
from ...posterior import AbstractPosterior
from ...posterior.internal import label_draws
from .._style import COLOURS, WIDTH, axis_title, grid, label_name, styled

__all__ = ["one_star", "plot_corner", "plot_label_intervals"]

ENDS = (0.025, 0.16, 0.5, 0.84, 0.975)
DARK, LIGHT = "#8FB8DA", "#D3E3F1"  # 68% and 95%


def one_star(posterior: AbstractPosterior, star: int | str) -> AbstractPosterior:
    """The posterior of one star, named by its id or its row."""
    if isinstance(star, str):
        rows = np.flatnonzero(posterior.ids == star)
        if len(rows) == 0:
            raise InputError(f"there is no star '{star}' in this posterior of {len(posterior)} stars.")
        star = int(rows[0])
    if not 0 <= star < len(posterior):
        raise InputError(f"there is no star {star}; there are {len(posterior)}, counted from 0.")
    return posterior.select([star])


def _reference(names, table: LabelTable | None) -> tuple[np.ndarray, np.ndarray] | None:
    """Observed labels and errors in the model's order; NaN where missing."""
    if table is None:
        return None
    value, error = (np.full((len(table), len(names)), np.nan) for _ in range(2))
    for j, name in enumerate(names):
        if name in table.names:
            k = table.names.index(name)
            value[:, j] = table.value[:, k]
            error[:, j] = np.where(np.isfinite(table.value[:, k]), table.error[:, k], np.nan)
    return value, error


@styled
def plot_label_intervals(
    posterior: AbstractPosterior,
    observed: LabelTable | None = None,
    truth: np.ndarray | None = None,
    *,
    key: PRNGKeyArray | int,
    most: int = 30,
) -> Figure:
    """Posterior intervals of every label, star by star, with observed and true labels where known.

    Parameters
    ----------
    posterior : AbstractPosterior
    observed : LabelTable, optional
        Labels of the same stars.
    truth : (star, label) array, optional
        In the model's order of labels.
    key : jax random key or int
    most : int
        Stars shown.
    """
    posterior = posterior.select(slice(0, most))
    info, draws = (
        posterior.fitted.info(posterior.fitted.label_output()),
        label_draws(posterior, key=key),
    )
    n, names, known = len(posterior), info.names, _reference(info.names, observed)
    figure, axes = grid(len(names), 2, (WIDTH / 2, 1.75), minor=False)
    row = np.arange(n)
    for j, (ax, name) in enumerate(zip(axes, names, strict=True)):
        low, left, middle, right, high = np.quantile(draws[:, :, j], ENDS, axis=0)
        if known is not None:
            ax.errorbar(
                row + 0.25, known[0][:n, j], known[1][:n, j], fmt="o", ms=2.5, lw=0.7, color=COLOURS["grey"],
                label="observed",
            )  # fmt: skip
        ax.vlines(row, low, high, color=COLOURS["blue"], linewidth=0.8)
        ax.vlines(row, left, right, color=COLOURS["blue"], linewidth=2.6, alpha=0.75)
        ax.plot(row, middle, "o", color=COLOURS["blue"], ms=3, label="posterior, 68% and 95%")
        if truth is not None:
            ax.plot(row, truth[:n, j], "x", color=COLOURS["vermilion"], ms=4, mew=1.1, label="true", zorder=5)
        ax.set_xlim(-0.7, n - 0.3)
        ax.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        ax.tick_params(axis="x", which="both", top=False)
        ax.set_ylabel(axis_title(name, info.units))
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    figure.supxlabel("Star, in the order of the table", fontsize=9)
    return figure


@styled
def plot_corner(
    posterior: AbstractPosterior, star: int | str, truth: np.ndarray | None = None, *, key: PRNGKeyArray | int
) -> Figure:
    """Labels of one star, each and in pairs: 68% and 95% regions, with the errors of `luxjax.transfer`.

    Parameters
    ----------
    posterior : AbstractPosterior
    star : int or str
        Row or id.
    truth : (label,) array, optional
        True labels, in the model's order.
    key : jax random key or int
    """
    one = one_star(posterior, star)
    info, values = one.fitted.info(one.fitted.label_output()), label_draws(one, key=key)[:, 0]
    names, n = info.names, len(info.names)
    layout = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    figure = Figure(figsize=(0.6 + 1.3 * n, 0.6 + 1.3 * n), layout=layout)
    axes = figure.subplots(n, n, squeeze=False, sharex="col")
    for i in range(n):
        for j in range(n):
            ax = axes[i, j]
            if j > i:
                ax.remove()
                continue
            _marginal(ax, values[:, j]) if i == j else _pair(ax, values[:, j], values[:, i])
            if truth is not None:
                ax.axvline(truth[j], color=COLOURS["vermilion"], linewidth=0.9)
                if i != j:
                    ax.axhline(truth[i], color=COLOURS["vermilion"], linewidth=0.9)
            _axis(ax, i, j, names, info.units, n)
    handles: list[Any] = [
        Patch(facecolor=DARK, edgecolor=COLOURS["blue"], label="68% of the posterior"),
        Patch(facecolor=LIGHT, edgecolor=COLOURS["blue"], label="95%"),
    ]
    if truth is not None:
        handles.append(Line2D([], [], color=COLOURS["vermilion"], linewidth=0.9, label="true"))
    figure.legend(
        handles=handles,
        loc="upper right",
        bbox_to_anchor=(0.98, 0.98),
        title=str(one.ids[0]).replace("$", r"\$"),
        title_fontsize=9,
    )
    return figure


def _marginal(ax: Axes, values: np.ndarray) -> None:
    ax.hist(values, 30, histtype="stepfilled", color=DARK)
    for q in (0.16, 0.84):
        ax.axvline(np.quantile(values, q), color=COLOURS["blue"], linewidth=0.8, linestyle=(0, (3, 2)))
    ax.tick_params(axis="y", which="both", left=False, right=False, labelleft=False)


def _pair(ax: Axes, x: np.ndarray, y: np.ndarray) -> None:
    """Highest-density regions of a smoothed histogram."""
    ends = [_padded(v) for v in (x, y)]
    count, xs, ys = np.histogram2d(x, y, 40, ends)
    density = gaussian_filter(count, 1.5)
    order = np.sort(density, axis=None)[::-1]
    mass = np.cumsum(order) / order.sum()
    levels = [order[np.searchsorted(mass, level)] for level in (0.95, 0.68)]
    middle = [0.5 * (e[1:] + e[:-1]) for e in (xs, ys)]
    ax.contourf(*middle, density.T, [*levels, density.max() * 1.01], colors=[LIGHT, DARK])
    ax.contour(*middle, density.T, levels, colors=[COLOURS["blue"]], linewidths=0.7)


def _padded(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [0.001, 0.999])
    return float(low - 0.15 * (high - low)), float(high + 0.15 * (high - low))


def _axis(ax: Axes, i: int, j: int, names, units, n: int) -> None:
    ax.xaxis.set_major_locator(MaxNLocator(3))
    ax.yaxis.set_major_locator(MaxNLocator(3))
    ax.minorticks_off()
    ax.tick_params(labelsize=7)
    ax.tick_params(axis="x", labelbottom=i == n - 1, rotation=30)
    if i == n - 1:
        ax.set_xlabel(axis_title(names[j], units))
    if i != j:
        ax.tick_params(axis="y", labelleft=j == 0)
        if j == 0:
            ax.set_ylabel(axis_title(names[i], units))
    else:
        ax.set_title(label_name(names[j]), fontsize=8, pad=2)
