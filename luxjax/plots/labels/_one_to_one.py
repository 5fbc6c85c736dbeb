"""Predicted labels against true or observed ones."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ...stats.internal import Against, compare
from .._density import density
from .._style import COLOURS, axis_title, grid, note, robust_limits, styled

__all__ = ["plot_one_to_one"]

_KIND = {"true": "True", "obs": "Observed"}


@styled
def plot_one_to_one(
    labels: pd.DataFrame,
    names: Sequence[str],
    against: Against = "true",
    units: Mapping[str, str] | None = None,
) -> Figure:
    """One panel per label: stars, the identity line, and N, RMSE, bias and robust scatter in print.

    Parameters
    ----------
    labels : pandas.DataFrame
        The labels table of a run.
    names : sequence of str
        Labels to show.
    against : "true" or "obs"
        What the predictions are compared with.
    units : mapping of str to str
        Unit by label.
    """
    units = units or {}
    figure, axes = grid(len(names), 3, (2.37, 2.37))
    for ax, name in zip(axes, names, strict=True):
        c = compare(labels, name, against)
        limits = robust_limits(c.predicted, c.reference)
        density(ax, c.reference, c.predicted, limits, limits)
        ax.plot(
            limits,
            limits,
            color=COLOURS["ink"],
            linewidth=0.8,
            linestyle=(0, (5, 3)),
            zorder=5,
            label="identity",
        )
        note(
            ax,
            f"$N$ = {c.n:,}\nRMSE {number(c.rmse)}\nbias {number(c.bias, signed=True, like=c.rmse)}\n"
            rf"$\sigma_\mathrm{{MAD}}$ {number(c.scatter, like=c.rmse)}",
        )
        _typical_error(ax, limits, float(np.median(c.reference_error)), float(np.median(c.error)))
        ax.set_box_aspect(1)
        ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        ax.set_xlabel(axis_title(name, units, _KIND[against]))
        ax.set_ylabel(axis_title(name, units, "Predicted"))
    return figure


def _typical_error(ax, limits: tuple[float, float], xerr: float, yerr: float) -> None:
    """The median error bars, in the lower right corner."""
    low, span = limits[0], limits[1] - limits[0]
    ax.errorbar(
        low + span * min(0.86, max(0.5, 0.98 - xerr / span)),
        low + span * max(0.14, min(0.5, 0.02 + yerr / span)),
        xerr=xerr or None,
        yerr=yerr,
        fmt="none",
        ecolor=COLOURS["vermilion"],
        elinewidth=1,
        capsize=1.5,
        zorder=7,
    )


def number(value: float, *, signed: bool = False, like: float | None = None) -> str:
    """A number with as many decimals as give `like` (itself, if not given) two to three digits."""
    scale = abs(value if like is None else like)
    if not np.isfinite(value):
        return "-"
    decimals = 0 if scale >= 20 else 1 if scale >= 2 else 2 if scale >= 0.2 else 3 if scale >= 0.002 else 5
    rounded = round(value, decimals) or 0.0  # no negative zero
    text = f"{rounded:+,.{decimals}f}" if signed and rounded else f"{rounded:,.{decimals}f}"
    return text.replace("-", "\N{MINUS SIGN}")
