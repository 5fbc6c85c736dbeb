"""Where stars lie in temperature and gravity, by what they were predicted from."""

import pandas as pd
from matplotlib.figure import Figure

from .._style import COLOURS, WIDTH, axis_title, note, robust_limits, styled

__all__ = ["plot_kiel_by_inputs"]

MOST = 6


@styled
def plot_kiel_by_inputs(labels: pd.DataFrame) -> Figure:
    """Predicted log g against predicted Teff, a panel for each of the most frequent combinations of inputs.

    Parameters
    ----------
    labels : pandas.DataFrame
        The labels table of a run, with ``teff``, ``logg`` and ``inputs``.
    """
    counts = labels["inputs"].value_counts()
    shown = list(counts.index[:MOST])
    columns = min(3, len(shown))
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(WIDTH, 2.3 * rows + 0.2), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    limits = [robust_limits(labels[name].to_numpy(float)) for name in ("teff", "logg")]
    for k, ax in enumerate(axes.ravel()):
        if k >= len(shown):
            ax.set_axis_off()
            continue
        own = labels[labels["inputs"] == shown[k]]
        ax.plot(labels["teff"], labels["logg"], ".", color="0.85", markersize=1.5, zorder=1)
        ax.plot(own["teff"], own["logg"], ".", color=COLOURS["blue"], markersize=2.5, zorder=2)
        ax.set_xlim(limits[0][::-1])
        ax.set_ylim(limits[1][::-1])
        ax.set_title(shown[k].replace(" ", ", ") or "nothing", fontsize=7, loc="left", wrap=True)
        note(ax, f"{len(own):,} stars", "lower right")
        if k // columns == rows - 1 or k + columns >= len(shown):
            ax.set_xlabel(axis_title("teff", {"teff": "K"}, "Predicted"))
        if k % columns == 0:
            ax.set_ylabel(axis_title("logg", {}, "Predicted"))
    return figure
