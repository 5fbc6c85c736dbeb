"""Tables in text: where their header is, what separates the columns, and numbers that are numbers alone.

Comma-, bar-, tab- and semicolon-separated text, aligned columns, and the tables that SIMBAD, VizieR and databases print, with lines
before the header, a line of units, or rules of dashes. Identifiers keep their zeros: a column becomes a column of numbers
where every value in it is one.
"""

import csv
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import pandas as pd

from ...core import InputError

__all__ = ["Layout", "find_layout", "read_text", "refuse_repeated"]

ROWS = 20_000
# Lines looked at for the header: SIMBAD and VizieR write some dozens before it.
LINES = 300
SEPARATORS = ("|", "\t", ",", ";")
RULE = re.compile(r"[-=+_|\s,;:]*[-=_]{2,}[-=+_|\s,;:]*")
BLANKS = r"\s+"
MISSING_NUMBER = ("", "na", "n/a", "nan", "null", "none", "<na>", "--", "-", '""', "#n/a", "masked", "~")
MISSING_NAME = ("", "nan", "null", "<na>", "--", "masked")
NAME = re.compile(r"(?i)(^|.*[_\s.])(id|ids|name|star|object|source|target|designation|desig|2mass)$|.*id$")
WHOLE = re.compile(r"[+-]?(0|[1-9]\d*)")
LOST_DIGITS = re.compile(r"[+-]?\d(\.\d+)?[eE]\+?1[5-9]|\d{16,}\.0*")


@dataclass(frozen=True)
class Layout:
    """How the rows of a text are to be read.

    Parameters
    ----------
    names : list of str
        Names of the columns; blank where a column only frames the table.
    separator : str
    skip : int
        Lines before the first row.
    """

    names: list[str]
    separator: str
    skip: int


def find_layout(stream: IO[bytes], path: Any) -> Layout:
    """Header and separator of a table in text; the stream stands somewhere afterwards."""
    stream.seek(0)
    lines = [
        line.decode("utf-8-sig" if k == 0 else "utf-8", "replace").rstrip("\r\n")
        for k, line in zip(range(LINES), stream, strict=False)
    ]
    found = [layout for sep in (*SEPARATORS, BLANKS) if (layout := _layout(lines, sep))]
    sure = [layout for layout, follows in found if follows]
    likely = [layout for layout, _ in found if layout.separator != BLANKS]
    if not sure and not likely:
        start = next((line for line in lines if line.strip()), "")
        raise InputError(
            f"'{path}' does not start with a line of column names separated by ',' or '|' (it starts with "
            f"{start[:40]!r}); give a FITS table, a VOTable, ECSV, parquet or a CSV file."
        )
    # The separator whose header comes first; blanks, which any prose has, only where no other will do.
    return min(sure or likely, key=lambda layout: (layout.separator == BLANKS, layout.skip))


def _layout(lines: list[str], separator: str) -> tuple[Layout, bool] | None:
    """The layout by one separator, and whether the first row has as many values as there are names."""
    at = next(
        (
            k
            for k, line in enumerate(lines)
            if not line.startswith("#") and not RULE.fullmatch(line) and len(_fields(line, separator)) > 1
        ),
        None,
    )
    before = [k for k in range(len(lines) if at is None else at) if lines[k].startswith("#")]
    comment = next((k for k in reversed(before) if len(_fields(lines[k][1:], separator)) > 1), None)
    if at is None and comment is None:
        return None
    if comment is not None and (at is None or _is_header(lines[comment], lines[at], separator)):
        at = comment
    assert at is not None
    if separator == BLANKS and any(map(_number, _fields(lines[at].lstrip("#"), separator))):
        return None  # columns of numbers without names
    header = (
        lines[at] if lines[at][:2] == f"#{separator}" else lines[at].lstrip("#")
    )  # SIMBAD numbers rows in a column #
    names = [n.strip() for n in _fields(header, separator)]
    first = at + 1
    for k in range(at + 1, min(at + 4, len(lines))):  # a rule, perhaps after a line of units
        if RULE.fullmatch(lines[k]) and lines[k].strip() != "":
            first = k + 1
    row = next((line for line in lines[first:] if line.strip() and not RULE.fullmatch(line)), None)
    follows = row is not None and len(_fields(row, separator)) == len(names)
    return Layout(names, separator, first), follows


def _fields(line: str, separator: str) -> list[str]:
    if separator == BLANKS:
        return line.split()
    return next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])


