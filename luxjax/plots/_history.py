"""Figure of a fit's convergence: the objective above its final value, cycle by cycle."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..core import InputError
from ._style import COLOURS, styled

__all__ = ["plot_history"]


@styled
def plot_history(objective: Sequence[float], tolerance: float | None = 1e-6) -> Figure:
    """Relative distance ``|J_i - J_last| / |J_last|`` on a logarithmic axis.

    A step against the direction of the fit (the objective rises although it falls over all, or the other way
    round) is ringed. The last cycle is zero by definition and not drawn.

    Parameters
    ----------
    objective : sequence of float
        One value per cycle; a falling objective or a rising log-likelihood.
    tolerance : float, optional
        Drawn as a line.
    """
    value = np.asarray(objective, float)
    if value.ndim != 1 or len(value) < 2 or not np.all(np.isfinite(value)):
        raise InputError(
            f"a history needs at least two finite values of the objective; given: {value.tolist()[:8]}."
        )
    figure = Figure(figsize=(3.5, 2.5), layout="constrained")
    ax = figure.subplots()
    cycle, excess = np.arange(1, len(value)), np.abs(value[:-1] - value[-1]) / (abs(value[-1]) or 1.0)
    ax.semilogy(cycle, np.where(excess > 0, excess, np.nan), "o-", color=COLOURS["blue"], markersize=3.5)
    against = np.flatnonzero(np.diff(value) * np.sign(value[-1] - value[0]) < 0)
    against = against[excess[against] > 0]
    if against.size:
        ax.plot(
            cycle[against],
            excess[against],
            "o",
            markerfacecolor="none",
            markeredgecolor=COLOURS["vermilion"],
            markersize=8,
            label="next step the wrong way",
        )
    if tolerance:
        ax.axhline(tolerance, color=COLOURS["grey"], linestyle=(0, (5, 3)), linewidth=0.8, label="tolerance")
    if ax.get_legend_handles_labels()[0]:
        ax.legend()
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.xaxis.set_minor_locator(MaxNLocator(min(len(value), 30), integer=True))
    ax.set_xlabel("Cycle")
    ax.set_ylabel(r"$|J - J_\mathrm{last}|\,/\,|J_\mathrm{last}|$")
    return figure
