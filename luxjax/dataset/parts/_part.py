"""One part of the files of a survey: read into spectra and a journal, and appended to a dataset with its labels."""

from pathlib import Path

import numpy as np
import pandas as pd

from ...core.internal import path_text
from ...data import Catalog, LabelTable, Spectra
from ...data.internal import Output
from ...surveys import IngestOptions
from ...surveys.internal import LabelSelection, Reduction, best_of_each, has_files, match_labels
from .._dataset import Dataset
from ._columns import as_columns
from ._known import KnownStars

__all__ = ["commit_part", "read_part", "stamp"]

WORSE = "another spectrum of the same star has a higher (or the same) S/N"

CHANGED = "the file has changed since, and its new state is used"


def stamp(file: Path) -> tuple[str, int, int]:
    """What tells a file from others and from its later self; a link that leads nowhere has one too."""
    there = file.exists()
    facts = file.stat() if there else file.lstat()
    return path_text(file.resolve() if there else file.absolute()), facts.st_size, facts.st_mtime_ns


def read_part(job: tuple[Reduction, list[Path]]) -> tuple[Spectra | None, pd.DataFrame]:
    """Spectra of some files as they go into the dataset, and the journal: every file, and every spectrum left out."""
    reduction, files = job
    stamps = [stamp(file) for file in files]
    result = reduction.read(files, workers=1)
    reasons = dict(zip(result.failures["path"], result.failures["reason"], strict=True))
    journal = pd.DataFrame(stamps, columns=["file", "bytes", "modified_ns"])
    journal = journal.assign(what="file", id="", reason=[reasons.get(path_text(file), "") for file in files])
    if not len(result):
        return None, journal
    spectra = result.stacked()
    spectra, left_out = best_of_each(spectra.replace(table=_with_snr(spectra)), required=False)
    journal = _noted(journal, left_out)
    return (reduction.finish(spectra.replace(mask=None)) if len(spectra) else None), journal


def _with_snr(spectra: Spectra) -> pd.DataFrame:
    """The table with the S/N that decides between spectra of one star: as the survey quotes it, else as measured."""
    table, measured = pd.DataFrame(spectra.table), spectra.snr
    quoted = pd.to_numeric(table["snr"], errors="coerce").to_numpy(float) if "snr" in table else measured
    return table.assign(snr=np.where(np.isfinite(quoted), quoted, measured))


def _noted(journal: pd.DataFrame, left_out: pd.DataFrame, what: str = "spectrum") -> pd.DataFrame:
    """The journal with spectra that were left out (``id``, ``file``, ``reason``)."""
    rows = left_out.assign(what=what, bytes=0, modified_ns=0)
    return pd.concat([journal, rows[journal.columns]], ignore_index=True) if len(rows) else journal


def commit_part(
    dataset: Dataset,
    known: KnownStars,
    spectra: Spectra | None,
    journal: pd.DataFrame,
    options: IngestOptions,
    chosen: LabelSelection | None,
) -> None:
    """Append what one part of the files gave: stars that are new, and better spectra in place of those that are there."""
    replaced = np.zeros(0, np.int64)
    if spectra is not None:
        better, replaced = known.compared(spectra)
        facts = _facts(pd.DataFrame(spectra.table).assign(id=spectra.ids))
        journal = _noted(journal, facts[~better].assign(reason=WORSE))
        old = known.facts(replaced)
        changed = old["file"].isin(facts["file"]) & (old["file"] != "")
        journal = _noted(journal, old.assign(reason=np.where(changed, CHANGED, WORSE)))
        spectra = spectra.select(better) if better.any() else None
    if spectra is None:
        dataset.append(None, journal=journal)
        return
    table, odd = as_columns(pd.DataFrame(spectra.table), dataset.manifest.columns.get("table", {}))
    journal = _noted(
        journal, _facts(odd.assign(id=spectra.ids[odd["row"]])).assign(reason=odd["reason"]), "value"
    )
    spectra = spectra.replace(table=table)
    outputs: dict[str, Output] = {options.spectra_name: spectra}
    if chosen is not None:
        outputs[options.labels_name] = _labels_of(spectra, chosen.labels, options.join)
    first = dataset.manifest.n_stars
    dataset._commit(Catalog(outputs, pd.DataFrame(spectra.table)), journal, replaced)
    known.add(table.assign(id=spectra.ids), first, replaced)


def _facts(table: pd.DataFrame) -> pd.DataFrame:
    """Identifier and file of some stars."""
    return pd.DataFrame({"id": table["id"], "file": table.get("file", "")})


def _paired(spectra: Spectra, labels: LabelTable, join: str) -> np.ndarray:
    """The row of the labels of each spectrum, -1 where there is none, (star,).

    "auto" pairs every star in the first way that can, so that its labels do not depend on the others of its part.
    """
    row = np.full(len(spectra), -1)
    ways = ("id", "file", "crossmatch") if join == "auto" else (join,)
    for way in ways:
        rest = np.flatnonzero(row < 0)
        if not len(rest) or (way == "file" and join == "auto" and not has_files(labels)):
            continue
        match = match_labels(spectra.select(rest), labels, way, required=False)
        row[rest[match.left]] = match.right
    return row


def _labels_of(spectra: Spectra, labels: LabelTable, join: str) -> LabelTable:
    """The labels of these stars, missing where none match."""
    row = _paired(spectra, labels, join)
    there = row >= 0
    value, error = (
        np.where(there[:, None], array[row] if len(array) else np.nan, np.nan)
        for array in (labels.value, labels.error)
    )
    table = pd.DataFrame(labels.table)
    # Identifiers stay whole numbers where others are missing.
    whole = {c: "Int64" for c in table if table[c].dtype.kind in "iu"} | {
        c: "boolean" for c in table if table[c].dtype.kind == "b"
    }
    table = (
        table.astype(whole).reset_index(drop=True).reindex(np.where(there, row, -1)).reset_index(drop=True)
    )
    return LabelTable(
        value, error, labels.names, spectra.ids, labels.units, labels.species, labels.survey, table
    )
