"""Flux at rest, over its own smooth continuum, averaged over the pixels of a grid."""

import numpy as np
import pandas as pd

from ...data import Spectra
from ...preprocessing import bin_edges, to_medium

__all__ = ["at_rest", "at_rest_again", "spectra_at_rest"]

_ORDER = 4  # of the polynomial that takes away continuum, reddening and flux calibration

#: Where families of features are learned, Angstrom in vacuum, from below the Balmer limit's last lines to the calcium
#: triplet; 182 km/s apart, which is the resolution of LAMOST.
GRID = np.geomspace(3780.0, 8850.0, 1400)


def spectra_at_rest(spectra: Spectra, z: np.ndarray) -> Spectra:
    """Spectra on `GRID` in single precision, row for row."""
    flux, ivar = (a.astype(np.float32) for a in at_rest(spectra, z, GRID))
    facts = None if spectra.table is None else pd.DataFrame(spectra.table).reset_index(drop=True)
    return Spectra(flux, ivar, GRID, "vacuum", spectra.ids, frame="rest", survey=spectra.survey, table=facts)


def at_rest_again(flux: np.ndarray, ivar: np.ndarray, ids: np.ndarray, table: pd.DataFrame) -> Spectra:
    """Spectra that `spectra_at_rest` made, from their arrays."""
    return Spectra(flux, ivar, GRID, "vacuum", ids, frame="rest", table=table)


def at_rest(spectra: Spectra, z: np.ndarray, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Flux over its own smooth continuum, averaged over the pixels of the grid, and its inverse variance, (star, pixel)."""
    lower, upper = bin_edges(to_medium(spectra, "vacuum").wavelength)
    edges = np.append(bin_edges(grid)[0], bin_edges(grid)[1][-1])
    x = np.linspace(-1, 1, len(grid))
    basis = np.polynomial.legendre.legvander(x, _ORDER)
    flux, ivar = np.zeros((len(z), len(grid))), np.zeros((len(z), len(grid)))
    old, seen = np.append(lower, upper[-1]), spectra.good
    for k, shift in enumerate(z):
        good = seen[k]
        step = (upper - lower) * good
        variance = np.where(good, 1 / np.where(good, spectra.ivar[k], 1), 0)
        parts = np.stack([step, step * np.where(good, spectra.flux[k], 0), step * (upper - lower) * variance])
        sums = np.concatenate([np.zeros((3, 1)), np.cumsum(parts, axis=1, dtype=np.float64)], axis=1)
        width, light, noise = (np.diff(np.interp(edges * (1 + shift), old, s)) for s in sums)
        enough = width > 0.5 * np.diff(edges)
        safe = np.where(enough, width, 1)
        mean = light / safe
        coefficients = np.linalg.lstsq(basis[enough], mean[enough], rcond=None)[0]
        continuum = basis @ coefficients
        usable = enough & (continuum > 0.02 * np.max(continuum)) & (noise > 0)
        flux[k, usable] = mean[usable] / continuum[usable]
        ivar[k, usable] = (safe * continuum)[usable] ** 2 / noise[usable]
    return flux, ivar
