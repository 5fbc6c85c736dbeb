"""One part of the files of a survey: read into spectra and a journal, and appended to a dataset with its labels."""

from pathlib import Path

import numpy as np
import pandas as pd

from ..data import Catalog, LabelTable, Spectra, same_star
from ..surveys import IngestOptions
from ..surveys.internal import (
    LabelSelection,
    Reduction,
    best_of_each,
    match_labels,
    standard_columns,
    star_columns,
)
from ._dataset import Dataset

__all__ = ["KnownSky", "commit_part", "read_part", "stamp"]

RADIUS_DEG = 3.0 / 3600  # of `same_star`


def stamp(file: Path) -> tuple[str, int, int]:
    """What tells a file from others and from its later self."""
    facts = file.stat()
    return str(file.resolve()), facts.st_size, facts.st_mtime_ns


def read_part(job: tuple[Reduction, list[Path]]) -> tuple[Spectra | None, pd.DataFrame]:
    """Spectra of some files as they go into the dataset, and the journal: every file, and every spectrum left out."""
    reduction, files = job
    stamps = [stamp(file) for file in files]
    result = reduction.read(files, workers=1)
    reasons = dict(zip(result.failures["path"], result.failures["reason"], strict=True))
    journal = pd.DataFrame(stamps, columns=["file", "bytes", "modified_ns"])
    journal = journal.assign(what="file", id="", reason=[reasons.get(str(file), "") for file in files])
    if not len(result):
        return None, journal
    spectra, left_out = best_of_each(result.stacked(), required=False)
    journal = _noted(journal, left_out)
    return (reduction.finish(spectra.replace(mask=None)) if len(spectra) else None), journal


def _noted(journal: pd.DataFrame, left_out: pd.DataFrame) -> pd.DataFrame:
    """The journal with spectra that were left out (``id``, ``file``, ``reason``)."""
    rows = left_out.assign(what="spectrum", bytes=0, modified_ns=0)
    return pd.concat([journal, rows[journal.columns]], ignore_index=True) if len(rows) else journal


class KnownSky:
    """Positions of all stars of a dataset, by declination: 24 bytes for each star.

    Only the rows near a new star are read from the table, so an identifier or a proper motion that links two stars
    further apart than the radius is not seen here; within one part of the files `same_star` sees both.
    """

    def __init__(self, dataset: Dataset):
        self.dataset = dataset
        columns = [str(c) for c in dataset.select(slice(0, 1)).table()] if len(dataset) else []
        self._columns = star_columns(columns)
        self._dec, self._ra, self._rows = np.zeros(0), np.zeros(0), np.zeros(0, np.int64)
        if len(dataset):
            self._put(dataset.table(["id", *self._columns]), 0)

    def has(self, spectra: Spectra) -> np.ndarray:
        """Which of these stars are there, (star,) bool."""
        new = standard_columns(pd.DataFrame(spectra.table), spectra.ids)
        rows = self._near(new)
        if not len(rows):
            return np.zeros(len(spectra), bool)
        table = self.dataset.select(rows).table(["id", *self._columns])
        ids = table["id"].to_numpy(object).astype(str)
        both = pd.concat([standard_columns(table, ids), new], ignore_index=True)
        star = same_star(both, ids=np.concatenate([ids, spectra.ids]))
        return np.isin(star[len(rows) :], star[: len(rows)])

    def add(self, spectra: Spectra) -> None:
        """Stars that have just been appended."""
        table = pd.DataFrame(spectra.table)
        self._columns = star_columns(table.columns)
        self._put(table.assign(id=spectra.ids), len(self.dataset) - len(spectra))

    def _put(self, table: pd.DataFrame, first: int) -> None:
        frame = standard_columns(table, table["id"].to_numpy(object).astype(str))
        if not {"ra", "dec"} <= set(frame):
            return
        ra, dec = frame["ra"].to_numpy(float), frame["dec"].to_numpy(float)
        known = np.isfinite(ra) & (np.abs(dec) <= 90)
        rows = first + np.flatnonzero(known)
        dec, ra = np.concatenate([self._dec, dec[known]]), np.concatenate([self._ra, ra[known]])
        order = np.argsort(dec, kind="stable")
        self._dec, self._ra = dec[order], ra[order]
        self._rows = np.concatenate([self._rows, rows])[order]

    def _near(self, frame: pd.DataFrame) -> np.ndarray:
        """Rows of the dataset within the radius of any of these stars, in order."""
        if not len(self._dec) or not {"ra", "dec"} <= set(frame):
            return np.zeros(0, np.int64)
        found = []
        for ra, dec in frame[["ra", "dec"]].to_numpy(float):
            low, high = np.searchsorted(self._dec, [dec - RADIUS_DEG, dec + RADIUS_DEG])
            # Half the chord between two directions, by the haversine formula.
            a, b = np.radians(self._dec[low:high]), np.radians(dec)
            turn = np.radians(self._ra[low:high] - ra) / 2
            half = np.sin((a - b) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(turn) ** 2
            found.append(self._rows[low:high][half <= np.sin(np.radians(1.01 * RADIUS_DEG) / 2) ** 2])
        return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)


def commit_part(
    dataset: Dataset,
    known: KnownSky,
    spectra: Spectra | None,
    journal: pd.DataFrame,
    options: IngestOptions,
    chosen: LabelSelection | None,
) -> None:
    """Append what one part of the files gave, without the stars that are there already."""
    if spectra is not None:
        new = ~(dataset.has(spectra.ids) | known.has(spectra))
        table = pd.DataFrame(spectra.table)
        file = table["file"].to_numpy(object) if "file" in table else np.full(len(spectra), "", object)
        again = pd.DataFrame(
            {"id": spectra.ids, "file": file, "reason": "the star is in the dataset already"}
        )
        journal = _noted(journal, again[~new])
        spectra = spectra.select(new) if new.any() else None
    if spectra is None:
        dataset.append(None, journal=journal)
        return
    outputs: dict[str, Spectra | LabelTable] = {options.spectra_name: spectra}
    if chosen is not None:
        outputs[options.labels_name] = _labels_of(spectra, chosen.labels, options.join)
    dataset.append(Catalog(outputs, pd.DataFrame(spectra.table)), journal=journal)
    known.add(spectra)


def _labels_of(spectra: Spectra, labels: LabelTable, join: str) -> LabelTable:
    """The labels of these stars, missing where none match."""
    match = match_labels(spectra, labels, join, required=False)
    row = np.full(len(spectra), -1)
    row[match.left] = match.right
    there = row >= 0
    value, error = (
        np.where(there[:, None], array[row] if len(array) else np.nan, np.nan)
        for array in (labels.value, labels.error)
    )
    table = pd.DataFrame(labels.table)
    # Identifiers stay whole numbers beside missing ones.
    whole = {c: "Int64" for c in table if table[c].dtype.kind in "iu"} | {
        c: "boolean" for c in table if table[c].dtype.kind == "b"
    }
    table = (
        table.astype(whole).reset_index(drop=True).reindex(np.where(there, row, -1)).reset_index(drop=True)
    )
    return LabelTable(
        value, error, labels.names, spectra.ids, labels.units, labels.species, labels.survey, table
    )
