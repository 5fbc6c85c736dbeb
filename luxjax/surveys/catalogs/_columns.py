"""Stream chosen columns out of a FITS table, gzipped or not, holding only a block of rows at a time.

APOGEE's allStar has 733,901 rows of 5,410 bytes. Mapping it into memory touches every page for a single column, and
a gzipped copy cannot be mapped at all; reading it block by block costs the asked columns and one block.
"""

import gzip
import re
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from astropy.io import fits

from ...core import InputError
from ..formats._fits import GZIP

__all__ = ["Column", "Table", "find_tables", "open_stream", "read_columns"]

BLOCK_BYTES = 1 << 22
# FITS standard 4.0, table 18: what a TFORM letter stores.
CODES = {"L": "S1", "B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "A": "S", "E": ">f4", "D": ">f8"}
CODES |= {"C": ">c8", "M": ">c16", "P": ">i4", "Q": ">i8", "X": "u1"}


@dataclass(frozen=True)
class Column:
    """One column of a table: numpy type, entries per row, and how to turn stored into real values."""

    name: str
    code: str
    repeat: int
    unit: str = ""
    scale: float = 1.0
    zero: float = 0.0
    null: int | None = None

    @property
    def dtype(self) -> tuple:
        """Field of the record type, (type, shape)."""
        if self.code == "A":
            return (f"S{self.repeat}",) if self.repeat else ("S1", (0,))
        count = {"X": -(-self.repeat // 8), "P": 2 * self.repeat, "Q": 2 * self.repeat}.get(
            self.code, self.repeat
        )
        return (CODES[self.code], (count,)) if count != 1 else (CODES[self.code],)

    @property
    def readable(self) -> bool:
        return self.code in "LBIJKAED"

    @property
    def vector(self) -> bool:
        return self.code != "A" and self.repeat != 1


@dataclass(frozen=True)
class Table:
    """Where a table lies in the file, and its columns by name."""

    name: str
    offset: int
    n_rows: int
    row_bytes: int
    columns: Mapping[str, Column]


def open_stream(path: str | Path) -> IO[bytes]:
    """The file as bytes, unzipped on the way where it is gzipped by content."""
    path = Path(path)
    if path.is_dir():
        raise InputError(f"'{path}' is a directory; give the catalogue file in it.")
    try:
        with path.open("rb") as file:
            start = file.read(2)
    except FileNotFoundError:
        raise InputError(
            f"there is no file '{path}'; check the path, or download the catalogue first."
        ) from None
    if not start:
        raise InputError(f"'{path}' is empty (0 bytes); the download was probably cut: fetch it again.")
    return gzip.open(path, "rb") if start == GZIP else path.open("rb")  # type: ignore[return-value]


def find_tables(stream: IO[bytes], path: str | Path) -> list[Table]:
    """The binary tables of a FITS stream, found by walking over its headers."""
    tables: list[Table] = []
    try:
        while True:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                header = fits.Header.fromfile(stream)
            offset = stream.tell()
            if header.get("XTENSION") == "BINTABLE":
                tables.append(_table(header, offset))
            axes = [header[f"NAXIS{k + 1}"] for k in range(header["NAXIS"])]
            size = abs(header["BITPIX"]) // 8 * header.get("GCOUNT", 1)
            size *= header.get("PCOUNT", 0) + (int(np.prod(axes)) if axes else 0)
            stream.seek(offset + -(-size // 2880) * 2880)
    except EOFError:
        return tables
    except (OSError, KeyError, ValueError, zlib.error) as error:
        if tables:  # padding after the last HDU, or a broken one after a whole table
            return tables
        raise InputError(f"'{path}' has a damaged FITS header ({error}); fetch it again.") from error


def _table(header: fits.Header, offset: int) -> Table:
    columns = {}
    for k in range(1, header["TFIELDS"] + 1):
        form = re.match(r"\s*(\d*)([A-Z])", header[f"TFORM{k}"])
        if form is None:
            raise ValueError(f"TFORM{k} = {header[f'TFORM{k}']!r}")
        name = str(header.get(f"TTYPE{k}", f"col{k}")).strip()
        # Every column takes its bytes of a row, also where two have one name.
        columns[name if name not in columns else f"{name} (column {k})"] = Column(
            name,
            form[2],
            int(form[1] or 1),
            str(header.get(f"TUNIT{k}", "")),
            header.get(f"TSCAL{k}", 1.0),
            header.get(f"TZERO{k}", 0.0),
            header.get(f"TNULL{k}"),
        )
    return Table(header.get("EXTNAME", ""), offset, header["NAXIS2"], header["NAXIS1"], columns)


def read_columns(
    stream: IO[bytes], table: Table, names: list[str], path: str | Path
) -> dict[str, np.ndarray]:
    """Columns by name in native byte order, (row,) or (row, entry); strings as objects without padding.

    Integers with a null value come back as masked arrays.
    """
    # The fields need numbers for names: FITS column names may differ in case only, or not at all.
    record = np.dtype([(str(k), *column.dtype) for k, column in enumerate(table.columns.values())])
    if record.itemsize != table.row_bytes:
        raise InputError(
            f"'{path}' declares {table.row_bytes} bytes per row, but its columns take {record.itemsize}; "
            "the file is damaged."
        )
    place = {name: str(k) for k, name in enumerate(table.columns)}
    parts: dict[str, list[Any]] = {name: [] for name in names}
    block = max(1, BLOCK_BYTES // max(1, table.row_bytes))
    stream.seek(table.offset)
    for start in range(0, table.n_rows, block):
        count = min(block, table.n_rows - start)
        try:
            data = stream.read(count * table.row_bytes)
        except (EOFError, OSError, zlib.error) as error:
            raise InputError(
                f"'{path}' is a truncated or damaged gzip file ({error}); fetch it again."
            ) from error
        if len(data) < count * table.row_bytes:
            raise InputError(
                f"'{path}' is truncated: its table has {table.n_rows} rows, of which {start} and a part could be "
                "read; fetch it again."
            )
        rows = np.frombuffer(data, record)
        for name in names:
            parts[name].append(_values(rows[place[name]], table.columns[name]))
    return {
        name: np.ma.concatenate(p) if np.ma.isMA(p[0]) else np.concatenate(p)
        for name, p in parts.items()
        if p
    }


def _values(stored: np.ndarray, column: Column) -> np.ndarray:
    """Stored values of one column turned into real ones; a copy, so the block can go."""
    if column.code == "A":
        return np.char.strip(np.char.decode(np.ascontiguousarray(stored), "ascii", "replace")).astype(object)
    if column.code == "L":
        return stored == b"T"
    values = stored.astype(stored.dtype.newbyteorder("="))
    if column.scale != 1 or column.zero != 0:
        if column.code in "BIJ" and column.scale == 1 and float(column.zero).is_integer():
            values = values.astype(np.int64) + int(column.zero)  # unsigned integers, by FITS convention
        elif column.code == "K" and column.scale == 1 and column.zero == 2**63:
            values = values.view(np.uint64) ^ np.uint64(2**63)
        else:
            values = values * float(column.scale) + float(column.zero)
    if column.null is not None and column.code in "BIJK":
        return np.ma.masked_array(values, stored == column.null)
    return values
