"""Rows of a table by star: the columns that tell stars apart, and the best row of each."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from ...core import InputError
from ...data import LabelTable, same_star
from ...data.internal import EPOCH, STAR_COLUMNS, epochs, find_star_columns
from ._label_losses import label_values
from ._resolve import SNR_COLUMNS

__all__ = [
    "best_of_stars",
    "best_rows",
    "column_of",
    "frame_of",
    "snr_of",
    "standard_columns",
    "star_columns",
]


def frame_of(table: LabelTable) -> pd.DataFrame:
    return pd.DataFrame(table.table)


def column_of(frame: pd.DataFrame, names: Sequence[str]) -> str | None:
    """The first of these columns that the frame has, whatever its case."""
    lower = {str(c).lower(): str(c) for c in frame.columns}
    return next((lower[n] for n in names if n in lower), None)


def best_rows(keys: np.ndarray, snr: np.ndarray) -> np.ndarray:
    """One row for every distinct key, in order: that of the highest S/N (missing ones lowest), else the first."""
    order = np.lexsort((np.arange(len(keys)), -np.nan_to_num(snr, nan=-np.inf)))
    _, first = np.unique(np.asarray(keys)[order], return_index=True)
    return np.sort(order[first])


def snr_of(frame: pd.DataFrame) -> np.ndarray:
    column = column_of(frame, SNR_COLUMNS)
    return label_values(frame[column])[0] if column else np.zeros(len(frame))


def best_of_stars(stars: pd.DataFrame, ids: np.ndarray, snr: np.ndarray) -> np.ndarray:
    """The best row of every star, by the rule of `luxjax.data.same_star`."""
    names = np.asarray(ids, dtype=str)
    try:
        star = same_star(stars, ids=names)
    except InputError:  # identifiers or positions that cannot be used; who joins by them is told then
        star = same_star(stars[["tmass_id"]], ids=names)
    return best_rows(star, snr)


def star_columns(columns: Iterable[str]) -> list[str]:
    """Those of a table's columns that tell one star from another."""
    known = {name for names in STAR_COLUMNS.values() for name in names}
    return [c for c in columns if str(c).lower() in known]


def standard_columns(frame: pd.DataFrame, ids: np.ndarray) -> pd.DataFrame:
    """The columns that `crossmatch` and `same_star` compare, under their names."""
    column = find_star_columns(frame)
    out = {name: frame[c].to_numpy() for name, c in column.items()}
    # APOGEE names its stars by their 2MASS designations, and has their positions from 2MASS.
    out.setdefault("tmass_id", np.asarray(ids, dtype=object))
    out["epoch"] = epochs(frame, column)
    if "epoch" not in column and "tmass_id" not in column:
        of_2mass = pd.Series(ids, dtype=object).astype(str).str.fullmatch(r"2M\d{8}[+-]\d{7}").to_numpy(bool)
        out["epoch"] = np.where(of_2mass, EPOCH["tmass_id"], out["epoch"])
    return pd.DataFrame(out)
