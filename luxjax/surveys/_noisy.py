"""Pixels that are much noisier than the others: found by their median error, and left out by taking their weight."""

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from ..data import Spectra

__all__ = ["NOISE_LIMIT", "ranges_in", "ranges_of", "too_noisy", "without_weight"]

NOISE_LIMIT = 5.0
# Pixels of the running median: the cores of Balmer lines in A stars, the widest lines there are, are up to 15 bins of LAMOST wide.
NEIGHBOURS = 31
# Times the limit beyond which a pixel goes whatever its neighbours are: remains of bright sky lines.
ALONE = 4.0
# Pixels of all stars that are turned over at once: no second copy of all spectra, and no walk through memory for each pixel.
BLOCK = 64


def too_noisy(spectra: Spectra, limit: float = NOISE_LIMIT) -> np.ndarray:
    """Pixels in stretches whose error is more than `limit` times the usual one, (pixel,) bool.

    The error of a pixel is the median over the stars that have it, and the usual one the median of these over all pixels. A pixel is left
    out if both its own error and the running median about it are above the limit: so the noisy ends of a spectrum go, and the core of a
    strong line, which is narrow, stays. Single pixels go beyond `ALONE` times the limit. A pixel that no star has is none of them.
    """
    error = np.full(spectra.n_pixels, np.nan)
    for start in range(0, spectra.n_pixels, BLOCK):
        for pixel, ivar in enumerate(np.ascontiguousarray(spectra.ivar[:, start : start + BLOCK].T), start):
            if len(seen := ivar[ivar > 0]):
                error[pixel] = np.median(1 / np.sqrt(seen.astype(np.float64)))
    if np.isnan(error).all():
        return np.zeros(spectra.n_pixels, bool)
    usual = np.nanmedian(error)
    # A window that leaves the spectrum is filled with its last pixels, so that ends are as wide as they are.
    padded = np.pad(error, NEIGHBOURS // 2, mode="edge" if len(error) else "constant")
    about = pd.Series(padded).rolling(NEIGHBOURS, center=True, min_periods=1).median().to_numpy()
    about = about[NEIGHBOURS // 2 : NEIGHBOURS // 2 + len(error)]
    with np.errstate(invalid="ignore"):
        return (error > limit * usual) & ((about > limit * usual) | (error > ALONE * limit * usual))


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
