"""Spectra of different stars made comparable pixel by pixel: at rest, in vacuum, over their own smooth continuum, on one grid."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ...core import InputError
from ...core.internal import doubles
from ...data import Spectra
from ._features import Features, usable_rows
from ._flux_at_rest import at_rest

__all__ = ["PIXELS", "pixel_features", "rest_spectra"]

#: Where pixels are averaged by default, Angstrom in vacuum, from Ca II K to the calcium triplet; 360 km/s apart, about
#: twice as fine as a resolving power of 400 needs.
PIXELS = np.geomspace(3900.0, 8850.0, 690)


def rest_spectra(
    spectra: Spectra, wavelength: ArrayLike = PIXELS, *, redshift=None
) -> tuple[Spectra, np.ndarray, pd.DataFrame]:
    """Spectra as a network or a latent-variable model should see them, whatever their redshift, reddening and response.

    Each is divided by the polynomial of fourth degree that fits it best and averaged over the pixels of the grid by their exact overlap.

    Parameters
    ----------
    spectra : Spectra
    wavelength : (pixel,) array
        The grid at rest, Angstrom in vacuum, rising.
    redshift : (star,) array, optional
        As in `extract_features`.

    Returns
    -------
    spectra : Spectra
        Spectra of the usable rows.
    rows : (row,) int array
        Which these are.
    left_out : DataFrame
        The others, with columns ``row``, ``id`` and ``reason``.
    """
    grid = doubles("wavelengths", wavelength, "Angstrom")
    if grid.ndim != 1 or len(grid) < 10 or not np.all(np.diff(grid) > 0):
        raise InputError(
            f"a grid of wavelengths is a rising row of at least 10 numbers; given an array of shape {grid.shape}."
        )
    rows, z, left_out = usable_rows(spectra, redshift)
    flux, ivar = at_rest(spectra.select(rows), z, grid)
    table = None if spectra.table is None else spectra.table.iloc[rows]
    made = Spectra(
        flux, ivar, grid, "vacuum", spectra.ids[rows], frame="rest", survey=spectra.survey, table=table
    )
    return made, rows, left_out


def pixel_features(spectra: Spectra, grid: ArrayLike = PIXELS, *, redshift=None) -> Features:
    """The flux of `rest_spectra` as features, one column ``f_4863.0`` for each pixel; NaN where it is masked."""
    made, rows, left_out = rest_spectra(spectra, grid, redshift=redshift)
    names = [f"f_{w:.1f}" for w in made.wavelength]
    if len(set(names)) < len(names):
        raise InputError(
            "the grid is so fine that pixels share a name; leave at least 0.1 Angstrom between them."
        )
    return Features(
        pd.DataFrame(np.where(made.good, made.flux, np.nan), columns=names),
        pd.DataFrame(np.where(made.good, made.error, np.nan), columns=names),
        dict.fromkeys(names, "pixels"),
        made.ids,
        rows,
        left_out,
    )
