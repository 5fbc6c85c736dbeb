"""Survey catalogues as data frames, reading only the columns asked for.

FITS tables, separated or aligned text (CSV, the bars of LAMOST and SIMBAD, the tabs of VizieR), VOTable, ECSV and parquet, gzipped
or not. Identifiers never pass through floating point, and keep their leading zeros;
numbers that stand for "missing" become NaN: -9999 and -999 everywhere, 99 and the like in magnitudes only (99 is a
good signal-to-noise ratio).
"""

import difflib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...core import InputError
from ...core.internal import join_names
from ..formats._fits import damage_told
from ._columns import Table, find_tables, open_stream, read_columns
from ._files import kind_of, table_columns, whole_table
from ._text import find_layout, read_text, refuse_repeated

__all__ = ["catalog_columns", "detect_release", "read_catalog"]

MISSING = (-9999.0, -999.0)
MAGNITUDE = re.compile(
    r"(?i)^([jhk]|ks|[jhk]s?_m|hmag|.*mag\d?|mag_.*|wash_(m|t2)|ddo51|irac_\d_\d|wise_\d_\d|targ_4_5|w\dmpro)"
    r"(_err|_error|_msigcom)?$"
)
IDENTIFIER = re.compile(r"(?i)^(.*source_id|.*sobject_id|sdss_id|obsid|uid|gp_id|.*catalogid)$")
# Digits that survive in a number that went through 64-bit floating point.
EXACT_INTEGER = 2**53

# What tells the releases apart: columns that must all be there (lower case), most telling first.
RELEASES: tuple[tuple[str, str, frozenset[str]], ...] = (
    ("apogee", "dr17", frozenset({"apogee_id", "fe_h", "mg_fe"})),
    ("apogee", "dr12", frozenset({"apogee_id", "fe_h", "param_m_h"})),
    ("apogee", "sdss5", frozenset({"sdss_id", "result_flags"})),
    ("apogee", "", frozenset({"apogee_id"})),
    ("galah", "dr4", frozenset({"sobject_id", "gaiadr3_source_id"})),
    ("galah", "dr4", frozenset({"sobject_id", "snr_px_ccd3"})),
    ("galah", "dr3", frozenset({"sobject_id"})),
    ("lamost", "", frozenset({"obsid", "planid"})),
)


def detect_release(columns: Iterable[str]) -> tuple[str, str]:
    """Survey and release by the columns of a catalogue; empty strings where they tell nothing."""
    have = {str(c).lower() for c in columns}
    return next(((s, r) for s, r, need in RELEASES if need <= have), ("", ""))


@damage_told
def read_catalog(
    path: str | Path,
    columns: Sequence[str] | None = None,
    *,
    table: int | str | None = None,
    missing: Sequence[float] = MISSING,
) -> pd.DataFrame:
    """Columns of a survey catalogue.

    Parameters
    ----------
    path : path
        FITS, VOTable, ECSV, parquet, or text separated by commas, bars, tabs, semicolons or blanks; gzipped or not, recognised by
        content.
    columns : sequence of str, optional
        Names, in any case, as they shall be called in the result; a column of vectors gives one column per
        entry, ``FPARAM[0]``, ``FPARAM[1]``, ..., or name an entry. Default: all columns but those of vectors.
    table : int or str, optional
        Which table of a FITS file, counted from 0 or by name. Default: the one with the most rows (summary
        files of SDSS-V have one per instrument).
    missing : sequence of float
        Numbers that stand for "missing".

    Returns
    -------
    pandas.DataFrame
        Integers with missing values have the nullable type ``Int64``. ``attrs`` has ``survey`` and ``release``
        where the columns tell them.

    Raises
    ------
    InputError
        When the file is broken, or a column is not in it; the message has the nearest names.

    Examples
    --------
    >>> import tempfile
    >>> from astropy.table import Table
    >>> from luxjax.surveys import read_catalog
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Table({"APOGEE_ID": ["2M01", "2M02"], "TEFF": [4500.0, 5100.0]}).write(f"{folder}/stars.fits")
    ...     read = read_catalog(f"{folder}/stars.fits", ["TEFF"])
    >>> read["TEFF"].tolist()
    [4500.0, 5100.0]
    """
    with open_stream(path) as stream:
        kind = kind_of(start := _start(stream, path))
        if kind == "fits":
            frame, known = _read_fits(stream, path, columns, table)
        elif kind == "text":
            frame, known = read_text(stream, path, columns, _match)
        elif kind:
            frame, known = whole_table(stream, kind, path, columns, _match)
        else:
            raise InputError(
                f"'{path}' is neither FITS nor text (it starts with {start[:8]!r}); give a FITS table, a VOTable, ECSV, "
                "parquet or a CSV file."
            )
    for name in frame.columns:
        frame[name] = _clean(frame[name], missing, path)
    survey, release = detect_release(known)
    frame.attrs = {"survey": survey, "release": release}
    return frame


@damage_told
def catalog_columns(path: str | Path, table: int | str | None = None) -> list[str]:
    """The names of a catalogue's columns, without reading its rows."""
    with open_stream(path) as stream:
        kind = kind_of(_start(stream, path))
        if kind in ("text", ""):
            return [name for name in find_layout(stream, path).names if name]
        if kind != "fits":
            return table_columns(stream, kind, path)
        return list(_choose(find_tables(stream, path), table, path).columns)


