"""Tables of stars as parquet, from and to bytes; the one home of pyarrow here."""

import io
from collections.abc import Iterable, Sequence

import pandas as pd

from ..core import InputError
from ._location import needs

__all__ = ["from_parquet", "to_parquet"]


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
        table = pq.read_table(io.BytesIO(part))
        tables.append(
            table if columns is None else table.select([c for c in columns if c in table.column_names])
        )
    if not tables:
        return pd.DataFrame(columns=list(columns or ()))
    whole = pa.concat_tables(tables, promote_options="permissive")
    # Whole numbers with gaps stay whole: identifiers of 19 digits do not fit into floating-point numbers.
    nullable = {pa.int64(): pd.Int64Dtype(), pa.int32(): pd.Int32Dtype(), pa.bool_(): pd.BooleanDtype()}
    frame = whole.to_pandas(types_mapper=nullable.get)
    full = [c for c in frame if frame[c].dtype in nullable.values() and not frame[c].hasnans]
    return frame.astype({c: frame[c].dtype.numpy_dtype for c in full})
