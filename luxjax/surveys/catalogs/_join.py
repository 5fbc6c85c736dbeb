"""Which labels belong to which spectra: by identifier, by the name of the spectrum's file, or by cross-match."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...core import InputError, check_name
from ...core.internal import join_names
from ...data import LabelTable, Match, Spectra, crossmatch
from ._resolve import FILE_COLUMNS
from ._stars import best_of_stars, column_of, frame_of, snr_of, standard_columns

__all__ = ["JOINS", "check_join", "exact_pairs", "has_files", "match_labels"]

JOINS = ("auto", "id", "file", "crossmatch")


def has_files(labels: LabelTable) -> bool:
    """Whether labels can be joined by the name of the spectrum's file."""
    return column_of(frame_of(labels), FILE_COLUMNS) is not None


def check_join(labels: LabelTable, join: str) -> None:
    """Raise `InputError` unless labels can be joined in this way."""
    check_name("way to join labels", join, JOINS)
    if join == "file" and not has_files(labels):
        raise InputError(
            f"labels cannot be joined by file: their table has no column {join_names(FILE_COLUMNS)} (it has "
            f"{join_names(frame_of(labels).columns)})."
        )


def match_labels(spectra: Spectra, labels: LabelTable, join: str = "auto", *, required: bool = True) -> Match:
    """Pair spectra (left) with labels (right).

    ``"id"`` compares the identifiers of both, ``"file"`` the names of the spectra's files with a column of the
    labels' table, ``"crossmatch"`` Gaia ids, 2MASS designations and positions. ``"auto"`` takes whichever of the first
    two pairs more, and the third if neither pairs any. Where no match is `required`, none is no error.
    """
    check_join(labels, join)
    frame, tried = frame_of(labels), []
    if join in ("auto", "id"):
        tried += [exact_pairs("id", left, right) for left, right in _names(spectra, labels, frame)]
    column = column_of(frame, FILE_COLUMNS)
    if join in ("auto", "file") and column is not None:
        files = pd.DataFrame(spectra.table).get("file", pd.Series([""] * len(spectra)))
        tried.append(exact_pairs("file", _stems(files), _stems(frame[column])))
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
    kept = best_of_stars(sides[1], labels.ids, snr_of(frame))
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
    column = column_of(frame, _DESIGNATIONS)
    if column is not None:
        yield spectra.ids, frame[column].astype("string").fillna("").str.removeprefix("LAMOST").str.strip()


def _stems(files: Any) -> np.ndarray:
    """Names of files without folders and endings; empty where missing."""
    names = pd.Series(files).astype("string").fillna("").str.strip()
    return names.map(lambda n: Path(n).name.removesuffix(".gz").removesuffix(".fits")).to_numpy(str)


_NO_NAME = ("", "-1", "nan", "None", "-9999")


def exact_pairs(how: str, left: np.ndarray, right: np.ndarray) -> Match:
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
