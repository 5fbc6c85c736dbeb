"""Figures of the evidence that stars give: off-trend response, element lines, ablation, doppelgangers, injection."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ...evidence import Evidence, Explanation
from .._density import density, running
from .._style import COLOURS, grid, label_name, note, robust_limits, styled

__all__ = ["plot_off_trend", "plot_tests"]

Panel = Callable[[Axes, Explanation], None]


def has(evidence: Evidence | None, *names: str) -> bool:
    """Whether the evidence has these arrays with something finite in each."""
    return evidence is not None and all(
        n in evidence.arrays
        and evidence.arrays[n].size > 0
        and (evidence.arrays[n].dtype.kind not in "fiu" or np.isfinite(evidence.arrays[n]).any())
        for n in names
    )


def side_by_side(
    explanation: Explanation, panels: Sequence[tuple[Panel, bool]], height: float
) -> Figure | None:
    """One row of the panels that there is evidence for, each labelled with what it shows; None where there is none at all."""
    drawn = [panel for panel, wanted in panels if wanted]
    if not drawn:
        return None
    figure, axes = grid(len(drawn), 3, (2.45 if len(drawn) > 2 else 3.2, height), minor=False)
    for panel, ax in zip(drawn, axes, strict=True):
        panel(ax, explanation)
        ax.set_label(panel.__name__.lstrip("_"))  # by which a caption tells what is drawn
    return figure


@styled
def plot_off_trend(explanation: Explanation) -> Figure | None:
    """What is left of the label when the trend with the other labels is gone, against prediction and element lines.

    Left: predicted against observed, with the lines of a pure guess (0) and of a perfect measurement (1). Middle: depth
    of the label's element lines beyond what the rest of the spectrum says. Right: its significance, compared with that of lines put elsewhere.
    """
    response, own = explanation.evidence.get("off_trend"), explanation.evidence.get("element_lines")
    panels = [
        (_response, has(response, "predicted", "observed")),
        (_element_lines, has(own, "depth", "observed")),
        (
            _shifted,
            own is not None and own.null is not None and len(own.null) > 0 and bool(np.isfinite(own.value)),
        ),
    ]
    return side_by_side(explanation, panels, height=2.75)


def _finite(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    good = np.all([np.isfinite(a) for a in arrays], axis=0)
    return tuple(np.asarray(a, float)[good] for a in arrays)


def _null(evidence: Evidence) -> np.ndarray:
    null = np.empty(0) if evidence.null is None else evidence.null
    return null[np.isfinite(null)]


def _unit(explanation: Explanation) -> str:
    return f" ({explanation.unit})" if explanation.unit else ""


def _response(ax: Axes, explanation: Explanation) -> None:
    evidence = explanation["off_trend"]
    observed, predicted = _finite(evidence.arrays["observed"], evidence.arrays["predicted"])
    limits = robust_limits(observed)
    density(ax, observed, predicted, limits, robust_limits(predicted, 0.6 * np.array(limits)))
    reach = np.array(limits)
    for slope, style in ((0.0, (0, (1, 1.5))), (1.0, (0, (4, 2)))):
        ax.plot(reach, slope * reach, color=COLOURS["ink"], linewidth=0.9, linestyle=style, zorder=4)
    if np.isfinite(evidence.value):
        ax.plot(reach, evidence.value * reach, color=COLOURS["vermilion"], linewidth=1.6, zorder=5)
        if evidence.interval is not None and np.all(np.isfinite(evidence.interval)):
            low, high = (b * reach for b in evidence.interval)
            ax.fill_between(reach, low, high, color=COLOURS["vermilion"], alpha=0.2, linewidth=0, zorder=3)
    centre, middle = running(observed, predicted)
    if len(centre):
        ax.plot(
            centre, middle[1], color=COLOURS["orange"], marker="o", markersize=2.6, linewidth=0.9, zorder=6
        )
    error = evidence.arrays.get("observed_error")
    if error is not None and np.isfinite(error).any():
        at = 0.1 * np.diff(limits)[0] + limits[0]
        low = ax.get_ylim()[0] + 0.12 * np.diff(ax.get_ylim())[0]
        ax.errorbar(
            at + np.nanmedian(error), low, xerr=np.nanmedian(error), color=COLOURS["ink"], linewidth=0.8
        )
    name = label_name(explanation.label)
    ax.set_xlabel(f"Observed {name} off trend{_unit(explanation)}")
    ax.set_ylabel(f"Predicted {name} off trend{_unit(explanation)}")
    note(ax, rf"$\beta$ = {_value(evidence)}")


def _value(evidence: Evidence) -> str:
    if not np.isfinite(evidence.value):
        return "unresolved"
    if evidence.interval is None or not np.all(np.isfinite(evidence.interval)):
        return f"{evidence.value:.2f}"
    return f"{evidence.value:.2f} [{evidence.interval.lower:.2f}, {evidence.interval.upper:.2f}]".replace(
        "-", "\N{MINUS SIGN}"
    )


def _element_lines(ax: Axes, explanation: Explanation) -> None:
    arrays = explanation["element_lines"].arrays
    observed, depth = _finite(arrays["observed"], arrays["depth"])
    limits = robust_limits(observed)
    density(ax, observed, depth, limits, robust_limits(depth))
    centre, middle = running(observed, depth)
    if len(centre):
        ax.plot(
            centre, middle[1], color=COLOURS["orange"], marker="o", markersize=2.6, linewidth=0.9, zorder=6
        )
    reach = np.array(limits)
    slope = np.sum(observed * depth) / np.sum(observed**2)
    ax.plot(reach, slope * reach, color=COLOURS["vermilion"], linewidth=1.6, zorder=5)
    ax.axhline(0, color=COLOURS["ink"], linewidth=0.9, linestyle=(0, (1, 1.5)), zorder=4)
    ax.set_xlabel(f"Observed {label_name(explanation.label)} off trend{_unit(explanation)}")
    ax.set_ylabel("Element lines deeper than expected")


def _shifted(ax: Axes, explanation: Explanation) -> None:
    evidence = explanation["element_lines"]
    null, value = _null(evidence), evidence.value
    low, high = min(null.min(), value), max(null.max(), value)
    ends = low - 0.08 * (high - low), high + 0.08 * (high - low)
    bins = np.linspace(*ends, 36).tolist()
    ax.hist(null, bins=bins, color="#C9C9C9", edgecolor="white", linewidth=0.3, label="lines put elsewhere")
    words = f"element lines, $T$ = {value:.1f}".replace("-", "\N{MINUS SIGN}")
    ax.axvline(value, 0, 0.76, color=COLOURS["vermilion"], linewidth=1.8, label=words)
    ax.set_xlim(*ends)
    ax.set_ylim(0, 1.5 * ax.get_ylim()[1])
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.set_xlabel("$T$ of the element lines")
    ax.set_ylabel("Draws")
    ax.legend(loc="upper center", handlelength=1.2)


@styled
def plot_tests(explanation: Explanation) -> Figure | None:
    """Experiments: element windows masked, stars alike but for the label, and lines put in."""
    ablation = explanation.evidence.get("ablation")
    panels = [
        (_ablation, ablation is not None and ablation.null is not None and bool(np.isfinite(ablation.value))),
        (_doppelgangers, has(explanation.evidence.get("doppelgangers"), "stack")),
        (_injection, has(explanation.evidence.get("injection"), "change", "response")),
    ]
    return side_by_side(explanation, panels, height=2.6)


def _ablation(ax: Axes, explanation: Explanation) -> None:
    evidence = explanation["ablation"]
    null = np.sort(_null(evidence))
    width = 0.9 / max(len(null), 1)
    ax.bar(2 + (np.arange(len(null)) - (len(null) - 1) / 2) * width, null, 0.9 * width, color=COLOURS["grey"])
    ax.bar([1], [evidence.value], 0.5, color=COLOURS["blue"])
    ticks, words = [1.0, 2.0], ["element windows\nmasked", f"{len(null)} random\nmasked"]
    if evidence.interval is not None and np.all(np.isfinite(evidence.interval)):
        _bar_of_error(ax, 1, evidence.value, evidence.interval)
    if has(evidence, "refitted") and has(evidence, "response"):
        fall = float(evidence.arrays["response"].ravel()[0] - evidence.arrays["refitted"].ravel()[0])
        ax.bar([0], [fall], 0.5, color=COLOURS["sky"], hatch="////", edgecolor="white", linewidth=0.4)
        ticks, words = [0.0, *ticks], ["element windows\nnever seen", *words]
    ax.axhline(0, color=COLOURS["ink"], linewidth=0.7)
    ax.set_xticks(ticks, words, fontsize=7)
    ax.tick_params(axis="x", which="both", length=0)
    ax.set_xlim(ticks[0] - 0.6, 2.6)
    ax.set_ylabel(r"Fall of the response $\beta$")


def _bar_of_error(ax: Axes, x: float, value: float, interval) -> None:
    ends = [[max(value - interval[0], 0)], [max(interval[1] - value, 0)]]
    ax.errorbar([x], [value], yerr=ends, color=COLOURS["ink"], linewidth=1, capsize=2, zorder=5)


def _doppelgangers(ax: Axes, explanation: Explanation) -> None:
    arrays = explanation["doppelgangers"].arrays
    stack = arrays["stack"]
    x = arrays.get("velocity", np.arange(len(stack)) - (len(stack) - 1) / 2)
    error = arrays.get("stack_error")
    if error is not None:
        ax.fill_between(
            x, stack - error, stack + error, color=COLOURS["blue"], alpha=0.25, linewidth=0, step="mid"
        )
    ax.plot(x, stack, color=COLOURS["blue"], drawstyle="steps-mid")
    ax.axhline(0, color=COLOURS["ink"], linewidth=0.7)
    ax.axvline(0, color=COLOURS["purple"], linewidth=0.8, linestyle=(0, (2, 2)))
    ax.set_xlabel(
        "Velocity from the element lines (km/s)" if "velocity" in arrays else "Pixels from the element lines"
    )
    ax.set_ylabel("Rich minus poor, stacked flux")


def _injection(ax: Axes, explanation: Explanation) -> None:
    evidence = explanation["injection"]
    change, response = evidence.arrays["change"], evidence.arrays["response"]
    reach = np.array([min(change.min(), 0), max(change.max(), 0)])
    ax.plot(reach, reach, color=COLOURS["ink"], linewidth=0.9, linestyle=(0, (4, 2)), label="fully followed")
    ax.plot(reach, 0 * reach, color=COLOURS["ink"], linewidth=0.9, linestyle=(0, (1, 1.5)), label="not seen")
    spread = evidence.arrays.get("response_error")
    if {"lower", "upper"} <= set(evidence.arrays):
        spread = np.abs(np.stack([response - evidence.arrays["lower"], evidence.arrays["upper"] - response]))
    ax.errorbar(
        change,
        response,
        yerr=spread,
        color=COLOURS["blue"],
        marker="o",
        markersize=3.5,
        linewidth=1,
        capsize=2,
    )
    unit = _unit(explanation)
    ax.set_xlabel(f"Abundance put into the spectra{unit}")
    ax.set_ylabel(f"Change of predicted {label_name(explanation.label)}{unit}")
    ax.legend(loc="upper left", handlelength=2)
    ax.set_ylim(top=1.25 * max(ax.get_ylim()[1], reach[1]))
