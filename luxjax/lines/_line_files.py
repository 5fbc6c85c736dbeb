"""Readers of line lists: VALD extracts, MOOG lists and CSV tables, each with the medium it states or lacks.

VALD: the four layouts of VALD3 ("extract all" and "extract stellar", short and long), told apart by the columns that
the header names. The header also says whether wavelengths are in air (``WL_air``) or vacuum (``WL_vac``), and the units.
MOOG: a title line, then wavelength, species code, excitation potential and log gf. The code 26.1 is Fe II (atomic
number, then charge; further digits name isotopes). The file does not say its medium.
"""

import gzip
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd

from ..core import InputError, check_name
from ..data.internal import Medium

__all__ = ["FORMATS", "read_line_file"]

FORMATS = ("vald", "moog", "csv")
_ROMAN = {"1": "I", "2": "II"}
_PER_EV = 8065.544  # cm^-1
_UNITS = {"A": 1.0, "nm": 10.0}
_TABLE = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb Mo "
    "Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl "
    "Pb Bi Po At Rn Fr Ra Ac Th Pa U"
)
_SYMBOLS = _TABLE.split()
_VALD_HEADER = re.compile(r"WL(?:_(air|vac))?\(([^)]*)\)")
_VALD_LINE = re.compile(r"\s*'([A-Za-z]\w*) +(\d+)'\s*,(.*)")


def read_line_file(path: str | Path, medium: Medium | None, format: str | None) -> tuple[pd.DataFrame, int]:
    """The lines of a file as columns of ``lines.csv``, and how many of its rows were left out."""
    path = Path(path)
    if medium not in (None, "air", "vacuum"):
        raise InputError(f"line list medium {medium!r} is not known; say 'air' or 'vacuum'.")
    text = _text(path)
    if format is None:
        format = _guess(path, text)
    check_name("line-list format", format, FORMATS, "Leave format out to have it guessed")
    frame, skipped = {"vald": _vald, "moog": _moog, "csv": _csv}[format](path, text, medium)
    if len(frame) == 0:
        raise InputError(
            f"'{path}' was read as a {format.upper()} line list and holds no line of a neutral or singly ionised atom "
            f"({skipped} other rows); check the file, or name another format ({', '.join(FORMATS)})."
        )
    return frame, skipped


def _text(path: Path) -> str:
    if not path.is_file():
        raise InputError(f"there is no line list '{path}'; give the path of a VALD, MOOG or CSV file.")
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        return raw.decode()
    except (UnicodeDecodeError, OSError, EOFError):
        raise InputError(
            f"'{path}' is not a text file; line lists are VALD extracts, MOOG lists or CSV tables (also as .gz)."
        ) from None


