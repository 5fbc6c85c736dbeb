"""Tables as Gaia's archive writes them: CSV, ECSV, FITS and VOTable, with arrays in their cells, as text or as such."""

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import InputError
from ..core.internal import join_names, path_text
from ..data.internal import frame_of
from ..system.internal import lazy_import

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

__all__ = ["arrays_in", "read_gaia_table", "repeated"]

KINDS = {
    ".csv": "ascii.csv",
    ".ecsv": "ascii.ecsv",
    ".fits": "fits",
    ".fit": "fits",
    ".xml": "votable",
    ".vot": "votable",
}


def read_gaia_table(file: str | os.PathLike) -> "pd.DataFrame":
    """The rows of a file; cells that hold arrays stay as they are written.

    Raises
    ------
    InputError
        There is no such file, or it is none of these tables.
    """
    from astropy.table import Table  # half a second

    path = Path(file)
    suffixes = [s for s in path.suffixes if s != ".gz"]
    if not path.is_file():
        raise InputError(f"there is no file {path_text(path)}.")
    if not suffixes or suffixes[-1] not in KINDS:
        raise InputError(
            f"{path_text(path)} is no table of Gaia's archive: these end in {join_names(KINDS)}."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # units that FITS and VOTable write in their own ways
            if suffixes[-1] == ".csv":
                return pd.read_csv(path, comment="#")
            table = Table.read(path, format=KINDS[suffixes[-1]])
            plain = [c for c in table.colnames if table[c].dtype.kind != "O" and table[c].ndim == 1]
            frame = frame_of("Gaia table", table[plain])
            others = {c: pd.Series(list(table[c]), dtype=object) for c in table.colnames if c not in plain}
            return frame.assign(**others)
    except InputError:
        raise
    except Exception as problem:  # of three libraries, each in its own way
        raise InputError(f"{path_text(path)} cannot be read as a table: {problem}") from problem


def arrays_in(what: str, column: Any) -> list[np.ndarray]:
    """The array in each cell of a column, empty where there is none: numbers, or text in brackets."""
    found = []
    for cell in column:
        if isinstance(cell, str):
            cell = cell.strip().strip("\"'").strip("()[]{}").split(",")
            cell = [] if cell == [""] else [v if v.strip() not in ("null", "--", "") else "nan" for v in cell]
        elif cell is None or cell is np.ma.masked or np.isscalar(cell):  # a missing cell of an empty column
            cell = []
        try:
            found.append(
                np.asarray(np.ma.filled(np.ma.asarray(cell, np.float64), np.nan), np.float64).ravel()
            )
        except (TypeError, ValueError) as problem:
            raise InputError(f"{what} holds what is no array of numbers: {problem}") from problem
    return found


def repeated(what: str, ids: np.ndarray) -> None:
    """Refuse identifiers that occur more than once."""
    unique, counts = np.unique(ids, return_counts=True)
    if len(unique) < len(ids):
        raise InputError(
            f"the {what} of a table must be unique; repeated: {join_names(unique[counts > 1])}. Keep one row of each."
        )
