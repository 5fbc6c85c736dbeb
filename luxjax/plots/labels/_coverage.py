"""Coverage: how often intervals hold the value they should."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ...core import InputError
from ...stats import LEVELS, Coverage, Interval, binomial_interval, familywise_band
from .._style import COLOURS, label_name, styled

__all__ = ["CoverageCell", "coverage_cells", "plot_coverage"]


@dataclass(frozen=True)
class CoverageCell:
    """One observed coverage and the band it must fall in.

    Attributes
    ----------
    against : "true" or "obs"
    level : float
        Nominal coverage.
    band : Interval or None
        None where calibration stars were too few for one.
    """

    label: str
    against: str
    level: float
    observed: Coverage
    band: Interval | None

    @property
    def passed(self) -> bool | None:
        return None if self.band is None else self.band.holds(self.observed.fraction)

    @property
    def interval(self) -> Interval:
        """Wilson interval of the observed fraction, 95%."""
        return binomial_interval(self.observed.inside, self.observed.n, 0.95)


def coverage_cells(labels: Mapping[str, Mapping[str, Any]], alpha: float = 0.05) -> list[CoverageCell]:
    """All coverages in a run's metrics, each with its share of one family-wise band.

    Parameters
    ----------
    labels : mapping
        ``metrics["labels"]``: by label ``n``, ``coverage68`` and ``coverage95`` (observed labels, label noise
        included), ``coverage68_truth``, ``coverage95_truth``, ``n_calibration``; ``n_observed`` where the
        observed labels are of fewer stars than ``n``; and ``band68``, ``band95_truth``, ... (two numbers) where
        the run knows a better band than `luxjax.stats.familywise_band`. What is missing is left out.
    alpha : float
        Probability that any cell falls outside though all intervals are right.
    """
    found = []
    for name, m in labels.items():
        for against, end in (("true", "_truth"), ("obs", "")):
            n = m.get("n_observed", m.get("n")) if against == "obs" else m.get("n")
            for level in LEVELS:
                fraction = m.get(f"coverage{round(100 * level)}{end}")
                if fraction is not None and n:
                    found.append((name, against, level, Coverage(round(fraction * n), int(n))))
    cells = []
    for name, against, level, observed in found:
        m, end = labels[name], "_truth" if against == "true" else ""
        stated = m.get(f"band{round(100 * level)}{end}")
        band = (
            Interval(*stated)
            if stated
            else _band(observed.n, level, len(found), alpha, m.get("n_calibration"))
        )
        cells.append(CoverageCell(name, against, level, observed, band))
    return cells


def _band(n: int, level: float, cells: int, alpha: float, calibration: int | None) -> Interval | None:
    try:
        return familywise_band(n, level, cells, alpha, calibration or None)
    except InputError:  # too few calibration stars for any band
        return None


_MARKS = {"true": ("o", COLOURS["blue"], "true labels"), "obs": ("s", COLOURS["orange"], "observed labels")}


@styled
def plot_coverage(cells: Sequence[CoverageCell]) -> Figure:
    """One panel per level: observed coverage with its 95% Wilson interval, on the band it must fall in.

    Cells outside their band have an open marker.
    """
    if not cells:
        raise InputError("there is no coverage to draw; metrics need coverage68 or coverage95 of some label.")
    levels = sorted({c.level for c in cells})
    labels = list(dict.fromkeys(c.label for c in cells))
    ways = [w for w in _MARKS if any(c.against == w for c in cells)]
    height = 0.95 + 0.27 * len(labels) * max(len(ways), 1) * 0.8
    figure = Figure(figsize=(3.4 * len(levels), height), layout="constrained")
    axes = figure.subplots(1, len(levels), sharey=True, squeeze=False)[0]
    for ax, level in zip(axes, levels, strict=True):
        for cell in (c for c in cells if c.level == level):
            offset = 0.0 if len(ways) == 1 else (-0.18 if cell.against == ways[0] else 0.18)
            y = labels.index(cell.label) + offset
            marker, colour, _ = _MARKS[cell.against]
            if cell.band is not None:
                ax.barh(y, cell.band.upper - cell.band.lower, 0.3, cell.band.lower, color="#D9D9D9", zorder=1)
            x = cell.observed.fraction
            low, high = cell.interval
            ax.errorbar(
                x,
                y,
                xerr=[[max(x - low, 0)], [max(high - x, 0)]],
                fmt=marker,
                markersize=4.5,
                color=colour,
                markerfacecolor="white" if cell.passed is False else colour,
                elinewidth=1,
                zorder=3,
            )
        ax.axvline(level, color=COLOURS["ink"], linewidth=0.8, linestyle=(0, (5, 3)), zorder=2)
        ax.set_title(f"{level:.0%} intervals")
        ax.set_xlabel("Observed coverage")
        ax.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
        ax.xaxis.set_major_formatter(lambda x, _: f"{100 * x:.6g}%")
        ax.set_ylim(len(labels) - 0.5, -0.5)
        ax.set_yticks(np.arange(len(labels)), [label_name(n) for n in labels])
        ax.tick_params(axis="y", which="both", length=0)
    for way in ways:
        marker, colour, word = _MARKS[way]
        axes[0].plot([], [], marker, color=colour, markersize=4.5, label=f"{word}, with 95% interval")
    axes[0].fill_between([], [], [], color="#D9D9D9", label="band expected of right intervals")
    handles, words = axes[0].get_legend_handles_labels()
    figure.legend(handles, words, loc="outside upper center", ncols=len(words))
    return figure
