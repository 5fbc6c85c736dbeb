"""Spectra on another wavelength grid, with flux conserved and variance propagated.

Every pixel is a bin. The new flux density of a bin is the mean of the old one over it, an integral over overlapping
bins, as in Carnall (2017, arXiv:1705.05165). For all stars at once this is one sparse matrix of overlaps.
"""

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

from ..core import InputError
from ..core.internal import doubles
from ..data import Spectra

__all__ = ["bin_edges", "resample", "resampled"]

# A step this many times its smaller neighbour is a gap, and no pixel reaches into it. One pixel left out
# doubles a step.
GAP = 1.9
# Overlaps below this fraction of the narrower bin are rounding: a mask bit must not leak through them.
ROUNDING = 1e-8


def bin_edges(wavelength: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper edge of every pixel.

    Neighbouring pixels meet half-way. Next to a gap (a step more than 1.9 times the smaller of the steps next to
    it, such as a detector gap or left-out pixels) and at both ends, a pixel reaches as far out as it
    does on its other side, so that it never spans the gap.

    Parameters
    ----------
    wavelength : (pixel,) array
        Pixel centres, strictly increasing, at least two.

    Returns
    -------
    lower, upper : (pixel,) arrays
        In the unit of `wavelength`.

    Examples
    --------
    >>> from luxjax.preprocessing import bin_edges
    >>> lower, upper = bin_edges([5000.0, 5001.0, 5002.0])
    >>> lower.tolist(), upper.tolist()
    ([4999.5, 5000.5, 5001.5], [5000.5, 5001.5, 5002.5])
    """
    centre = doubles("wavelengths", wavelength, "Angstrom")
    if centre.ndim != 1 or len(centre) < 2 or not np.all(np.diff(centre) > 0):
        raise InputError(
            f"pixel edges need a list of at least two finite, strictly increasing wavelengths; given: shape "
            f"{centre.shape}."
        )
    step = np.diff(centre)
    gap = gaps(step)
    middle = (centre[1:] + centre[:-1]) / 2
    half = np.where(gap, np.nan, step / 2)
    # Half-width outwards at a gap or an end: that of the other side; a lone pixel gets the grid's usual one.
    usual = np.nanmedian(half) if not gap.all() else step.min() / 2
    left, right = np.append(np.nan, half), np.append(half, np.nan)
    outward_left = np.where(np.isnan(right), usual, right)
    outward_right = np.where(np.isnan(left), usual, left)
    lower = centre - np.where(np.isnan(left), outward_left, left)
    upper = centre + np.where(np.isnan(right), outward_right, right)
    # Centres plus half-widths round differently from both sides; meet exactly. Across a gap never overlap.
    lower[1:] = np.where(gap, np.maximum(lower[1:], middle), middle)
    upper[:-1] = np.where(gap, np.minimum(upper[:-1], middle), middle)
    return lower, upper


def gaps(step: np.ndarray, factor: float = GAP) -> np.ndarray:
    """Which steps between pixels are gaps, (pixel - 1,) bool."""
    neighbour = np.minimum(np.append(np.inf, step[:-1]), np.append(step[1:], np.inf))
    return step > factor * neighbour


def resample(
    spectra: Spectra,
    wavelength: ArrayLike,
    *,
    min_coverage: float = 0.5,
    edges: tuple[ArrayLike, ArrayLike] | None = None,
    weighted: bool = False,
) -> Spectra:
    """Spectra on another wavelength grid.

    The flux of a new pixel is the mean of the old flux density over the good part of its bin, sum_i o_i f_i /
    sum_i o_i with o_i the overlap in Angstrom with each good old pixel; its variance is sum_i o_i^2 / ivar_i /
    (sum_i o_i)^2. So flux density (or normalised flux), not counts per pixel, is conserved: summed flux times bin
    width is the same before and after, wherever old pixels are good.

    Masked pixels (``ivar == 0``) never contribute. A new pixel counts as good if good old pixels cover at least
    `min_coverage` of its bin; otherwise, and outside the old grid or inside its gaps, flux and ivar are 0. Mask
    bits of all overlapping old pixels, bad ones included, are OR-ed.

    New pixels share old ones, so their errors are correlated; `ivar` is the inverse of the diagonal of their
    covariance. A chi-square over resampled pixels is therefore not chi-square distributed, most so on grids finer
    than the old one.

    Parameters
    ----------
    spectra : Spectra
    wavelength : (new pixel,) array
        Angstrom, strictly increasing, in the medium and frame of `spectra`.
    min_coverage : float
        Least fraction of a new bin that good old pixels must cover; above 0, at most 1.
    edges : pair of (new pixel,) arrays, optional
        Lower and upper edges of the new bins, Angstrom, in order and without overlap. Default: those of `bin_edges`.
    weighted : bool
        Weigh old pixels by their inverse variance instead, and by the fraction p_i of each that lies in the bin: the flux is
        sum_i p_i ivar_i f_i / sum_i p_i ivar_i and its variance sum_i p_i^2 ivar_i / (sum_i p_i ivar_i)^2. A bin of
        whole old pixels then has their weighted mean, and the sum of their ivar. Flux is conserved only where errors
        vary slowly. Default: False.

    Returns
    -------
    Spectra

    Examples
    --------
    >>> import numpy as np
    >>> import luxjax
    >>> from luxjax.preprocessing import resample
    >>> flux, ivar = [[1.0, 0.8, 0.6, 1.0]], np.full((1, 4), 100.0)
    >>> spectra = luxjax.Spectra(flux, ivar, [5000.0, 5001.0, 5002.0, 5003.0], "vacuum", ["a"])
    >>> coarse = resample(spectra, [5000.5, 5002.5])
    >>> coarse.flux.tolist(), coarse.ivar.tolist()
    ([[0.9, 0.8]], [[200.0, 200.0]])
    """
    if not 0 < min_coverage <= 1:
        raise InputError(f"min_coverage is a fraction above 0, at most 1; given: {min_coverage}.")
    target = doubles("wavelengths", wavelength, "Angstrom")
    matrix, width = overlaps(spectra.wavelength, target, edges)
    flux, ivar, mask = resampled(
        matrix,
        width,
        spectra.flux,
        spectra.ivar,
        spectra.mask,
        min_coverage,
        widths(spectra.wavelength) if weighted else None,
    )
    return spectra.replace(
        flux=flux,
        ivar=ivar,
        mask=mask,
        wavelength=target,
        step=f"resampled from {spectra.n_pixels} to {len(target)} pixels",
    )


def overlaps(
    old: np.ndarray, new: np.ndarray, edges: tuple[ArrayLike, ArrayLike] | None = None
) -> tuple[sp.csr_array, np.ndarray]:
    """Overlap in Angstrom of every new bin with every old one (new, old), and the new bins' widths."""
    low_old, high_old = bin_edges(old)
    low, high = bin_edges(new) if edges is None else _checked_edges(new, edges)
    # Bins are in order and do not overlap on either grid: those met by a new bin are a run of old ones.
    first = np.searchsorted(high_old, low, side="right")
    last = np.searchsorted(low_old, high, side="left")
    count = np.maximum(last - first, 0)
    row = np.repeat(np.arange(len(new)), count)
    column = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    length = np.minimum(high[row], high_old[column]) - np.maximum(low[row], low_old[column])
    real = length > ROUNDING * np.minimum((high - low)[row], (high_old - low_old)[column])
    shape = (len(new), len(old))
    return sp.csr_array((length[real], (row[real], column[real])), shape=shape), high - low


def _checked_edges(centre: np.ndarray, edges: tuple[ArrayLike, ArrayLike]) -> tuple[np.ndarray, np.ndarray]:
    low, high = (doubles("edges", edge, "Angstrom") for edge in edges)
    shaped = low.shape == high.shape == centre.shape
    if not (shaped and np.all(low < high) and np.all(high[:-1] <= low[1:])):
        raise InputError(
            f"edges are the lower and the upper edges of the {len(centre)} new pixels, in order and without overlap; "
            f"given: arrays of shapes {low.shape} and {high.shape}."
        )
    return low, high


def widths(wavelength: np.ndarray) -> np.ndarray:
    """Widths of pixels, (pixel,), in the unit of their wavelengths."""
    lower, upper = bin_edges(wavelength)
    return upper - lower


def resampled(
    matrix: sp.csr_array,
    width: np.ndarray,
    flux: np.ndarray,
    ivar: np.ndarray,
    mask: np.ndarray | None,
    min_coverage: float,
    old_width: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Flux, ivar and mask, (star, new pixel), by the overlaps (new, old) of `overlaps`.

    With the widths of the old pixels the mean is weighted by inverse variance.
    """
    good = ivar > 0
    exact = np.where(good, ivar, 1).astype(np.float64)
    covered = (matrix @ good.T.astype(np.float64)).T
    if old_width is None:
        weight, sum_weight = good.astype(np.float64), covered
    else:  # by part of an old pixel, not by Angstrom: whole pixels of unlike widths count alike
        weight = np.where(good, exact / old_width, 0)
        sum_weight = (matrix @ weight.T).T
    total = (matrix @ (weight * np.where(good, flux, 0)).T).T
    spread = (matrix.power(2) @ (weight**2 / exact).T).T
    # Rounding must not cost a pixel that is exactly covered.
    enough = covered >= min_coverage * width * (1 - ROUNDING)
    new_flux = np.where(enough, total / np.where(enough, sum_weight, 1), 0)
    new_ivar = np.where(enough, sum_weight**2 / np.where(enough, spread, 1), 0)
    new_mask = None
    if mask is not None:
        new_mask = np.zeros(new_flux.shape, np.int64)
        some = np.diff(matrix.indptr) > 0
        if some.any():
            starts = matrix.indptr[:-1][some]
            new_mask[:, some] = np.bitwise_or.reduceat(mask[:, matrix.indices], starts, axis=1)
    return new_flux.astype(ivar.dtype), new_ivar.astype(ivar.dtype), new_mask
