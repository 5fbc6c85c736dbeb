"""The door for tables: what comes as a table of whatever library becomes a pandas DataFrame that says what is missing."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core import InputError, check_name
from ...core.internal import converted, join_names, opened, unit_text
from ...system.internal import lazy_import

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

__all__ = ["frame_of", "whole_kind", "with_gaps"]


def frame_of(
    what: str, table: Any, *, columns: Iterable[str] | None = None, units: Mapping[str, str] | None = None
) -> "pd.DataFrame":
    """A table as a DataFrame with rows numbered from 0.

    Masked and missing values are missing, whole numbers with gaps stay whole numbers, bytes become text, and the byte order is
    this machine's (FITS stores the other one).

    Parameters
    ----------
    what : str
        What it is, for messages.
    table : DataFrame, astropy Table or QTable, pyarrow Table, record array, mapping or list of mappings
    columns : iterable of str, optional
        The columns to take. Default: all.
    units : mapping of str to str, optional
        By column, the unit to bring it to where the table says which it is in.

    Returns
    -------
    DataFrame
        ``frame.attrs["units"]`` has the units that the table states, of columns not in `units`.

    Raises
    ------
    InputError
        It is no table, a column is not there or has no place in a DataFrame, or a unit cannot be converted.
    """
    if isinstance(table, list) and table and all(isinstance(row, Mapping) for row in table):
        table = pd.DataFrame(table)
    names = _names(what, table)
    if columns is None and isinstance(table, pd.DataFrame) and _is_plain(table):
        return table.reset_index(drop=True)
    wanted = names if columns is None else list(dict.fromkeys(columns))
    for name in wanted:
        check_name(f"column of the {what}", name, names)
    made, stated = {}, {}
    for name in wanted:
        given = table[name]
        if name in (units or {}) and hasattr(given, "jyear"):  # an epoch, as astropy has it
            given = given.jyear
        column, unit = _column(f"column '{name}' of the {what}", given)
        if unit is not None and name in (units or {}):
            column = converted(f"column '{name}' of the {what}", np.asarray(column, float), unit, units[name])  # type: ignore[index]
        elif unit_text(unit):
            stated[str(name)] = unit_text(unit)
        made[name] = column
    lengths = {name: len(column) for name, column in made.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(
            f"columns of the {what} have different lengths: {join_names(f'{k} {v}' for k, v in lengths.items())}."
        )
    frame = pd.DataFrame(made, index=range(next(iter(lengths.values()), _length(table))))
    if stated:
        frame.attrs["units"] = stated
    return frame


def _names(what: str, table: Any) -> list[Any]:
    if isinstance(table, Mapping):
        return list(table)
    if getattr(getattr(table, "dtype", None), "names", None):
        return list(table.dtype.names)
    for names in ("colnames", "column_names", "columns"):  # astropy, pyarrow, pandas
        found = getattr(table, names, None)
        if found is not None and hasattr(table, "__getitem__"):
            return list(found)
    raise InputError(
        f"the {what} must be a table with named columns: a pandas DataFrame, an astropy or pyarrow Table, a record array, or a "
        f"mapping of names to columns; given a {type(table).__name__}."
    )


def _length(table: Any) -> int:
    return 0 if isinstance(table, Mapping) else len(table)


def _is_plain(frame: "pd.DataFrame") -> bool:
    """Whether every column is in this machine's byte order, and none holds NumPy's masked elements or bytes."""
    for k, kind in enumerate(frame.dtypes):
        if isinstance(kind, np.dtype) and (not kind.isnative or kind.kind in "SV"):
            return False
        if kind == np.dtype(object) and any(
            v is np.ma.masked or isinstance(v, bytes) for v in frame.iloc[:, k]
        ):
            return False
    return True


def _column(what: str, given: Any) -> tuple[Any, Any]:
    """A column as pandas holds it, and its unit."""
    if hasattr(given, "jyear"):  # times of astropy
        moments = opened(what, given.utc.datetime64)
        gone = np.zeros(moments.values.shape, bool) if moments.missing is None else moments.missing
        return np.where(gone, np.datetime64("NaT", "ns"), moments.values.astype("M8[ns]")), None
    if hasattr(given, "represent_as"):
        raise InputError(
            f"{what} holds positions on the sky; give right ascension and declination as columns in degrees."
        )
    if hasattr(given, "null_count") and not str(given.type).startswith(("int", "uint", "bool")):
        return given.to_pandas(), None
    if isinstance(getattr(given, "dtype", None), pd.api.extensions.ExtensionDtype):
        return given.array if hasattr(given, "array") else given, None
    bare = opened(what, given)
    array, missing = bare.values, bare.missing
    if array.dtype.kind == "V":
        raise InputError(f"{what} holds records of several columns; give these as columns of the table.")
    if array.ndim != 1:
        if array.ndim == 0:
            raise InputError(f"{what} is one value; give one for each row.")
        return _objects(list(array)), bare.unit
    if array.dtype.kind in "SO":
        array = _objects([_text(what, v) for v in array])
    if missing is None or not missing.any():
        return array, bare.unit
    if kind := whole_kind(array[~missing]) if array.dtype == object else _nullable(array.dtype):
        return with_gaps(array, missing, kind), bare.unit
    return _emptied(array, missing), bare.unit


def with_gaps(values: np.ndarray, missing: np.ndarray, kind: Any) -> Any:
    """Whole numbers or truths with gaps. pandas by itself makes floats of them, which rounds identifiers of 19 digits."""
    return pd.array(
        [None if gone else v for v, gone in zip(values.tolist(), missing, strict=True)], dtype=kind
    )


def whole_kind(values: np.ndarray) -> str:
    """The type with gaps for objects that are all whole numbers, or all true or false; empty for others."""
    if not len(values) or not all(isinstance(v, int | np.integer | bool | np.bool_) for v in values):
        return ""
    truths = [isinstance(v, bool | np.bool_) for v in values]
    if any(truths):
        return "boolean" if all(truths) else ""
    low, high = min(map(int, values)), max(map(int, values))
    return "Int64" if low >= -(2**63) and high < 2**63 else "UInt64" if low >= 0 and high < 2**64 else ""


def _nullable(kind: np.dtype) -> str:
    """The type with gaps of whole numbers and truths; empty for others."""
    size = 8 * kind.itemsize
    return {"b": "boolean", "i": f"Int{size}", "u": f"UInt{size}"}.get(kind.kind, "")


def _emptied(array: np.ndarray, missing: np.ndarray) -> np.ndarray:
    if array.dtype.kind == "f":
        return np.where(missing, np.nan, array).astype(array.dtype)
    if array.dtype.kind in "mM":
        return np.where(missing, np.array("NaT", array.dtype), array)
    out = array.astype(object)
    out[missing] = None
    return out


def _text(what: str, value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _objects(rows: list[Any]) -> np.ndarray:
    array = np.empty(len(rows), object)
    array[:] = rows
    return array
