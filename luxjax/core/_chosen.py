"""The door for choices of rows: slices, numbers, masks and identifiers, as positions."""

from typing import Any

import numpy as np

from ._identifiers import identifiers
from ._messages import InputError, RowError, choose_from
from ._opened import opened

__all__ = ["chosen_rows"]


def chosen_rows(index: Any, n: int, ids: np.ndarray | None = None) -> np.ndarray:
    """Positions of the rows that are chosen, (chosen,) int.

    Parameters
    ----------
    index : int, slice, sequence of int, boolean mask, identifier or sequence of identifiers
        Negative numbers count from the end. A mask whose value is missing does not choose its row.
    n : int
        Number of rows.
    ids : (row,) array of str, optional
        Identifiers of the rows; all rows with a name are chosen by it. Default: rows have none.

    Raises
    ------
    InputError
        A row that is not there, a mask of another length, or something that chooses no rows.
    """
    if isinstance(index, slice):
        if not all(end is None or hasattr(end, "__index__") for end in (index.start, index.stop, index.step)):
            raise InputError(f"a slice of rows has whole numbers; given {index}.")
        return np.arange(n)[index]
    if (
        index is None
        or index is Ellipsis
        or (isinstance(index, tuple) and any(isinstance(i, slice) for i in index))
    ):
        raise InputError(
            f"rows alone are chosen here, by a slice, numbers, a mask or identifiers; given {index}."
        )
    bare = opened("the rows", index)
    array = bare.values
    if array.dtype == object and array.size:
        array = _one_kind(array, bare.missing)
    if array.size == 0 and array.ndim <= 1 and array.dtype.kind != "b":
        return np.zeros(0, int)
    if array.ndim > 1:
        raise InputError(f"rows are chosen by one list of them; given an array of shape {array.shape}.")
    if array.dtype.kind == "b":
        if array.shape != (n,):
            raise RowError(
                f"a mask has one value for each of the {n} rows; given an array of shape {array.shape}."
            )
        return np.flatnonzero(array if bare.missing is None else array & ~bare.missing)
    if array.dtype.kind in "US":
        return _named(array, ids)
    if array.dtype.kind not in "iu" or (bare.missing is not None and bare.missing.any()):
        raise InputError(
            f"rows are chosen by whole numbers, a boolean mask or identifiers; given {array.dtype}"
            f"{' with missing values' if bare.missing is not None and bare.missing.any() else ''}."
        )
    rows = array.reshape(-1)
    astray = rows[(rows < -n) | (rows >= n)]
    if astray.size:
        raise RowError(f"there is no row {astray[0]}: there are {n}, numbered from 0.")
    rows = rows.astype(np.int64)
    return np.where(rows < 0, rows + n, rows)


def _one_kind(array: np.ndarray, missing: np.ndarray | None) -> np.ndarray:
    """Objects as what they are: a mask with gaps, numbers or text."""
    known = array.reshape(-1) if missing is None else array[~missing]
    for kind in (bool | np.bool_, int | np.integer, str | bytes):
        if known.size and all(isinstance(value, kind) for value in known):
            as_kind = np.asarray(list(known))
            filled = np.zeros(array.shape, as_kind.dtype)
            filled[np.ones(array.shape, bool) if missing is None else ~missing] = as_kind
            return filled
    return array


def _named(wanted: np.ndarray, ids: np.ndarray | None) -> np.ndarray:
    if ids is None:
        raise InputError(
            f"these rows have no identifiers; choose them by number or mask, not by '{wanted.flat[0]}'."
        )
    place: dict[str, list[int]] = {}
    for row, name in enumerate(ids.tolist()):
        place.setdefault(name, []).append(row)
    rows = []
    for name in identifiers("identifiers of rows", wanted):
        if name not in place:
            raise InputError(choose_from("star", name, list(place)[:5000]))
        rows += place[name]
    return np.array(rows, int)
