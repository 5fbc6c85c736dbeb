"""The door for numbers: what is masked or missing becomes NaN, units are converted, text and dates are refused."""

from typing import Any

import numpy as np

from ._messages import InputError, join_names
from ._opened import opened

__all__ = ["MISSING_WORDS", "converted", "doubles", "number", "unit_text", "values", "values_and_unit"]

MISSING_WORDS = frozenset(
    (
        "",
        "nan",
        "none",
        "null",
        "<na>",
        "na",
        "n/a",
        "--",
        "-",
        "masked",
        "nat",
        "unknown",
        "undefined",
        "missing",
        "...",
        "n.a.",
        "nodata",
        "no data",
    )
)
"""Text, in small letters, that stands for a missing number in a column of text."""


def values(what: str, given: Any, unit: str = "") -> np.ndarray:
    """Numbers as an array of float32 or float64 in this machine's byte order, NaN where they are missing.

    Parameters
    ----------
    what : str
        What they are, for messages.
    given : array-like
        Plain numbers, taken to be in `unit`, or with a unit, converted to it. Masked arrays, columns, quantities, and arrays of
        pandas and pyarrow are understood.
    unit : str
        The unit that is needed. Default: a pure number.

    Returns
    -------
    array
        float32 where float32 or float16 was given, else float64.

    Raises
    ------
    InputError
        Text that is no number, dates, complex numbers or records were given, or a unit that cannot be converted.
    """
    array, own = values_and_unit(what, given)
    return array if own is None else converted(what, array, own, unit)


def doubles(what: str, given: Any, unit: str = "") -> np.ndarray:
    """Numbers as `values` gives them, in double precision."""
    return values(what, given, unit).astype(np.float64, copy=False)


def values_and_unit(what: str, given: Any) -> tuple[np.ndarray, Any]:
    """Numbers as `values` gives them, still in the unit that they came with, and that unit; None where it was not said."""
    bare = opened(what, given)
    array = _floats(what, bare.values, bare.missing)
    if bare.missing is not None and bare.missing.any():
        array = np.where(bare.missing, np.nan, array).astype(array.dtype)
    return array, bare.unit


def number(what: str, given: Any, unit: str = "") -> float:
    """One number, in `unit`."""
    found = values(what, given, unit)
    if found.size != 1:
        raise InputError(f"{what} is one number; given an array of shape {found.shape}.")
    return float(found.reshape(()))


def converted(what: str, array: np.ndarray, own: Any, unit: str) -> np.ndarray:
    """Numbers in the unit `own` brought to the unit `unit`, which may have to be in another one."""
    from astropy import units  # given quantities, it has been imported already

    if unit_text(own) == unit:
        return array
    try:
        factor = units.Unit(own).to(units.Unit(unit), array, equivalencies=units.temperature())
    except (ValueError, TypeError, units.UnitsError) as error:
        needed = f"in {unit}" if unit else "pure numbers, without a unit"
        raise InputError(
            f"{what} must be {needed}; given in {unit_text(own) or 'pure numbers'}, which cannot be converted. Give "
            f"{'a unit that can, or ' if unit else ''}the bare numbers: quantity.to_value(...)."
        ) from error
    return np.asarray(factor, array.dtype)


def unit_text(unit: Any) -> str:
    """A unit as text; empty for pure numbers and where none was said."""
    return "" if unit is None else str(unit)


def _floats(what: str, given: np.ndarray, missing: np.ndarray | None) -> np.ndarray:
    kind = given.dtype.kind
    if kind == "f":
        size = given.dtype.itemsize
        if size == 2:
            return given.astype(np.float32)
        return given if size <= 8 else given.astype(np.float64)
    if kind in "iub":
        return given.astype(np.float64)
    if kind == "O":
        return _each(what, given, missing)
    if kind in "US" and given.size:
        return _each(what, given.astype(object), None)
    if given.size == 0:
        return np.zeros(given.shape)
    names = {
        "c": "complex numbers",
        "M": "dates",
        "m": "time spans",
        "V": "records of several columns",
        "T": "text",
    }
    raise InputError(
        f"{what} must be real numbers; given {names.get(kind, str(given.dtype))}. Give one array of numbers."
    )


def _each(what: str, given: np.ndarray, missing: np.ndarray | None) -> np.ndarray:
    """Objects one by one: numbers as they are, text where it is a number."""
    absent = np.zeros(given.shape, bool) if missing is None else missing
    found, strange = np.full(given.shape, np.nan), []
    flat = found.reshape(-1)
    for place, (one, none) in enumerate(zip(given.flat, absent.flat, strict=True)):
        if none:
            continue
        try:
            flat[place] = _one(one)
        except (TypeError, ValueError):
            strange.append(repr(one) if isinstance(one, str | bytes) else f"a {type(one).__name__}")
    if strange:
        raise InputError(
            f"{what} must be numbers; {len(strange)} of {given.size} are not, such as {join_names(dict.fromkeys(strange), 3)}. "
            "Correct these, or leave them empty where they are missing."
        )
    return flat.reshape(given.shape)


def _one(value: Any) -> float:
    if isinstance(value, bytes):
        value = value.decode("utf-8")
    if isinstance(value, str):
        word = value.strip()
        if word.lower() in MISSING_WORDS:
            return np.nan
        if "_" in word:  # Python reads 5_000 as a number; no catalogue writes one so
            raise ValueError
        return float(word)
    if isinstance(value, complex | np.complexfloating | np.datetime64 | np.timedelta64) or np.ndim(value):
        raise TypeError
    return float(value)
