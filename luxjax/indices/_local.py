"""The pixels about a few lines, cut out of many spectra, for measurements that need no more of a spectrum.

A window has the same number of pixels in all stars, so that one program is compiled; redshift only moves where it begins.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ..core import InputError
from ..core.internal import divided, doubles
from ..data import Spectra
from ..preprocessing import bin_edges, to_medium

__all__ = ["Local", "local_blocks"]

BLOCK = 128  # spectra at a time: bounds the memory
_ROUND = 64  # pixels, so that few sizes are compiled


class Local(NamedTuple):
    """Pixels of a block of stars about every group of lines, (star, group, pixel) each.

    `flux` in units of its median there, its `variance`, whether a pixel is `good`, and its edges `low` and `high` at rest in vacuum, Angstrom.
    """

    flux: np.ndarray
    variance: np.ndarray
    good: np.ndarray
    low: np.ndarray
    high: np.ndarray


def local_blocks(
    spectra: Spectra, spans: Sequence[tuple[float, float]], redshift
) -> Iterator[tuple[slice, Local]]:
    """Rows and pixels, block after block.

    Parameters
    ----------
    spectra : Spectra
    spans : sequence of (low, high)
        Limits of each group of lines at rest in vacuum, Angstrom.
    redshift : float or (star,) array

    Raises
    ------
    InputError
        A redshift is missing or not above -1.
    """
    stretch = 1 + np.broadcast_to(doubles("redshifts", redshift), (len(spectra),))
    usable = np.isfinite(stretch) & (stretch > 0)
    if not usable.all():
        raise InputError(
            f"{np.sum(~usable)} of {len(spectra)} spectra have no usable redshift; leave them out with spectra.select(mask)."
        )
    lower, upper = bin_edges(to_medium(spectra, "vacuum").wavelength)
    flux, ivar = divided(spectra.flux, spectra.ivar, spectra.scale or 1.0)
    begin, end = np.array(spans, float).T
    reach = _reach(lower, upper, begin, end)
    n = len(lower)
    for start in range(0, len(spectra), BLOCK):
        rows = slice(start, min(start + BLOCK, len(spectra)))
        # a short last block repeats its last star: one shape, one compiled program
        take = np.minimum(np.arange(start, start + min(BLOCK, len(spectra))), rows.stop - 1)
        here = stretch[take][:, None]
        first = np.searchsorted(upper, here * begin[None])[..., None]
        run = first + np.arange(reach)
        inside, pixel = run < n, np.minimum(run, n - 1)
        star = np.arange(len(take))[:, None, None]
        f, w = (np.asarray(a[take], np.float64)[star, pixel] for a in (flux, ivar))
        good = inside & (w > 0)
        f, variance = np.where(good, f, 0), np.where(good, 1 / np.where(good, w, 1), 0)
        level = np.abs(np.nanmedian(np.where(good, f, np.nan), axis=-1, keepdims=True)) if good.any() else 1.0
        level = np.where(np.isfinite(level) & (level > 0), level, 1.0)
        low, high = (edge[pixel] / here[..., None] for edge in (lower, upper))
        yield rows, Local(f / level, variance / level**2, good, low, high)


def _reach(lower: np.ndarray, upper: np.ndarray, begin: np.ndarray, end: np.ndarray) -> int:
    """Pixels that the widest of the spans may need in any star."""
    need = 1.0
    for low, high in zip(begin, end, strict=True):
        near = (upper > 0.97 * low) & (lower < 1.03 * high)
        pixel = np.min((upper - lower)[near], initial=np.inf)
        need = max(need, 1.05 * (high - low) / pixel + 2)
    return int(_ROUND * np.ceil(need / _ROUND))
