"""Where the continuum of a spectrum lies: two ways to estimate it.

A polynomial through continuum pixels does not depend on the noise, but has to be told those pixels
(`continuum_pixels` finds them). A running quantile needs nothing, but its level rises with the noise: the 90% quantile
of line-free pixels with 5% errors lies 6% too high, so that spectra of unlike S/N come out on unlike scales.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.polynomial import chebyshev

from ..core import InputError
from ..data import Spectra
from ._segments import segments

__all__ = ["Continuum", "ContinuumPolynomial", "ContinuumQuantile"]

Intervals = Sequence[tuple[float, float]]


@runtime_checkable
class Continuum(Protocol):
    """A way to estimate continua."""

    def continuum(self, spectra: Spectra) -> np.ndarray:
        """The continuum, (star, pixel); NaN where undefined."""
        ...


@dataclass(frozen=True, eq=False)
class ContinuumPolynomial:
    """Chebyshev polynomial through continuum pixels, one per spectrum and segment, weighted by ivar.

    Parameters
    ----------
    order : int
        Degree of the polynomial.
    pixels : (pixel,) bool array, optional
        Continuum pixels. Default: all pixels.
    regions : sequence of (low, high), optional
        Instead: wavelength ranges of continuum, Angstrom.
    segments : sequence of (low, high), optional
        Wavelength range of each detector or arm, fitted separately. Default: split wherever the
        wavelength grid has a gap.
    clip : (below, above), optional
        Pixels this many standard deviations of the residuals below or above the fit are left out and the
        fit is repeated: ``(1.5, 3.0)`` rejects absorption lines.
    rounds : int
        Most repetitions of the clipping.

    Examples
    --------
    >>> import numpy as np
    >>> import luxjax
    >>> from luxjax.preprocessing import ContinuumPolynomial, normalize
    >>> wavelength = 5000.0 + np.arange(100)
    >>> flux = (wavelength / 5000)[None]
    >>> spectra = luxjax.Spectra(flux, np.full((1, 100), 1e6), wavelength, "vacuum", ["a"])
    >>> bool(np.allclose(normalize(spectra, ContinuumPolynomial(order=1)).spectra.flux, 1.0, atol=0.01))
    True
    """

    order: int = 3
    pixels: np.ndarray | None = None
    regions: Intervals | None = None
    segments: Intervals | None = None
    clip: tuple[float, float] | None = None
    rounds: int = 5

    def __post_init__(self):
        if self.order < 0:
            raise InputError(f"the order of a polynomial is 0 or more; given: {self.order}.")
        if self.pixels is not None and self.regions is not None:
            raise InputError("continuum pixels were given both as pixels and as regions; give one of them.")

    def continuum(self, spectra: Spectra) -> np.ndarray:
        """The continuum, (star, pixel); NaN in segments with too few continuum pixels, and outside segments."""
        use = self._pixels(spectra)
        out = np.full(spectra.flux.shape, np.nan)
        for part in segments(spectra, self.segments):
            weight = np.where(use[part], spectra.ivar[:, part], 0).astype(np.float64)
            flux = np.where(weight > 0, spectra.flux[:, part], 0).astype(np.float64)
            out[:, part] = self._fit(spectra.wavelength[part], flux, weight)
        return out

    def _pixels(self, spectra: Spectra) -> np.ndarray:
        if self.pixels is not None:
            pixels = np.asarray(self.pixels)
            if pixels.shape != spectra.wavelength.shape or pixels.dtype != bool:
                raise InputError(
                    f"continuum pixels are one bool per pixel, {spectra.n_pixels} here; given: {pixels.dtype} of "
                    f"shape {pixels.shape}."
                )
            return pixels
        use = np.full(spectra.n_pixels, self.regions is None)
        for low, high in self.regions or ():
            use |= (spectra.wavelength >= low) & (spectra.wavelength <= high)
        return use

    def _fit(self, wavelength: np.ndarray, flux: np.ndarray, weight: np.ndarray) -> np.ndarray:
        middle, half = (wavelength[0] + wavelength[-1]) / 2, max(np.ptp(wavelength) / 2, 1e-9)
        basis = chebyshev.chebvander((wavelength - middle) / half, self.order)
        products = basis[:, :, None] * basis[:, None, :]
        # Of the order of one, so that the solver's idea of small holds for fluxes in any unit.
        largest = weight.max(axis=1, keepdims=True)
        weight = weight / np.where(largest > 0, largest, 1)
        fit = _solve(basis, products, flux, weight)
        for _ in range(self.rounds if self.clip else 0):
            kept = weight > 0
            n = np.maximum(kept.sum(axis=1, keepdims=True), 1)
            residual = np.where(kept, flux - fit, 0)
            sigma = np.sqrt((residual**2).sum(axis=1, keepdims=True) / n)
            below, above = self.clip
            clipped = np.where((residual >= -below * sigma) & (residual <= above * sigma), weight, 0)
            if np.array_equal(clipped, weight):
                break
            weight = clipped
            fit = _solve(basis, products, flux, weight)
        return fit


def _solve(basis: np.ndarray, products: np.ndarray, flux: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weighted least squares of all spectra; NaN for those with fewer good pixels than coefficients."""
    k = basis.shape[1]
    gram = (weight @ products.reshape(len(basis), k * k)).reshape(-1, k, k)
    moment = (weight * flux) @ basis
    # The pseudo-inverse, because continuum pixels may be too bunched to determine every coefficient.
    coefficient = np.einsum("nij,nj->ni", np.linalg.pinv(gram, rcond=1e-12, hermitian=True), moment)
    fit = coefficient @ basis.T
    fit[(weight > 0).sum(axis=1) < k] = np.nan
    return fit


