"""Star-level facts of many files in one table: every column of one kind, whatever single headers hold."""

import warnings

import numpy as np
import pandas as pd

from ...core import LuxWarning
from ...core.internal import join_names

__all__ = ["one_kind"]

EXACT = 2**53  # up to which a floating-point number holds every whole one


def one_kind(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose columns hold one kind of value each, so that it can be stored.

    Where a column holds text in some rows and numbers in others, the kind of most rows is kept: numbers are written as text,
    and text that is no number is missing, of which a warning tells. Text that is missing is blank.
    """
    for name in table.columns:
        column = table[name]
        if column.dtype != object:
            continue
        kinds = {_kind(v) for v in column} - {""}
        if kinds and "text" not in kinds:
            table[name] = _numbers(column)
        elif kinds:
            table[name] = _numbers(column) if len(kinds) > 1 and _mostly_numbers(column) else _text(column)
    return table


def _kind(value: object) -> str:
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return ""
    if isinstance(value, bool | np.bool_):
        return "boolean"
    return "number" if isinstance(value, int | float | np.number) else "text"


def _mostly_numbers(column: pd.Series) -> bool:
    kinds = [kind for value in column if (kind := _kind(value))]
    return sum(kind != "text" for kind in kinds) * 2 >= len(kinds)


def _numbers(column: pd.Series) -> pd.Series:
    values, lost = [], []
    for value in column:
        kind = _kind(value)
        number = _number(str(value)) if kind == "text" else None if kind == "" else value
        if kind == "text" and number is None and str(value).strip():
            lost.append(str(value))
        values.append(number)
    if lost:
        warnings.warn(
            f"'{column.name}' is a number in most files and text in {len(lost)} ({join_names(map(repr, lost), 3)}), which count "
            "as missing.",
            LuxWarning,
            stacklevel=4,
        )
    kinds = {type(v) for v in values if v is not None}
    if kinds <= {bool, np.bool_}:
        return pd.Series(values, name=column.name, dtype="boolean" if None in values else bool)
    if all(isinstance(v, int | np.integer) for v in values if v is not None):
        large = max(abs(v) for v in values if v is not None) > EXACT
        if large or None not in values:
            kind = "Int64" if None in values else "int64"
            too_large = any(abs(v) >= 2**63 for v in values if v is not None)
            return _text(column) if too_large else pd.Series(values, name=column.name, dtype=kind)
    return pd.Series(np.array(values, float), name=column.name)


def _number(text: str) -> int | float | None:
    """The number that a text says; None if it says none."""
    for kind in (int, float):
        try:
            return kind(text.strip())
        except ValueError:
            continue
    return None


def _text(column: pd.Series) -> pd.Series:
    return pd.Series(["" if _kind(v) == "" else str(v) for v in column], name=column.name, dtype=object)
