"""Quality cuts: which stars of a survey catalogue, and which of their labels, are good enough to use.

The cuts are data (``quality.json``): named presets, each with its source, and the meaning of every flag bit by
release, because the same column can change its bits altogether (``flag_sp`` of GALAH DR3 and DR4).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd

from ...core import InputError, check_name
from ...core.internal import choose_from, join_names
from ...data.internal import native
from ..formats import _bits

__all__ = ["Cut", "Preset", "QualityReport", "apply_cuts", "flag_bits", "presets"]


@dataclass(frozen=True)
class Cut:
    """What the values of one column must be for a star to stay. Missing values never pass.

    Parameters
    ----------
    column : str
        Column name; in label cuts ``{label}`` stands for the label's name.
    above, below : float, optional
        Exclusive limits.
    equals : int, optional
        The one value accepted; for flags, 0 is "nothing set".
    without : sequence of str
        Names of flag bits that must not be set.
    """

    column: str
    above: float | None = None
    below: float | None = None
    equals: int | None = None
    without: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.without:
            return f"{self.column} without {', '.join(self.without)}"
        if self.equals is not None:
            return f"{self.column} == {self.equals}"
        if self.below is None:
            return f"{self.column} > {self.above:g}"
        low = "" if self.above is None else f"{self.above:g} < "
        return f"{low}{self.column} < {self.below:g}"


@dataclass(frozen=True)
class Preset:
    """A set of cuts with its source.

    Parameters
    ----------
    name, release, about, source : str
        `release` says which bit tables apply (see `flag_bits`).
    cuts : sequence of Cut
        A star must pass all of them.
    label_cuts : sequence of Cut
        A label of a star must pass all of them to be usable; the star stays either way.
    unflagged_labels : sequence of str
        Labels to which the label cuts do not apply: the survey does not flag them.
    """

    name: str
    release: str
    cuts: tuple[Cut, ...]
    label_cuts: tuple[Cut, ...] = ()
    unflagged_labels: tuple[str, ...] = ()
    about: str = ""
    source: str = ""


@dataclass(frozen=True, eq=False)
class QualityReport:
    """What quality cuts keep, and what each of them costs.

    Parameters
    ----------
    preset : Preset
    keep : (star,) bool array
        Stars that pass every cut.
    counts : pandas.DataFrame
        One row per cut: ``cut``, ``alone`` (stars it removes by itself) and ``remaining`` (stars left after it and
        all cuts above it).
    labels : mapping of str to (star,) bool array
        By label asked for: whether it passes the label cuts. Give the others no weight.
    """

    preset: Preset
    keep: np.ndarray
    counts: pd.DataFrame
    labels: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f"{self.preset.name}: {int(self.keep.sum())} of {len(self.keep)} stars kept"]
        width = max((len(c) for c in self.counts["cut"]), default=0)
        lines += [
            f"  {row.cut:<{width}}  removes {row.alone} alone, {row.remaining} remain"
            for row in self.counts.itertuples()
        ]
        lines += [
            f"  {name}: usable in {int((good & self.keep).sum())} of them"
            for name, good in self.labels.items()
        ]
        return "\n".join(lines)


@cache
def _tables() -> dict[str, Any]:
    return json.loads((files(__package__) / "quality.json").read_text(encoding="utf-8"))


_APOGEE = {
    "STARFLAG": _bits.STARFLAG,
    "ANDFLAG": _bits.STARFLAG,
    "ASPCAPFLAG": _bits.ASPCAPFLAG,
    "EXTRATARG": _bits.EXTRATARG,
    "PARAMFLAG": _bits.PARAMFLAG,
    "ELEMFLAG": _bits.PARAMFLAG,
    "*_FE_FLAG": _bits.PARAMFLAG,
    "FE_H_FLAG": _bits.PARAMFLAG,
}


def flag_bits(release: str, column: str) -> dict[str, int]:
    """Names and numbers of the bits of a flag column in one data release.

    Decode a value with ``flag_names(value, flag_bits("galah-dr4", "flag_sp"))``.

    Parameters
    ----------
    release : str
        ``"apogee-dr17"``, ``"galah-dr3"`` or ``"galah-dr4"``.
    column : str
        Such as ``"STARFLAG"``, ``"MG_FE_FLAG"``, ``"flag_sp"`` or ``"flag_eu_fe"``.
    """
    releases: dict[str, Mapping[str, Mapping[str, int]]] = {"apogee-dr17": _APOGEE, **_tables()["flags"]}
    check_name("release with flag tables", release, releases)
    columns = releases[release]
    for pattern, bits in columns.items():
        if fnmatchcase(column, pattern):
            return dict(bits)
    raise InputError(choose_from(f"flag column of {release}", column, columns))


def presets() -> dict[str, Preset]:
    """All quality presets by name, each with what it is for and where it comes from.

    Examples
    --------
    >>> from luxjax.surveys import presets
    >>> sorted(presets())
    ['apogee-dr17', 'galah-dr3', 'galah-dr4', 'lamost-snr10', 'lamost-snr30', 'lamost-snr50', 'lux-apogee', 'lux-galah']
    """
    return {name: _preset(name, entry) for name, entry in _tables()["presets"].items()}


def _preset(name: str, entry: Mapping[str, Any]) -> Preset:
    def cuts(key: str) -> tuple[Cut, ...]:
        return tuple(Cut(**{**c, "without": tuple(c.get("without", ()))}) for c in entry.get(key, ()))

    return Preset(
        name,
        entry["release"],
        cuts("cuts"),
        cuts("label_cuts"),
        tuple(entry.get("unflagged_labels", ())),
        entry["about"],
        entry["source"],
    )


def apply_cuts(table: Any, preset: str | Preset, labels: Sequence[str] = ()) -> QualityReport:
    """Apply quality cuts to a survey catalogue; nothing is removed here, the report says what to keep.

    Parameters
    ----------
    table : pandas.DataFrame, astropy Table, FITS record array or mapping of arrays
        The catalogue, one row per star. (An allStar table has array columns, which pandas refuses: give it as an
        astropy Table or as the record array.)
    preset : str or Preset
        A name from `presets`, or your own cuts.
    labels : sequence of str
        Labels, named as in the catalogue (``"MG_FE"``, ``"eu_fe"``), to be checked one by one.

    Returns
    -------
    QualityReport

    Raises
    ------
    InputError
        For an unknown preset or bit name, missing columns (all of them are named), or flags that are not integers.

    Examples
    --------
    >>> import pandas as pd
    >>> from luxjax.surveys import apply_cuts
    >>> table = pd.DataFrame({"flag_sp": [0, 1], "snr_c3_iraf": [50.0, 60.0], "flag_fe_h": [0, 0]})
    >>> report = apply_cuts(table, "galah-dr3")
    >>> report.keep.tolist()
    [True, False]
    >>> print(report)
    galah-dr3: 1 of 2 stars kept
      flag_sp == 0    removes 1 alone, 1 remain
      flag_fe_h == 0  removes 0 alone, 1 remain
    """
    if isinstance(preset, str):
        known = presets()
        check_name("quality preset", preset, known)
        preset = known[preset]
    per_label = {
        label: ()
        if label in preset.unflagged_labels
        else tuple(Cut(**{**vars(c), "column": c.column.format(label=label)}) for c in preset.label_cuts)
        for label in labels
    }
    columns = _columns(table)
    wanted = [c.column for c in preset.cuts] + [c.column for cuts in per_label.values() for c in cuts]
    missing = [c for c in dict.fromkeys(wanted) if c not in columns]
    if missing:
        raise InputError(
            f"quality preset '{preset.name}' needs the column{'s' if len(missing) > 1 else ''} {join_names(missing)}, "
            f"which the table does not have (it has {join_names(columns)}); read the full catalogue, or give a Preset "
            "with cuts on the columns that are there."
        )
    n = len(native(table[columns[0]])) if columns else 0
    keep = np.ones(n, dtype=bool)
    rows = []
    for cut in preset.cuts:
        passed = _passes(table, cut, preset.release)
        keep &= passed
        rows.append((str(cut), int((~passed).sum()), int(keep.sum())))
    good = {
        label: np.logical_and.reduce(
            [np.ones(n, dtype=bool), *(_passes(table, c, preset.release) for c in cuts)]
        )
        for label, cuts in per_label.items()
    }
    return QualityReport(preset, keep, pd.DataFrame(rows, columns=["cut", "alone", "remaining"]), good)


def _columns(table: Any) -> list[str]:
    if hasattr(table, "colnames"):
        return list(table.colnames)
    names = getattr(getattr(table, "dtype", None), "names", None)
    return list(names) if names else [str(c) for c in table]


def _passes(table: Any, cut: Cut, release: str) -> np.ndarray:
    """Whether each star passes one cut, (star,)."""
    if cut.without or cut.equals is not None:
        flag, known = _integers(table[cut.column], cut.column)
        if cut.equals is not None:
            return known & (flag == cut.equals)
        bits = flag_bits(release, cut.column)
        for name in cut.without:
            check_name(f"bit of {cut.column}", name, bits)
        return known & (flag & np.int64(sum(1 << bits[name] for name in cut.without)) == 0)
    value = _numbers(table[cut.column])
    passed = np.isfinite(value)
    if cut.above is not None:
        passed &= value > cut.above
    if cut.below is not None:
        passed &= value < cut.below
    return passed


def _plain(column: Any) -> np.ndarray:
    """A column as a one-dimensional array in native byte order, masked entries as NaN."""
    if isinstance(column, np.ma.MaskedArray):
        column = np.ma.asarray(column, dtype=object).filled(np.nan)
    array = native(column)
    if array.ndim != 1:
        raise InputError(f"a quality cut needs one value per star; its column has shape {array.shape}.")
    return array


def _numbers(column: Any) -> np.ndarray:
    """A column as float64, NaN where it holds no number, (star,)."""
    return np.asarray(pd.to_numeric(pd.Series(_plain(column)), errors="coerce").astype(np.float64))


def _integers(column: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Flags as int64, (star,), and where they are present; negative values are the surveys' "missing".

    Bits reach 41: neither int32 nor float32 can hold a flag.
    """
    array = _plain(column)
    if array.dtype.kind in "iu":
        return array.astype(np.int64), array >= 0
    value = _numbers(array)
    known = np.isfinite(value) & (value >= 0)
    if array.dtype == np.float32 or np.any((value != np.round(value))[known]) or np.any(value[known] > 2**53):
        raise InputError(
            f"flags in column '{name}' must be integers; they came as {array.dtype} and have lost bits or never were "
            "flags. Read the column as int64 or text."
        )
    return np.where(known, value, 0).astype(np.int64), known