@dataclass(frozen=True, eq=False)
class ContinuumQuantile:
    """Running quantile of the good pixels, evaluated every quarter of a window and joined by straight lines.

    Parameters
    ----------
    window_angstrom : float
        Full width of the running window. It is cut off at the ends of a segment; the quantile is taken to stand at
        the mean wavelength of the good pixels inside.
    quantile : float
        Between 0 and 1.
    segments : sequence of (low, high), optional
        As for `ContinuumPolynomial`.
    min_good : float
        A window counts if at least this fraction of its pixels, and at least three, are good; others are bridged.

    Examples
    --------
    >>> import numpy as np
    >>> import luxjax
    >>> from luxjax.preprocessing import ContinuumQuantile, normalize
    >>> wavelength = 5000.0 + np.arange(100)
    >>> flux = (wavelength / 5000)[None]
    >>> spectra = luxjax.Spectra(flux, np.full((1, 100), 1e6), wavelength, "vacuum", ["a"])
    >>> bool(np.allclose(normalize(spectra, ContinuumQuantile(window_angstrom=20.0)).spectra.flux, 1.0, atol=0.01))
    True
    """

    window_angstrom: float = 50.0
    quantile: float = 0.9
    segments: Intervals | None = None
    min_good: float = 0.2

    def __post_init__(self):
        if not (self.window_angstrom > 0 and 0 <= self.quantile <= 1 and 0 <= self.min_good <= 1):
            raise InputError(
                "a running quantile needs a window above 0 Angstrom, and a quantile and a min_good between 0 and 1; "
                f"given: {self.window_angstrom}, {self.quantile} and {self.min_good}."
            )

    def continuum(self, spectra: Spectra) -> np.ndarray:
        """The continuum, (star, pixel); NaN in segments without a window that counts, and outside segments."""
        out = np.full(spectra.flux.shape, np.nan)
        values = np.where(spectra.good, spectra.flux, np.inf)
        for part in segments(spectra, self.segments):
            out[:, part] = self._run(spectra.wavelength[part], values[:, part])
        return out

    def _run(self, wavelength: np.ndarray, values: np.ndarray) -> np.ndarray:
        half = self.window_angstrom / 2
        n_nodes = max(int(np.ceil(np.ptp(wavelength) / (half / 2))) + 1, 2)
        nodes = np.linspace(wavelength[0], wavelength[-1], n_nodes)
        low = np.searchsorted(wavelength, nodes - half, side="left")
        high = np.searchsorted(wavelength, nodes + half, side="right")
        level, place = np.full((2, len(values), n_nodes), np.nan)
        good = np.isfinite(values)
        for i, (a, b) in enumerate(zip(low, high, strict=True)):
            if b > a:
                level[:, i] = self._quantile(values[:, a:b])
                # Not the centre of the window: its good pixels may lie to one side.
                place[:, i] = good[:, a:b] @ wavelength[a:b] / np.maximum(good[:, a:b].sum(axis=1), 1)
        out = np.full(values.shape, np.nan)
        for row in range(len(values)):
            known = np.isfinite(level[row])
            if known.any():
                out[row] = _lines(wavelength, place[row, known], level[row, known])
        return out

    def _quantile(self, values: np.ndarray) -> np.ndarray:
        """Quantile of the finite values of each row, with linear interpolation; NaN where there are too few."""
        values = np.sort(values, axis=1)  # the bad ones, +inf, go last
        n = np.isfinite(values).sum(axis=1)
        at = self.quantile * np.maximum(n - 1, 0)
        below = np.floor(at).astype(int)
        above = np.minimum(below + 1, np.maximum(n - 1, 0))
        row = np.arange(len(values))
        enough = n >= max(3, self.min_good * values.shape[1])
        lower = np.where(enough, values[row, below], 0.0).astype(np.float64)
        upper = np.where(enough, values[row, above], 0.0)
        return np.where(enough, lower + (at - below) * (upper - lower), np.nan)


def _lines(x: np.ndarray, xp: np.ndarray, fp: np.ndarray) -> np.ndarray:
    """Linear interpolation, the first and last line prolonged."""
    out = np.interp(x, xp, fp)
    for end, beyond in ((slice(0, 2), x < xp[0]), (slice(-2, None), x > xp[-1])):
        (x0, *x1), (f0, *f1) = xp[end], fp[end]
        if x1 and x1[0] > x0:
            out[beyond] = f0 + (x[beyond] - x0) * (f1[0] - f0) / (x1[0] - x0)
    return out
