"""One part of the files of a survey: read into spectra and a journal, and appended to a dataset with its labels."""

from pathlib import Path

import numpy as np
import pandas as pd

from ..data import Catalog, LabelTable, Spectra
from ..surveys import IngestOptions
from ..surveys.internal import LabelSelection, Reduction, best_of_each, match_labels
from ._dataset import Dataset
from ._known import KnownSky

__all__ = ["commit_part", "read_part", "stamp"]


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
