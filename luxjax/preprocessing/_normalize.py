"""Spectra divided by their continuum, which is kept so that it can be undone; and where the continuum is seen."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core import InputError
from ..data import Spectra
from ._continuum import Continuum
from ._segments import segments

__all__ = ["Normalized", "continuum_pixels", "normalize"]


@dataclass(frozen=True, eq=False)
class Normalized:
    """Normalised spectra with the continuum that was divided out.

    Parameters
    ----------
    spectra : Spectra
        Flux divided by, and ivar multiplied by the square of, the continuum.
    continuum : (star, pixel) array
        NaN where it was not above zero or undefined: there the flux is as it was and the ivar 0.
    was : mapping
        Fields of the spectra that normalising changed, as they were.
    lost_ivar : array
        Inverse variances of the pixels without continuum, in order; for `undo`.
    """

    spectra: Spectra
    continuum: np.ndarray
    was: Mapping[str, Any]
    lost_ivar: np.ndarray

    def undo(self) -> Spectra:
        """The spectra as they were, flux and ivar to rounding."""
        without = np.isnan(self.continuum)
        factor = np.where(without, 1, self.continuum)
        ivar = self.spectra.ivar / factor**2
        ivar[without] = self.lost_ivar
        return self.spectra.replace(
            flux=(self.spectra.flux * factor).astype(self.spectra.flux.dtype),
            ivar=ivar,
            step="continuum multiplied back",
            **self.was,
        )


def normalize(spectra: Spectra, method: Continuum) -> Normalized:
    """Divide spectra by their continuum.

    Parameters
    ----------
    spectra : Spectra
    method : ContinuumPolynomial or ContinuumQuantile
        Or any object whose ``continuum(spectra)`` returns a (star, pixel) array.

    Returns
    -------
    Normalized
        ``.spectra``, ``.continuum`` and ``.undo()``. Where the continuum is undefined or not above zero the pixels
        have ivar 0. The errors of the continuum itself are not propagated.

    Examples
    --------
    >>> import numpy as np
    >>> import luxjax
    >>> from luxjax.preprocessing import ContinuumPolynomial, normalize
    >>> wavelength = np.linspace(5000.0, 5100.0, 50)
    >>> flux = (3.0 + 0.01 * (wavelength - 5000.0))[None]
    >>> spectra = luxjax.Spectra(flux, np.full(flux.shape, 1e4), wavelength, "vacuum", ["a"])
    >>> divided = normalize(spectra, ContinuumPolynomial(1)).spectra
    >>> bool(np.allclose(divided.flux, 1.0, atol=1e-5)), divided.normalized
    (True, True)
    """
    continuum = np.array(method.continuum(spectra), np.float64)
    if continuum.shape != spectra.flux.shape:
        raise InputError(
            f"the continuum has shape {continuum.shape}, the flux {spectra.flux.shape}; they must agree."
        )
    with np.errstate(invalid="ignore"):
        continuum[~(np.isfinite(continuum) & (continuum > 0))] = np.nan
    without = np.isnan(continuum)
    factor = np.where(without, 1, continuum)
    out = spectra.replace(
        flux=(spectra.flux / factor).astype(spectra.ivar.dtype),
        ivar=np.where(without, 0, spectra.ivar * factor**2),
        normalized=True,
        flux_unit="",
        step=f"normalised by {type(method).__name__}",
    )
    was = {"normalized": spectra.normalized, "flux_unit": spectra.flux_unit}
    return Normalized(out, continuum, was, spectra.ivar[without])


def continuum_pixels(spectra: Spectra, *, tolerance: float = 0.015, fraction: float = 0.1) -> np.ndarray:
    """Pixels that lie on the continuum in all stars, chosen from spectra normalised in a first pass.

    In the spirit of Ness et al. (2015, ApJ 808, 16), who took pixels whose flux is close to 1 and depends
    little on the labels: here those with a median within `tolerance` of 1, and of them the `fraction` with the
    smallest variance in excess of the noise.

    Parameters
    ----------
    spectra : Spectra
        Normalised, of many stars of unlike labels.
    tolerance : float
        Largest distance of the median flux from 1.
    fraction : float
        Largest fraction of the pixels of each segment to choose.

    Returns
    -------
    (pixel,) bool array
        For ``ContinuumPolynomial(pixels=...)``.
    """
    if not spectra.normalized or not 0 < fraction <= 1:
        raise InputError(
            "continuum pixels are chosen from normalised spectra, as a fraction above 0 and at most 1 of them; "
            f"given: normalized={spectra.normalized}, fraction={fraction}."
        )
    chosen = np.zeros(spectra.n_pixels, bool)
    seen = spectra.good.sum(axis=0) >= max(3, len(spectra) / 2)
    flux = np.where(spectra.good, spectra.flux, np.nan)[:, seen].astype(np.float64)
    with np.errstate(divide="ignore"):
        noise = np.where(spectra.good, 1 / spectra.ivar, np.nan)[:, seen]
    middle, excess = np.full((2, spectra.n_pixels), np.inf)
    middle[seen] = np.nanmedian(flux, axis=0)
    excess[seen] = (1.4826 * np.nanmedian(np.abs(flux - middle[seen]), axis=0)) ** 2 - np.nanmedian(
        noise, axis=0
    )
    for part in segments(spectra):
        near = np.where(np.abs(middle[part] - 1) <= tolerance, excess[part], np.inf)
        n = min(int(np.ceil(fraction * len(near))), int(np.isfinite(near).sum()))
        chosen[part.start + np.argsort(near, kind="stable")[:n]] = True
    return chosen
