"""Positions of tables, with one way to write that one is missing, and directions on the sky as unit vectors."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..core import InputError
from ..core.internal import values

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["directions", "numbers", "positions"]

MISSING = -999.0
"""Numbers at or below this, such as -9999, stand for a missing value."""


def numbers(column: "pd.Series") -> np.ndarray:
    """A column as floats, NaN where it is missing.

    Raises
    ------
    InputError
        It holds text that is no number, such as sexagesimal positions.
    """
    found = values(f"column '{column.name}'", column).astype(np.float64)
    return np.where(found <= MISSING, np.nan, found)


def positions(frame: "pd.DataFrame", columns: Mapping[str, str], where: str) -> tuple[np.ndarray, np.ndarray]:
    """Right ascensions and declinations, degrees, (row,) each; NaN where either is missing.

    Parameters
    ----------
    frame : DataFrame
    columns : mapping of str to str
        What the table calls ``ra`` and ``dec``.
    where : str
        Name of the table, for messages.
    """
    try:
        ra, dec = numbers(frame[columns["ra"]]), numbers(frame[columns["dec"]])
    except InputError as error:
        raise InputError(
            f"positions of the {where} table must be decimal degrees: {error} Sexagesimal ones are converted by "
            "astropy.coordinates.SkyCoord(ra, dec, unit=('hourangle', 'deg'))."
        ) from error
    if np.any(np.abs(dec) > 90):
        raise InputError(
            f"declinations of the {where} table reach {np.nanmax(np.abs(dec)):g}; give degrees between -90 and 90."
        )
    known = np.isfinite(ra) & np.isfinite(dec)
    return np.where(known, ra, np.nan), np.where(known, dec, np.nan)


def directions(ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors towards positions in degrees, towards east there and towards north, (row, 3) each."""
    ra, dec = np.radians(ra), np.radians(dec)
    zero = np.zeros_like(ra)
    there = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=1)
    east = np.stack([-np.sin(ra), np.cos(ra), zero], axis=1)
    north = np.stack([-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)], axis=1)
    return there, east, north
