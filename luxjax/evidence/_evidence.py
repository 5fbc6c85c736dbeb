"""What one line of evidence says of one label, in numbers and in words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..stats import Interval

__all__ = ["Evidence"]


@dataclass(frozen=True, eq=False)
class Evidence:
    """One line of evidence on a label: a number, its uncertainty, and its value where there is nothing to find.

    Parameters
    ----------
    name : str
        Name of the line of evidence, such as ``"gain"``.
    value : float
        NaN where it could not be computed; `statement` says why.
    interval : Interval or None
        95% interval.
    null : (draw,) array or None
        Draws of the value where nothing is there: shifted lines, shuffled stars.
    unit : str
        Unit of value, interval and null; empty for pure numbers.
    statement : str
        What it says, in one sentence with its numbers.
    arrays : mapping of str to array
        What a figure of it needs.

    Examples
    --------
    >>> from luxjax.evidence import Evidence
    >>> from luxjax.stats import Interval
    >>> found = Evidence("gain", 0.3, Interval(0.2, 0.4), unit="dex", statement="The element lines gain 0.3 dex.")
    >>> found.interval.lower <= found.value <= found.interval.upper, found.unit
    (True, 'dex')
    """

    name: str
    value: float
    interval: Interval | None = None
    null: np.ndarray | None = None
    unit: str = ""
    statement: str = ""
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self):
        object.__setattr__(self, "value", float(self.value))
        if self.interval is not None:
            object.__setattr__(self, "interval", Interval(*map(float, self.interval)))
        if self.null is not None:
            object.__setattr__(self, "null", np.asarray(self.null, float).reshape(-1))
        object.__setattr__(self, "arrays", {k: np.asarray(v) for k, v in self.arrays.items()})

    @property
    def p_value(self) -> float:
        """Fraction of the null at least as large as the value, the value itself counted; NaN without a null."""
        if self.null is None or not len(self.null) or not np.isfinite(self.value):
            return float("nan")
        return float((1 + np.sum(self.null >= self.value)) / (1 + len(self.null)))

    def to_dict(self) -> dict[str, Any]:
        """Everything but the arrays, for JSON; what is not finite becomes None."""
        return {
            "value": _number(self.value),
            "interval": None if self.interval is None else [_number(v) for v in self.interval],
            "null": None if self.null is None else [_number(v) for v in self.null],
            "p_value": _number(self.p_value),
            "unit": self.unit,
            "statement": self.statement,
        }

    @classmethod
    def from_dict(
        cls, name: str, entry: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None
    ) -> "Evidence":
        """Undo `to_dict`."""
        interval, null = entry["interval"], entry["null"]
        return cls(
            name,
            _float(entry["value"]),
            None if interval is None else Interval(*map(_float, interval)),
            None if null is None else np.array([_float(v) for v in null]),
            entry["unit"],
            entry["statement"],
            arrays or {},
        )


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _float(value: float | None) -> float:
    return float("nan") if value is None else float(value)
