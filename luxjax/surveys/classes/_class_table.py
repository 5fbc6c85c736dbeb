"""Tables of classes: which column has them, what they are, and by what a row is joined to a spectrum."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ...core import InputError, check_name
from ...core.internal import join_names
from ...data.internal import STAR_COLUMNS
from ..catalogs._catalogs import catalog_columns, read_catalog
from ..catalogs._resolve import FILE_COLUMNS, Table, column_called
from ..catalogs._stars import standard_columns, star_columns
from ._object_types import parse_object_types
from ._spectral_types import parse_spectral_types

__all__ = ["KEYS", "ClassTable", "read_classes"]

# The usual names of a column of classes, by kind; the first kind that a table has counts.
KINDS = {
    "sp_type": (
        *("sp_type", "sptype", "spectral_type", "spec_type", "spectype", "spt", "sp", "mk_type", "mk"),
        "subclass",
    ),
    "class": ("class", "main_class", "star_class", "object_class", "classification", "true_class"),
    "otype": ("otype", "otype_txt", "main_type", "object_type", "simbad_otype"),
}
WORDS = {"sp_type": "spectral types", "class": "classes", "otype": "object types of SIMBAD"}
KEYS = {"file": FILE_COLUMNS, "obsid": ("obsid",), "id": ("id", "designation", "desig", "star")}
EPOCH_OF_SIMBAD = 2000.0  # its positions are for J2000, proper motions included
BLANK = ("", "nan", "none", "<na>", "--")


@dataclass(frozen=True, eq=False)
class ClassTable:
    """Classes out of a catalogue.

    Parameters
    ----------
    kind : str
        ``"sp_type"``, ``"class"`` or ``"otype"``.
    column : str
        The column that has them.
    rows : pandas.DataFrame
        ``main``, ``subclass``, ``luminosity``, ``reason`` (why there is no class, else blank), and ``file``, ``obsid``, ``id`` as far as
        the table has them.
    stars : pandas.DataFrame
        Row for row, identifiers and positions under the names that `luxjax.crossmatch` compares.
    """

    kind: str
    column: str
    rows: pd.DataFrame
    stars: pd.DataFrame

    @property
    def words(self) -> str:
        """What the classes are, in words."""
        return f"{WORDS[self.kind]} in column {self.column}"


def read_classes(path: str | Path, columns: Mapping[str, str] | None = None) -> ClassTable:
    """Read a table of classes that `read_catalog` can read.

    Parameters
    ----------
    path : path
    columns : mapping of str to str, optional
        What the table calls something: ``sp_type``, ``class`` or ``otype`` (which then is the truth), ``file``, ``obsid``, ``id``, or a column of
        positions and identifiers, such as ``ra`` or ``gaia_dr3``. Default: found by the usual names.

    Raises
    ------
    InputError
        No column of classes, or none of its rows names one.
    """
    have = [str(c) for c in catalog_columns(path)]
    places = [name for name in STAR_COLUMNS if name != "gaia"]
    for name in columns or {}:
        check_name("use of a column of the truth table", name, (*KINDS, *KEYS, *places))
    said = Table(have, dict(columns or {}), f"'{path}'", "", {}).columns
    kind, column = _truth(have, said, path)
    keys = {k: c for k, names in KEYS.items() if (c := said.get(k) or column_called(names, have))}
    named = {said[name]: name for name in places if name in said}
    wanted = [column, *keys.values(), *named, *star_columns(have), *_designation(have)]
    frame = read_catalog(path, list(dict.fromkeys(wanted)))
    rows = _classes(kind, frame[column])
    if not (rows["main"] != "").any():
        raise InputError(
            f"no row of column {column} of '{path}' names a class ({'; '.join(rows['reason'].unique()[:3]) or 'it has no rows'}); "
            "name another column, such as --truth-column class=NAME."
        )
    rows = rows.assign(**{k: _names(frame[c]) for k, c in keys.items()})
    clash = [name for column, name in named.items() if column != name and name in frame]
    placed = frame.drop(columns=clash)
    names = _names(frame[_designation(have)[0]]) if _designation(have) else np.full(len(frame), "")
    stars = standard_columns(placed.rename(columns=named), names)
    if _is_simbad(have):
        stars["epoch"] = stars["epoch"].fillna(EPOCH_OF_SIMBAD)
    return ClassTable(kind, column, rows, stars)


def _truth(have: list[str], said: Mapping[str, str], path: str | Path) -> tuple[str, str]:
    """The kind of classes and their column: one that is named, else the first that the table has."""
    stated = [kind for kind in KINDS if kind in said]
    if len(stated) > 1:
        raise InputError(f"the truth is one column; given: {join_names(stated)}. Name one of them.")
    for kind in stated or KINDS:
        if column := said.get(kind) or column_called(KINDS[kind], have):
            return kind, column
    raise InputError(
        f"'{path}' has no column of spectral types, classes or object types (it has {join_names(have)}); name it, such as "
        "--truth-column sp_type=NAME."
    )


def _classes(kind: str, column: pd.Series) -> pd.DataFrame:
    """``main``, ``subclass``, ``luminosity`` and ``reason`` of every row."""
    if kind == "sp_type":
        return parse_spectral_types(column)[["main", "subclass", "luminosity", "reason"]]
    if kind == "otype":
        found = parse_object_types(column)[["main", "reason"]]
    else:
        main = _names(column)
        main = np.where(np.isin(np.char.lower(main), BLANK), "", main)
        found = pd.DataFrame({"main": main, "reason": np.where(main == "", "it has no class", "")})
    return found.assign(subclass="", luminosity="")


def _names(column: pd.Series) -> np.ndarray:
    """A column as text without blanks around it; missing values are blank."""
    whole = pd.api.types.is_float_dtype(column) and bool((column.dropna() % 1 == 0).all())
    text = (column.astype("Int64") if whole else column).astype("string").fillna("").str.strip()
    return text.to_numpy(str)


def _designation(have: list[str]) -> list[str]:
    """The column of names, which may be designations of 2MASS."""
    found = column_called(("main_id", "id", "name"), have)
    return [found] if found else []


def _is_simbad(have: list[str]) -> bool:
    lower = {c.lower() for c in have}
    return "main_id" in lower and bool(lower & {"otype", "sp_type", "otype_txt"})
