"""Values and errors of labels and measurements as users give them: masks, units, text, and the words and numbers for missing."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import InputError, check_name
from ..core.internal import converted, identifiers, join_names, number, unit_text, values, values_and_unit
from .tables._frames import frame_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["from_columns", "in_label_units"]


def in_label_units(
    noun: str, value: Any, error: Any, names: Sequence[str], units: Mapping[str, str]
) -> tuple[np.ndarray, np.ndarray, dict[str, str]]:
    """Values and errors as (star, name) numbers in stated units, and these; quantities have one unit for all names."""
    v, own = values_and_unit(f"{noun} values", value)
    v, units = np.array(v, np.float64), {str(k): str(u) for k, u in units.items()}
    e, error_unit = values_and_unit(f"{noun} errors", error)
    try:
        e = np.array(np.broadcast_to(e.astype(np.float64), v.shape))
    except ValueError as problem:
        raise InputError(
            f"{noun} errors have shape {e.shape}, {noun} values {v.shape}; give one error for each value, for each {noun}, or "
            "one for all."
        ) from problem
    if v.ndim != 2 or v.shape[1] != len(names):
        return v, e, units  # the caller says what is wrong with the shape
    for j, name in enumerate(names):
        if own is not None:
            v[:, j], units = _to_stated(f"{noun} '{name}'", v[:, j], own, name, units)
        if error_unit is not None:
            e[:, j] = _error_in(f"the error of {noun} '{name}'", e[:, j], error_unit, units.get(name, ""))
    return v, e, units


def from_columns(
    noun: str,
    frame: Any,
    id_column: str,
    columns: Sequence[str] | Mapping[str, str],
    errors: Mapping[str, Any],
    missing: Sequence[float],
    units: Mapping[str, str] | None,
) -> "tuple[np.ndarray, np.ndarray, np.ndarray, tuple[str, ...], dict[str, str], pd.DataFrame]":
    """Values, errors, ids, names, units and the table itself, from the columns of a table of any library."""
    columns = dict(columns) if isinstance(columns, Mapping) else {name: name for name in columns}
    for name in columns:
        if name not in errors:
            raise InputError(
                f"{noun} '{name}' has no error; name its error column or give one number in errors "
                f"(given for: {join_names(errors) or 'none'})."
            )
    wanted = [id_column, *columns.values(), *[e for e in errors.values() if isinstance(e, str)]]
    table = frame_of("catalogue", frame)
    for column in wanted:
        check_name("column", column, table.columns, "Name a column of this table")
        if (number := list(table.columns).count(column)) > 1:
            raise InputError(
                f"the table has {number} columns called '{column}', so it is not known which is meant; rename all but one."
            )
    stated, known = table.attrs.get("units", {}), {str(k): str(u) for k, u in (units or {}).items()}
    value, error = np.full((2, len(table), len(columns)), np.nan)
    for j, (name, column) in enumerate(columns.items()):
        what = f"{noun} '{name}'"
        value[:, j], known = _value_column(what, name, table[column], stated.get(column), missing, known)
        given = errors[name]
        source, unit = (table[given], stated.get(given)) if isinstance(given, str) else (given, None)
        error[:, j] = _error_column(f"the error of {what}", source, unit, len(table), known.get(name, ""))
    ids = identifiers(f"column '{id_column}'", table[id_column])
    return value, error, ids, tuple(columns), known, table


def _value_column(
    what: str, name: str, column: Any, unit: str | None, missing: Sequence[float], units: Mapping[str, str]
) -> tuple[np.ndarray, dict[str, str]]:
    """Values from a column in `unit` (None: not said), NaN where they are `missing`, and the units with its own."""
    found = values(what, column).astype(np.float64)
    found = np.where(np.isin(found, list(missing)), np.nan, found)
    if unit is None:
        return found, dict(units)
    return _to_stated(what, found, unit, name, units)


def _error_column(what: str, given: Any, unit: str | None, n: int, value_unit: str) -> np.ndarray:
    """Errors from a column in `unit` (None: not said), or one number for all, which may have a unit."""
    found, own = values_and_unit(what, given)
    own = unit if own is None else own
    found = found.astype(np.float64)
    if own is not None:
        found = _error_in(what, found, own, value_unit)
    return np.full(n, number(what, found)) if found.size == 1 and found.shape != (n,) else found


def _to_stated(
    what: str, found: np.ndarray, own: Any, name: str, units: Mapping[str, str]
) -> tuple[np.ndarray, dict[str, str]]:
    if name not in units:
        text = unit_text(own)
        return found, {**units, **({name: text} if text else {})}
    if _is_logarithmic(units[name]) and _says_nothing(own):
        return found, dict(units)
    return converted(what, found, own, units[name]), dict(units)


def _error_in(what: str, found: np.ndarray, own: Any, unit: str) -> np.ndarray:
    """Errors in the unit of their label; a difference of two temperatures has no zero point, so K and degrees Celsius are alike."""
    if _is_logarithmic(unit) and (_says_nothing(own) or _is_logarithmic(unit_text(own))):
        return found
    own, unit = ("K" if unit_text(u) in ("deg_C", "Celsius") else u for u in (own, unit))
    return converted(what, found, own, unit)


def _is_logarithmic(unit: str) -> bool:
    return unit.lower().startswith(("dex", "log", "[", "mag"))


def _says_nothing(unit: Any) -> bool:
    """Pure numbers, or some way to write the unit of a logarithm, of which there are many: ``log(cm/s**2)``, ``[-]``."""
    return unit_text(unit) == "" or _is_logarithmic(unit_text(unit))
