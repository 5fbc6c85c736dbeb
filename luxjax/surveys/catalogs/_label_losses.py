"""Numbers out of the columns of a label, and why a star has none: every value that is lost has its reason."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ...core.internal import join_names

__all__ = ["FAILS_CUT", "FLAGGED", "AccountOfLabels", "error_values", "example_of_text", "label_values"]

MISSING, TEXT, INFINITE = "are missing", "are text", "are not finite"
NO_ERROR, NO_POSITIVE, ERROR_TEXT = "have no error", "have an error <= 0", "have an error that is text"
ERROR_INFINITE, FLAGGED, FAILS_CUT = (
    "have an error that is not finite",
    "are flagged by the survey",
    "fail the quality cuts",
)
NO_COLUMN = "there is no such column"
_BLANK = ("", "na", "n/a", "nan", "null", "none", "<na>", "--", "masked")
_SENTINELS = (-9999.0, -999.0)
_ONE = {"are": "is", "have": "has", "fail": "fails"}


def label_values(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """A column as numbers, NaN where it holds none, and the reason for each that is none, (row,) each."""
    values, text = _numbers(column)
    reason = np.where(np.isnan(values), np.where(text, TEXT, MISSING), "").astype(object)
    reason[np.isinf(values)] = INFINITE
    return np.where(np.isfinite(values), values, np.nan), reason


def example_of_text(column: pd.Series, reasons: np.ndarray) -> str:
    """The first text of a column that is no number; blank where there is none."""
    text = np.flatnonzero(reasons == TEXT)
    return str(column.iloc[text[0]]) if len(text) else ""


def error_values(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Errors, NaN where there is none that can be used, and the reason why, (row,) each."""
    values, text = _numbers(column, sentinels=())
    reason = np.where(np.isnan(values), np.where(text, ERROR_TEXT, NO_ERROR), "").astype(object)
    reason[np.isinf(values)] = ERROR_INFINITE
    reason[values <= 0] = NO_POSITIVE
    return np.where(reason == "", values, np.nan), reason


def _numbers(column: pd.Series, sentinels: Sequence[float] = _SENTINELS) -> tuple[np.ndarray, np.ndarray]:
    """Numbers, and where there is text that is none, (row,) each."""
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values, text = column.to_numpy(float, na_value=np.nan), np.zeros(len(column), bool)
    else:
        given = column.astype(object)
        values = pd.to_numeric(given, errors="coerce").to_numpy(float, na_value=np.nan)
        blank = given.isna() | given.astype(str).str.strip().str.lower().isin(_BLANK)
        text = np.isnan(values) & ~blank.to_numpy(bool)
    return np.where(np.isin(values, sentinels), np.nan, values), text


class AccountOfLabels:
    """How many values of each label there are, and how many are lost for which reasons.

    Parameters
    ----------
    names : sequence of str
    reasons : (row, label) array of str
        Empty where there is a value.
    absent : sequence of str
        Labels that the catalogue does not have.
    examples : mapping of str to str
        A text that is no number, by label.
    unflagged : sequence of str
        Columns of quality flags that the survey has and this catalogue does not.
    nameless : int
        Rows without the name of a star, which are none of the others.
    """

    def __init__(
        self,
        names: Sequence[str],
        reasons: np.ndarray,
        absent: Sequence[str] = (),
        examples: Mapping[str, str] | None = None,
        unflagged: Sequence[str] = (),
        nameless: int = 0,
    ):
        self.names, self.reasons = tuple(names), np.asarray(reasons, object)
        self.absent, self.examples, self.unflagged = tuple(absent), dict(examples or {}), tuple(unflagged)
        self.nameless = nameless

    @classmethod
    def of_values(cls, names: Sequence[str], value: np.ndarray) -> "AccountOfLabels":
        """Losses of labels that came as numbers: what is not there is missing."""
        return cls(names, np.where(np.isfinite(value), "", MISSING).astype(object))

    def lost(self, rows: np.ndarray, reason: str, name: str) -> None:
        """Count values that were there as lost."""
        column = self.reasons[:, self.names.index(name)]
        column[np.asarray(rows, bool) & (column == "")] = reason

    @property
    def table(self) -> pd.DataFrame:
        """Columns ``label``, ``reason`` and ``n``; values that are there have the reason ''."""
        rows = [
            (name, reason, int(n))
            for name, column in zip(self.names, self.reasons.T, strict=True)
            for reason, n in pd.Series(column).value_counts(sort=False).items()
        ]
        rows += [(name, NO_COLUMN, len(self.reasons)) for name in self.absent]
        return pd.DataFrame(rows, columns=["label", "reason", "n"])

    def __str__(self) -> str:
        n = len(self.reasons)
        parts = []
        for name, column in zip(self.names, self.reasons.T, strict=True):
            counts = pd.Series(column[column != ""]).value_counts()
            why = ", ".join(self._said(name, int(k), str(reason)) for reason, k in counts.items())
            there = n - int(counts.sum())
            parts.append(f"{name} {there} of {n} ({why})" if why else f"{name} {n}")
        without = f"; the catalogue has no flags {join_names(self.unflagged)}" if self.unflagged else ""
        return ", ".join([*parts, *(f"{name} 0 ({NO_COLUMN})" for name in self.absent)]) + without

    def _said(self, name: str, n: int, reason: str) -> str:
        verb, _, rest = reason.partition(" ")
        like = f", such as '{self.examples[name]}'" if reason == TEXT and name in self.examples else ""
        return f"{n} {_ONE[verb] if n == 1 else verb} {rest}{like}"

    def rows(self, ids: Any) -> pd.DataFrame:
        """One row (``id``, ``reason``) for every value that could not be used; blanks of the catalogue, flags and cuts are counted alone."""
        found = [
            pd.DataFrame(
                {"id": np.asarray(ids)[bad], "reason": [f"{name}: {r}" for r in _singular(column[bad])]}
            )
            for name, column in zip(self.names, self.reasons.T, strict=True)
            if (bad := ~np.isin(column.astype(str), ("", MISSING, FLAGGED, FAILS_CUT))).any()
        ]
        return (
            pd.concat(found, ignore_index=True)
            if found
            else pd.DataFrame({"id": [], "reason": []}, dtype=object)
        )


def _singular(reasons: Sequence[str]) -> list[str]:
    return [f"{_ONE.get((w := r.partition(' '))[0], w[0])} {w[2]}" for r in reasons]
