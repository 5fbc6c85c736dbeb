"""Which labels belong to which spectra: by identifier, by the name of the spectrum's file, or by cross-match."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...core import InputError, check_name
from ...core.internal import join_names
from ...data import LabelTable, Match, Spectra, crossmatch
from ._catalogs import catalog_columns, detect_release
from ._quality import Preset, QualityReport, apply_cuts, presets
from ._survey_labels import label_columns, read_labels

__all__ = [
    "JOINS",
    "LabelSelection",
    "best_rows",
    "check_join",
    "choose_labels",
    "has_files",
    "match_labels",
    "standard_columns",
    "star_columns",
]

JOINS = ("auto", "id", "file", "crossmatch")
# Columns by the standard name that `crossmatch` and `same_star` know, most wanted first; matched whatever their case.
_KEYS = {
    "gaia_dr3": ("gaia_dr3", "dr3_source_id", "gaiadr3_source_id", "gaiaedr3_source_id"),
    "tmass_id": ("tmass_id", "star_id", "apogee_id", "2mass"),
    "ra": ("ra", "ra_dr2"),
    "dec": ("dec", "dec_dr2"),
    "pmra": ("pmra", "pm_ra"),
    "pmdec": ("pmdec", "pm_dec"),
    "epoch": ("epoch", "ref_epoch"),
}
_FILES = ("filename", "file")
# What a survey calls the signal-to-noise ratio it quotes.
_SNR = ("snr", "snr_c3_iraf", "snr_px_ccd3", "snr_c2_iraf", "snrg")


@dataclass(frozen=True, eq=False)
class LabelSelection:
    """Labels ready to be matched, and what became of the others.

    Parameters
    ----------
    labels : LabelTable
        One row per star.
    cuts : QualityReport or None
    left_out : pandas.DataFrame
        Columns ``id`` and ``reason``: rows of the catalogue that are not used.
    n_rows : int
        Rows of the catalogue.
    """

    labels: LabelTable
    cuts: QualityReport | None
    left_out: pd.DataFrame
    n_rows: int


def choose_labels(
    labels: str | Path | LabelTable,
    names: Sequence[str] | None,
    cuts: str | Preset | None,
    survey: str = "",
    release: str = "",
) -> LabelSelection:
    """Read labels, apply quality cuts, and keep the best row of every star."""
    preset = _preset(cuts)
    if isinstance(labels, LabelTable):
        table = labels.only(*names) if names else labels
        survey, columns = survey or table.survey, {n: n for n in table.names}
    else:
        have = catalog_columns(labels)
        found = detect_release(have)
        survey, release = survey or found[0], release or found[1]
        wanted = [*_KEYS["gaia_dr3"], *_KEYS["tmass_id"], *_KEYS["ra"], *_KEYS["dec"], *_FILES, *_SNR]
        wanted += _cut_columns(preset, names, survey, release)
        lower = {c.lower(): c for c in have}
        extra = list(dict.fromkeys(lower[w.lower()] for w in wanted if w.lower() in lower))
        table = read_labels(labels, names, columns=extra, survey=survey, release=release)
        known = label_columns(survey, release, table.names)
        columns = {n: known[n].value for n in table.names}
    frame, n_rows = _frame(table), len(table)
    keep, reason = np.ones(n_rows, bool), np.full(n_rows, "", object)
    report = None
    if preset is not None:
        report = apply_cuts(frame, preset, [columns[n] for n in table.names])
        value = table.value.copy()
        for j, name in enumerate(table.names):
            value[~report.labels[columns[name]], j] = np.nan
        table = LabelTable(
            value, table.error, table.names, table.ids, table.units, table.species, table.survey, table.table
        )
        keep, reason[~report.keep] = report.keep, f"fails the quality cuts {preset.name}"
    empty = keep & ~np.isfinite(table.value).any(axis=1)
    reason[empty] = "has none of the labels"
    keep = keep & ~empty
    better = _repeats(table, frame, np.flatnonzero(keep))
    reason[better] = "another row of the same star is better"
    keep[better] = False
    left_out = pd.DataFrame({"id": table.ids[~keep], "reason": reason[~keep]})
    if not keep.any():
        counts = join_names(f"{n} {why}" for why, n in left_out["reason"].value_counts().items())
        raise InputError(
            f"no star of the {n_rows} in the label catalogue is left: {counts}; loosen the cuts, or ask for other labels."
        )
    return LabelSelection(table.select(keep), report, left_out, n_rows)


def _preset(cuts: str | Preset | None) -> Preset | None:
    if isinstance(cuts, str):
        known = presets()
        check_name("quality preset", cuts, known)
        return known[cuts]
    return cuts


def _cut_columns(preset: Preset | None, names, survey: str, release: str) -> list[str]:
    """Columns that a preset looks at."""
    if preset is None:
        return []
    known = label_columns(survey, release) if survey else {}
    stems = [c.value for n, c in known.items() if names is None or n in names]
    return [c.column for c in preset.cuts] + [
        c.column.format(label=s) for c in preset.label_cuts for s in stems if s not in preset.unflagged_labels
    ]


def _frame(table: LabelTable) -> pd.DataFrame:
    return pd.DataFrame(table.table)


def _column(frame: pd.DataFrame, names: Sequence[str]) -> str | None:
    """The first of these columns that the frame has, whatever its case."""
    lower = {str(c).lower(): str(c) for c in frame.columns}
    return next((lower[n] for n in names if n in lower), None)


def best_rows(keys: np.ndarray, snr: np.ndarray) -> np.ndarray:
    """One row for every distinct key, in order: that of the highest S/N (missing ones lowest), else the first."""
    order = np.lexsort((np.arange(len(keys)), -np.nan_to_num(snr, nan=-np.inf)))
    _, first = np.unique(np.asarray(keys)[order], return_index=True)
    return np.sort(order[first])


def _repeats(table: LabelTable, frame: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    """Rows, among these, of stars that have a better one: by id, Gaia id and 2MASS id alike."""
    column = _column(frame, _SNR)
    snr = pd.to_numeric(frame[column], errors="coerce").to_numpy(float) if column else np.zeros(len(frame))
    start = rows
    for keys in (
        table.ids,
        *(frame[c].astype(str) for k in ("gaia_dr3", "tmass_id") if (c := _column(frame, _KEYS[k]))),
    ):
        text = np.asarray(keys, dtype=str)[rows]
        known = ~np.isin(
            np.char.lower(np.char.strip(text)), ("", "nan", "none", "<na>", "0", "-1", "-999", "-9999")
        )
        rows = np.sort(np.append(rows[~known], rows[known][best_rows(text[known], snr[rows][known])]))
    return np.setdiff1d(start, rows)


def has_files(labels: LabelTable) -> bool:
    """Whether labels can be joined by the name of the spectrum's file."""
    return _column(_frame(labels), _FILES) is not None


