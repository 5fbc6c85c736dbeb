"""Spectra of a dataset to classify: some of them to train on, in memory, or all of them, block by block, into a folder."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...core import InputError, Progress
from ...core.internal import join_names
from ...data import Catalog, Spectra
from ...surveys.internal import parse_subclass
from ._data import BLOCK, NOTHING, PLACE, ClassData, features_of, measured, survey_facts

if TYPE_CHECKING:
    from ...dataset import Dataset
    from ...dataset.internal import Results

__all__ = ["MOST", "Answers", "ClassTable", "dataset_data", "fill_classes", "spectra_output"]

MOST = 10_000  # spectra to train on: 12 kB each in memory, and more of them change hardly a class
SIZE, PART = 512, 2048  # spectra answered together, and written into one file
NO_CLASS = "neither class nor subclass in its table is a star of O to M"


def dataset_data(
    dataset: "Dataset",
    *,
    max_spectra: int = MOST,
    need_class: bool = True,
    reject_cosmic_rays: bool = False,
    spectra_name: str | None = None,
    seed: int = 0,
    progress: bool | Progress | None = None,
) -> ClassData:
    """Features of spectra of a dataset, as `lamost_data` has those of files; of more than `max_spectra` a random part.

    Parameters
    ----------
    dataset : Dataset
        With columns ``class`` and ``subclass`` in its table, as ``luxjax ingest`` makes it from LAMOST files.
    max_spectra : int
        Most spectra to use; the memory that a training takes grows with it.
    need_class, reject_cosmic_rays, progress
        As for `lamost_data`.
    spectra_name : str, optional
        Output to classify by. Default: the only one that is of spectra.
    seed : int
        Of the random part.
    """
    name = spectra_output(dataset, spectra_name)
    rows, lost = _usable(dataset, need_class)
    if not len(rows):
        raise InputError(
            f"no spectrum of {dataset!r} has a class: {NO_CLASS}. Ingest the files of LAMOST, or select other stars."
        )
    if max_spectra < len(rows):
        few = np.random.default_rng(seed).choice(len(rows), max_spectra, replace=False)
        rows = rows[np.sort(few)]
    parts = (block(stars, name) for stars in dataset.select(rows).catalogs(BLOCK))
    return measured(parts, len(rows), lost, reject_cosmic_rays, progress)


def spectra_output(dataset: "Dataset", name: str | None = None) -> str:
    """The output of spectra that is asked for, or the only one."""
    known = [n for n in dataset.sizes if isinstance(dataset[n], Spectra)]
    if name is None and len(known) == 1:
        return known[0]
    if name not in known:
        raise InputError(
            f"{'give the output to classify by as spectra_name' if name is None else f'there is no output of spectra {name!r}'}; "
            f"the dataset has {join_names(known) or 'none'}."
        )
    return name


def _usable(dataset: "Dataset", need_class: bool) -> tuple[np.ndarray, pd.DataFrame]:
    """Rows whose spectra have a class, or all, and the others as files left out."""
    rows, lost = [], []
    for start in range(0, len(dataset), BLOCK):
        table = dataset.select(slice(start, start + BLOCK)).table()
        known = (_classes(table)["main"] != "").to_numpy() | (not need_class)
        rows.append(start + np.flatnonzero(known))
        if not known.all():
            without = table[~known]
            lost.append(pd.DataFrame({"file": _text(without, "file"), "id": _text(without, "id"), "reason": NO_CLASS}))  # fmt: skip
    nothing = pd.DataFrame({"file": [], "id": [], "reason": []}, dtype=str)
    return np.concatenate(rows), pd.concat([nothing, *lost], ignore_index=True)


def block(stars: Catalog, name: str) -> tuple[Spectra, pd.DataFrame]:
    """Spectra of some stars and what is known of them, in the columns of `ClassData`."""
    spectra, facts = stars[name], stars.table
    assert isinstance(spectra, Spectra)
    found = _classes(facts)
    table = pd.DataFrame({k: _text(facts, k) for k in ("file", "obsid", "release")})
    table = table.assign(id=spectra.ids, luminosity=found["luminosity"].to_numpy(str))
    table["class"], table["subclass"] = found["main"].to_numpy(str), _text(facts, "subclass")
    table["snr"] = _numbers(facts, "snr")
    table["z"] = 0.0 if spectra.frame == "rest" else _numbers(facts, "z")
    return spectra, table.assign(**{k: _numbers(facts, k) for k in PLACE if k in facts})


def _classes(table: pd.DataFrame) -> pd.DataFrame:
    """Class by the subclass, or else by the class; blank where the survey says that it is no star."""
    kind, finer = _text(table, "class"), _text(table, "subclass")
    found = parse_subclass(np.where(finer == "", kind, finer))
    other = ~np.isin(np.char.upper(kind), ["", "STAR", *"OBAFGKM"])
    found.loc[other, ["main", "luminosity"]] = ""
    return found


def _text(table: pd.DataFrame, name: str) -> np.ndarray:
    return table[name].fillna("").astype(str).to_numpy(str) if name in table else np.full(len(table), "")


def _numbers(table: pd.DataFrame, name: str) -> np.ndarray:
    if name not in table:
        return np.full(len(table), np.nan)
    return pd.to_numeric(table[name], errors="coerce").to_numpy(float)


@dataclass(frozen=True, eq=False)
class Answers:
    """What is written of every spectrum of a dataset, and what it depends on.

    Parameters
    ----------
    kind : str
        A word for it.
    rows : callable
        From the data of some spectra, perhaps of none, to a table, row for row.
    model : str
        Digest of what answers.
    settings : dict
        How it answers.
    facts : dict
        What else is to be known of the columns.
    """

    kind: str
    rows: Callable[[ClassData], pd.DataFrame]
    model: str
    settings: dict[str, Any]
    facts: dict[str, Any] = field(default_factory=dict)


class ClassTable:
    """A row for every spectrum of a dataset, in its order, in a folder of parquet files.

    Its columns are ``id``, ``file``, ``obsid``, ``snr``, ``survey_class``, ``survey_subclass``, then the answers, and ``reason``, which
    says why a spectrum has none. ``pandas.read_parquet(folder)`` reads the same.

    Attributes
    ----------
    reasons : dict of str to int
        Why spectra have no answer, and how many.
    outside : int
        How many are unlike the training spectra, so that their classes mean little.
    """

    def __init__(self, results: "Results"):
        self._results = results
        self.reasons: dict[str, int] = Counter()
        self.outside = 0
        for part in results.parts():
            self.reasons.update(reason for reason in part["reason"].tolist() if reason)
            self.outside += int(part["outside"].sum()) if "outside" in part else 0

    def __len__(self) -> int:
        return len(self._results)

    def parts(self) -> Iterator[pd.DataFrame]:
        """The rows, some thousands at a time."""
        return map(pd.DataFrame, self._results.parts())


def fill_classes(
    dataset: "Dataset",
    to: str | os.PathLike,
    answers: Answers,
    *,
    spectra_name: str | None = None,
    need_class: bool = False,
    reject_cosmic_rays: bool = False,
    progress: bool | Progress | None = None,
) -> ClassTable:
    """Answers about every spectrum of a dataset, written incrementally; the same call resumes after a kill, to the same files.

    Parameters
    ----------
    dataset : Dataset
    to : path or str
        Folder to write, or that of an earlier call.
    answers : Answers
    spectra_name, need_class, reject_cosmic_rays, progress
        As for `dataset_data`.
    """
    from ...dataset.internal import Results

    name = spectra_output(dataset, spectra_name)
    size, part = Results.sizes(len(dataset), SIZE, PART)
    how = {"need_class": need_class, "reject_cosmic_rays": reject_cosmic_rays}
    settings = {**answers.settings, "spectra": name, **how, "stars": [size, part]}
    identity = {"model": answers.model, "dataset": dataset.fingerprint, "settings": settings}
    results = Results.begin(to, answers.kind, identity, len(dataset), answers.facts)

    def work(_, blocks: Iterable[Catalog]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        rows = pd.concat([_answered(stars, name, answers, **how) for stars in blocks], ignore_index=True)
        return {str(c): _plain(rows[c]) for c in rows}, {}

    def stars(start: int) -> Iterator[Catalog]:
        return dataset.catalogs(size, start=start)

    results.fill(dataset, stars, work, block=size, part=part, notes={}, progress=progress)
    return ClassTable(results)


def _answered(
    stars: Catalog, name: str, answers: Answers, need_class: bool, reject_cosmic_rays: bool
) -> pd.DataFrame:
    """A row for each star: what is known of it, the answers, and the reason where there are none."""
    spectra, table = block(stars, name)
    reasons = np.where(need_class & (table["class"] == ""), NO_CLASS, "").astype(object)
    tried = np.flatnonzero(reasons == "")
    found = features_of(spectra.select(tried), table["z"].to_numpy()[tried], reject_cosmic_rays)
    reasons[tried[found.left_out["row"].to_numpy(int)]] = found.left_out["reason"].to_numpy()
    used = tried[found.rows]
    data = ClassData(
        replace(found, rows=np.arange(len(found))), table.iloc[used].reset_index(drop=True), NOTHING
    )
    rows = answers.rows(data)
    flags = rows.select_dtypes(bool).columns
    rows = rows.set_index(used).reindex(range(len(table)))
    rows[flags] = rows[flags].eq(True)  # no answer is no flag, and every block has the same types
    return pd.concat([survey_facts(table), rows], axis=1).assign(reason=reasons)


def _plain(column: pd.Series) -> np.ndarray:
    """Numbers, or else text, blank where it is missing."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy()
    return column.fillna("").astype(str).to_numpy(str)
