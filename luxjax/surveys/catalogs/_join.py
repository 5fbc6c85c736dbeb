"""Which labels belong to which spectra: by identifier, by the name of the spectrum's file, or by cross-match."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...core import InputError, check_name
from ...core.internal import join_names
from ...data import LabelTable, Match, Spectra, crossmatch, same_star
from ...data.internal import EPOCH, STAR_COLUMNS, epochs, find_star_columns
from ._catalogs import catalog_columns, detect_release, read_catalog
from ._label_losses import FAILS_CUT, AccountOfLabels, label_values
from ._quality import Preset, QualityReport, apply_cuts, presets
from ._resolve import FILE_COLUMNS, SNR_COLUMNS, Resolved, resolve
from ._survey_labels import columns_of, labels_and_losses
from ._vocabulary import label_columns

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
    account : AccountOfLabels
        How many values of each label there were, and why others were lost.
    values_lost : pandas.DataFrame
        Columns ``id`` and ``reason``: single values that could not be used.
    """

    labels: LabelTable
    cuts: QualityReport | None
    left_out: pd.DataFrame
    n_rows: int
    account: AccountOfLabels
    values_lost: pd.DataFrame


def choose_labels(
    labels: str | Path | LabelTable,
    names: Sequence[str] | None,
    cuts: str | Preset | None,
    survey: str = "",
    release: str = "",
    columns: Mapping[str, str] | None = None,
    label_errors: Mapping[str, float] | None = None,
) -> LabelSelection:
    """Read labels, apply quality cuts, and keep the best row of every star; every value lost is counted."""
    preset = _preset(cuts)
    if isinstance(labels, LabelTable):
        table = labels.only(*names) if names else labels
        account = AccountOfLabels.of_values(table.names, table.value)
        frame, stems = _frame(table), {n: n for n in table.names}
    else:
        places = _places(labels, names, survey, release, columns, label_errors)
        table, account = _read(labels, places, preset, names, label_errors)
        frame, stems = _frame(table), {n: c.value for n, c in places.labels.items()}
        frame = frame.rename(columns={c: n for n, c in places.named.items() if n not in frame})
    n_rows = len(table)
    keep, reason = np.ones(n_rows, bool), np.full(n_rows, "", object)
    report = None
    if preset is not None:
        report = apply_cuts(frame, preset, [stems[n] for n in table.names])
        value = table.value.copy()
        for j, name in enumerate(table.names):
            bad = ~report.labels[stems[name]]
            account.lost(bad & np.isfinite(value[:, j]), FAILS_CUT, name)
            value[bad, j] = np.nan
        table = replace(table, value=value)
        keep, reason[~report.keep] = report.keep, f"fails the quality cuts {preset.name}"
    table = replace(table, table=frame)
    empty = keep & ~np.isfinite(table.value).any(axis=1)
    reason[empty] = "has none of the labels"
    keep = keep & ~empty
    better = _repeats(table, frame, np.flatnonzero(keep))
    reason[better] = "another row of the same star is better"
    keep[better] = False
    left_out = pd.DataFrame({"id": table.ids[~keep], "reason": reason[~keep]})
    if account.nameless:
        without = pd.DataFrame({"id": "", "reason": ["has no name of a star"] * account.nameless})
        left_out, n_rows = pd.concat([left_out, without], ignore_index=True), n_rows + account.nameless
    if not keep.any():
        counts = join_names(f"{n} {why}" for why, n in left_out["reason"].value_counts().items())
        raise InputError(
            f"no star of the {n_rows} in the label catalogue is left: {counts} (labels: {account}); loosen the cuts, or ask for "
            "other labels."
        )
    return LabelSelection(table.select(keep), report, left_out, n_rows, account, account.rows(table.ids))


def _places(labels, names, survey, release, columns, label_errors) -> Resolved:
    """Where a catalogue has what is wanted of it."""
    have = catalog_columns(labels)
    found = detect_release(have)
    survey, release = survey or found[0], release or (found[1] if survey in ("", found[0]) else "")
    return resolve(
        have,
        names,
        survey=survey,
        release=release,
        columns=columns,
        label_errors=label_errors,
        where=f"'{labels}'",
    )


def _read(path, places: Resolved, preset, names, label_errors) -> tuple[LabelTable, AccountOfLabels]:
    """Labels of a catalogue, with the columns that cuts and joins look at."""
    have = catalog_columns(path)
    lower = {c.lower(): c for c in have}
    wanted = [*find_star_columns(have).values(), *FILE_COLUMNS, *SNR_COLUMNS]
    wanted += _cut_columns(preset, names, places.survey, places.release)
    extra = [lower[w.lower()] for w in wanted if w.lower() in lower]
    frame = read_catalog(path, columns_of(places, have, extra))
    return labels_and_losses(frame, places, label_errors=label_errors)


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
    """Rows, among these, of stars that have a better one by their names and identifiers.

    Positions are looked at when rows are joined by them: rows of several spectra of a star may each belong to one of these.
    """
    stars = standard_columns(frame.iloc[rows], np.asarray(table.ids)[rows])
    kept = _best_of_stars(
        stars.drop(columns=["ra", "dec"], errors="ignore"), table.ids[rows], _snr(frame)[rows]
    )
    return np.setdiff1d(rows, rows[kept])


