"""Figures of what a posterior predicts: a star's spectrum with its bands, labels of stars, and labels of one star jointly."""

from typing import Any

import jax
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from scipy.ndimage import gaussian_filter

from ..core import InputError, PRNGKeyArray, as_key
from ..data import LabelTable
from ..posterior import AbstractPosterior
from ._spectra import BAD, BOTTOM, LEFT, ROW, TOP, pairs, runs, segments
from ._style import COLOURS, WIDTH, axis_title, grid, label_name, styled

__all__ = ["corner", "label_draws", "label_intervals", "predictive"]

DRAWS = 400  # of spectra
LABEL_DRAWS = 2000
ZOOMS = 3
ENDS = (0.025, 0.16, 0.5, 0.84, 0.975)
DARK, LIGHT = "#8FB8DA", "#D3E3F1"  # noise-free model, and model with noise


def _star(posterior: AbstractPosterior, star: int | str) -> AbstractPosterior:
    """The posterior of one star, named by its id or its row."""
    if isinstance(star, str):
        rows = np.flatnonzero(posterior.ids == star)
        if len(rows) == 0:
            raise InputError(f"there is no star '{star}' in this posterior of {len(posterior)} stars.")
        star = int(rows[0])
    if not 0 <= star < len(posterior):
        raise InputError(f"there is no star {star}; there are {len(posterior)}, counted from 0.")
    return posterior.select([star])


@styled
def predictive(
    posterior: AbstractPosterior, star: int | str, name: str = "", *, key: PRNGKeyArray | int
) -> Figure:
    """A star's spectrum with what its posterior predicts: every detector, residuals, and the least certain pixels.

    Parameters
    ----------
    posterior : AbstractPosterior
        With its data.
    star : int or str
        Row or id.
    name : str
        Spectra; by default the first that the star was inferred from.
    key : jax random key or int
    """
    one = _star(posterior, star)
    batch, fitted = one.batch, one.fitted
    spectra = [k for k in (() if batch is None else batch.names) if fitted.info(k).is_spectra]
    name = name or (spectra[0] if spectra else "")
    if batch is None or name not in spectra:
        raise InputError(
            f"this posterior holds no observed spectra '{name}'; infer from spectra, or load it with its data."
        )
    m, wavelength = batch[name], fitted.info(name).wavelength
    assert wavelength is not None
    flux, ivar = np.asarray(m.value, float)[0], np.asarray(m.ivar, float)[0]
    clean_key, noisy_key = jax.random.split(as_key(key))
    clean = np.quantile(one.predict(name, DRAWS, key=clean_key)[:, 0], ENDS, axis=0)
    noisy = one.predict(name, DRAWS, key=noisy_key, noise=True)[:, 0]
    shown = _Shown(wavelength, flux, ivar, clean, noisy.mean(0), noisy.std(0))
    parts = segments(wavelength, ivar[None])
    figure = Figure(figsize=(WIDTH, TOP + BOTTOM + ROW * (len(parts) + 1)))
    for row, part in enumerate(parts):
        (above, below), *_ = pairs(figure, row, 1)
        shown.draw(above, below, np.arange(part.start, part.stop), bands=False)
        below.set_xlim(wavelength[part.start], wavelength[part.stop - 1])
    centres = shown.least_certain(ZOOMS)
    for (above, below), pixels in zip(pairs(figure, len(parts), len(centres)), centres, strict=True):
        shown.draw(above, below, pixels, bands=True)
        below.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    _heading(figure, f"{one.ids[0]}, {one.method}:  {shown.words()}", fitted.info(name).medium or "")
    return figure


