"""Residuals against the reference, the prediction itself, and the quality of the spectra."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter

from ...stats.internal import Against, compare
from .._density import density, running
from .._style import COLOURS, WIDTH, axis_title, label_name, note, robust_limits, styled

__all__ = ["plot_residuals"]

_KIND = {"true": "true", "obs": "observed"}


@styled
def plot_residuals(
    labels: pd.DataFrame,
    names: Sequence[str],
    against: Against = "true",
    units: Mapping[str, str] | None = None,
) -> Figure:
    """One row per label: predicted minus reference, with running median and 16th to 84th percentile.

    Columns: against the reference, where posterior means slope downwards by construction (they shrink towards
    the mean of the population); against the prediction, where well-specified ones are flat; and against S/N,
    if the table has it.

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
    columns = 3 if "snr" in labels else 2
    figure = Figure(figsize=(WIDTH, 1.55 * len(names) + 0.2), layout="constrained")
    figure.get_layout_engine().set(hspace=0.03, wspace=0.02)  # type: ignore[union-attr,call-arg]
    axes = figure.subplots(len(names), columns, squeeze=False, sharey="row")
    for row, name in zip(axes, names, strict=True):
        c = compare(labels, name, against)
        half = 4.5 * (c.scatter or float(np.std(c.residual)) or 1.0)
        middle = float(np.median(c.residual)) if c.n else 0.0
        ylim = (middle - half, middle + half)
        panels = [(c.reference, _KIND[against]), (c.predicted, "predicted")]
        if c.snr is not None:
            panels.append((c.snr, "snr"))
        for ax, (x, kind) in zip(row, panels, strict=True):
            known = np.isfinite(x) & ((x > 0) | (kind != "snr"))
            values = np.log10(x[known]) if kind == "snr" else x[known]
            *_, beyond = density(ax, values, c.residual[known], robust_limits(values), ylim, bins=40)
            _run(ax, values, c.residual[known])
            ax.axhline(0, color=COLOURS["ink"], linewidth=0.7, linestyle=(0, (5, 3)), zorder=4)
            if kind == "snr":
                _log_ticks(ax)
                ax.set_xlabel("S/N per pixel")
            else:
                ax.set_xlabel(axis_title(name, units, kind.capitalize()))
                ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
            if beyond and ax is row[-1]:
                note(ax, f"{beyond} beyond", "lower right")
        unit = f" ({units[name]})" if units.get(name) else ""
        row[0].set_ylabel(rf"$\Delta${label_name(name)}{unit}")
        row[0].yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    figure.align_ylabels()
    return figure


def _run(ax, x, y) -> None:
    """The running median (thick) between the 16th and the 84th percentile (thin)."""
    centre, (low, median, high) = running(x, y)
    for y, width in ((low, 0.8), (median, 1.5), (high, 0.8)):
        ax.plot(centre, y, color="white", linewidth=width + 1.4, zorder=4, label="_casing")
        ax.plot(centre, y, color=COLOURS["vermilion"], linewidth=width, zorder=5)


def _log_ticks(ax) -> None:
    """Ticks at 1, 2, 5 times powers of ten on an axis of log10 values."""
    low, high = ax.get_xlim()
    ticks = [m * 10.0**p for p in range(-2, 6) for m in (1, 2, 5)]
    shown = [t for t in ticks if low <= np.log10(t) <= high]
    ax.xaxis.set_major_locator(FixedLocator([float(np.log10(t)) for t in shown]))
    fine = [float(np.log10(m * 10.0**p)) for p in range(-2, 6) for m in range(1, 10)]
    ax.xaxis.set_minor_locator(FixedLocator([t for t in fine if low <= t <= high]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{10**v:g}" if v > -3 else ""))
    ax.xaxis.set_minor_formatter(NullFormatter())
