"""Tables of stars as parquet, from and to bytes; the one home of pyarrow here."""

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..core import InputError
from ._location import needs

__all__ = ["columns_from_parquet", "columns_to_parquet", "from_parquet", "to_parquet"]


def to_parquet(frame: pd.DataFrame) -> bytes:
    """A table as the bytes of a parquet file; the same table gives the same bytes."""
    with needs("the table of a dataset"):
        import pyarrow as pa
        import pyarrow.parquet as pq
    try:
        table = pa.Table.from_pandas(frame, preserve_index=False)
    except pa.ArrowException as error:
        raise InputError(
            f"a column of the star table cannot be stored ({'; '.join(map(str, error.args))}); text, numbers and "
            "booleans can, one kind per column."
        ) from error
    out = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(None), out, compression="zstd")
    return out.getvalue()


def from_parquet(parts: Iterable[bytes], columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The tables one below the other; a column that one of them lacks is missing in its rows."""
    with needs("the table of a dataset"):
        import pyarrow as pa
        import pyarrow.parquet as pq
    tables = []
    for part in parts:
        file = pq.ParquetFile(io.BytesIO(part))
        known = file.schema_arrow.names
        tables.append(file.read(None if columns is None else [c for c in columns if c in known]))
    if not tables:
        return pd.DataFrame(columns=list(columns or ()))
    whole = pa.concat_tables(tables, promote_options="permissive")
    # Whole numbers with gaps stay whole: identifiers of 19 digits do not fit into floating-point numbers.
    nullable = {pa.int64(): pd.Int64Dtype(), pa.int32(): pd.Int32Dtype(), pa.bool_(): pd.BooleanDtype()}
    frame = whole.to_pandas(types_mapper=nullable.get)
    full = [c for c in frame if frame[c].dtype in nullable.values() and not frame[c].hasnans]
    return frame.astype({c: frame[c].dtype.numpy_dtype for c in full})


def columns_to_parquet(
    columns: Mapping[str, np.ndarray], notes: Mapping[str, Mapping[str, str]] | None = None
) -> bytes:
    """Columns as the bytes of a parquet file: numbers, text, and (row, k) arrays as lists of k numbers.

    Parameters
    ----------
    columns : mapping of str to array
    notes : mapping of str to mapping of str to str, optional
        By column, what its field's metadata say, such as its ``unit``.
    """
    with needs("a table on disk"):
        import pyarrow as pa
        import pyarrow.parquet as pq
    arrays, text = {}, []
    for name, values in columns.items():
        array = pa.array(np.ascontiguousarray(values).reshape(-1))
        if np.ndim(values) == 2:
            array = pa.FixedSizeListArray.from_arrays(array, np.shape(values)[1])
        elif pa.types.is_string(array.type):
            text.append(name)
        arrays[name] = array
    fields = [pa.field(name, a.type, metadata=(notes or {}).get(name)) for name, a in arrays.items()]
    out = io.BytesIO()
    table = pa.table(list(arrays.values()), schema=pa.schema(fields))
    pq.write_table(table, out, compression="zstd", use_dictionary=text)
    return out.getvalue()


def columns_from_parquet(part: bytes, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """What `columns_to_parquet` wrote: all columns, or these."""
    with needs("a table on disk"):
        import pyarrow as pa
        import pyarrow.parquet as pq
    table = pq.read_table(io.BytesIO(part), columns=None if names is None else list(names))
    found: dict[str, Any] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        array = column.combine_chunks()
        if pa.types.is_fixed_size_list(array.type):
            found[name] = array.flatten().to_numpy().reshape(len(array), -1)
        else:
            values = array.to_numpy(zero_copy_only=False)
            found[name] = values.astype(str) if values.dtype == object else values
    return found
