"""Positions of tables, with one way to write that one is missing, and directions on the sky as unit vectors."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..core import InputError
from ..core.internal import values

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ARCSEC", "MAS", "directions", "numbers", "positions"]

ARCSEC = np.pi / 648_000
MAS = ARCSEC / 1000

_SEXAGESIMAL = r"(?i)^([+-]?)(\d{1,3})[:hd°\s]+([0-5]?\d(?:\.\d*)?)[:m'\s]*([0-5]?\d(?:\.\d*)?)?[s\"\s]*$"
MISSING = -999.0
"""Numbers at or below this, such as -9999, stand for a missing value."""


def numbers(column: "pd.Series") -> np.ndarray:
    """A column as floats, NaN where it is missing.

    Raises
    ------
    InputError
        It holds text that is no number.
    """
    found = values(f"column '{column.name}'", column).astype(np.float64)
    return np.where(found <= MISSING, np.nan, found)


def positions(frame: "pd.DataFrame", columns: Mapping[str, str], where: str) -> tuple[np.ndarray, np.ndarray]:
    """Right ascensions and declinations, degrees, (row,) each; NaN where either is missing.

    Sexagesimal text is read too: hours of right ascension, degrees of declination.

    Parameters
    ----------
    frame : DataFrame
    columns : mapping of str to str
        What the table calls ``ra`` and ``dec``.
    where : str
        Name of the table, for messages.
    """
    ra, dec = _degrees(frame[columns["ra"]], 15.0), _degrees(frame[columns["dec"]], 1.0)
    if np.any(np.abs(dec) > 90):
        raise InputError(
            f"declinations of the {where} table reach {np.nanmax(np.abs(dec)):g}; give degrees between -90 and 90."
        )
    known = np.isfinite(ra) & np.isfinite(dec)
    return np.where(known, ra, np.nan), np.where(known, dec, np.nan)


def _degrees(column: "pd.Series", unit: float) -> np.ndarray:
    """A coordinate in degrees; sexagesimal text (``12:34:56.7``, ``12 34 56.7``, ``12h34m56.7s``) in units of `unit` degrees."""
    if column.dtype.kind in "biuf":
        return numbers(column)
    parts = column.astype(str).str.strip().str.extract(_SEXAGESIMAL)
    written = parts[1].notna()
    values = numbers(column.astype(object).where(~written, None))
    sign = np.where(parts[0] == "-", -1.0, 1.0)
    whole, minutes, seconds = (parts[k].astype(float).fillna(0.0).to_numpy() for k in (1, 2, 3))
    return np.where(written, sign * unit * (whole + minutes / 60 + seconds / 3600), values)


def directions(ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors towards positions in degrees, towards east there and towards north, (row, 3) each."""
    ra, dec = np.radians(ra), np.radians(dec)
    zero = np.zeros_like(ra)
    there = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=1)
    east = np.stack([-np.sin(ra), np.cos(ra), zero], axis=1)
    north = np.stack([-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)], axis=1)
    return there, east, north
