"""Tables of stars on disk, with the unit of every column: FITS for astronomers' tools, Parquet for data frames."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core import InputError, LuxWarning
from ..core.internal import path_text
from ..system.internal import lazy_import
from ._columns import describe_columns
from ._place import check_place
from ._vo_tables import write_ecsv, write_votable

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

CARDS = {"command": "COMMAND", "calibrated": "CALIBRAT"}  # keywords of FITS have eight letters


def write_fits(
    frame: "pd.DataFrame", units: Mapping[str, str], file: Path, provenance: Mapping[str, str] | None = None
) -> None:
    """One binary table, HDU 1, named LABELS; missing numbers are NaN, missing text is empty.

    UCDs and descriptions of columns are in TUCDn and TCOMMn, where they came from in the header of the table.
    """
    columns, facts = [], describe_columns(list(map(str, frame.columns)), units)
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
        unit = facts[str(name)].unit or None
        columns.append(fits.Column(name=str(name), format=code, array=values, unit=unit))
    hdu = fits.BinTableHDU.from_columns(columns, name="LABELS")
    for k, about in enumerate(facts.values(), start=1):
        for word, said in (("TUCD", about.ucd), ("TCOMM", about.description)):
            if said:
                hdu.header[f"{word}{k}"] = said
    for key, value in (provenance or {}).items():
        hdu.header[CARDS.get(key, key[:8].upper())] = value.encode("ascii", "backslashreplace").decode()
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


def write_parquet(
    frame: "pd.DataFrame", units: Mapping[str, str], file: Path, provenance: Mapping[str, str] | None = None
) -> bool:
    """The same in Parquet, with ``unit``, ``ucd`` and ``description`` in each field's metadata and the provenance in that of the
    table; False, warned of, without pyarrow.
    """
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
    facts = describe_columns(table.schema.names, units)
    fields = [
        f.with_metadata({k: v for k, v in facts[f.name]._asdict().items() if v} or None) for f in table.schema
    ]
    about = {**(table.schema.metadata or {}), **{f"luxjax.{k}": v for k, v in (provenance or {}).items()}}
    pq.write_table(table.cast(pa.schema(fields, metadata=about)), file)
    return True


def _write_csv(frame: "pd.DataFrame", units: Mapping[str, str], file: Path, provenance=None) -> None:
    frame.to_csv(file, index=False)


_WRITERS = {
    ".fits": write_fits,
    ".vot": write_votable,
    ".xml": write_votable,
    ".ecsv": write_ecsv,
    ".parquet": write_parquet,
    ".csv": _write_csv,
}


def check_table_name(file: Path) -> Path:
    """The path of a table; raises unless its name tells its format and it can be written there."""
    file = Path(file)
    if file.suffix.lower() not in _WRITERS:
        raise InputError(f"'{file.name}' names no format; end it in one of {', '.join(_WRITERS)}.")
    if file.is_dir():
        raise InputError(f"'{path_text(file)}' is a folder, and a table is a file; name another.")
    check_place(file)
    return file


def write_table(
    frame: "pd.DataFrame", units: Mapping[str, str], file: Path, provenance: Mapping[str, str] | None = None
) -> Path:
    """A table in the format its name asks for: ``.fits``, ``.vot`` or ``.xml`` (VOTable), ``.ecsv``, ``.parquet`` or ``.csv``.

    All but CSV say unit, UCD and meaning of every column, and where the table came from.

    Written under a temporary name first, so that an interrupted write leaves no half table.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import pandas as pd
    >>> from astropy.table import Table
    >>> from luxjax.files import write_table
    >>> labels = pd.DataFrame({"id": ["a", "b"], "teff": [4800.0, 5700.0]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table = Table.read(write_table(labels, {"teff": "K"}, Path(folder, "labels.vot")))
    >>> table["teff"].unit, table["teff"].description
    (Unit("K"), 'Effective temperature')
    """
    file = check_table_name(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.part")
    try:
        _WRITERS[file.suffix.lower()](frame, units, part, provenance)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return file
