"""The door for names: identifiers of stars are text or exact whole numbers; classes may be missing."""

from decimal import Decimal
from typing import Any

import numpy as np

from ._messages import InputError
from ._opened import opened

__all__ = ["classes_of", "identifiers"]


def identifiers(what: str, given: Any, *, optional: bool = False) -> np.ndarray:
    """Names of stars as text, without blanks at either end: (star,) array of str.

    Leading zeros are kept, and whole numbers are exact, however long.

    Parameters
    ----------
    what : str
        What they are, for messages.
    given : array-like
        Text, bytes or whole numbers. One of them alone is a list of one.
    optional : bool
        Whether a row may have none; it is empty text then.

    Raises
    ------
    InputError
        They are floating-point numbers, which cannot hold 19 digits, dates or something else; or one is missing.
    """
    bare = opened(what, [given] if isinstance(given, str | bytes) else given)
    array = bare.values.reshape(-1) if bare.values.ndim == 0 else bare.values
    missing = None if bare.missing is None else bare.missing.reshape(array.shape)
    if array.ndim != 1:
        raise InputError(
            f"{what} must be a list of text or whole numbers; given an array of shape {array.shape}."
        )
    if array.dtype.kind == "f" and array.size:
        raise InputError(
            f"{what} must be text or whole numbers; given {array.dtype}, which cannot hold the 19 digits of a Gaia id, so they no "
            "longer name the right stars. Read them again as int64 or text (pandas: dtype={column: 'Int64'})."
        )
    if array.dtype.kind in "iu":
        text = array.astype(str)
    elif array.dtype.kind == "U":
        text = np.char.strip(array)
    elif array.size == 0:
        return np.zeros(0, "<U1")
    else:
        absent = np.zeros(len(array), bool) if missing is None else missing
        text = np.array([
            "" if none else _name(what, one) for one, none in zip(array.astype(object), absent, strict=True)
        ])  # fmt: skip
    if missing is not None:
        text = np.where(missing, "", text)
    if not optional and (empty := np.flatnonzero(text == "")).size:
        raise InputError(
            f"{what}: {len(empty)} of {len(text)} are missing (row {empty[0]} first); leave out rows without an identifier, or "
            "give every row one."
        )
    return text


def _name(what: str, value: Any) -> str:
    if isinstance(value, bytes):
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError:
            raise InputError(
                f"{what} must be text; given the bytes {value!r}, which are not UTF-8. Decode them first: bytes.decode('latin-1')."
            ) from None
    if isinstance(value, str):
        return value.strip().strip("\0").strip()
    if isinstance(value, int | np.integer) and not isinstance(value, bool | np.bool_):
        return str(int(value))
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return str(int(value))
    raise InputError(
        f"{what} must be text or whole numbers; given {value!r}, a {type(value).__name__}. Write it as text first."
    )


def classes_of(what: str, given: Any) -> np.ndarray:
    """Names of classes as text, without blanks at either end; empty where one is missing: (row,) array of str.

    Whole numbers stand for themselves, also as floats, which is what pandas makes of whole numbers with gaps.
    """
    bare = opened(what, given)
    array = bare.values
    if array.ndim != 1:
        raise InputError(f"{what} must be a list, one class a row; given an array of shape {array.shape}.")
    absent = np.zeros(len(array), bool) if bare.missing is None else bare.missing
    if array.dtype.kind == "f":
        absent = absent | np.isnan(array)
    text = ["" if none else _class(what, one) for one, none in zip(array.astype(object), absent, strict=True)]
    return np.array(text, dtype=str).reshape(-1)


def _class(what: str, value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return _name(what, value)
