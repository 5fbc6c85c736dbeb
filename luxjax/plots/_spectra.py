"""An observed spectrum with its model: chips and arms in rows, residuals in sigma below each."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from ..core import InputError
from ..data.internal import Example
from ._style import COLOURS, WIDTH, note, styled

__all__ = ["BAD", "BOTTOM", "LEFT", "ROW", "TOP", "pairs", "plot_spectrum", "runs", "segments"]

_SIGMA = 5.0
BAD = "#F2C9A8"


@styled
def plot_spectrum(
    example: Example, star: int = 0, lines: Mapping[str, float] | None = None, title: str = ""
) -> Figure:
    """Flux and model of one star over every detector, residuals in sigma beneath, and zooms on lines.

    Parameters
    ----------
    example : Example
    star : int
        Row of the example.
    lines : mapping of str to float, optional
        Line centres in Angstrom by name; six at most are enlarged. Default: those of `example.lines`.
    """
    if not 0 <= star < len(example.ids):
        raise InputError(f"there is no example star {star}; there are {len(example.ids)}, counted from 0.")
    parts = segments(example.wavelength, example.ivar)
    lo, hi = example.wavelength[0], example.wavelength[-1]
    chosen = example.lines if lines is None else lines
    zooms = [(n, w) for n, w in chosen.items() if lo < w < hi and _near(example, star, w).sum() > 3][:6]
    figure = Figure(figsize=(WIDTH, TOP + BOTTOM + ROW * (len(parts) + bool(zooms))))
    ylim = _flux_limits(example, star)
    for row, part in enumerate(parts):
        (above, below), *_ = pairs(figure, row, 1)
        _draw(above, below, example, star, np.arange(part.start, part.stop), ylim)
        below.set_xlim(example.wavelength[part.start], example.wavelength[part.stop - 1])
    enlarged = pairs(figure, len(parts), len(zooms)) if zooms else []
    for (above, below), (name, centre) in zip(enlarged, zooms, strict=True):
        _draw(above, below, example, star, np.flatnonzero(_near(example, star, centre)), None, steps=True)
        for ax in (above, below):
            ax.axvline(centre, color=COLOURS["purple"], linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
        below.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        note(above, name, "lower left")
    _heading(figure, example, star, title)
    return figure


# Inches: title, axis title, one row (flux, residuals, tick labels), left and right margin.
TOP, BOTTOM, ROW, _FLUX, _RESIDUAL, LEFT, RIGHT = 0.5, 0.25, 2.0, 1.15, 0.5, 0.55, 0.1


def pairs(figure: Figure, row: int, columns: int) -> list[tuple[Axes, Axes]]:
    """Pairs of panels side by side in a row: flux above, residuals right below, x shared."""
    width, height = figure.get_size_inches()
    top = height - TOP - row * ROW
    each = (width - LEFT - RIGHT) / columns
    found: list[tuple[Axes, Axes]] = []
    for k in range(columns):
        x, w = (LEFT + k * each) / width, (each - 0.08 * (columns > 1)) / width
        above = figure.add_axes(
            (x, (top - _FLUX) / height, w, _FLUX / height), sharey=found[0][0] if k else None
        )
        y = (top - _FLUX - _RESIDUAL) / height
        below = figure.add_axes((x, y, w, _RESIDUAL / height), sharex=above)
        above.tick_params(labelbottom=False, labelleft=k == 0)
        below.tick_params(labelleft=k == 0)
        below.ticklabel_format(axis="x", useOffset=False)
        found.append((above, below))
    found[0][0].set_ylabel("Flux")
    found[0][1].set_ylabel(r"$\Delta/\sigma$")
    for ax in found[0]:
        ax.yaxis.set_label_coords((0.18 - LEFT) / (each - 0.08 * (columns > 1)), 0.5)
    return found


def _heading(figure: Figure, example: Example, star: int, title: str) -> None:
    """Star, S/N and chi-square above; what is drawn how; the wavelength axis below."""
    width, height = figure.get_size_inches()
    y = 1 - 0.28 / height
    good = np.asarray(example.ivar[star] > 0) & np.isfinite(example.model[star])
    chi2 = np.mean((example.flux[star] - example.model[star])[good] ** 2 * example.ivar[star][good])
    snr = np.median(example.flux[star][good] * np.sqrt(example.ivar[star][good]))
    name = str(title or example.ids[star]).replace("$", r"\$")
    words = rf"{name}:  S/N {snr:.0f},  $\chi^2$ per pixel {chi2:.2f}"
    heading = figure.text(LEFT / width, y, words, fontsize=9.5, va="center")
    key = figure.legend(
        handles=[
            Line2D([], [], color=COLOURS["ink"], linewidth=1, label="observed"),
            Line2D([], [], color=COLOURS["vermilion"], linewidth=1, label="model"),
            Patch(color=BAD, label="bad pixels"),
        ],
        loc="center right",
        bbox_to_anchor=(1 - RIGHT / width, y),
        borderpad=0,
        borderaxespad=0,
        ncols=3,
    )
    _keep_apart(figure, heading, key)
    figure.text(
        0.5, 0.14 / height, rf"Wavelength ($\mathrm{{\AA}}$, {example.medium})", fontsize=9, ha="center"
    )


def _keep_apart(figure: Figure, heading: Text, key: Legend) -> None:
    """Make a long heading smaller, and then shorter, until it ends before the legend begins."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    room = key.get_window_extent(renderer).x0 - 0.1 * figure.dpi
    if heading.get_window_extent(renderer).x1 <= room:
        return
    heading.set_fontsize(8)
    words = heading.get_text()
    name, colon, numbers = words.rpartition(":  ")
    while heading.get_window_extent(renderer).x1 > room and len(name) > 8:
        name = name[:-1]
        heading.set_text(f"{name.rstrip()}...{colon}{numbers}")