def check_join(labels: LabelTable, join: str) -> None:
    """Raise `InputError` unless labels can be joined in this way."""
    check_name("way to join labels", join, JOINS)
    if join == "file" and not has_files(labels):
        raise InputError(
            f"labels cannot be joined by file: their table has no column {join_names(_FILES)} (it has "
            f"{join_names(_frame(labels).columns)})."
        )


def match_labels(spectra: Spectra, labels: LabelTable, join: str = "auto", *, required: bool = True) -> Match:
    """Pair spectra (left) with labels (right).

    ``"id"`` compares the identifiers of both, ``"file"`` the names of the spectra's files with a column of the
    labels' table, ``"crossmatch"`` Gaia ids, 2MASS designations and positions. ``"auto"`` takes whichever of the first
    two pairs more, and the third if neither pairs any. Where no match is `required`, none is no error.
    """
    check_join(labels, join)
    frame, tried = _frame(labels), []
    if join in ("auto", "id"):
        tried.append(_exact("id", spectra.ids, labels.ids))
    column = _column(frame, _FILES)
    if join in ("auto", "file") and column is not None:
        files = pd.DataFrame(spectra.table).get("file", pd.Series([""] * len(spectra)))
        tried.append(_exact("file", _stems(files), _stems(frame[column])))
    best = max(tried, key=len, default=None)
    if best is not None and (len(best) or (join != "auto" and not required)):
        return best
    if join != "crossmatch" and join != "auto":
        known = join_names(spectra.ids[:3] if join == "id" else _stems(files)[:3])
        other = join_names(labels.ids[:3] if join == "id" else _stems(frame[column])[:3])
        raise InputError(
            f"no spectrum shares its {join} with a label: the spectra have {known}, the labels {other}; "
            "try join='crossmatch'."
        )
    sides = standard_columns(pd.DataFrame(spectra.table), spectra.ids), standard_columns(frame, labels.ids)
    return crossmatch(*sides, allow_empty=not required)


def _stems(files: Any) -> np.ndarray:
    """Names of files without folders and endings; empty where missing."""
    names = pd.Series(files).astype("string").fillna("").str.strip()
    return names.map(lambda n: Path(n).name.removesuffix(".gz").removesuffix(".fits")).to_numpy(str)


def _exact(how: str, left: np.ndarray, right: np.ndarray) -> Match:
    """Rows with the same text; a text that a side has more than once is listed as inconclusive."""
    sides = [
        pd.DataFrame({"key": np.char.strip(np.asarray(keys, dtype=str)), name: np.arange(len(keys))})
        for name, keys in (("left", left), ("right", right))
    ]
    known = (int((sides[0]["key"] != "").sum()), int((sides[1]["key"] != "").sum()))
    pairs = sides[0][sides[0]["key"] != ""].merge(sides[1], on="key")
    several = pairs.duplicated("left", keep=False) | pairs.duplicated("right", keep=False)
    good = pairs[~several].sort_values("left")
    inconclusive = pairs[several].assign(
        how=how, separation_arcsec=np.nan, reason=f"several rows with one {how}"
    )
    return Match(
        good["left"].to_numpy(),
        good["right"].to_numpy(),
        np.full(len(good), how, object),
        np.full(len(good), np.nan),
        inconclusive[["left", "right", "how", "separation_arcsec", "reason"]].reset_index(drop=True),
        len(left),
        len(right),
        {how: known},
    )


def star_columns(columns: Iterable[str]) -> list[str]:
    """Those of a table's columns that tell one star from another."""
    known = {name for names in _KEYS.values() for name in names}
    return [c for c in columns if str(c).lower() in known]


def standard_columns(frame: pd.DataFrame, ids: np.ndarray) -> pd.DataFrame:
    """The columns that `crossmatch` and `same_star` compare, under their names."""
    out = {name: frame[c].to_numpy() for name, given in _KEYS.items() if (c := _column(frame, given))}
    # APOGEE names its stars by their 2MASS designations.
    out.setdefault("tmass_id", np.asarray(ids, dtype=object))
    return pd.DataFrame(out)
