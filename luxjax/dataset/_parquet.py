"""Tables of stars as parquet, from and to bytes; the one home of pyarrow here."""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..core import InputError
from ..files.internal import fitted_columns, kinds_of_columns, large_columns
from ._location import needs

__all__ = [
    "columns_from_parquet",
    "columns_to_parquet",
    "from_parquet",
    "kinds_of_parquet",
    "to_parquet",
]


def to_parquet(
    frame: pd.DataFrame,
    known: Mapping[str, str] | None = None,
    largest: Callable[[str], float] = lambda name: 0,
) -> tuple[bytes, dict[str, str]]:
    """A table as the bytes of a parquet file, and what its columns hold; the same table gives the same bytes.

    Parameters
    ----------
    frame : pandas.DataFrame
    known : mapping of str to str, optional
        What the columns of the parts before it hold (see `fitted_columns`), which these are compared with.
    largest : callable
        As for `fitted_columns`.
    """
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
    table, kinds = fitted_columns(table.replace_schema_metadata(None), known or {}, largest)
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue(), kinds


def kinds_of_parquet(part: bytes) -> tuple[dict[str, str], set[str], int]:
    """What the columns of a part hold, which of them hold large whole numbers, and how many rows there are.

    Raises whatever pyarrow does about damage.
    """
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(part))
    return kinds_of_columns(table), large_columns(table), table.num_rows


def from_parquet(parts: Iterable[bytes], columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The tables one below the other; a column that one of them lacks is missing in its rows."""
    with needs("the table of a dataset"):
        import pyarrow as pa
        import pyarrow.parquet as pq
    tables = []
    try:
        for part in parts:
            file = pq.ParquetFile(io.BytesIO(part))
            known = file.schema_arrow.names
            tables.append(file.read(None if columns is None else [c for c in columns if c in known]))
        if not tables:
            return pd.DataFrame(columns=list(columns or ()))
        try:
            whole = pa.concat_tables(tables, promote_options="permissive")
        except pa.ArrowException:  # earlier versions wrote missing text as missing numbers
            tables = [fitted_columns(table, {}, lambda name: 0)[0] for table in tables]
            whole = pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"the table of the dataset cannot be read ({reason}); luxjax check names the parts that are damaged, and with "
            "--drop leaves them out."
        ) from error
    for at, field in enumerate(whole.schema):
        if pa.types.is_null(field.type):  # missing in all rows
            whole = whole.set_column(at, field.name, whole.column(at).cast(pa.float64()))
    # Whole numbers with gaps stay whole: identifiers of 19 digits do not fit into floating-point numbers.
    nullable = {pa.int64(): pd.Int64Dtype(), pa.int32(): pd.Int32Dtype(), pa.bool_(): pd.BooleanDtype()}
    nullable |= {pa.uint64(): pd.UInt64Dtype(), pa.uint32(): pd.UInt32Dtype()}
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