def _start(stream, path) -> bytes:
    """The first bytes of a catalogue; the stream stands at its beginning again."""
    try:
        start = stream.read(80)
    except (EOFError, OSError) as error:
        raise InputError(
            f"'{path}' is a truncated or damaged gzip file ({error}); fetch it again."
        ) from error
    stream.seek(0)
    return start


def _choose(tables: list[Table], wanted: int | str | None, path: str | Path) -> Table:
    if not tables:
        raise InputError(f"'{path}' holds no FITS table; spectra are read with luxjax.surveys.read.")
    if wanted is None:
        return max(tables, key=lambda t: t.n_rows)
    named = {t.name: t for t in tables}
    if isinstance(wanted, str) and wanted in named:
        return named[wanted]
    if isinstance(wanted, int) and 0 <= wanted < len(tables):
        return tables[wanted]
    raise InputError(
        f"'{path}' has no table {wanted!r}; it has {join_names(f'{k} ({t.name!r})' for k, t in enumerate(tables))}."
    )


def _match(asked: str, names: Sequence[str], path: str | Path) -> str:
    """The column meant by a name: as written, or the only one that differs in case."""
    if asked in names:
        return asked
    same = [n for n in names if n.lower() == asked.lower()]
    if len(same) == 1:
        return same[0]
    lower = {n.lower(): n for n in names}
    near = [lower[n] for n in difflib.get_close_matches(asked.lower(), lower, n=5, cutoff=0.5)]
    raise InputError(
        f"'{path}' has no column '{asked}'"
        + (f"; near names: {join_names(near)}." if near else f"; it has {join_names(names)}.")
        + " luxjax.surveys.catalog_columns lists them all."
    )


def _read_fits(stream, path, columns, which) -> tuple[pd.DataFrame, list[str]]:
    table = _choose(find_tables(stream, path), which, path)
    names = list(table.columns)
    if columns is None:
        columns = [n for n, c in table.columns.items() if c.readable and not c.vector]
    plan: list[tuple[str, str, int | None]] = []  # asked name, column, entry
    for asked in columns:
        entry = re.fullmatch(r"(.+)\[(\d+)\]", asked)
        base, k = (asked, None) if asked in names or entry is None else (entry[1], int(entry[2]))
        column = table.columns[_match(base, names, path)]
        refuse_repeated([column.name], [c.name for c in table.columns.values()], path)
        if not column.readable:
            raise InputError(
                f"column '{asked}' of '{path}' holds {column.code} values, which do not fit a table."
            )
        if k is not None and not (column.vector and k < column.repeat):
            raise InputError(
                f"column '{column.name}' of '{path}' has {column.repeat} entries per row; '{asked}' is none."
            )
        plan.append((asked, column.name, k))
    data = read_columns(stream, table, list(dict.fromkeys(name for _, name, _ in plan)), path)
    out: dict[str, Any] = {}
    for asked, name, k in plan:
        values = data.get(name, np.empty(0))
        if values.ndim == 1:
            out[asked] = _series(values)
        else:
            for entry_k in range(values.shape[1]) if k is None else [k]:
                out[f"{asked}[{entry_k}]" if k is None else asked] = _series(values[:, entry_k])
    return pd.DataFrame(out), names


def _series(values: np.ndarray) -> Any:
    if np.ma.isMA(values):
        return pd.arrays.IntegerArray(np.asarray(values.data, np.int64), np.ma.getmaskarray(values))
    return np.ascontiguousarray(values)


def _clean(column: pd.Series, missing: Sequence[float], path: str | Path) -> pd.Series:
    """Missing values as NaN or <NA>; plain numpy types where nothing is missing; text stripped."""
    name = str(column.name)
    if pd.api.types.is_float_dtype(column):
        values = (
            column.to_numpy(np.float64, na_value=np.nan) if column.dtype == "Float64" else column.to_numpy()
        )
        if IDENTIFIER.match(name):
            return _identifiers(values, name, missing, path)
        bad = np.isin(values, np.asarray(missing, values.dtype))
        if MAGNITUDE.match(name):
            with np.errstate(invalid="ignore"):
                bad |= np.abs(values) >= 90
        return pd.Series(np.where(bad, np.array(np.nan, values.dtype), values), name=column.name)
    if pd.api.types.is_bool_dtype(column):
        return column
    if pd.api.types.is_integer_dtype(column):
        bad = column.isin([int(m) for m in missing]).fillna(True).to_numpy(bool) | column.isna().to_numpy()
        if bad.any():
            return column.astype("Int64").mask(bad)
        return column.astype(np.int64) if column.dtype == "Int64" else column
    return column.astype(object).where(column.notna(), "").map(lambda v: str(v).strip())


def _identifiers(values: np.ndarray, name: str, missing: Sequence[float], path: str | Path) -> pd.Series:
    """Identifiers that a file stores as floating point: accepted only where no digit can be lost."""
    bad = ~np.isfinite(values) | np.isin(values, list(missing))
    limit = EXACT_INTEGER if values.dtype == np.float64 else 2**24
    if np.any(np.abs(values[~bad]) > limit) or np.any(values[~bad] % 1):
        raise InputError(
            f"column '{name}' of '{path}' stores identifiers as floating-point numbers, which have lost their last "
            "digits; get the catalogue with this column as 64-bit integers or text."
        )
    return pd.Series(pd.arrays.IntegerArray(np.where(bad, 0, values).astype(np.int64), bad), name=name)