class _Shown:
    """A spectrum, its model's quantiles, and mean and spread of predictive draws."""

    def __init__(self, wavelength, flux, ivar, clean, mean, sd):
        self.wavelength, self.flux, self.good = wavelength, np.where(ivar > 0, flux, np.nan), ivar > 0
        self.clean, self.mean, self.sd = clean, clean[2], sd
        self.residual = np.where(self.good, (flux - self.mean) / np.where(sd > 0, sd, np.nan), np.nan)

    def words(self) -> str:
        inside = np.nanmean(np.abs(self.residual[self.good]) < 1.96)
        return f"{inside:.1%} of pixels within the predictive 95%"

    def least_certain(self, n: int) -> list[np.ndarray]:
        """Pixels around those whose noise-free flux is known worst, apart from each other."""
        width, half = np.where(self.good, self.clean[3] - self.clean[1], -1.0), 25
        found: list[np.ndarray] = []
        while len(found) < n and width.max() > 0:
            centre = int(np.argmax(width))
            first = min(max(centre - half, 0), max(len(width) - 2 * half - 1, 0))
            found.append(np.arange(first, min(first + 2 * half + 1, len(width))))
            width[max(centre - 3 * half, 0) : centre + 3 * half] = -1
        return found

    def draw(self, above: Axes, below: Axes, pixels: np.ndarray, *, bands: bool) -> None:
        wave = self.wavelength[pixels]
        if bands:
            low, high = self.mean - 1.96 * self.sd, self.mean + 1.96 * self.sd
            above.fill_between(wave, low[pixels], high[pixels], color=LIGHT, linewidth=0, step="mid")
            above.fill_between(
                wave, self.clean[0, pixels], self.clean[4, pixels], color=DARK, linewidth=0, step="mid"
            )
        style = {"drawstyle": "steps-mid", "linewidth": 0.9} if bands else {"linewidth": 0.5}
        above.plot(wave, self.flux[pixels], color=COLOURS["ink"], **style)
        above.plot(wave, self.mean[pixels], color=COLOURS["vermilion"], alpha=0.9, **style)
        below.axhspan(-2, 2, color=LIGHT, linewidth=0, zorder=0)
        below.axhspan(-1, 1, color=DARK, linewidth=0, zorder=0)
        below.plot(wave, self.residual[pixels], color=COLOURS["ink"], **(style | {"linewidth": 0.5}))
        below.set_ylim(-5, 5)
        below.set_yticks([-4, 0, 4])
        half = np.median(np.diff(wave)) / 2 if len(wave) > 1 else 0.0
        for a, b in runs(~self.good[pixels]):
            for ax in (above, below):
                ax.axvspan(wave[a] - half, wave[b - 1] + half, color=BAD, linewidth=0, zorder=0)


def _heading(figure: Figure, words: str, medium: str) -> None:
    width, height = figure.get_size_inches()
    y = 1 - 0.2 / height
    figure.text(LEFT / width, y, words.replace("$", r"\$"), fontsize=9.5, va="center")
    handles = [
        Line2D([], [], color=COLOURS["ink"], linewidth=1, label="observed"),
        Line2D([], [], color=COLOURS["vermilion"], linewidth=1, label="posterior median"),
        Patch(color=DARK, label="95% of the model"),
        Patch(color=LIGHT, label="95% with noise"),
        Patch(color=BAD, label="bad pixels"),
    ]
    figure.legend(
        handles=handles,
        loc="center left",
        bbox_to_anchor=(LEFT / width, 1 - 0.38 / height),
        borderpad=0,
        borderaxespad=0,
        ncols=5,
        columnspacing=1.2,
    )
    figure.text(0.5, 0.14 / height, rf"Wavelength ($\mathrm{{\AA}}$, {medium})", fontsize=9, ha="center")


def label_draws(posterior: AbstractPosterior, *, key: PRNGKeyArray | int) -> np.ndarray:
    """Draws of the true labels of all stars, their intrinsic scatter about the model included, (draw, star, label)."""
    unmeasured = posterior.replace(batch=None)  # the noise of a measured label is not part of the star
    return unmeasured.predict(posterior.fitted.label_output(), LABEL_DRAWS, key=key, noise=True)


def _reference(names, table: LabelTable | None) -> tuple[np.ndarray, np.ndarray] | None:
    """Observed labels and errors in the model's order; NaN where missing."""
    if table is None:
        return None
    value, error = (np.full((len(table), len(names)), np.nan) for _ in range(2))
    for j, name in enumerate(names):
        if name in table.names:
            k = table.names.index(name)
            value[:, j] = table.value[:, k]
            error[:, j] = np.where(np.isfinite(table.value[:, k]), table.error[:, k], np.nan)
    return value, error


@styled
def label_intervals(
    posterior: AbstractPosterior,
    observed: LabelTable | None = None,
    truth: np.ndarray | None = None,
    *,
    key: PRNGKeyArray | int,
    most: int = 30,
) -> Figure:
    """Posterior intervals of every label, star by star, with observed and true labels where known.

    Parameters
    ----------
    posterior : AbstractPosterior
    observed : LabelTable, optional
        Of the same stars.
    truth : (star, label) array, optional
        In the model's order of labels.
    key : jax random key or int
    most : int
        Stars shown.
    """
    posterior = posterior.select(slice(0, most))
    info, draws = posterior.fitted.info(posterior.fitted.label_output()), label_draws(posterior, key=key)
    n, names, known = len(posterior), info.names, _reference(info.names, observed)
    figure, axes = grid(len(names), 2, (WIDTH / 2, 1.75), minor=False)
    row = np.arange(n)
    for j, (ax, name) in enumerate(zip(axes, names, strict=True)):
        low, left, middle, right, high = np.quantile(draws[:, :, j], ENDS, axis=0)
        if known is not None:
            ax.errorbar(
                row + 0.25, known[0][:n, j], known[1][:n, j], fmt="o", ms=2.5, lw=0.7, color=COLOURS["grey"],
                label="observed",
            )  # fmt: skip
        ax.vlines(row, low, high, color=COLOURS["blue"], linewidth=0.8)
        ax.vlines(row, left, right, color=COLOURS["blue"], linewidth=2.6, alpha=0.75)
        ax.plot(row, middle, "o", color=COLOURS["blue"], ms=3, label="posterior, 68% and 95%")
        if truth is not None:
            ax.plot(row, truth[:n, j], "x", color=COLOURS["vermilion"], ms=4, mew=1.1, label="true", zorder=5)
        ax.set_xlim(-0.7, n - 0.3)
        ax.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        ax.tick_params(axis="x", which="both", top=False)
        ax.set_ylabel(axis_title(name, info.units))
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    figure.supxlabel("Star, in the order of the table", fontsize=9)
    return figure


