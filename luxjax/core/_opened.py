"""What is given as an array, taken apart: bare values in this machine's byte order, what is missing, and the unit.

Masked arrays of NumPy and astropy, columns, quantities, pandas' and pyarrow's arrays with gaps: each says in its own way that
a value is missing or what its unit is, and ``np.asarray`` drops it. Nothing of these libraries is imported here.
"""

from typing import Any, NamedTuple

import numpy as np

from ._messages import InputError

__all__ = ["Opened", "is_missing", "opened"]


class Opened(NamedTuple):
    """Bare values, where they are missing (None: nowhere), and their unit (None: not said)."""

    values: np.ndarray
    missing: np.ndarray | None
    unit: Any


def is_missing(value: Any) -> bool:
    """Whether one value of a list stands for none: None, NaN, NaT, pandas' NA, NumPy's masked."""
    if value is None or value is np.ma.masked or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, np.datetime64 | np.timedelta64):
        return bool(np.isnat(value))
    return isinstance(value, float | np.floating) and bool(np.isnan(value))


def opened(what: str, given: Any) -> Opened:
    """An array, column or list, taken apart.

    Parameters
    ----------
    what : str
        What it is, for messages.
    given : array-like

    Raises
    ------
    InputError
        Rows have different lengths.
    """
    if isinstance(given, np.ndarray) and hasattr(given, "unmasked"):  # Masked of astropy, quantities included
        bare = opened(what, given.unmasked)
        return _joined(bare.values, np.asarray(given.mask), bare)  # type: ignore[attr-defined]
    if isinstance(given, np.ma.MaskedArray):
        values = np.asarray(given.data)
        mask = np.ma.getmaskarray(given) if values.dtype.names is None else None
        return _joined(values, mask, Opened(values, None, getattr(given, "unit", None)))
    if isinstance(given, np.ndarray):
        return _array(np.asarray(given), getattr(given, "unit", None))
    if hasattr(given, "to_pylist") and hasattr(given, "type"):
        return _arrow(what, given)
    if hasattr(given, "isna") and hasattr(given, "shape"):
        return _pandas(given)
    if isinstance(given, list | tuple | range):
        return _listed(what, list(given))
    return _array(np.asarray(given), getattr(given, "unit", None))


def _array(values: np.ndarray, unit: Any) -> Opened:
    """An array without a mask; elements that stand for none are found where it holds objects."""
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    missing = None
    if values.dtype.kind == "T":  # text of any length
        values = values.astype(object)
    if values.dtype == object:
        missing = np.fromiter(map(is_missing, values.flat), bool, values.size).reshape(values.shape)
    elif values.dtype.kind in "mM":
        missing = np.isnat(values)
    return Opened(values, missing, unit)


def _joined(values: np.ndarray, mask: np.ndarray | None, bare: Opened) -> Opened:
    inner = _array(values, bare.unit)
    masks = [np.broadcast_to(m, values.shape) for m in (mask, bare.missing, inner.missing) if m is not None]
    return Opened(inner.values, np.logical_or.reduce(masks) if masks else None, bare.unit)


def _pandas(given: Any) -> Opened:
    missing = np.asarray(given.isna(), bool)
    kinds = given.dtypes if given.ndim == 2 else [given.dtype]
    if not missing.any() or all(isinstance(kind, np.dtype) for kind in kinds):
        return _joined(np.asarray(given.to_numpy()), missing, Opened(missing, None, None))
    # Value by value: an integer of 19 digits next to a missing one must not pass through floats.
    values = given.to_numpy(dtype=object)
    return _joined(np.asarray(values), missing, Opened(missing, None, None))


def _arrow(what: str, given: Any) -> Opened:
    kind = str(given.type)
    if kind in ("float", "double"):
        return _array(
            given.to_numpy() if hasattr(given, "chunks") else given.to_numpy(zero_copy_only=False), None
        )
    return _listed(what, given.to_pylist())


def _listed(what: str, given: list[Any]) -> Opened:
    """A list: of plain values, or of rows of which each may be masked or have a unit."""
    if any(_is_row(row) for row in given):
        rows = [opened(what, row) for row in given]
        shapes = {row.values.shape for row in rows}
        if len(shapes) > 1:
            raise InputError(
                f"{what} has rows of different shapes ({', '.join(map(str, sorted(shapes)[:4]))}); give rows of one length."
            )
        units = {str(row.unit): row.unit for row in rows}
        if len(units) > 1:
            raise InputError(f"{what} has values in several units ({', '.join(units)}); give one unit.")
        values = np.stack([row.values for row in rows])
        masks = [np.zeros(row.values.shape, bool) if row.missing is None else row.missing for row in rows]
        return Opened(values, np.stack(masks), rows[0].unit)
    plain = [None if is_missing(value) else value for value in given]
    if any(value is None for value in plain) or _mixed(plain):
        return _array(_objects(plain), None)
    return _array(np.asarray(plain), None)


def _is_row(value: Any) -> bool:
    return not is_missing(value) and (
        isinstance(value, list | tuple) or hasattr(value, "unit") or (hasattr(value, "__array__") and bool(np.shape(value)))
    )  # fmt: skip


def _mixed(values: list[Any]) -> bool:
    """Whether NumPy would bring these to one type that cannot hold them all: 19 digits next to a fraction, or text."""
    kinds = {type(value) for value in values}
    whole = any(issubclass(kind, int | np.integer) and kind is not bool for kind in kinds)
    return len(kinds) > 1 and (whole or any(issubclass(kind, str | bytes) for kind in kinds))


def _objects(values: list[Any]) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = values
    return array
