"""Figures of the supporting evidence: probes, Shapley values and disentanglement of the latents."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...evidence import Explanation
from .._style import COLOURS, label_name, styled
from ._stars import has, side_by_side

__all__ = ["plot_supporting"]


@styled
def plot_supporting(explanation: Explanation) -> Figure | None:
    """What the latents hold and what the prediction is made of; none of it decides whether a label was measured."""
    found = explanation.evidence
    panels = [
        (_probe, has(found.get("probe"), "names", "r2")),
        (_shapley, has(found.get("shapley"), "names", "independent")),
        (_disentanglement, has(found.get("disentanglement"), "names", "value")),
    ]
    return side_by_side(explanation, panels, height=2.5)


def _probe(ax: Axes, explanation: Explanation) -> None:
    arrays = explanation["probe"].arrays
    groups = {"label": (arrays["r2"], COLOURS["blue"], "")}
    if "control" in arrays:
        groups["control task"] = (arrays["control"], "#C9C9C9", "////")
    _bars(ax, arrays["names"], groups)
    ax.set_ylabel("Probe of the latents, held-out $R^2$")


def _shapley(ax: Axes, explanation: Explanation) -> None:
    arrays = explanation["shapley"].arrays
    groups = {"independent": (arrays["independent"], COLOURS["blue"], "")}
    if "correlated" in arrays:
        groups["correlation-aware"] = (arrays["correlated"], COLOURS["orange"], "////")
    order = np.argsort(-np.abs(arrays["independent"]))[:8]
    _bars(ax, arrays["names"][order], {k: (v[order], c, h) for k, (v, c, h) in groups.items()})
    unit = f" ({explanation.unit})" if explanation.unit else ""
    ax.set_ylabel(f"Mean |Shapley value| of {label_name(explanation.label)}{unit}")


def _disentanglement(ax: Axes, explanation: Explanation) -> None:
    arrays = explanation["disentanglement"].arrays
    groups = {"canonical gauge": (arrays["value"], COLOURS["blue"], "")}
    if "null" in arrays:
        groups["shuffled stars"] = (arrays["null"], "#C9C9C9", "////")
    _bars(ax, arrays["names"], groups)
    if "rotations" in arrays:
        for k, column in enumerate(np.atleast_2d(arrays["rotations"]).T):
            low, middle, high = np.nanpercentile(column, [2.5, 50, 97.5])
            ends = [[middle - low], [high - middle]]
            ax.errorbar(
                [k], [middle], yerr=ends, color=COLOURS["vermilion"], marker="D", markersize=3, capsize=2, zorder=5,
                label="random rotations" if k == 0 else None,
            )  # fmt: skip
        ax.legend(loc="upper right", fontsize=7, handlelength=1.2)
    ax.set_ylabel("Score")


def _bars(ax: Axes, names: np.ndarray, groups: dict[str, tuple[np.ndarray, str, str]]) -> None:
    width = 0.8 / len(groups)
    at = np.arange(len(names))
    for k, (word, (values, colour, hatch)) in enumerate(groups.items()):
        x = at + (k - (len(groups) - 1) / 2) * width
        ax.bar(
            x,
            np.asarray(values, float),
            0.92 * width,
            color=colour,
            hatch=hatch,
            edgecolor="white",
            linewidth=0.4,
            label=word,
        )
    ax.axhline(0, color=COLOURS["ink"], linewidth=0.7)
    many = len(names) > 3
    ax.set_xticks(
        at,
        [label_name(str(n)) for n in names],
        rotation=40 if many else 0,
        ha="right" if many else "center",
        fontsize=7,
    )
    ax.tick_params(axis="x", which="both", length=0)
    if len(groups) > 1:
        ax.set_ylim(top=1.3 * ax.get_ylim()[1])
        ax.legend(loc="upper right", fontsize=7, handlelength=1.2)
