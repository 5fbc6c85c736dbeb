"""Principal components of normalised spectra at rest, learnt on training stars only."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...core import InputError
from ...data import Spectra
from ._features import Features, usable_rows
from ._flux_at_rest import at_rest

__all__ = ["SpectralPCA"]


@dataclass(frozen=True, eq=False)
class SpectralPCA:
    """Principal components of spectra. Build with `SpectralPCA.fit` on training stars; apply with `transform` to any.

    Parameters
    ----------
    wavelength : (pixel,) array
        Grid at rest, Angstrom in vacuum.
    mean : (pixel,) array
        Mean normalised flux of the training stars.
    components : (component, pixel) array
        Orthonormal.
    variance : (component,) array
        Variance of the training stars along each.
    """

    wavelength: np.ndarray
    mean: np.ndarray
    components: np.ndarray
    variance: np.ndarray

    @classmethod
    def fit(
        cls,
        spectra: Spectra,
        n_components: int = 10,
        *,
        redshift=None,
        window: tuple[float, float] = (4000.0, 8800.0),
        n_pixels: int = 1200,
    ) -> "SpectralPCA":
        """Learn the components.

        Parameters
        ----------
        spectra : Spectra
            Spectra of training stars only.
        n_components : int
        redshift : (star,) array, optional
            As in `extract_features`.
        window : (low, high)
            Angstrom in vacuum, at rest.
        n_pixels : int
            Number of pixels of the grid, even in log wavelength.
        """
        grid = np.geomspace(*window, n_pixels)
        rows, z, _ = usable_rows(spectra, redshift)
        if not 1 <= n_components <= min(len(rows), n_pixels):
            raise InputError(
                f"{n_components} components cannot be learnt from {len(rows)} usable spectra of {n_pixels} pixels; ask for 1 to "
                f"{min(len(rows), n_pixels)}."
            )
        flux, ivar = at_rest(spectra.select(rows), z, grid)
        seen = ivar > 0
        mean = np.where(seen, flux, 0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
        centred = np.where(seen, flux - mean, 0)
        _, singular, components = np.linalg.svd(centred, full_matrices=False)
        # the sign of a component is free: its largest pixel is positive
        components = components[:n_components]
        components *= np.sign(components[np.arange(n_components), np.abs(components).argmax(axis=1)])[:, None]
        return cls(grid, mean, components, singular[:n_components] ** 2 / len(rows))

    def transform(self, spectra: Spectra, *, redshift=None) -> Features:
        """Coefficients of spectra as features ``pca_1``, ``pca_2``, ... with errors; masked pixels count as the mean spectrum."""
        rows, z, left_out = usable_rows(spectra, redshift)
        flux, ivar = at_rest(spectra.select(rows), z, self.wavelength)
        seen = ivar > 0
        values = np.where(seen, flux - self.mean, 0) @ self.components.T
        errors = np.sqrt(np.where(seen, 1 / np.where(seen, ivar, 1), 0) @ self.components.T**2)
        names = [f"pca_{k + 1}" for k in range(len(self.components))]
        return Features(
            pd.DataFrame(values, columns=names),
            pd.DataFrame(errors, columns=names),
            dict.fromkeys(names, "pca"),
            spectra.ids[rows],
            rows,
            left_out,
        )
