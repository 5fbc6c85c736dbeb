"""Tables of stars on disk, with the unit of every column: FITS for astronomers' tools, Parquet for data frames."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core import InputError, LuxWarning
from ..core.internal import path_text
from ..system.internal import lazy_import
from ._place import check_place

if TYPE_CHECKING:
    import pandas as pd
    from astropy.io import fits
else:  # models are saved and loaded without tables
    pd = lazy_import("pandas")
    fits = lazy_import("astropy.io.fits")

__all__ = ["check_table_name", "read_table", "write_fits", "write_parquet", "write_table"]

_CODES = {
    "f4": "E",
    "f8": "D",
    "i1": "I",
    "i2": "I",
    "i4": "J",
    "i8": "K",
    "b1": "L",
    "u1": "B",
    "u2": "J",
    "u4": "K",
}


def write_fits(frame: "pd.DataFrame", units: Mapping[str, str], file: Path) -> None:
    """One binary table, HDU 1, named LABELS; missing numbers are NaN, missing text is empty."""
    columns = []
    for name in frame.columns:
        values = frame[name].to_numpy()
        if values.dtype.kind in "OUST":
            text = np.where(pd.isna(values), "", values.astype(str))
            values = np.char.encode(text.astype(str), "ascii", "backslashreplace")
            code = f"{max(values.dtype.itemsize, 1)}A"
        elif (code := _CODES.get(values.dtype.str[1:], "")) == "":
            raise InputError(
                f"column '{name}' of type {values.dtype} cannot be written; give numbers or text."
            )
        columns.append(fits.Column(name=str(name), format=code, array=values, unit=units.get(name)))
    hdu = fits.BinTableHDU.from_columns(columns, name="LABELS")
    # The stream keeps astropy from choosing a compression by the name of a half-written file.
    with file.open("wb") as stream:
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(stream)


def read_table(file: Path) -> "tuple[pd.DataFrame, dict[str, str]]":
    """A table written by `write_fits`, and its units by column."""
    try:
        with fits.open(file, memmap=False) as hdus:
            data, columns = hdus[1].data, hdus[1].columns
            frame = {}
            for name in columns.names:
                values = np.asarray(data[name])
                kind = str if values.dtype.kind in "SU" else values.dtype.newbyteorder("=")
                frame[name] = values.astype(kind)
            return pd.DataFrame(frame), {c.name: c.unit for c in columns if c.unit}
    except (OSError, IndexError, AttributeError, TypeError) as error:
        raise InputError(f"{file} cannot be read as a FITS table ({error}); run again.") from None


def write_parquet(frame: "pd.DataFrame", units: Mapping[str, str], file: Path) -> bool:
    """The same in Parquet, each unit in its field's metadata under ``unit``; False, warned of, without pyarrow."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError:
        warnings.warn(
            f"{file.parent} gets its labels as FITS only: Parquet needs pyarrow (pip install luxjax[report]).",
            LuxWarning,
            stacklevel=3,
        )
        return False
    table = pa.Table.from_pandas(frame, preserve_index=False)
    fields = [f.with_metadata({"unit": units[f.name]}) if f.name in units else f for f in table.schema]
    pq.write_table(table.cast(pa.schema(fields, metadata=table.schema.metadata)), file)
    return True


def _write_csv(frame: "pd.DataFrame", units: Mapping[str, str], file: Path) -> None:
    frame.to_csv(file, index=False)


_WRITERS = {".fits": write_fits, ".parquet": write_parquet, ".csv": _write_csv}


def check_table_name(file: Path) -> Path:
    """The path of a table; raises unless its name tells its format and it can be written there."""
    file = Path(file)
    if file.suffix.lower() not in _WRITERS:
        raise InputError(f"'{file.name}' names no format; end it in one of {', '.join(_WRITERS)}.")
    if file.is_dir():
        raise InputError(f"'{path_text(file)}' is a folder, and a table is a file; name another.")
    check_place(file)
    return file


def write_table(frame: "pd.DataFrame", units: Mapping[str, str], file: Path) -> Path:
    """A table in the format its name asks for: ``.fits``, ``.parquet`` (with units) or ``.csv`` (without).

    Written beside the target first, so that an interrupted write leaves no half table.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import pandas as pd
    >>> from luxjax.files import write_table
    >>> labels = pd.DataFrame({"id": ["a", "b"], "teff": [4800.0, 5700.0]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(write_table(labels, {"teff": "K"}, Path(folder, "labels.csv")).read_text().strip())
    id,teff
    a,4800.0
    b,5700.0
    """
    file = check_table_name(file)
    units = {c: units[n] for c in frame.columns for n in (c, c.removesuffix("_err")) if n in units}
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.part")
    try:
        _WRITERS[file.suffix.lower()](frame, units, part)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return file
