"""Facts of further stars as the table of a dataset holds them: an odd value in one header costs no star."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

__all__ = ["as_columns"]


def as_columns(table: pd.DataFrame, known: Mapping[str, str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table with its columns as those of the dataset, and what had to be left out for it.

    Parameters
    ----------
    table : pandas.DataFrame
        Star-level facts, as files hold them.
    known : mapping of str to str
        By column, what the dataset holds, in the words of `luxjax.files`.

    Returns
    -------
    table : pandas.DataFrame
    odd : pandas.DataFrame
        Columns ``row`` and ``reason``: values that the column cannot hold, which are missing in the table.
    """
    table, odd = table.copy(), []
    for name in table.columns:
        kind = known.get(str(name))
        column = table[name]
        if kind == "text" and not _is_text(column):
            table[name] = (
                column.astype(object).where(column.isna(), column.astype(str)).where(column.notna(), "")
            )
        elif kind in _CONVERTED:
            new = _CONVERTED[kind](column)
            lost = (column.notna() & (column.astype(str).str.strip() != "") & new.isna()).to_numpy()
            odd += [(row, f"{name} {column.iloc[row]!r} is not among {kind}") for row in np.flatnonzero(lost)]
            table[name] = new
    return table, pd.DataFrame(odd, columns=["row", "reason"]).astype({"row": int})


def _is_text(column: pd.Series) -> bool:
    return pd.api.types.is_string_dtype(column.dtype) or all(isinstance(v, str) for v in column.dropna())


def _whole(column: pd.Series) -> pd.Series:
    if column.dtype.kind in "iu" or isinstance(column.dtype, pd.Int64Dtype):
        return column
    numbers = pd.to_numeric(column, errors="coerce")
    whole = numbers.notna() & (numbers == numbers.round()) & (numbers.abs() < 2.0**53)
    return numbers.where(whole).astype("Int64")


def _numbers(column: pd.Series) -> pd.Series:
    return pd.to_numeric(column, errors="coerce").astype(float)


def _booleans(column: pd.Series) -> pd.Series:
    words = column.map(
        lambda v: {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}.get(
            str(v).strip().lower()
        )
    )
    return words.astype("boolean")


def _dates(column: pd.Series) -> pd.Series:
    return pd.to_datetime(column, errors="coerce")


_CONVERTED = {"whole numbers": _whole, "numbers": _numbers, "booleans": _booleans, "dates": _dates}
