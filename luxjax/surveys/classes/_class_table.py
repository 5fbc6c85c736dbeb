"""Tables of classes: which column has them, and what they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ...core import InputError, check_name
from ...core.internal import join_names
from ..catalogs._resolve import column_called
from ._object_types import parse_object_types
from ._spectral_types import parse_spectral_types
from ._star_rows import KEYS, PLACES, StarRows, named_columns, read_star_rows, text_of

__all__ = ["TruthTable", "read_classes"]

# The usual names of a column of classes, by kind; the first kind that a table has counts.
KINDS = {
    "sp_type": (
        *("sp_type", "sptype", "spectral_type", "spec_type", "spectype", "spt", "sp", "mk_type", "mk"),
        "subclass",
    ),
    "class": ("class", "main_class", "star_class", "object_class", "classification", "true_class"),
    "otype": ("otype", "otype_txt", "main_type", "object_type", "simbad_otype"),
}
BLANK = ("", "nan", "none", "<na>", "--")


@dataclass(frozen=True, eq=False)
class TruthTable:
    """Classes out of a catalogue.

    Parameters
    ----------
    kind : str
        ``"sp_type"``, ``"class"`` or ``"otype"``.
    column : str
        The column that has them.
    classes : pandas.DataFrame
        ``main``, ``subclass``, ``luminosity``, and ``reason``: why a row has no class, else blank.
    rows : StarRows
        Row for row, what joins them to spectra.
    """

    kind: str
    column: str
    classes: pd.DataFrame
    rows: StarRows


def read_classes(path: str | Path, columns: Mapping[str, str] | None = None) -> TruthTable:
    """Read a table of classes that `luxjax.surveys.read_catalog` can read.

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
    for name in columns or {}:
        check_name("use of a column of the truth table", name, (*KINDS, *KEYS, *PLACES))
    have, said = named_columns(path, columns)
    kind, column = _truth(have, said, path)
    rows = read_star_rows(path, have, [column], said)
    classes = _classes(kind, rows.frame[column])
    if not (classes["main"] != "").any():
        why = "; ".join(classes["reason"].unique()[:3]) or "it has no rows"
        raise InputError(
            f"no row of column {column} of '{path}' names a class ({why}); name another column, such as --truth-column class=NAME."
        )
    return TruthTable(kind, column, classes, rows)


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
        main = text_of(column)
        main = np.where(np.isin(np.char.lower(main), BLANK), "", main)
        found = pd.DataFrame({"main": main, "reason": np.where(main == "", "it has no class", "")})
    return found.assign(subclass="", luminosity="")