def _snr(frame: pd.DataFrame) -> np.ndarray:
    column = _column(frame, SNR_COLUMNS)
    return label_values(frame[column])[0] if column else np.zeros(len(frame))


def _best_of_stars(stars: pd.DataFrame, ids: np.ndarray, snr: np.ndarray) -> np.ndarray:
    """The best row of every star, by the rule of `luxjax.data.same_star`."""
    names = np.asarray(ids, dtype=str)
    try:
        star = same_star(stars, ids=names)
    except InputError:  # identifiers or positions that cannot be used; who joins by them is told then
        star = same_star(stars[["tmass_id"]], ids=names)
    return best_rows(star, snr)


def has_files(labels: LabelTable) -> bool:
    """Whether labels can be joined by the name of the spectrum's file."""
    return _column(_frame(labels), FILE_COLUMNS) is not None


def check_join(labels: LabelTable, join: str) -> None:
    """Raise `InputError` unless labels can be joined in this way."""
    check_name("way to join labels", join, JOINS)
    if join == "file" and not has_files(labels):
        raise InputError(
            f"labels cannot be joined by file: their table has no column {join_names(FILE_COLUMNS)} (it has "
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
        tried += [_exact("id", left, right) for left, right in _names(spectra, labels, frame)]
    column = _column(frame, FILE_COLUMNS)
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
    kept = _best_of_stars(sides[1], labels.ids, _snr(frame))
    try:
        match = crossmatch(sides[0], sides[1].iloc[kept], allow_empty=not required)
    except InputError as error:
        if not tried:
            raise
        raise InputError(
            f"no spectrum shares its id with a label (the spectra have {join_names(spectra.ids[:3])}, the labels "
            f"{join_names(labels.ids[:3])}), and by position and other surveys' ids {error}"
        ) from error
    ambiguous = match.ambiguous.assign(right=kept[match.ambiguous["right"].to_numpy(int)])
    return replace(match, right=kept[match.right], ambiguous=ambiguous, n_right=len(labels))


# Other names that files give a star or its spectrum, and columns in which catalogues repeat the survey's own name.
_OTHER_NAMES = ("obsid", "spectrum", "sobject_id")
_DESIGNATIONS = ("designation", "desig", "apogee_id")


def _names(spectra: Spectra, labels: LabelTable, frame: pd.DataFrame) -> Iterable[tuple[Any, Any]]:
    """Names of spectra and of labels that may be the same."""
    yield spectra.ids, labels.ids
    table = pd.DataFrame(spectra.table)
    for name in _OTHER_NAMES:
        if name in table:
            yield table[name].astype(str), labels.ids
    column = _column(frame, _DESIGNATIONS)
    if column is not None:
        yield spectra.ids, frame[column].astype("string").fillna("").str.removeprefix("LAMOST").str.strip()


def _stems(files: Any) -> np.ndarray:
    """Names of files without folders and endings; empty where missing."""
    names = pd.Series(files).astype("string").fillna("").str.strip()
    return names.map(lambda n: Path(n).name.removesuffix(".gz").removesuffix(".fits")).to_numpy(str)


_NO_NAME = ("", "-1", "nan", "None", "-9999")


def _exact(how: str, left: np.ndarray, right: np.ndarray) -> Match:
    """Rows with the same text; a text that a side has more than once is listed as inconclusive."""
    sides = [
        pd.DataFrame({"key": np.char.strip(np.asarray(keys, dtype=str)), name: np.arange(len(keys))})
        for name, keys in (("left", left), ("right", right))
    ]
    named = [~side["key"].isin(_NO_NAME) for side in sides]
    known = (int(named[0].sum()), int(named[1].sum()))
    pairs = sides[0][named[0]].merge(sides[1][named[1]], on="key")
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
    known = {name for names in STAR_COLUMNS.values() for name in names}
    return [c for c in columns if str(c).lower() in known]


def standard_columns(frame: pd.DataFrame, ids: np.ndarray) -> pd.DataFrame:
    """The columns that `crossmatch` and `same_star` compare, under their names."""
    column = find_star_columns(frame)
    out = {name: frame[c].to_numpy() for name, c in column.items()}
    # APOGEE names its stars by their 2MASS designations, and has their positions from 2MASS.
    out.setdefault("tmass_id", np.asarray(ids, dtype=object))
    out["epoch"] = epochs(frame, column)
    if "epoch" not in column and "tmass_id" not in column:
        of_2mass = pd.Series(ids, dtype=object).astype(str).str.fullmatch(r"2M\d{8}[+-]\d{7}").to_numpy(bool)
        out["epoch"] = np.where(of_2mass, EPOCH["tmass_id"], out["epoch"])
    return pd.DataFrame(out)
