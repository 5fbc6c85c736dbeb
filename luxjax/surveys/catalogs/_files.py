"""Tables in other formats than FITS and text: VOTable, ECSV and parquet."""

import io
import warnings
from collections.abc import Callable, Sequence
from typing import IO, Any

import numpy as np
import pandas as pd

from ...core import InputError

__all__ = ["kind_of", "table_columns", "whole_table"]

Match = Callable[[str, Sequence[str], Any], str]


def kind_of(start: bytes) -> str:
    """What the first bytes of a table say that it is: fits, parquet, votable, ecsv, text, or nothing known."""
    begin = start.lstrip(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"SIMPLE"):
        return "fits"
    if start.startswith(b"PAR1"):
        return "parquet"
    if begin[:5].lower() == b"<?xml" or begin[:8].upper() == b"<VOTABLE":
        return "votable"
    if begin.startswith(b"# %ECSV"):
        return "ecsv"
    return "" if b"\0" in start else "text"


def table_columns(stream: IO[bytes], kind: str, path: Any) -> list[str]:
    """Names of the columns that hold one value for each row."""
    if kind == "parquet":
        return [str(n) for n in _parquet(stream, path, lambda file: file.schema_arrow.names)]
    return list(whole_table(stream, kind, path, None, lambda name, *_: name)[1])


def whole_table(
    stream: IO[bytes], kind: str, path: Any, columns: Sequence[str] | None, match: Match
) -> tuple[pd.DataFrame, list[str]]:
    """Columns of a table, and the names of all; `match` gives the column meant by a name."""
    if kind == "parquet":
        names = table_columns(stream, kind, path)
        wanted = {a: match(a, names, path) for a in (names if columns is None else columns)}
        keep = list(dict.fromkeys(wanted.values()))
        frame = _parquet(stream, path, lambda file: file.read(columns=keep)).to_pandas(types_mapper=_nullable)
        series = {name: frame[name] for name in keep if not _nested(frame[name])}
    else:
        table = _astropy_table(stream, kind, path)
        names = [n for n in table.colnames if table[n].ndim == 1]
        wanted = {a: match(a, names, path) for a in (names if columns is None else columns)}
        series = {name: _series(table[name]) for name in dict.fromkeys(wanted.values())}
    return pd.DataFrame({a: series[n] for a, n in wanted.items() if n in series}), names


def _parquet(stream: IO[bytes], path: Any, use: Callable[[Any], Any]) -> Any:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise InputError(
            f"'{path}' is a parquet file, which needs pyarrow; install luxjax[dataset], or save it as FITS or CSV."
        ) from None
    stream.seek(0)
    try:
        return use(pq.ParquetFile(io.BytesIO(stream.read())))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"'{path}' cannot be read as parquet ({error}); fetch it again.") from error


def _nullable(kind: Any) -> Any:
    """Types of pandas that have a value for "missing", so that no identifier passes through floating point."""
    name = str(kind)
    if name.startswith(("int", "uint")):
        return pd.UInt64Dtype() if name == "uint64" else pd.Int64Dtype()
    return pd.BooleanDtype() if name == "bool" else None


def _nested(column: pd.Series) -> bool:
    return column.dtype == object and any(isinstance(v, list | dict | np.ndarray) for v in column[:100])


def _astropy_table(stream: IO[bytes], kind: str, path: Any) -> Any:
    from astropy.io import votable
    from astropy.table import Table

    stream.seek(0)
    data = stream.read()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if kind == "ecsv":
                return Table.read(data.decode("utf-8-sig", "replace").splitlines(), format="ascii.ecsv")
            tables = list(votable.parse(io.BytesIO(data), verify="ignore").iter_tables())
            return max(tables, key=lambda t: t.nrows).to_table(use_names_over_ids=True)
        except Exception as error:  # a damaged file may fail anywhere in astropy's parsers
            said = str(error).strip().splitlines()[:1]
            name = "VOTable" if kind == "votable" else "ECSV"
            raise InputError(
                f"'{path}' looks like {name}, but cannot be read as such ({type(error).__name__}: {''.join(said)}); fetch it again."
            ) from error


def _series(column: Any) -> Any:
    """A column of an astropy table, missing where it is masked."""
    values, mask = np.ma.getdata(np.ma.asarray(column)), np.ma.getmaskarray(np.ma.asarray(column))
    values = np.asarray(values)
    if values.dtype.kind in "iu" and mask.any():
        return pd.arrays.IntegerArray(values.astype(np.int64), mask)
    if values.dtype.kind == "f":
        return np.where(mask, np.nan, values.astype(values.dtype.newbyteorder("=")))
    if values.dtype.kind in "SUO":
        text = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in values.tolist()]
        return pd.Series(
            ["" if m or v is None else str(v) for v, m in zip(text, mask, strict=True)], dtype=object
        )
    return values.astype(values.dtype.newbyteorder("="))
