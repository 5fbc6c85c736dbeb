"""Figure of a power spectrum with the template that was fitted to it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ..lightcurves import PowerSpectrum
from ..lightcurves.internal import COMPONENTS, bin_edges, binned_power, template_power
from ._style import COLOURS, note, save, styled

__all__ = ["draw_power_spectra", "plot_power_spectrum"]

_LINES = {"granulation": "green", "hump": "vermilion", "activity": "purple", "white": "grey"}


@styled
def plot_power_spectrum(spectrum: PowerSpectrum, found: Any, lowest: float = 5.0) -> Figure:
    """Power density by frequency: observed, averaged in the bins of the fit, and the template with its components.

    Parameters
    ----------
    spectrum : PowerSpectrum
    found : row of a table, or mapping
        What `luxjax.lightcurves.seismic_log_g` found for this star.
    lowest : float
        Lowest frequency used in the fit, microhertz.
    """
    figure = Figure(figsize=(5.0, 3.4), layout="constrained")
    ax = figure.subplots()
    edges = bin_edges(lowest, spectrum.nyquist)
    centre = np.sqrt(edges[1:] * edges[:-1])
    value, error = binned_power(spectrum, edges)
    seen = np.isfinite(value)
    drawn = np.where(spectrum.power > 0, spectrum.power, np.nan)
    ax.loglog(spectrum.frequency, drawn, color="#C8C8C8", linewidth=0.4, label="observed", rasterized=True)
    mean = 10.0 ** value[seen]
    spread = [mean * (1 - 10.0 ** -error[seen]), mean * (10.0 ** error[seen] - 1)]
    ax.errorbar(
        centre[seen], mean, spread, fmt="o", color=COLOURS["ink"], markersize=2.5, linewidth=0.8, label="bins"
    )
    grid = np.geomspace(edges[0], edges[-1], 400)
    parts = template_power(grid, found["nu_max"], np.array([found[c] for c in COMPONENTS]), spectrum.nyquist)
    for name, part in zip(COMPONENTS, parts, strict=True):
        ax.plot(grid, part, color=COLOURS[_LINES[name]], linestyle=(0, (4, 2)), linewidth=0.9, label=name)
    ax.plot(grid, parts.sum(axis=0), color=COLOURS["blue"], label="template")
    ax.axvline(found["nu_max"], color=COLOURS["orange"], linewidth=0.8)
    ax.set_xlim(spectrum.frequency[0], edges[-1] * 1.1)
    ax.set_ylim(np.nanpercentile(drawn, 0.5), 2 * np.nanmax(drawn))
    ax.set_xlabel(r"Frequency ($\mu$Hz)")
    ax.set_ylabel(r"Power density (ppm$^2\,\mu$Hz$^{-1}$)")
    ax.legend(ncols=2, loc="lower left")
    said = rf"$\nu_\mathrm{{max}}$ = {found['nu_max']:.1f} $\pm$ {found['nu_max_err']:.1f} $\mu$Hz"
    if found["accepted"]:
        said += rf", $\log\,g$ = {found['logg']:.3f} $\pm$ {found['logg_err']:.3f}"
    note(
        ax,
        f"{spectrum.id}\n{said}" if found["accepted"] else f"{spectrum.id}, not accepted\n{said}",
        "upper right",
    )
    return figure


def draw_power_spectra(
    spectra: Sequence[PowerSpectrum], table: Any, figures: str | Path, lowest: float = 5.0
) -> list[Path]:
    """A figure of every star, ``ID.png`` and ``ID.pdf`` in the folder `figures`.

    Parameters
    ----------
    spectra : sequence of PowerSpectrum
    table : DataFrame
        Of `luxjax.lightcurves.seismic_log_g`, its first rows in the order of the spectra.
    figures : path
    lowest : float
        Lowest frequency used in the fit, microhertz.
    """
    folder = Path(figures)
    folder.mkdir(parents=True, exist_ok=True)
    return [
        save(plot_power_spectrum(one, table.iloc[k], lowest), folder, re.sub(r"[^\w.+-]+", "_", one.id))
        for k, one in enumerate(spectra)
    ]
