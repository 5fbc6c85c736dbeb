"""Tables of star-level facts as ECSV, which is text with types: readable without luxjax, and nothing in it runs."""

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core import InputError
from ...core.internal import join_names
from ...system.internal import lazy_import
from ._frames import whole_kind, with_gaps

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

__all__ = ["read_table", "write_table"]


def write_table(table: Any, path: Path) -> dict[str, str]:
    """Write a table unless it has no columns; return the type of each column."""
    frame = pd.DataFrame(table).reset_index(drop=True)
    frame.columns = [str(c) for c in frame.columns]
    if frame.columns.has_duplicates:
        twice = frame.columns[frame.columns.duplicated()]
        raise InputError(f"a star table has the column {join_names(twice)} twice; rename or drop one.")
    storable = {str(name): _storable(frame[name]) for name in frame.columns}
    types = {name: str(column.dtype) for name, column in storable.items()}
    if storable:
        from astropy.table import Table  # half a second to import, for tables alone

        text = pd.DataFrame({name: _dates_as_text(column) for name, column in storable.items()})
        Table.from_pandas(text).write(path, format="ascii.ecsv", serialize_method="data_mask")
    return types


def read_table(path: Path, types: dict[str, str], n_rows: int) -> "pd.DataFrame":
    """The table that `write_table` wrote, with these types; no columns where there are no types."""
    if not types:
        return pd.DataFrame(index=range(n_rows))
    from astropy.table import Table

    frame = Table.read(path, format="ascii.ecsv").to_pandas()
    return pd.DataFrame({name: _typed(frame[name], kind) for name, kind in types.items()})


def _typed(column: "pd.Series", kind: Any) -> "pd.Series":
    if kind.startswith("datetime64"):
        # With a zone the text is in universal time; without one it is read as that, and the zone is dropped again.
        moments = pd.to_datetime(column, utc=True, format="ISO8601")
        return (moments if "," in kind else moments.dt.tz_localize(None)).astype(kind)
    if kind.startswith("timedelta64"):
        return pd.to_timedelta(column).astype(kind)
    if kind == "object" or pd.api.types.is_string_dtype(pd.api.types.pandas_dtype(kind)):
        column = column.astype(object).where(column.notna(), "")  # empty text is read as missing
    return column.astype(kind)


def _dates_as_text(column: "pd.Series") -> "pd.Series":
    """Dates and time spans as text that names them to the last digit, empty where missing; other columns as they are."""
    if column.dtype.kind not in "mM":
        return column
    moments = column.dt.tz_convert("UTC") if getattr(column.dtype, "tz", None) is not None else column
    text = [("" if value is pd.NaT else value.isoformat()) for value in moments]
    return pd.Series(text, index=column.index, dtype=object)


def _storable(column: "pd.Series") -> "pd.Series":
    """The column in a type that a text table holds exactly."""
    if column.dtype == object:
        return _objects(column)
    if pd.api.types.is_string_dtype(column.dtype):
        return column.fillna("")
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _storable(column.astype(object))
    if isinstance(column.dtype, pd.ArrowDtype):
        return _storable(_of_pandas(column))
    if column.dtype.kind not in "biufmM":
        raise InputError(
            f"column '{column.name}' of a star table is of type {column.dtype}; text, numbers, booleans and dates can be stored."
        )
    return column


def _of_pandas(column: "pd.Series") -> "pd.Series":
    """A column of pyarrow's in the like type of pandas or NumPy."""
    kind = column.dtype.kind
    nullable: Any = {"i": "Int64", "u": "UInt64"}.get(kind)
    if kind == "b":
        return column.astype("boolean")
    if kind in "iu":
        return column.astype(nullable)
    return (
        column.astype(np.float64)
        if kind == "f"
        else pd.Series(column.tolist(), column.index, name=column.name)
    )


def _objects(column: "pd.Series") -> "pd.Series":
    missing = column.isna()
    known = column[~missing]
    if all(isinstance(v, str) for v in known):
        return column.where(~missing, "").astype(object)
    if kind := whole_kind(known.to_numpy()):
        return pd.Series(with_gaps(column.to_numpy(), missing.to_numpy(), kind), name=column.name)
    better = column.infer_objects()
    if better.dtype != object:
        return _storable(better)
    if all(isinstance(v, datetime.date | np.datetime64) for v in known):
        try:
            return pd.to_datetime(column, utc=any(getattr(v, "tzinfo", None) is not None for v in known))
        except (ValueError, TypeError, OverflowError) as error:
            raise InputError(
                f"column '{column.name}' of a star table holds dates that cannot be stored ({error}); write them as text."
            ) from error
    strange = next(type(v).__name__ for v in known if not isinstance(v, str))
    raise InputError(
        f"column '{column.name}' of a star table holds values of type {strange} among others; text, numbers, booleans and dates "
        "can be stored, one kind per column."
    )
