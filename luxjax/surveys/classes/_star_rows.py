"""Rows of a user's table by star: the names and positions by which they are joined to spectra, and the columns that are wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ...data.internal import STAR_COLUMNS
from ..catalogs._catalogs import catalog_columns, read_catalog
from ..catalogs._resolve import FILE_COLUMNS, Table, column_called
from ..catalogs._stars import standard_columns, star_columns

__all__ = ["KEYS", "PLACES", "StarRows", "named_columns", "read_star_rows", "text_of"]

KEYS = {"file": FILE_COLUMNS, "obsid": ("obsid",), "id": ("id", "designation", "desig", "star")}
PLACES = tuple(name for name in STAR_COLUMNS if name != "gaia")
EPOCH_OF_SIMBAD = 2000.0  # its positions are for J2000, proper motions included


@dataclass(frozen=True, eq=False)
class StarRows:
    """Rows of a table.

    Parameters
    ----------
    keys : pandas.DataFrame
        ``file``, ``obsid`` and ``id`` as text, as far as the table has them.
    stars : pandas.DataFrame
        Row for row, identifiers and positions under the names that `luxjax.crossmatch` compares.
    frame : pandas.DataFrame
        Row for row, the columns that were wanted, and others.
    where : str
        The table, for messages.
    """

    keys: pd.DataFrame
    stars: pd.DataFrame
    frame: pd.DataFrame
    where: str


def named_columns(path: str | Path, columns: Mapping[str, str] | None) -> tuple[list[str], dict[str, str]]:
    """The columns of a table, and those that the user named, each as the table writes it; raises on one that it does not have."""
    have = [str(c) for c in catalog_columns(path)]
    return have, Table(have, dict(columns or {}), f"'{path}'", "", {}).columns


def read_star_rows(
    path: str | Path, have: Sequence[str], wanted: Sequence[str], said: Mapping[str, str]
) -> StarRows:
    """Read the wanted columns of a table with all that names its stars; `said` are the columns that the user named."""
    keys = {k: c for k, names in KEYS.items() if (c := said.get(k) or column_called(names, have))}
    named = {said[name]: name for name in PLACES if name in said}
    name = column_called(("main_id", "id", "name"), have)  # may be a designation of 2MASS
    columns = [*wanted, *keys.values(), *named, *star_columns(have), *([name] if name else [])]
    frame = read_catalog(path, list(dict.fromkeys(columns)))
    clash = [new for old, new in named.items() if old != new and new in frame]
    names = text_of(frame[name]) if name else np.full(len(frame), "")
    stars = standard_columns(frame.drop(columns=clash).rename(columns=named), names)
    lower = {c.lower() for c in have}
    if "main_id" in lower and lower & {"otype", "sp_type", "otype_txt"}:
        stars["epoch"] = stars["epoch"].fillna(EPOCH_OF_SIMBAD)
    keyed = pd.DataFrame({k: text_of(frame[c]) for k, c in keys.items()}, index=frame.index)
    return StarRows(keyed, stars, frame, str(path))


def text_of(column: pd.Series) -> np.ndarray:
    """A column as text without blanks around it; missing values are blank, whole numbers without a point."""
    whole = pd.api.types.is_float_dtype(column) and bool((column.dropna() % 1 == 0).all())
    text = (column.astype("Int64") if whole else column).astype("string").fillna("").str.strip()
    return text.to_numpy(str)
