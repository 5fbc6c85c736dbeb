"""Values and errors of labels as users give them: masks, units, text, and the words and numbers for missing."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core import InputError
from ..core.internal import converted, number, unit_text, values, values_and_unit

__all__ = ["error_column", "in_label_units", "label_column"]


def in_label_units(
    value: Any, error: Any, names: Sequence[str], units: Mapping[str, str]
) -> tuple[np.ndarray, np.ndarray, dict[str, str]]:
    """Values and errors as (star, label) numbers in the labels' units, and these; quantities have one unit for all labels."""
    v, own = values_and_unit("label values", value)
    v, units = np.array(v, np.float64), {str(k): str(u) for k, u in units.items()}
    e, error_unit = values_and_unit("label errors", error)
    try:
        e = np.array(np.broadcast_to(e.astype(np.float64), v.shape))
    except ValueError as problem:
        raise InputError(
            f"label errors have shape {e.shape}, label values {v.shape}; give one error for each value, for each label, or one for all."
        ) from problem
    if v.ndim != 2 or v.shape[1] != len(names):
        return v, e, units  # the caller says what is wrong with the shape
    for j, name in enumerate(names):
        if own is not None:
            v[:, j], units = _to_stated(f"label '{name}'", v[:, j], own, name, units)
        if error_unit is not None:
            e[:, j] = _error_in(f"the error of label '{name}'", e[:, j], error_unit, units.get(name, ""))
    return v, e, units


def label_column(
    name: str, column: Any, unit: str | None, missing: Sequence[float], units: Mapping[str, str]
) -> tuple[np.ndarray, dict[str, str]]:
    """One label from a column in `unit` (None: not said), NaN where it is `missing`, and the units with its own."""
    found = values(f"label '{name}'", column).astype(np.float64)
    found = np.where(np.isin(found, list(missing)), np.nan, found)
    if unit is None:
        return found, dict(units)
    return _to_stated(f"label '{name}'", found, unit, name, units)


def error_column(name: str, given: Any, unit: str | None, n: int, label_unit: str) -> np.ndarray:
    """The errors of a label: from a column in `unit` (None: not said), or one number for all, which may have a unit."""
    what = f"the error of label '{name}'"
    found, own = values_and_unit(what, given)
    own = unit if own is None else own
    found = found.astype(np.float64)
    if own is not None:
        found = _error_in(what, found, own, label_unit)
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
