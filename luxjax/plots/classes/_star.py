"""Figure of one classified spectrum: the features that decide, its probabilities, and what pulls which way."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ...core import InputError
from ...data import Spectra
from ...indices import Index, builtin_indices
from ...interpret.internal import LOG_RATIO, Shapley
from ...preprocessing import to_medium
from .._style import COLOURS, WIDTH, styled
from ._classes import class_colours
from ._why import feature_name

__all__ = ["plot_spectrum_why"]

FOR, AGAINST = "vermilion", "blue"
_UNITS = {"width": "A", "asymmetry": "A", "slope": "mag", "curvature": "mag"}
_APART = 0.012  # of the wavelength range: numbers nearer than this share a place


@styled
def plot_spectrum_why(
    spectra: Spectra,
    row: int,
    shapley: Shapley,
    shapley_row: int,
    probabilities: pd.Series,
    *,
    redshift: float = 0.0,
    n: int = 8,
    title: str = "",
) -> Figure:
    """One spectrum at rest with the bands of its strongest features, its probabilities, and the pull of each feature.

    The pull is between the likeliest class and the runner-up: the difference of their Shapley values, which with the base and all other features
    adds up to ln p_1 / p_2 (for forests to p_1 - p_2). Vermilion pulls to the likeliest class, blue to the runner-up.

    Parameters
    ----------
    spectra : Spectra
    row : int
        The spectrum among them.
    shapley : Shapley
        As from `explain_classes`.
    shapley_row : int
        The same spectrum among the rows of the values.
    probabilities : Series
        Calibrated, by class.
    redshift : float
        Redshift of the star in the frame of the spectra.
    n : int
        Features to show.
    title : str
    """
    if set(probabilities.index) != set(shapley.labels):
        raise InputError(
            f"probabilities of {', '.join(probabilities.index)} do not go with Shapley values of {', '.join(shapley.labels)}."
        )
    order = probabilities.sort_values(ascending=False, kind="stable").index
    best, next_ = (shapley.labels.index(str(c)) for c in order[:2])
    pull = shapley.values[shapley_row, :, best] - shapley.values[shapley_row, :, next_]
    base = float(shapley.base[best] - shapley.base[next_])
    chosen = np.argsort(-np.abs(pull), kind="stable")[:n]
    figure = Figure(figsize=(WIDTH, 2.35 + 0.19 * (n + 2)))
    figure.set_layout_engine("constrained", w_pad=0.09)
    above, below = figure.subfigures(2, 1, height_ratios=[2.0, 0.35 + 0.19 * (n + 2)])
    _spectrum(above.subplots(), spectra, row, redshift, shapley, chosen, pull)
    left, right = below.subplots(1, 2, width_ratios=[1, 2.4])
    _probabilities(left, probabilities.loc[list(shapley.labels)])
    _pulls(right, shapley, shapley_row, chosen, pull, base, (str(order[0]), str(order[1])))
    above.suptitle((title or str(spectra.ids[row])).replace("$", r"\$"), fontsize=9.5)
    return figure


def _spectrum(ax: Axes, spectra: Spectra, row: int, redshift: float, shapley: Shapley, chosen, pull) -> None:
    one = to_medium(spectra.select(slice(row, row + 1)), "vacuum")
    wavelength, good = one.wavelength / (1 + redshift), one.good[0]
    flux = np.where(good, one.flux[0], np.nan)
    flux = flux / np.nanmedian(flux)
    ax.plot(wavelength, flux, color=COLOURS["ink"], linewidth=0.45)
    low, high = np.nanquantile(flux, [0.002, 0.998])
    pad = 0.08 * (high - low) or 0.1
    ax.set_ylim(min(low - pad, 0) if low < 0.3 else low - pad, high + pad)
    seen = wavelength[good]
    ax.set_xlim(seen[0], seen[-1])
    bands = {index.name: index.vacuum() for index in builtin_indices()}
    groups: list[tuple[float, list[int], list[tuple[float, float]]]] = []  # features of about the same place
    for k, j in enumerate(chosen):
        for band in _middle(bands[shapley.features[j]]) if shapley.features[j] in bands else []:
            near = [g for g in groups if abs(g[0] - np.mean(band)) < _APART * (seen[-1] - seen[0])]
            if not near:
                near = [(float(np.mean(band)), [], [])]
                groups += near
            near[0][1].append(k)
            near[0][2].append(band)
    for at, members, spans in groups:
        # bands lie upon each other: in the colour of what they pull together
        colour = COLOURS[FOR if pull[chosen[members]].sum() > 0 else AGAINST]
        for start, stop in dict.fromkeys(spans):
            ax.axvspan(start, stop, color=colour, alpha=0.28, linewidth=0, zorder=0)
        text = ",".join(str(k + 1) for k in dict.fromkeys(members))
        ax.text(at, 1.015, text, transform=ax.get_xaxis_transform(), ha="center", va="bottom", fontsize=7, color=colour)  # fmt: skip
    ax.set_xlabel(r"Rest wavelength ($\mathrm{\AA}$, vacuum)")
    ax.set_ylabel("Flux over its median")


def _middle(index: Index) -> list[tuple[float, float]]:
    """The index band, or all bands of an index that has none."""
    return index.bands if index.band is None else [index.band]


def _probabilities(ax: Axes, p: pd.Series) -> None:
    y = np.arange(len(p))[::-1]
    ax.barh(y, p.to_numpy(float), 0.62, color=class_colours([str(c) for c in p.index]))
    for at, value in zip(y, p, strict=True):
        text = "< 0.001" if value < 0.0005 else f"{value:.3f}"
        inside = value > 0.7
        ax.text(value + (-0.02 if inside else 0.02), at, text, va="center", ha="right" if inside else "left", fontsize=7, color="white" if inside else COLOURS["ink"])  # fmt: skip
    ax.set_yticks(y, p.index)
    ax.set_xlim(0, 1)
    ax.minorticks_off()
    ax.tick_params(axis="y", which="both", length=0)
    ax.set_xlabel("Probability")


def _pulls(ax: Axes, shapley: Shapley, row: int, chosen, pull, base: float, names: tuple[str, str]) -> None:
    rest = float(pull.sum() - pull[chosen].sum())
    values = [*pull[chosen], rest, base]
    units = {index.name: index.unit for index in builtin_indices()}
    words = [
        f"{k + 1}  {feature_name(shapley.features[j])} {_short(shapley.data[row, j], units.get(shapley.features[j], ''))}"
        for k, j in enumerate(chosen)
    ]
    words += [f"{len(pull) - len(chosen)} other features", "all stars on average"]
    y = np.arange(len(values))[::-1]
    colours = [COLOURS[FOR if v > 0 else AGAINST] for v in values[: len(chosen)]] + ["#BDBDBD"] * 2
    ax.barh(y, values, 0.62, color=colours)
    ax.axvline(0, color=COLOURS["ink"], linewidth=0.7)
    ax.axhline(1.5, color="#C9C9C9", linewidth=0.6)
    ax.set_yticks(y, words, fontsize=7)
    ax.set_ylim(-0.6, len(values) - 0.4)
    ax.minorticks_off()
    ax.tick_params(axis="y", which="both", length=0)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    total = sum(values)
    first, second = names
    log = shapley.output == LOG_RATIO
    ratio = (
        rf"\ln\,p_\mathrm{{{first}}}/p_\mathrm{{{second}}}"
        if log
        else rf"p_\mathrm{{{first}}} - p_\mathrm{{{second}}}"
    )
    ax.set_xlabel(
        rf"Pull to {second} (left) or {first} (right); together ${ratio} = {total:.2f}$"
        + ("" if log else " before calibration")
    )


def _short(value: float, unit: str) -> str:
    if not np.isfinite(value):
        return "not measured"
    return f"= {value:.3g}".replace("-", "\N{MINUS SIGN}") + {"A": " Å", "mag": " mag"}.get(
        _UNITS.get(unit, unit), ""
    )