def _is_header(comment: str, row: str, separator: str) -> bool:
    """Whether a comment names the columns of the row below it, which holds numbers."""
    names, values = _fields(comment[1:], separator), _fields(row, separator)
    return len(names) == len(values) and not any(map(_number, names)) and any(map(_number, values))


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_text(
    stream: IO[bytes],
    path: Any,
    columns: Sequence[str] | None,
    match: Callable[[str, Sequence[str], Any], str],
) -> tuple[pd.DataFrame, list[str]]:
    """Columns of a table in text, each of one type, and the names of all columns.

    `match` gives the column meant by a name.
    """
    layout = find_layout(stream, path)
    known = [name for name in layout.names if name]
    wanted = {a: match(a, known, path) for a in (known if columns is None else columns)}
    keep = list(dict.fromkeys(wanted.values()))
    refuse_repeated(keep, known, path)
    as_text: set[str] = set()
    while True:
        blocks = [_typed(block, as_text) for block in _blocks(stream, path, layout, keep)]
        # A column that is text in one block is text in all, as it is written: 00123 is no 123.
        kinds = {name: {block[name].dtype.kind for block in blocks} for name in keep}
        mixed = {name for name, found in kinds.items() if found & {"O", "b"} and len(found) > 1}
        if mixed <= as_text:
            break
        as_text |= mixed
    frame = pd.concat(blocks, ignore_index=True) if blocks else pd.DataFrame(columns=keep)
    return pd.DataFrame({asked: frame[name] for asked, name in wanted.items()}), known


def refuse_repeated(wanted: Sequence[str], known: Sequence[str], path: Any) -> None:
    """Raise where a name that is wanted belongs to several columns."""
    for name in wanted:
        if known.count(name) > 1:
            raise InputError(f"'{path}' has {known.count(name)} columns called '{name}'; rename all but one.")


def _blocks(stream: IO[bytes], path: Any, layout: Layout, keep: list[str]):
    """The kept columns as text, some rows at a time."""
    names = [f"{k} {name}" for k, name in enumerate(layout.names)]  # distinct, whatever the table calls them
    place = {name: names[layout.names.index(name)] for name in keep}
    stream.seek(0)
    try:
        # All columns of a block are parsed, and the asked ones kept: only then does pandas notice rows too long.
        with pd.read_csv(
            stream,
            sep=layout.separator,
            names=names,
            skiprows=layout.skip,
            chunksize=ROWS,
            dtype=str,
            keep_default_na=False,
            skipinitialspace=True,
            encoding_errors="replace",
        ) as reader:
            for block in reader:
                if not isinstance(block.index, pd.RangeIndex):  # pandas took the first fields for an index
                    raise pd.errors.ParserError(f"rows have more than {len(names)} fields")
                block = block.fillna("")
                rule = block[names[0]].str.fullmatch(r"[-=+_\s]*") & (block[names[1:]] == "").all(axis=1)
                yield pd.DataFrame({name: block.loc[~rule, place[name]].str.strip() for name in keep})
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(
            f"'{path}' is a truncated or damaged gzip file ({error}); fetch it again."
        ) from error
    except pd.errors.EmptyDataError:
        return
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        sep = "blank" if layout.separator == BLANKS else layout.separator
        raise InputError(f"'{path}' is not a clean table of '{sep}'-separated text ({error}).") from error


def _typed(block: pd.DataFrame, as_text: set[str]) -> pd.DataFrame:
    return pd.DataFrame({n: block[n] if n in as_text else _values(block[n], str(n)) for n in block})


def _values(text: pd.Series, name: str) -> Any:
    """A column as whole numbers, numbers or truth values where all of it is; as text, as it stands, otherwise.

    Whole numbers with leading zeros are text, and in columns of names all that is no whole number.
    """
    named = NAME.match(name) is not None
    missing = text.str.lower().isin(MISSING_NAME if named else MISSING_NUMBER).to_numpy(bool)
    seen = text[~missing]
    if not len(seen):  # whatever other blocks hold
        return pd.array(np.full(len(text), np.nan), dtype="Float64") if not named else _whole([], missing)
    if seen.str.fullmatch(WHOLE).all():
        try:
            return _whole([int(v) for v in seen], missing)
        except OverflowError:
            return text
    numbers = pd.to_numeric(seen, errors="coerce")
    if named and seen.str.fullmatch(r"\d{1,15}(\.0*)?").all() and not seen.str.fullmatch(r"0\d+.*").any():
        return _whole(numbers.astype(np.int64).tolist(), missing)  # 1.0 is 1
    if numbers.notna().all() and not named and not seen.str.fullmatch(r"[+-]?0\d+").any():
        out = np.full(len(text), np.nan)
        out[~missing] = numbers.astype(float)
        return pd.arrays.FloatingArray(np.nan_to_num(out, posinf=np.inf, neginf=-np.inf), missing)
    if seen.str.lower().isin(("true", "false")).all():
        out = np.zeros(len(text), bool)
        out[~missing] = seen.str.lower() == "true"
        return pd.arrays.BooleanArray(out, missing)
    if named and numbers.notna().any() and seen.str.fullmatch(LOST_DIGITS).any():
        raise InputError(
            f"column '{name}' stores identifiers as floating-point numbers such as "
            f"{seen[seen.str.fullmatch(LOST_DIGITS)].iloc[0]}, which have lost their last digits; get the catalogue with this "
            "column as whole numbers or text."
        )
    return text


def _whole(values: list[int], missing: np.ndarray) -> pd.arrays.IntegerArray:
    out = np.zeros(len(missing), np.int64)
    out[~missing] = np.array(values, np.int64) if values else 0
    return pd.arrays.IntegerArray(out, missing)
