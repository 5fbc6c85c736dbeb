"""Less noise at the price of correlated pixels: polynomial and median smoothing, and rejection of cosmic rays.

Each gives the variance of its output pixels. Neighbouring output pixels share input pixels, so what is summed over them afterwards has
larger errors than independent pixels would; nothing in luxjax smooths unless asked to.
"""

import numpy as np

from ..core import InputError
from ..data import Spectra

__all__ = ["reject_cosmic_rays", "smooth_median", "smooth_polynomial"]


def _windows(array: np.ndarray, window: int, fill) -> np.ndarray:
    """The `window` pixels about each pixel, (star, pixel, window); `fill` beyond the ends."""
    half = window // 2
    padded = np.pad(array, ((0, 0), (half, half)), constant_values=fill)
    return np.lib.stride_tricks.sliding_window_view(padded, window, axis=1)


def _check(window: int, least: int) -> None:
    if window % 2 != 1 or window < least:
        raise InputError(
            f"a smoothing window is an odd number of pixels, here of at least {least}; given: {window}."
        )


def smooth_polynomial(spectra: Spectra, window: int = 7, order: int = 2) -> Spectra:
    """Every pixel by the polynomial through the good pixels about it (Savitzky & Golay 1964, Anal. Chem. 36, 1627).

    Parameters
    ----------
    spectra : Spectra
    window : int
        Pixels fitted, odd.
    order : int
        Order of the polynomial.

    Returns
    -------
    Spectra
        A pixel with too few good ones about it, less than order + 2, is masked. Variances are exact for independent pixels.
    """
    _check(window, order + 2)
    x = np.arange(window) - window // 2
    powers = (
        x[None, :] ** np.arange(order + 1)[:, None]
        / float(max(window // 2, 1)) ** np.arange(order + 1)[:, None]
    )
    flux, ivar = np.zeros(spectra.flux.shape), np.zeros(spectra.flux.shape)
    for row in range(len(spectra)):
        good = _windows(spectra.good[row : row + 1].astype(float), window, 0.0)[0]
        enough = good.sum(axis=1) >= order + 2
        some = good[enough]
        matrix = np.einsum("pw,aw,bw->pab", some, powers, powers)
        # the value at the middle is the constant term: first row of the inverse
        first = np.linalg.solve(matrix, np.broadcast_to(np.eye(order + 1)[:, :1], (*matrix.shape[:2], 1)))[
            ..., 0
        ]
        weight = some * (first @ powers)
        value = np.where(spectra.good[row], spectra.flux[row], 0)[None]
        variance = np.where(spectra.good[row], 1 / np.where(spectra.good[row], spectra.ivar[row], 1), 0)[None]
        flux[row, enough] = np.sum(weight * _windows(value, window, 0.0)[0][enough], axis=1)
        ivar[row, enough] = 1 / np.sum(weight**2 * _windows(variance, window, 0.0)[0][enough], axis=1)
    return spectra.replace(
        flux=flux, ivar=ivar, step=f"smoothed by a polynomial of order {order} over {window} pixels"
    )


def smooth_median(spectra: Spectra, window: int = 5) -> Spectra:
    """Every pixel by the median of the good pixels about it.

    The variance is that of the median of n normal deviates, pi / (2 n + pi - 2) of their mean variance (within 3% from n = 3 on),
    and so holds where the spectrum is flat over the window. Masked pixels take the median of their neighbours, if at least half of
    the window is good.

    Parameters
    ----------
    spectra : Spectra
    window : int
        Pixels, odd.
    """
    _check(window, 3)
    flux, ivar = np.zeros(spectra.flux.shape), np.zeros(spectra.flux.shape)
    for row in range(len(spectra)):
        good = _windows(spectra.good[row : row + 1], window, False)[0]
        count = good.sum(axis=1)
        enough = 2 * count > window
        seen = np.where(good, _windows(spectra.flux[row : row + 1], window, 0)[0], np.nan)[enough]
        safe = np.where(spectra.good[row], spectra.ivar[row], 1)[None]
        variance = np.where(good, 1 / _windows(safe, window, 1)[0], 0).sum(axis=1)[enough] / count[enough]
        flux[row, enough] = np.nanmedian(seen, axis=1)
        ivar[row, enough] = (2 * count[enough] + np.pi - 2) / np.pi / variance
    return spectra.replace(flux=flux, ivar=ivar, step=f"smoothed by the median of {window} pixels")


def reject_cosmic_rays(spectra: Spectra, threshold: float = 8.0, window: int = 11) -> Spectra:
    """Mask pixels that stand out upward of their neighbourhood, as cosmic rays and sky residuals do.

    A pixel is masked, and the one on either side, where its flux exceeds the running median by `threshold` times its own error and the
    scatter of the neighbourhood (1.48 times the median absolute deviation) added in quadrature. Absorption lines are never touched.

    Parameters
    ----------
    spectra : Spectra
    threshold : float
    window : int
        Pixels of the neighbourhood, odd.

    Examples
    --------
    >>> import numpy as np
    >>> import luxjax
    >>> from luxjax.preprocessing import reject_cosmic_rays
    >>> flux = np.ones((1, 50))
    >>> flux[0, 20] = 9.0
    >>> spectra = luxjax.Spectra(flux, np.full((1, 50), 1e4), 5000.0 + np.arange(50), "vacuum", ["a"])
    >>> np.flatnonzero(~reject_cosmic_rays(spectra).good[0]).tolist()
    [19, 20, 21]
    """
    _check(window, 5)
    if not threshold > 0:
        raise InputError(f"threshold is {threshold}; give a number of standard deviations above 0.")
    hit = np.zeros(spectra.flux.shape, bool)
    for row in range(len(spectra)):
        good = spectra.good[row]
        near = _windows(np.where(good, spectra.flux[row], np.nan)[None], window, np.nan)[0]
        rows = np.flatnonzero(good)
        middle = np.nanmedian(near[rows], axis=1)
        scatter = 1.4826 * np.nanmedian(np.abs(near[rows] - middle[:, None]), axis=1)
        error2 = 1 / spectra.ivar[row, rows] + scatter**2
        hit[row, rows] = spectra.flux[row, rows] - middle > threshold * np.sqrt(error2)
    hit[:, 1:] |= hit[:, :-1].copy()
    hit[:, :-1] |= hit[:, 1:].copy()
    step = f"masked {int(hit.sum())} pixels more than {threshold:g} sigma above their neighbourhood"
    return spectra.replace(ivar=np.where(hit, 0, spectra.ivar), step=step)
