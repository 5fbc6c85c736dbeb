"""Figures of the evidence that pixels give: three derivatives of a label side by side, and its element lines close up."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ...evidence import Explanation
from .._spectra import segments
from .._style import COLOURS, WIDTH, grid, label_name, note, styled
from ._stars import has

__all__ = ["plot_saliency", "plot_zooms"]

_KINDS = {
    "flux_by_label": ("d flux / d {}\nothers fixed", COLOURS["blue"]),
    "label_by_flux": ("d {} / d flux\n(filter)", COLOURS["green"]),
    "pattern": ("cov(flux, {})\n(pattern)", COLOURS["vermilion"]),
}
_LIGHT = 299_792.458
_REACH = 60.0  # km/s on either side of a line


@styled
def plot_saliency(explanation: Explanation) -> Figure | None:
    """Where in the spectrum the label is: what it does to the flux, what is read, and what merely goes along."""
    evidence = explanation.evidence.get("saliency")
    kinds = [k for k in _KINDS if has(evidence, "wavelength", k)]
    if evidence is None or not kinds:
        return None
    arrays = evidence.arrays
    wavelength = arrays["wavelength"]
    seen = np.any([np.isfinite(arrays[k]) & (arrays[k] != 0) for k in kinds], axis=0)
    parts = segments(wavelength, seen[None].astype(float)) if seen.any() else [slice(0, len(wavelength))]
    lengths = [wavelength[p.stop - 1] - wavelength[p.start] for p in parts]
    figure = Figure(figsize=(WIDTH, 0.6 + 1.25 * len(kinds)), layout="constrained")
    axes = figure.subplots(
        len(kinds), len(parts), squeeze=False, sharex="col", sharey="row", width_ratios=lengths
    )
    for row, kind in zip(axes, kinds, strict=True):
        words, colour = _KINDS[kind]
        for ax, part in zip(row, parts, strict=True):
            ax.plot(wavelength[part], arrays[kind][part], color=colour, linewidth=0.5)
            ax.axhline(0, color=COLOURS["ink"], linewidth=0.4)
            ax.minorticks_off()
            ax.set_xlim(wavelength[part.start], wavelength[part.stop - 1])
            ax.xaxis.set_major_locator(MaxNLocator(max(2, round(6 / len(parts)))))
            ax.ticklabel_format(axis="x", useOffset=False)
            _mark(ax, arrays.get("line_wavelength"))
        row[0].set_label(kind)
        row[0].set_ylabel(words.format(label_name(explanation.label)), fontsize=8)
        if limit := _limit(arrays, kind, seen):
            row[0].set_ylim(-limit, limit)
        row[0].yaxis.set_major_locator(MaxNLocator(4, symmetric=True))
        row[0].ticklabel_format(axis="y", style="sci", scilimits=(-2, 3), useMathText=True)
    figure.supxlabel(_wavelengths(arrays), fontsize=9)
    if len(arrays.get("line_wavelength", ())):
        figure.set_label("lines")  # as the axes are: by which a caption tells what is drawn
    return figure


def _limit(arrays, kind: str, seen: np.ndarray) -> float:
    """Room for the element lines and for all but the wildest of the other pixels."""
    size = np.abs(arrays[kind])
    lines = arrays.get("line_wavelength", np.empty(0))
    at = np.clip(np.searchsorted(arrays["wavelength"], lines), 0, len(size) - 1)
    return 1.1 * float(max(np.nanpercentile(size[seen], 99.9), np.nanmax(size[at], initial=0.0)))


def _wavelengths(arrays) -> str:
    medium = f", {arrays['medium'].item()}" if "medium" in arrays else ""
    return rf"Wavelength ($\mathrm{{\AA}}${medium})"


def _mark(ax: Axes, lines) -> None:
    """Short ticks at the top of a panel where the label's element lines are."""
    for centre in [] if lines is None else lines:
        if ax.get_xlim()[0] <= centre <= ax.get_xlim()[1]:
            ax.axvline(centre, 0.88, 1.0, color=COLOURS["purple"], linewidth=0.8)


@styled
def plot_zooms(explanation: Explanation, most: int = 6) -> Figure | None:
    """The strongest of the label's element lines close up: what the model expects there, and what physics does."""
    evidence = explanation.evidence.get("saliency")
    if evidence is None or not has(evidence, "wavelength", "flux_by_label", "line_wavelength"):
        return None
    arrays = evidence.arrays
    wavelength, derivative = arrays["wavelength"], arrays["flux_by_label"]
    strength = arrays.get("line_depth", np.ones(len(arrays["line_wavelength"])))
    chosen = _separate(arrays["line_wavelength"], strength, wavelength, derivative)[:most]
    if not chosen:
        return None
    figure, axes = grid(len(chosen), 3, (2.35, 1.9), minor=False, sharey=True)
    for ax, k in zip(axes, sorted(chosen, key=lambda k: arrays["line_wavelength"][k]), strict=True):
        centre = arrays["line_wavelength"][k]
        near = np.abs(wavelength / centre - 1) * _LIGHT < _REACH
        x = (wavelength[near] / centre - 1) * _LIGHT
        if has(evidence, "flux_by_label_sd"):
            sd = arrays["flux_by_label_sd"][near]
            ax.fill_between(
                x,
                derivative[near] - sd,
                derivative[near] + sd,
                color=COLOURS["sky"],
                alpha=0.4,
                linewidth=0,
                step="mid",
            )
        ax.plot(x, derivative[near], color=COLOURS["blue"], drawstyle="steps-mid", linewidth=1, label="model")
        if has(evidence, "profile"):
            ax.plot(
                x,
                -arrays["profile"][near],
                color=COLOURS["ink"],
                linewidth=1,
                linestyle=(0, (4, 2)),
                label="physics",
            )
        ax.axhline(0, color=COLOURS["ink"], linewidth=0.5)
        ax.axvline(0, color=COLOURS["purple"], linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
        ax.set_xlim(-_REACH, _REACH)
        species = f"{arrays['line_species'][k]} " if "line_species" in arrays else ""
        note(ax, rf"{species}{centre:.2f} $\mathrm{{\AA}}$", "lower left")
    if has(evidence, "profile"):
        axes[0].legend(loc="lower right", fontsize=7, handlelength=1.8)
    figure.supxlabel("Velocity from the line (km/s)", fontsize=9)
    figure.supylabel(f"d flux / d {label_name(explanation.label)}, others fixed", fontsize=9)
    return figure


def _separate(lines: np.ndarray, strength: np.ndarray, wavelength: np.ndarray, flux: np.ndarray) -> list[int]:
    """Lines from the strongest on, but for those in the panel of a stronger one or without good pixels."""
    found: list[int] = []
    for k in np.argsort(-np.asarray(strength, float)):
        near = np.abs(wavelength / lines[k] - 1) * _LIGHT < _REACH
        apart = all(abs(lines[k] / lines[j] - 1) * _LIGHT > _REACH for j in found)
        if apart and near.sum() > 3 and np.any(flux[near] != 0):
            found.append(int(k))
    return found
