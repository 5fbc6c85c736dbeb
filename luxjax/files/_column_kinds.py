"""What a column of a table of stars holds, in words, and how a further part of it is brought to that without loss.

A table on disk grows by parts. Its columns can only be read as a whole where all parts hold one kind of value, so every part
is compared with those before it when it is written.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..core import InputError

__all__ = ["fitted_columns", "kinds_of_columns", "large_columns"]

WHOLE, NUMBERS, TEXT, BOOLEANS, DATES = "whole numbers", "numbers", "text", "booleans", "dates"
EXACT = 2**53  # up to which a floating-point number holds every whole one

Largest = Callable[[str], float]


def kinds_of_columns(table: Any) -> dict[str, str]:
    """What the columns of an Arrow table hold, by name; columns without any value are left out.

    Parameters
    ----------
    table : pyarrow.Table
    """
    kinds = {name: _kind(column) for name, column in zip(table.column_names, table.columns, strict=True)}
    return {name: kind for name, kind in kinds.items() if kind}


def large_columns(table: Any) -> set[str]:
    """The columns with whole numbers above 2^53, which cannot be read together with other numbers."""
    import pyarrow.compute as pc

    found = set()
    for name, column in zip(table.column_names, table.columns, strict=True):
        if _kind(column) == WHOLE:
            ends = pc.min_max(column).as_py()
            if max(abs(ends["min"]), abs(ends["max"])) > EXACT:
                found.add(name)
    return found


def fitted_columns(table: Any, known: Mapping[str, str], largest: Largest) -> tuple[Any, dict[str, str]]:
    """A further part of a table with its columns as those before it, and what the columns hold from then on.

    What widens a column without loss is allowed: whole numbers and others, missing values, columns that one part lacks.

    Parameters
    ----------
    table : pyarrow.Table
    known : mapping of str to str
        By column, what the earlier parts hold.
    largest : callable
        The largest absolute value of a column of whole numbers, over the earlier parts.

    Raises
    ------
    InputError
        A column holds another kind of values than before; the message names it and one of them.
    """
    kinds = dict(known)
    for at, name in enumerate(table.column_names):
        column = _plain(table.column(at))
        kind, was = _kind(column), known.get(name, "")
        if kind and was and kind != was:
            column, kind = _brought(name, column, kind, was, largest)
        if kind:
            kinds[name] = kind
        table = table.set_column(at, name, column)
    return table, kinds


def _kind(column: Any) -> str:
    """In words; empty where every value is missing."""
    import pyarrow as pa

    if column.null_count == len(column) or pa.types.is_null(column.type):
        return ""
    t = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    words = {
        BOOLEANS: pa.types.is_boolean(t),
        WHOLE: pa.types.is_integer(t),
        NUMBERS: pa.types.is_floating(t) or pa.types.is_decimal(t),
        TEXT: pa.types.is_string(t) or pa.types.is_large_string(t),
        DATES: pa.types.is_date(t) or (pa.types.is_timestamp(t) and t.tz is None),
        "dates with a time zone": pa.types.is_timestamp(t),
    }
    if words[NUMBERS] and not _some(column):
        return ""
    return next((word for word, so in words.items() if so), str(t))


def _some(column: Any) -> bool:
    """Whether any number is not missing; pandas writes missing numbers as NaN in some of its types."""
    import pyarrow.compute as pc

    return bool(pc.any(pc.invert(pc.is_nan(column.cast("float64", safe=False))), min_count=0).as_py())


def _plain(column: Any) -> Any:
    """One type for every kind of value, whatever the library that made the column; all-missing columns have none."""
    import pyarrow as pa

    kind, t = _kind(column), column.type
    if not kind:
        return pa.chunked_array([pa.nulls(len(column))])
    if pa.types.is_dictionary(t):
        return _plain(column.cast(t.value_type))
    if kind == WHOLE and not pa.types.is_int64(t):
        try:
            return column.cast(pa.int64())
        except pa.ArrowInvalid:  # above 2^63
            return column
    if pa.types.is_float16(t) or pa.types.is_decimal(t):
        return column.cast(pa.float64())
    if kind == TEXT:
        return column.cast(pa.string()) if not pa.types.is_string(t) else column
    if kind.startswith(DATES):
        return column.cast(pa.timestamp("us", tz="UTC" if kind != DATES else None), safe=False)
    return column


def _brought(name: str, column: Any, kind: str, was: str, largest: Largest) -> tuple[Any, str]:
    """A column as what the earlier parts hold, or what they are widened to."""
    import pyarrow as pa

    if {kind, was} <= {WHOLE, NUMBERS, BOOLEANS}:
        values = np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))
        there = values[np.isfinite(values)]
        whole, exact = bool(np.all(there == np.round(there))), bool(np.all(np.abs(there) <= EXACT))
        gaps = pa.array(values, from_pandas=True)
        if was == NUMBERS and exact:
            return pa.chunked_array([gaps]), NUMBERS
        if was == WHOLE and whole and exact and np.isfinite(values[~np.isnan(values)]).all():
            return pa.chunked_array([gaps.cast(pa.int64())]), WHOLE
        if was == WHOLE and kind == NUMBERS and exact and largest(name) <= EXACT:
            return column, NUMBERS
        if was == BOOLEANS and np.isin(there, (0, 1)).all() and len(there) == (~np.isnan(values)).sum():
            return pa.chunked_array([gaps.cast(pa.bool_())]), BOOLEANS
        if BOOLEANS not in (kind, was):
            raise InputError(
                f"column '{name}' holds {was}, and those to add are {kind} ({_example(column)}): digits would be lost, for "
                "one of the two holds numbers above 2^53 (identifiers do); give them as whole numbers (pandas: Int64) or as "
                "text in both."
            )
    raise InputError(
        f"column '{name}' holds {was}, and those to add are {kind} ({_example(column)}); give {was}, or rename or drop the "
        "column."
    )


def _example(column: Any) -> str:
    """The first value that is there."""
    value = repr(next((v for v in column.to_pylist() if v is not None and v == v), ""))
    return f"such as {value if len(value) < 40 else value[:37] + '...'}"