def segments(wavelength: np.ndarray, ivar: np.ndarray, least: int = 40) -> list[slice]:
    """Detectors: runs of pixels between gaps, which show as jumps of the grid or as pixels no star has.

    Parameters
    ----------
    wavelength : (pixel,) array
    ivar : (star, pixel) array
    least : int
        Pixels without weight in any star, in a row, that make a gap.
    """
    n = len(wavelength)
    seen = np.any(np.atleast_2d(ivar) > 0, axis=0)
    if not seen.any():
        raise InputError("these example spectra have no good pixel at all, so there is nothing to draw.")
    step = np.diff(wavelength)
    # A gap is a step far larger than those on both sides; dispersion changes slowly within a detector.
    jump = step > 8 * np.median(step)
    cuts = np.flatnonzero(jump) + 1
    pieces = [slice(a, b) for a, b in zip([0, *cuts], [*cuts, n], strict=True)]
    found = []
    for piece in pieces:
        good = np.flatnonzero(seen[piece]) + piece.start
        if good.size == 0:
            continue
        breaks = np.flatnonzero(np.diff(good) > least)
        starts, stops = [good[0], *good[breaks + 1]], [*good[breaks], good[-1]]
        found += [slice(int(a), int(b) + 1) for a, b in zip(starts, stops, strict=True)]
    return found


def _near(example: Example, star: int, centre: float) -> np.ndarray:
    """Pixels within 200 km/s of a line, but for those without weight."""
    half = 200 / 299_792.458 * centre
    return np.asarray((np.abs(example.wavelength - centre) < half) & (example.ivar[star] > 0))


def _flux_limits(example: Example, star: int) -> tuple[float, float]:
    good = (example.ivar[star] > 0) & np.isfinite(example.model[star])
    flux, model = example.flux[star][good], example.model[star][good]
    low = min(np.percentile(flux, 0.3), model.min())
    high = max(np.percentile(flux, 99.7), model.max())
    return float(low - 0.05 * (high - low)), float(high + 0.07 * (high - low))


def _draw(
    above: Axes, below: Axes, example: Example, star: int, pixels: np.ndarray, ylim, steps: bool = False
):
    """One stretch of spectrum in a pair of panels; bad pixels are shaded and have no flux drawn."""
    wave, ivar = example.wavelength[pixels], example.ivar[star][pixels]
    good = ivar > 0
    flux = np.where(good, example.flux[star][pixels], np.nan)
    model = example.model[star][pixels]
    sigma = np.where(good, 1 / np.sqrt(np.where(good, ivar, 1)), np.nan)
    residual = (flux - model) / sigma
    shape: dict[str, Any] = {"drawstyle": "steps-mid"} if steps else {}
    above.plot(wave, flux, color=COLOURS["ink"], linewidth=0.9 if steps else 0.5, label="observed", **shape)
    above.plot(
        wave, model, color=COLOURS["vermilion"], linewidth=0.9 if steps else 0.6, alpha=0.9, label="model"
    )
    below.plot(wave, residual, color=COLOURS["blue"], linewidth=0.8 if steps else 0.4, **shape)
    below.axhspan(-1, 1, color="#E4E4E4", linewidth=0, zorder=0)
    below.axhline(0, color=COLOURS["ink"], linewidth=0.5)
    below.set_ylim(-_SIGMA, _SIGMA)
    below.set_yticks([-4, 0, 4])
    if ylim:
        above.set_ylim(*ylim)
    half = np.median(np.diff(example.wavelength[pixels])) / 2 if len(pixels) > 1 else 0
    for a, b in runs(~good):
        for ax in (above, below):
            ax.axvspan(wave[a] - half, wave[b - 1] + half, color=BAD, linewidth=0, zorder=0)


def runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """Where a mask is true: (start, stop) of every run."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
