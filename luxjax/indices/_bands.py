"""Mean fluxes over bands of many spectra, on fractional pixels, with their variances.

From cumulative sums along the spectrum, in double precision: a band costs the same however wide it is.
"""

from typing import NamedTuple

import numpy as np

__all__ = ["BandMeans", "band_means", "pixel_of"]


class BandMeans(NamedTuple):
    """Over the good part of every band, (star, index, 3) each.

    `flux` and its `variance`; the mean of F lambda^2, proportional to F_nu, and its variance; the mean wavelength `centre`; the
    `width` covered by good pixels, Angstrom, and the `start` pixel.
    """

    flux: np.ndarray
    variance: np.ndarray
    flux_nu: np.ndarray
    variance_nu: np.ndarray
    centre: np.ndarray
    width: np.ndarray
    start: np.ndarray


def pixel_of(x: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixel that holds each wavelength, and the fraction of it that lies blueward; the nearest one outside the grid."""
    pixel = np.clip(np.searchsorted(upper, x, side="right"), 0, len(upper) - 1)
    return pixel, np.clip((x - lower[pixel]) / (upper - lower)[pixel], 0, 1)


def band_means(flux, variance, good, lower, upper, bands, stretch) -> BandMeans:
    """Mean fluxes over bands.

    Parameters
    ----------
    flux, variance, good : (star, pixel) arrays
        With zeros in flux and variance where not good.
    lower, upper : (pixel,) arrays
        Edges of the pixels, Angstrom.
    bands : (index, 3, 2) array
        Limits at rest, in the medium of the edges.
    stretch : (star,) array
        Observed over rest wavelength.
    """
    step, middle = (upper - lower) * good, (lower + upper) / 2
    limits = stretch[:, None, None, None] * bands
    (start, from_), (stop, to) = (pixel_of(limits[..., k], lower, upper) for k in (0, 1))
    star = np.arange(len(flux))[:, None, None]

    def integral(rows: np.ndarray) -> np.ndarray:
        sums = np.zeros((rows.shape[0], rows.shape[1] + 1))
        np.cumsum(rows, axis=1, out=sums[:, 1:])
        return sums[star, stop] + to * rows[star, stop] - sums[star, start] - from_ * rows[star, start]

    def spread(rows: np.ndarray) -> np.ndarray:
        # the weights are squared, so the two edge pixels count with their squared fractions
        sums = np.zeros((rows.shape[0], rows.shape[1] + 1))
        np.cumsum(rows, axis=1, out=sums[:, 1:])
        ends = (1 - from_) ** 2 * rows[star, start] + to**2 * rows[star, stop]
        many = sums[star, stop] - sums[star, np.minimum(start + 1, stop)] + ends
        return np.where(start == stop, (to - from_) ** 2 * rows[star, start], many)

    width = integral(step)
    whole = np.where(width > 0, width, 1.0)
    noise = step**2 * variance
    rest = stretch[:, None, None]
    return BandMeans(
        integral(step * flux) / whole,
        spread(noise) / whole**2,
        integral(step * flux * middle**2) / whole,
        spread(noise * middle**4) / whole**2,
        integral(step * middle) / whole / rest,
        width / rest,
        start,
    )