def _guess(path: Path, text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if any(_VALD_HEADER.search(line) for line in lines[:4]) or any(map(_VALD_LINE.match, lines[:4])):
        return "vald"
    if lines and {"element", "wavelength"} <= {c.strip().strip('"').lower() for c in lines[0].split(",")}:
        return "csv"
    if len(lines) > 1 and _moog_fields(lines[1]):
        return "moog"
    raise InputError(
        f"'{path}' is not a line list that can be recognised: VALD extracts have a header with WL_air or WL_vac, MOOG "
        "lists a title and then wavelength, species code, excitation potential and log gf, CSV tables the columns "
        "element, ion, wavelength. Name the format= if it is one of these."
    )


def _vald(path: Path, text: str, medium: Medium | None):
    rows = text.splitlines()
    header = next((r for r in rows if _VALD_HEADER.search(r) and not r.startswith("#")), None)
    if header is None:
        raise InputError(
            f"'{path}' lacks the header of a VALD extract (Elm Ion WL_air(A) ...), which says what its columns and its "
            "medium are; keep the header when cutting a file."
        )
    stated, unit = _VALD_HEADER.search(header).groups()  # type: ignore[union-attr]
    check_name("wavelength unit", unit, _UNITS, f"'{path}' gives another; extract it again in Angstrom")
    found = _medium(path, {"air": "air", "vac": "vacuum", None: None}[stated], medium)
    # Columns that may stand between wavelength and what is wanted, in the order in which this header has them.
    names = [n for n in ("log gf", "Excit", "E_low", "Vmic") if n in header]
    names.sort(key=header.index)
    energy = next((n for n in names if n in ("Excit", "E_low")), None)
    if energy is None or "log gf" not in names:
        raise InputError(
            f"the VALD header of '{path}' names no 'log gf' or no excitation energy: {header.strip()}"
        )
    per_ev = _PER_EV if re.search(rf"{energy}\(cm", header) else 1.0
    out, skipped = [], 0
    for number, row in enumerate(rows, 1):
        match = _VALD_LINE.match(row)
        if not match:
            continue
        element, stage, rest = match.groups()
        if element not in _SYMBOLS or stage not in _ROMAN:
            skipped += 1
            continue
        try:
            values = [float(v) for v in rest.split(",")[: len(names) + 1]]
            potential, log_gf = (values[1 + names.index(n)] for n in (energy, "log gf"))
        except (ValueError, IndexError):
            raise InputError(
                f"line {number} of '{path}' is not a VALD transition: {row.strip()[:80]}"
            ) from None
        out.append((element, _ROMAN[stage], values[0] * _UNITS[unit], potential / per_ev, log_gf))
    return _frame(out, found, f"VALD ({path.name})"), skipped


def _moog_fields(row: str) -> list[float] | None:
    """Wavelength, species code, excitation potential and log gf of a row, free or in ten-column fields."""
    for fields in (row.split()[:4], [row[k : k + 10] for k in range(0, 40, 10)]):
        try:
            values = [float(v) for v in fields]
        except ValueError:
            continue
        if len(values) == 4:
            return values
    return None


def _moog(path: Path, text: str, medium: Medium | None):
    found = _medium(path, None, medium)
    out, skipped = [], 0
    for number, row in enumerate(text.splitlines()[1:], 2):
        if not row.strip() or row.lstrip().startswith("#"):
            continue
        values = _moog_fields(row)
        if values is None:
            raise InputError(
                f"line {number} of '{path}' is not a MOOG line (wavelength, species code, excitation potential, log gf): "
                f"{row.strip()[:80]}"
            )
        wavelength, code, potential, log_gf = values
        atom, charge = int(code), int(10 * (code - int(code)) + 1e-6)
        if not 1 <= atom <= len(_SYMBOLS) or charge > 1:
            skipped += 1  # molecules have codes above 100
            continue
        # MOOG takes energies above 50 as cm^-1, and negative wavelengths as components of the line before.
        potential = potential / _PER_EV if potential > 50 else potential
        out.append((_SYMBOLS[atom - 1], _ROMAN[str(charge + 1)], abs(wavelength), potential, log_gf))
    return _frame(out, found, f"MOOG ({path.name})"), skipped


def _csv(path: Path, text: str, medium: Medium | None):
    try:
        frame = pd.read_csv(io.StringIO(text), comment="#", skipinitialspace=True)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"'{path}' is not a CSV table: {str(error).strip()}.") from None
    frame = frame.rename(columns=lambda c: str(c).strip().lower())
    for column in ("element", "ion", "wavelength"):
        check_name("column", column, frame.columns, f"The line table '{path}' needs it")
    for column in ("wavelength", "excitation_potential", "log_gf"):
        try:
            frame[column] = pd.to_numeric(frame[column]) if column in frame else np.nan
        except ValueError:
            raise InputError(f"column '{column}' of '{path}' holds text; give numbers or blanks.") from None
    stated = frame["medium"] if "medium" in frame else pd.Series(None, frame.index, dtype=object)
    for other in stated.dropna().unique():
        _medium(path, other, medium)
    frame["medium"] = stated.fillna(medium or "")
    if not frame["medium"].isin(["air", "vacuum"]).all():
        if stated.isna().all():
            _medium(path, None, medium)
        bad = frame.loc[~frame["medium"].isin(["air", "vacuum"]), "medium"].iloc[0]
        raise InputError(f"a row of '{path}' has the medium '{bad}'; every row says 'air' or 'vacuum'.")
    frame["ion"] = frame["ion"].astype(str).str.strip().replace(_ROMAN)
    frame["element"] = frame["element"].astype(str).str.strip()
    frame["source"] = frame["source"].fillna("") if "source" in frame else path.name
    usable = frame["ion"].isin(_ROMAN.values()) & frame["element"].isin(_SYMBOLS)
    return frame[usable].reset_index(drop=True), int((~usable).sum())


def _medium(path: Path, stated: str | None, given: Medium | None) -> str:
    if stated is None and given is None:
        raise InputError(
            f"'{path}' does not say whether its wavelengths are in air or in vacuum; give medium='air' or "
            "medium='vacuum' (its source tells; it is never guessed)."
        )
    if stated is not None and given is not None and stated != given:
        raise InputError(
            f"'{path}' says that its wavelengths are in {stated} and medium='{given}' was given; leave medium out, and "
            f"convert with .to('{given}') after reading."
        )
    return stated or given  # type: ignore[return-value]


def _frame(rows: list[tuple], medium: str, source: str) -> pd.DataFrame:
    columns = ["element", "ion", "wavelength", "excitation_potential", "log_gf"]
    return pd.DataFrame(rows, columns=columns).assign(medium=medium, source=source)
