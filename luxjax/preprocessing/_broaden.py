"""Spectra at a lower resolution: convolved with the Gaussian that turns one resolving power into another."""

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from scipy.special import ndtr

from ..core import InputError
from ..core.internal import doubles
from ..data import Spectra
from ._resample import bin_edges

__all__ = ["broaden"]

FWHM = 2 * np.sqrt(2 * np.log(2))  # of a Gaussian, in its standard deviations
REACH = 4.0  # standard deviations to either side
NARROWEST = 0.3  # standard deviation, in pixels, below which a Gaussian moves nothing that a pixel would show


def broaden(spectra: Spectra, resolution: float, *, own: ArrayLike | None = None) -> Spectra:
    """Spectra degraded to a lower resolving power.

    Every pixel becomes the mean of the good pixels about it, weighted by a Gaussian whose FWHM is the wanted one less the present one
    in quadrature, integrated over each pixel. Where the spectra are as coarse already, or coarser, they stay.

    Parameters
    ----------
    spectra : Spectra
    resolution : float
        Wanted resolving power, lambda / FWHM.
    own : float or (pixel,) array, optional
        Resolving power that the spectra have; an array for one of constant FWHM, say, which is ``wavelength / fwhm``. Infinite for
        models without instrument. Default: that which the spectra state.

    Returns
    -------
    Spectra
        Masked pixels stay masked. `ivar` is the inverse of the variance of each pixel; errors of neighbours are correlated.

    Raises
    ------
    InputError
        A resolving power is not positive, or that of the spectra is not known.

    Examples
    --------
    >>> import numpy as np
    >>> import luxjax
    >>> from luxjax.preprocessing import broaden
    >>> flux = np.ones((1, 201))
    >>> flux[0, 100] = 0.0  # a line of one pixel
    >>> spectra = luxjax.Spectra(flux, np.full((1, 201), 1e4), 5000.0 + 0.5 * np.arange(201), "air", ["a"])
    >>> coarse = broaden(spectra, 1800, own=np.inf)
    >>> bool(coarse.flux.min() > 0.8), round(float((1 - coarse.flux).sum()), 3), coarse.resolution
    (True, 1.0, 1800.0)
    """
    given = spectra.resolution if own is None else own
    if given is None:
        raise InputError(
            "the resolving power of the spectra is not known, so how much to broaden them is not either; give it as own=."
        )
    mine = np.broadcast_to(doubles("resolving powers", given), (spectra.n_pixels,))
    if not (0 < resolution < np.inf and np.all(mine > 0)):
        raise InputError(
            f"resolving powers are lambda / FWHM, positive numbers; given {resolution:g} and {mine.min():g}."
        )
    wave = spectra.wavelength
    sigma = np.sqrt(np.maximum((wave / resolution) ** 2 - (wave / mine) ** 2, 0)) / FWHM
    if not np.any(sigma > 0):
        return spectra
    weight = _kernel(wave, sigma)
    good = spectra.good
    safe = np.where(good, spectra.ivar, 1).astype(float)
    total = (weight @ good.T.astype(float)).T
    light = (weight @ np.where(good, spectra.flux, 0).T.astype(float)).T
    variance = (weight.power(2) @ np.where(good, 1 / safe, 0).T).T
    some = good & (total > 0)
    flux = np.where(some, light / np.where(some, total, 1), 0)
    ivar = np.where(some, total**2 / np.where(some, variance, 1), 0)
    return spectra.replace(
        flux=flux.astype(spectra.flux.dtype),
        ivar=ivar.astype(spectra.ivar.dtype),
        resolution=float(resolution) if np.all(mine >= resolution) else None,
        step=f"broadened to a resolving power of {resolution:g}",
    )


def _kernel(wave: np.ndarray, sigma: np.ndarray) -> sp.csr_array:
    """Share of each old pixel (column) in each new one (row); rows sum to one but for the ends."""
    lower, upper = bin_edges(wave)
    wide = sigma > NARROWEST * (upper - lower)
    reach = np.where(wide, REACH * sigma, 0)
    first = np.where(wide, np.searchsorted(upper, wave - reach), np.arange(len(wave)))
    last = np.where(wide, np.searchsorted(lower, wave + reach), np.arange(len(wave)) + 1)
    count = last - first
    row = np.repeat(np.arange(len(wave)), count)
    column = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    width = np.where(wide, sigma, 1)[row]
    share = ndtr((upper[column] - wave[row]) / width) - ndtr((lower[column] - wave[row]) / width)
    return sp.csr_array((np.where(wide[row], share, 1.0), (row, column)), shape=(len(wave), len(wave)))
