"""Many stars in one panel: counts where they crowd, single points where they are sparse."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from scipy import stats

from ._style import DENSITY

__all__ = ["CROWD", "density", "running"]

CROWD = 5  # stars in one cell that are shown as a count


def density(ax: Axes, x, y, xlim: tuple[float, float], ylim: tuple[float, float], bins: int = 48):
    """Draw stars as points and, in samples of 2,000 or more, as counts where five or more share a cell.

    Stars beyond the limits are drawn as carets at the edge, so that nobody is hidden.

    Returns
    -------
    points, mesh, beyond
        The artists of single stars and of counts (None if nowhere crowded), and how many stars are beyond.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    inside = (x >= xlim[0]) & (x <= xlim[1]) & (y >= ylim[0]) & (y <= ylim[1])
    many = len(x) >= 2000
    mesh, single = None, inside
    if many:
        counts, xe, ye = np.histogram2d(x, y, bins=bins, range=[xlim, ylim])
        column = np.clip(np.searchsorted(xe, x, side="right") - 1, 0, bins - 1)
        row = np.clip(np.searchsorted(ye, y, side="right") - 1, 0, bins - 1)
        crowded = inside & (counts[column, row] >= CROWD)
        if crowded.any():
            single = inside & ~crowded
            shown = np.where(counts >= CROWD, counts, np.nan).T
            norm = LogNorm(CROWD, max(counts.max(), CROWD + 1))
            mesh = ax.pcolormesh(xe, ye, shown, cmap=DENSITY, norm=norm, rasterized=True, zorder=2)
    look: dict[str, Any] = {"linestyle": "none", "markeredgewidth": 0}
    size, colour, alpha = (1.4, "#5B9BCB", 0.8) if many else (2.4, "#2F7DB8", 0.5)
    (points,) = ax.plot(
        x[single],
        y[single],
        marker="o",
        markersize=size,
        color=colour,
        alpha=alpha,
        rasterized=True,
        zorder=1,
        **look,
    )
    edge = np.clip(x, *xlim), np.clip(y, *ylim)
    above, below = y > ylim[1], y < ylim[0]
    aside = ~(above | below)
    for beyond, marker in (
        (above, "^"),
        (below, "v"),
        (aside & (x > xlim[1]), ">"),
        (aside & (x < xlim[0]), "<"),
    ):
        if beyond.any():
            ax.plot(
                edge[0][beyond],
                edge[1][beyond],
                marker=marker,
                markersize=3.5,
                color="#8A3B00",
                clip_on=False,
                zorder=6,
                **look,
            )
    ax.set_xlim(*xlim)
    ax.set_ylim(*ylim)
    return points, mesh, int(np.sum(~inside))


def running(x, y, least: int = 20, most: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Running quantiles of y in bins of x that hold equally many stars.

    Parameters
    ----------
    least : int
        Stars per bin at least; with fewer than twice as many stars there is nothing to run along.
    most : int
        Bins at most.

    Returns
    -------
    centre : (bin,) array
        Median x of each bin.
    quantiles : (3, bin) array
        16th, 50th and 84th percentile of y.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    keep = np.isfinite(x) & np.isfinite(y)
    x, y = x[keep], y[keep]
    bins = min(most, len(x) // least)
    if bins < 2:
        return np.empty(0), np.empty((3, 0))
    edges = np.unique(np.quantile(x, np.linspace(0, 1, bins + 1)))
    if len(edges) < 3:
        return np.empty(0), np.empty((3, 0))
    which = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(edges) - 2)
    filled = np.unique(which)
    centre = stats.binned_statistic(x, x, "median", bins=edges).statistic[filled]
    quantiles = np.array([np.percentile(y[which == b], [16, 50, 84]) for b in filled]).T
    return centre, quantiles
