"""Tables of Gaia's main catalogue: G, BP and RP magnitudes with errors, and parallaxes."""

import os
from typing import Any

import numpy as np

from ..core import InputError
from ..core.internal import identifiers, join_names, values
from ..data import Measurements
from ..data.internal import frame_of
from ._scales import parallax_scale
from ._tables import read_gaia_table, repeated

__all__ = ["read_gaia_sources"]

BANDS = {"G": "g", "BP": "bp", "RP": "rp"}
POGSON = 2.5 / np.log(10)


def read_gaia_sources(
    table: str | os.PathLike | Any, *, floor: float = 0.01, zero_point: str | float = 0.0, least: float = 5.0
) -> dict[str, Measurements]:
    """Photometry and parallaxes from rows of ``gaia_source``.

    Parameters
    ----------
    table : path or table
        CSV, ECSV, FITS or VOTable as Gaia's archive writes them, or a table of any library. Columns by their names in the archive:
        ``source_id``, ``phot_g_mean_mag`` with ``phot_g_mean_flux_over_error`` (and ``bp``, ``rp``), ``parallax``,
        ``parallax_error``. What is not there is left out.
    floor : float
        Magnitudes, added to the errors of the photometry in quadrature.
    zero_point : float or str
        Of the parallaxes, mas: one number, or the name of a column.
    least : float
        As for `parallax_scale`.

    Returns
    -------
    dict of str to Measurements
        ``"photometry"`` (G, BP, RP) and ``"parallax"``, as far as there are columns, with all other columns in `table`.

    Raises
    ------
    InputError
        No ``source_id``, repeated ones, or neither photometry nor parallaxes.

    Examples
    --------
    >>> from luxjax.photometry import read_gaia_sources
    >>> rows = {"source_id": [5, 7], "phot_g_mean_mag": [10.2, 11.0], "phot_g_mean_flux_over_error": [5000.0, 108.57]}
    >>> found = read_gaia_sources(rows)
    >>> found["photometry"].names, found["photometry"].error.round(4).tolist()
    (('G',), [[0.01], [0.0141]])
    """
    frame = read_gaia_table(table) if isinstance(table, str | os.PathLike) else frame_of("Gaia table", table)
    frame = frame.rename(columns={c: str(c).lower() for c in frame.columns})
    if "source_id" not in frame:
        raise InputError(f"a table of Gaia has the column source_id; given: {join_names(frame.columns)}.")
    ids = identifiers("column 'source_id'", frame["source_id"])
    repeated("source_id", ids)
    found = {}
    bands = {
        band: (f"phot_{b}_mean_mag", f"phot_{b}_mean_flux_over_error")
        for band, b in BANDS.items()
        if f"phot_{b}_mean_mag" in frame
    }
    if bands:
        for magnitude, over_error in bands.values():
            if over_error not in frame:
                raise InputError(
                    f"the table has {magnitude} and no {over_error}, so its error is not known; add that column."
                )
        value = np.stack([values(m, frame[m]).astype(np.float64) for m, _ in bands.values()], axis=1)
        ratio = np.stack([values(r, frame[r]).astype(np.float64) for _, r in bands.values()], axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.where(ratio > 0, np.hypot(POGSON / ratio, floor), np.nan)
        found["photometry"] = Measurements(
            value, error, tuple(bands), ids, units=dict.fromkeys(bands, "mag"), survey="gaia", table=frame
        )
    if {"parallax", "parallax_error"} <= set(frame):
        shift = frame[zero_point] if isinstance(zero_point, str) else zero_point
        found["parallax"] = parallax_scale(
            frame["parallax"], frame["parallax_error"], ids, zero_point=shift, least=least
        )
    if not found:
        raise InputError(
            f"the table has neither phot_g_mean_mag nor parallax with parallax_error; given: {join_names(frame.columns)}."
        )
    return found