@styled
def corner(
    posterior: AbstractPosterior, star: int | str, truth: np.ndarray | None = None, *, key: PRNGKeyArray | int
) -> Figure:
    """Labels of one star, each and in pairs: 68% and 95% regions, the scatter of labels about the model included.

    Parameters
    ----------
    posterior : AbstractPosterior
    star : int or str
        Row or id.
    truth : (label,) array, optional
        True labels, in the model's order.
    key : jax random key or int
    """
    one = _star(posterior, star)
    info, values = one.fitted.info(one.fitted.label_output()), label_draws(one, key=key)[:, 0]
    names, n = info.names, len(info.names)
    layout = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    figure = Figure(figsize=(0.6 + 1.3 * n, 0.6 + 1.3 * n), layout=layout)
    axes = figure.subplots(n, n, squeeze=False, sharex="col")
    for i in range(n):
        for j in range(n):
            ax = axes[i, j]
            if j > i:
                ax.remove()
                continue
            _marginal(ax, values[:, j]) if i == j else _pair(ax, values[:, j], values[:, i])
            if truth is not None:
                ax.axvline(truth[j], color=COLOURS["vermilion"], linewidth=0.9)
                if i != j:
                    ax.axhline(truth[i], color=COLOURS["vermilion"], linewidth=0.9)
            _axis(ax, i, j, names, info.units, n)
    handles: list[Any] = [
        Patch(facecolor=DARK, edgecolor=COLOURS["blue"], label="68% of the posterior"),
        Patch(facecolor=LIGHT, edgecolor=COLOURS["blue"], label="95%"),
    ]
    if truth is not None:
        handles.append(Line2D([], [], color=COLOURS["vermilion"], linewidth=0.9, label="true"))
    figure.legend(
        handles=handles,
        loc="upper right",
        bbox_to_anchor=(0.98, 0.98),
        title=str(one.ids[0]).replace("$", r"\$"),
        title_fontsize=9,
    )
    return figure


def _marginal(ax: Axes, values: np.ndarray) -> None:
    ax.hist(values, 30, histtype="stepfilled", color=DARK)
    for q in (0.16, 0.84):
        ax.axvline(np.quantile(values, q), color=COLOURS["blue"], linewidth=0.8, linestyle=(0, (3, 2)))
    ax.tick_params(axis="y", which="both", left=False, right=False, labelleft=False)


def _pair(ax: Axes, x: np.ndarray, y: np.ndarray) -> None:
    """Highest-density regions of a smoothed histogram."""
    ends = [_padded(v) for v in (x, y)]
    count, xs, ys = np.histogram2d(x, y, 40, ends)
    density = gaussian_filter(count, 1.5)
    order = np.sort(density, axis=None)[::-1]
    mass = np.cumsum(order) / order.sum()
    levels = [order[np.searchsorted(mass, level)] for level in (0.95, 0.68)]
    middle = [0.5 * (e[1:] + e[:-1]) for e in (xs, ys)]
    ax.contourf(*middle, density.T, [*levels, density.max() * 1.01], colors=[LIGHT, DARK])
    ax.contour(*middle, density.T, levels, colors=[COLOURS["blue"]], linewidths=0.7)


def _padded(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [0.001, 0.999])
    return float(low - 0.15 * (high - low)), float(high + 0.15 * (high - low))


def _axis(ax: Axes, i: int, j: int, names, units, n: int) -> None:
    ax.xaxis.set_major_locator(MaxNLocator(3))
    ax.yaxis.set_major_locator(MaxNLocator(3))
    ax.minorticks_off()
    ax.tick_params(labelsize=7)
    ax.tick_params(axis="x", labelbottom=i == n - 1, rotation=30)
    if i == n - 1:
        ax.set_xlabel(axis_title(names[j], units))
    if i != j:
        ax.tick_params(axis="y", labelleft=j == 0)
        if j == 0:
            ax.set_ylabel(axis_title(names[i], units))
    else:
        ax.set_title(label_name(names[j]), fontsize=8, pad=2)
