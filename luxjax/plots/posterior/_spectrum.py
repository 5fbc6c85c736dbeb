"""A star's observed spectrum with what its posterior predicts."""

import jax
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ...core import InputError
from ...core.internal import PRNGKeyArray, as_key
from ...posterior import AbstractPosterior
from .._spectra import BAD, BOTTOM, LEFT, ROW, TOP, pairs, runs, segments
from .._style import COLOURS, WIDTH, styled
from ._labels import one_star

__all__ = ["plot_predictive"]

DRAWS = 400
ZOOMS = 3
LEAST = 20  # pixels of a stretch, on average; shorter ones are no detectors but pixels that somebody chose
ENDS = (0.025, 0.16, 0.5, 0.84, 0.975)
DARK, LIGHT = "#8FB8DA", "#D3E3F1"  # noise-free model, and model with noise


@styled
def plot_predictive(
    posterior: AbstractPosterior, star: int | str, name: str = "", *, key: PRNGKeyArray | int
) -> Figure:
    """A star's spectrum with what its posterior predicts: every detector, residuals, and the least certain pixels.

    Chosen pixels that lie scattered stand side by side, in the order of wavelength.

    Parameters
    ----------
    posterior : AbstractPosterior
        With its data.
    star : int or str
        Row or id.
    name : str
        Spectra. Default: the first that the star was inferred from.
    key : jax random key or int
    """
    one = one_star(posterior, star)
    batch, fitted = one.batch, one.fitted
    spectra = [k for k in (() if batch is None else batch.names) if fitted.info(k).is_spectra]
    name = name or (spectra[0] if spectra else "")
    if batch is None or name not in spectra:
        raise InputError(
            f"this posterior holds no observed spectra '{name}'; infer from spectra, or load it with its data."
        )
    m, wavelength = batch[name], fitted.info(name).wavelength
    assert wavelength is not None
    unit = fitted.scale_of(name)
    flux, ivar = np.asarray(m.value, float)[0] * unit, np.asarray(m.ivar, float)[0] / unit / unit
    clean_key, noisy_key = jax.random.split(as_key(key))
    clean = np.quantile(one.predict(name, DRAWS, key=clean_key)[:, 0], ENDS, axis=0)
    noisy = one.predict(name, DRAWS, key=noisy_key, noise=True)[:, 0]
    parts = segments(wavelength, ivar[None])
    words, medium = f"{one.ids[0]}, {one.method}:  ", fitted.info(name).medium or ""
    if len(parts) > 1 and len(flux) < LEAST * len(parts):
        shown = _Shown(np.arange(len(flux), dtype=float), flux, ivar, clean, noisy.mean(0), noisy.std(0))
        figure = Figure(figsize=(WIDTH, TOP + BOTTOM + ROW))
        (above, below), *_ = pairs(figure, 0, 1)
        shown.draw(above, below, np.arange(len(flux)), bands=True)
        below.set_xlim(-0.5, len(flux) - 0.5)
        span = rf"{wavelength[0]:.0f} to {wavelength[-1]:.0f} $\mathrm{{\AA}}$, {medium}"
        _heading(figure, words + shown.words(), f"Pixel, in the order of wavelength ({span})")
        return figure
    shown = _Shown(wavelength, flux, ivar, clean, noisy.mean(0), noisy.std(0))
    figure = Figure(figsize=(WIDTH, TOP + BOTTOM + ROW * (len(parts) + 1)))
    for row, part in enumerate(parts):
        (above, below), *_ = pairs(figure, row, 1)
        shown.draw(above, below, np.arange(part.start, part.stop), bands=False)
        if part.stop - part.start > 1:
            below.set_xlim(wavelength[part.start], wavelength[part.stop - 1])
    centres = shown.least_certain(ZOOMS)
    for (above, below), pixels in zip(pairs(figure, len(parts), len(centres)), centres, strict=True):
        shown.draw(above, below, pixels, bands=True)
        below.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    _heading(figure, words + shown.words(), rf"Wavelength ($\mathrm{{\AA}}$, {medium})")
    return figure


class _Shown:
    """A spectrum, its model's quantiles, and mean and spread of predictive draws."""

    def __init__(self, wavelength, flux, ivar, clean, mean, sd):
        self.wavelength, self.flux, self.good = wavelength, np.where(ivar > 0, flux, np.nan), ivar > 0
        self.clean, self.mean, self.sd = clean, clean[2], sd
        self.known = self.good | (
            clean[2] != 0
        )  # where no training star had a good pixel the model is 0: no flux
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
        above.plot(
            wave,
            np.where(self.known, self.mean, np.nan)[pixels],
            color=COLOURS["vermilion"],
            alpha=0.9,
            **style,
        )
        below.axhspan(-2, 2, color=LIGHT, linewidth=0, zorder=0)
        below.axhspan(-1, 1, color=DARK, linewidth=0, zorder=0)
        below.plot(wave, self.residual[pixels], color=COLOURS["ink"], **(style | {"linewidth": 0.5}))
        below.set_ylim(-5, 5)
        below.set_yticks([-4, 0, 4])
        half = np.median(np.diff(wave)) / 2 if len(wave) > 1 else 0.0
        for a, b in runs(~self.good[pixels]):
            for ax in (above, below):
                ax.axvspan(wave[a] - half, wave[b - 1] + half, color=BAD, linewidth=0, zorder=0)


def _heading(figure: Figure, words: str, below: str) -> None:
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
    figure.text(0.5, 0.14 / height, below, fontsize=9, ha="center")
