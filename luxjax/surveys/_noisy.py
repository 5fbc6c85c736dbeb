"""Pixels that are much noisier than the others: found by their median error, and left out by taking their weight."""

import re
from collections.abc import Iterable

import numpy as np

from ..data import Spectra

__all__ = ["NOISE_LIMIT", "ranges_in", "ranges_of", "too_noisy", "without_weight"]

NOISE_LIMIT = 5.0
# Pixels of all stars that are turned over at once: no second copy of all spectra, and no walk through memory for each pixel.
BLOCK = 64


def too_noisy(spectra: Spectra, limit: float = NOISE_LIMIT) -> np.ndarray:
    """Pixels whose median error is more than `limit` times that of the others, (pixel,) bool.

    The error of a pixel is the median over the stars that have it, and what it is compared with the median of these
    over all pixels. A pixel that no star has is none of them.
    """
    error = np.full(spectra.n_pixels, np.nan)
    for start in range(0, spectra.n_pixels, BLOCK):
        for pixel, ivar in enumerate(np.ascontiguousarray(spectra.ivar[:, start : start + BLOCK].T), start):
            if len(seen := ivar[ivar > 0]):
                error[pixel] = np.median(1 / np.sqrt(seen.astype(np.float64)))
    if np.isnan(error).all():
        return np.zeros(spectra.n_pixels, bool)
    return error > limit * np.nanmedian(error)


def without_weight(spectra: Spectra, pixels: Iterable[int]) -> Spectra:
    """Spectra in which these pixels have no weight; the grid stays, so that catalogues remain comparable."""
    pixels = np.asarray(list(pixels), int)
    if not len(pixels):
        return spectra
    ivar = spectra.ivar.copy()
    ivar[:, pixels] = 0
    return spectra.replace(ivar=ivar)


def ranges_of(wavelength: np.ndarray, pixels: Iterable[int]) -> str:
    """Pixels as ranges of wavelengths in Angstrom, to read and for `ranges_in`: ``3901.3-3905.1, 5577.2-5577.2``."""
    pixels = np.sort(np.asarray(list(pixels), int))
    runs = np.split(pixels, np.flatnonzero(np.diff(pixels) > 1) + 1) if len(pixels) else []
    return ", ".join(f"{wavelength[run[0]]:.3f}-{wavelength[run[-1]]:.3f}" for run in runs)


def ranges_in(text: str, wavelength: np.ndarray) -> np.ndarray:
    """The pixels, (pixel,) bool, in ranges that `ranges_of` wrote."""
    inside = np.zeros(len(wavelength), bool)
    for low, high in re.findall(r"([\d.]+)-([\d.]+)", text):
        inside |= (wavelength > float(low) - 2e-3) & (wavelength < float(high) + 2e-3)
    return inside
