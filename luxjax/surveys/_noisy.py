"""Pixels that are much noisier than the others: found by their median error, and left out by taking their weight."""

import re
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from ..data import Spectra

__all__ = [
    "NOISE_LIMIT",
    "impossible_in",
    "ranges_in",
    "ranges_of",
    "too_noisy",
    "without_impossible",
    "without_weight",
]

NOISE_LIMIT = 5.0
STELLAR = (-0.5, 5.0)  # flux over continuum; a star has more in its strongest emission lines alone
ERRORS = 5.0  # by which noise may carry it beyond
# Neighbours of the running medians of errors and of fluxes: wider than a strong line, which is up to 15 bins of LAMOST wide.
NEIGHBOURS, AROUND = 31, 101
# Stars below which errors are compared with those of this many neighbours too.
FEW, BROAD = 10, 301
# Flux, as a fraction of that of the neighbours, below which there is a line.
CORE = 0.9
# Pixels of all stars that are turned over at once: no second copy of all spectra, and no walk through memory for each pixel.
BLOCK = 64


def too_noisy(spectra: Spectra, limit: float = NOISE_LIMIT) -> np.ndarray:
    """Pixels whose error is more than `limit` times the usual one, but for the cores of lines, (pixel,) bool.

    The error of a pixel is the median over the stars that have it, and the usual one the median of these over all pixels. Surveys state
    larger errors in strong lines, where there is most to learn: a few noisy pixels stay if the flux dips there below the running median of
    its neighbours, unless the running median of the errors is above the limit too, as in the noisy ends of a spectrum. A pixel that no
    star has is none of them. Errors of fewer than `FEW` stars are compared with a broad running median of themselves.
    """
    error = _medians(spectra, lambda flux, ivar: 1 / np.sqrt(ivar))
    if np.isnan(error).all():
        return np.zeros(spectra.n_pixels, bool)
    usual = np.full(spectra.n_pixels, np.nanmedian(error))
    if len(spectra) < FEW:  # their errors follow the colour of a star, which is no fault of its pixels
        broad = pd.Series(error).rolling(BROAD, center=True, min_periods=1).median().to_numpy()
        usual = np.fmax(usual, broad)
    with np.errstate(invalid="ignore"):
        high = error > limit * usual
        if not high.any():
            return high
        wide = running_median(error, NEIGHBOURS) > limit * usual
    flux = _medians(spectra, lambda flux, ivar: flux)
    with np.errstate(invalid="ignore"):
        dips = flux < CORE * running_median(flux, AROUND)
    out = high.copy()
    for run in np.split(np.flatnonzero(high), np.flatnonzero(np.diff(np.flatnonzero(high)) > 1) + 1):
        if not wide[run].any() and dips[run].any():
            out[run] = False
    return out


def _medians(spectra: Spectra, what: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """Median over the stars that have a pixel, NaN where none has, (pixel,)."""
    out = np.full(spectra.n_pixels, np.nan)
    for start in range(0, spectra.n_pixels, BLOCK):
        part = slice(start, start + BLOCK)
        columns = zip(
            np.ascontiguousarray(spectra.flux[:, part].T),
            np.ascontiguousarray(spectra.ivar[:, part].T),
            strict=True,
        )
        for pixel, (flux, ivar) in enumerate(columns, start):
            if (seen := ivar > 0).any():
                out[pixel] = np.median(what(flux[seen].astype(np.float64), ivar[seen].astype(np.float64)))
    return out


def running_median(values: np.ndarray, width: int) -> np.ndarray:
    """Median of this many neighbours, NaN left out; ends are continued by their last pixels."""
    padded = pd.Series(np.pad(values, width // 2, mode="edge")).rolling(width, center=True, min_periods=1)
    return padded.median().to_numpy()[width // 2 : width // 2 + len(values)]


def without_weight(spectra: Spectra, pixels: Iterable[int]) -> Spectra:
    """Spectra in which these pixels have no weight; the grid stays, so that catalogues remain comparable."""
    pixels = np.asarray(list(pixels), int)
    if not len(pixels):
        return spectra
    ivar = spectra.ivar.copy()
    ivar[:, pixels] = 0
    return spectra.replace(ivar=ivar)


def without_impossible(spectra: Spectra) -> Spectra:
    """Spectra divided by their continuum, without weight where they are no flux of a star: beyond `STELLAR` by over five errors.

    A continuum that comes near zero leaves values of hundreds, with errors that do not say so; one such value outweighs a survey. A star
    whose median is beyond was not divided by its continuum, whatever is said of it, and stays as it is.
    """
    if not spectra.normalized:
        return spectra
    low, high = STELLAR
    ivar, beyond = np.asarray(spectra.ivar), np.zeros(spectra.flux.shape, bool)
    for start in range(0, len(spectra), BLOCK):  # no second copy of all spectra
        part = slice(start, start + BLOCK)
        flux, root = spectra.flux[part], np.sqrt(ivar[part])
        beyond[part] = np.maximum(low - flux, flux - high) * root > ERRORS
    beyond[2 * np.count_nonzero(beyond, axis=1) > np.count_nonzero(ivar, axis=1)] = False
    return spectra.replace(ivar=np.where(beyond, np.zeros((), ivar.dtype), ivar)) if beyond.any() else spectra


def impossible_in(before: Spectra, after: Spectra) -> str:
    """How many values `without_impossible` left out, in words; blank for none."""
    if after is before:
        return ""
    lost = np.count_nonzero((before.ivar > 0) & (after.ivar == 0), axis=1)
    low, high = STELLAR
    return (
        f"{lost.sum()} flux values of {np.count_nonzero(lost)} spectra left out: a flux below {low:g} or above {high:g} times the continuum is "
        "that of no star"
    )


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
