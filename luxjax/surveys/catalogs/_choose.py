"""Labels of a catalogue that are used: quality cuts, one row of every star, and an account of what is lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from ...core import InputError, check_name
from ...core.internal import join_names
from ...data import LabelTable
from ...data.internal import find_star_columns
from ._catalogs import catalog_columns, detect_release, read_catalog
from ._label_losses import FAILS_CUT, AccountOfLabels
from ._quality import Preset, QualityReport, apply_cuts, presets
from ._resolve import FILE_COLUMNS, SNR_COLUMNS, Resolved, resolve
from ._stars import best_of_stars, frame_of, snr_of, standard_columns
from ._survey_labels import columns_of, labels_and_losses
from ._vocabulary import label_columns

__all__ = ["LabelSelection", "choose_labels"]


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
        frame, stems = frame_of(table), {n: n for n in table.names}
    else:
        places = _places(labels, names, survey, release, columns, label_errors)
        table, account = _read(labels, places, preset, names, label_errors)
        frame, stems = frame_of(table), {n: c.value for n, c in places.labels.items()}
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


def _repeats(table: LabelTable, frame: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    """Rows, among these, of stars that have a better one by their names and identifiers.

    Positions are looked at when rows are joined by them: rows of several spectra of a star may each belong to one of these.
    """
    stars = standard_columns(frame.iloc[rows], np.asarray(table.ids)[rows])
    kept = best_of_stars(
        stars.drop(columns=["ra", "dec"], errors="ignore"), table.ids[rows], snr_of(frame)[rows]
    )
    return np.setdiff1d(rows, rows[kept])
