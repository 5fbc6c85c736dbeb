"""From survey files to a dataset, part by part: many processes read, one appends, and a journal lets it resume."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..core import InputError, Progress
from ..core.internal import join_names, reporting
from ..data.internal import Output
from ..surveys import IngestOptions
from ..surveys.internal import (
    NOISE_LIMIT,
    LabelSelection,
    Reduction,
    by_reason,
    chosen_labels,
    files_by_star,
    registered_formats,
    spectra_files,
    template_of,
)
from ._dataset import Dataset, open_dataset
from ._location import Location
from ._manifest import MANIFEST
from ._prefetch import ahead, executor
from ._zarr import checksum
from .parts._known import KnownStars
from .parts._part import commit_part, read_part, stamp

__all__ = ["DatasetIngest", "ingest_dataset"]


@dataclass(frozen=True, eq=False)
class DatasetIngest:
    """A dataset made of files, and an account of them.

    Parameters
    ----------
    dataset : Dataset
    n_files, n_read : int
        Files given, and those of them that were read now rather than by an earlier run.
    label_output : str
        Name of the labels; empty where there are none.
    label_account : str
        How many values of each label the catalogue has, and why others are lost.
    """

    dataset: Dataset
    n_files: int
    n_read: int
    label_output: str = ""
    label_account: str = ""

    @property
    def lost(self) -> pd.DataFrame:
        """Files and spectra that were not used, by all runs: ``what``, ``file``, ``id`` and ``reason``."""
        journal = self.dataset.journal()
        lost = journal[journal["reason"] != ""] if len(journal) else pd.DataFrame(columns=_LOST)
        return lost[_LOST].reset_index(drop=True)

    @property
    def summary(self) -> str:
        """A few lines: how many stars, how many files, and what was lost for which reasons."""
        reduction = reduction_of(self.dataset)
        lines = [f"{self.dataset!r}", *reduction.account]
        lines += [f"files: {self.n_files} given, {self.n_read} read now"]
        for what, lost in self.lost.groupby("what", sort=False):
            for reason, part in by_reason(lost)[:8]:
                lines.append(f"  {len(part)} x {what} not used: {reason} [{join_names(part['file'], 2)}]")
        if self.label_output:
            names = [
                f"{self.label_output}_{n}" for n in self.dataset.manifest.outputs[self.label_output]["names"]
            ]
            has = self.dataset.table(names).notna().any(axis=1).sum() if len(self.dataset) else 0
            lines.append(f"labels: {has} stars have some; in the catalogue {self.label_account}")
        return "\n".join(lines)


_LOST = ["what", "file", "id", "reason"]
# Names that earlier versions wrote, and what these options are called now.
_RENAMED = {"limits": "wavelength_range", "output": "spectra_name", "files_at_once": "batch_size"}
# Options that earlier versions did not have or whose defaults they had otherwise, as they are by default now and as they were.
_DEFAULTS = {"normalization": "auto", "like": None, "binning": None, "noise_limit": NOISE_LIMIT}
_DEFAULTS_OF_BEFORE = {"like": None, "binning": 1, "noise_limit": None}


def ingest_dataset(
    source: str | Path | Iterable[str | Path],
    to: str | os.PathLike,
    options: IngestOptions | None = None,
    *,
    chunk: int = 64,
    shard: int = 512,
    batch_size: int = 256,
    workers: int = 1,
    scheduler: str | None = None,
    progress: bool | Progress | None = False,
    **settings: Any,
) -> DatasetIngest:
    """Add the stars of survey files to a dataset, which is made if it does not exist; may be killed and run again at any time.

    Files are read in parts. Each part is committed together with the journal of its files, so a run that follows an
    interrupted one reads only what is left, and ends with the same arrays, byte for byte, as one that was never
    interrupted. New files of a folder are added by running it again; a file that has changed since is read again.

    Parameters
    ----------
    source : path or paths
        Folders (searched for FITS files) and files.
    to : path or str
        The dataset: a folder, or an address that fsspec knows.
    options : IngestOptions, optional
        How spectra are reduced and labels chosen. Stars without labels are in the dataset too, with missing labels.
    chunk, shard : int
        Stars per chunk and per object on disk, as for `Dataset.create`.
    batch_size : int
        Stars whose files are read together and committed together.
    workers : int
        Processes that read (one: this one).
    scheduler : str, optional
        Address of a Dask scheduler whose workers read instead.
    progress : bool or Progress, optional
        True shows the files that are read on standard error; a function is called with ``("files", done, total)``.
    **settings
        Fields of `IngestOptions` by name, in place of those in `options`.

    Raises
    ------
    InputError
        An option is unknown or cannot be used, no file can be read, or the dataset was made with other options.

    Notes
    -----
    Of several spectra of a star, by the rule of `luxjax.data.same_star`, that of the highest S/N counts, whichever part or
    earlier run brought it: a better one takes the place of that which is there. So the stars are those that `luxjax.ingest` makes
    a catalogue of, whatever `batch_size` is.

    A column of the files' facts holds one kind of value throughout. A value of another kind, such as a S/N that is text in one
    header, is missing in the table, and listed.

    Grid, continuum and the pixels that are left out for their noise are settled when the dataset is made, the pixels by the
    first 48 files, and kept with it, so that every part and every later file is treated alike.
    """
    options = (options or IngestOptions()).replace(**settings)
    if options.also:
        raise InputError(
            f"a dataset holds spectra and labels; make a catalogue (luxjax ingest -o CATALOG) to add {join_names(options.also)} (also=)."
        )
    if batch_size < 1:
        raise InputError(f"batch_size is at least one star; given: {batch_size}.")
    if (workers > 1 or scheduler is not None) and (own := registered_formats()):
        raise InputError(
            f"formats that were registered ({join_names(own)}) are known to this process alone; leave workers and scheduler out."
        )
    files = spectra_files(source, options)
    chosen = None
    options.check_labels()
    if options.label_catalog is not None:
        chosen = chosen_labels(options)
    asked = _recorded(options, chosen, batch_size)
    if MANIFEST in Location(to).names():
        dataset = open_dataset(to)
        reduction = _recalled(dataset, asked).beside(files)
        if chosen is not None:
            dataset.check_columns(pd.DataFrame(chosen.labels.table).add_prefix(f"{options.labels_name}_"))
    else:
        reduction = Reduction.of_files(files, options, choose_pixels=True)
        facts = {k: v for k, v in asdict(reduction).items() if k not in ("wavelength", "combined")}
        outputs: dict[str, Output] = {options.spectra_name: reduction.empty()}
        if chosen is not None:
            outputs[options.labels_name] = chosen.labels.select(slice(0, 0))
        recipe = {"asked": asked, "reduction": facts}
        dataset = Dataset.create(to, outputs, chunk=chunk, shard=shard, recipe=recipe)
    left = _not_done(files, dataset.journal())
    parts = [left[at : at + batch_size] for at in range(0, len(left), batch_size)]
    jobs = [(reduction, [file for star in part for file in star]) for part in parts]
    known = KnownStars(dataset)
    n_read = sum(len(files) for _, files in jobs)
    with executor(workers, scheduler) as (pool, at_once), reporting(progress, "read spectra") as tell:
        done = 0
        for (_, read), (spectra, journal) in zip(
            jobs, ahead(pool, read_part, jobs, 2 * at_once), strict=True
        ):
            commit_part(dataset, known, spectra, journal, options, chosen)
            done += len(read)
            tell("files", done, n_read)
    account = "" if chosen is None else str(chosen.account)
    return DatasetIngest(dataset, len(files), n_read, "" if chosen is None else options.labels_name, account)


def _recorded(options: IngestOptions, chosen: LabelSelection | None, batch_size: int) -> dict[str, Any]:
    """All that decides what the stars of a dataset are, as JSON holds it."""
    kept = options.wavelength_range
    return {
        "rest": bool(options.rest),
        "classes": list(options.classes),
        "normalization": options.normalization,
        "error_factor": options.error_factor,
        "wavelength_range": None if kept is None else list(kept),
        "grid": None if options.grid is None else checksum(np.asarray(options.grid, "<f8")),
        "like": None if options.like is None else _digest(options.like, options.spectra_name),
        "binning": options.binning,
        "noise_limit": options.noise_limit if np.isfinite(options.noise_limit) else None,
        "spectra_name": options.spectra_name,
        "labels": None if chosen is None else [options.labels_name, *chosen.labels.names],
        **({"columns": dict(options.columns)} if options.columns else {}),
        **({"label_errors": dict(options.label_errors)} if options.label_errors else {}),
        "cuts": getattr(options.cuts, "name", options.cuts),
        "join": options.join,
        "batch_size": batch_size,
    }


def _digest(like: Any, spectra_name: str) -> str:
    """What tells the grid of a template from others, and all else that is taken from it."""
    template = template_of(like, spectra_name)
    facts = [template.medium, template.frame, template.normalization, template.binning, template.left_out]
    return f"{checksum(np.asarray(template.wavelength, '<f8'))}-{checksum(repr(facts).encode())}"


def _current_names(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Options as a dataset recorded them, under the names of this version."""
    return {_RENAMED.get(name, name): value for name, value in asked.items()}


def _recalled(dataset: Dataset, asked: Mapping[str, Any]) -> Reduction:
    """How the stars of a dataset were reduced; refused where it is not what is asked for."""
    reduction = reduction_of(dataset)
    before = _current_names(dataset.manifest.recipe["asked"])
    if before.keys().isdisjoint(_DEFAULTS_OF_BEFORE):  # begun by an earlier version, whose defaults are kept
        asked = {name: value for name, value in asked.items() if _DEFAULTS.get(name, ...) != value}
        before = _DEFAULTS_OF_BEFORE | before
    if "classes" not in before:  # begun before classes of objects were distinguished, and is kept so
        asked = {name: value for name, value in asked.items() if name != "classes"}
    for name, wanted in asked.items():
        if before.get(name) != wanted:
            raise InputError(
                f"the dataset at '{dataset.location}' was made with {name} = {before.get(name)}, now it is {wanted}; give "
                "the same options, or name another place."
            )
    return reduction


def reduction_of(dataset: Dataset) -> Reduction:
    """How the stars of a dataset were reduced."""
    recipe = dataset.manifest.recipe
    if not recipe:
        raise InputError(
            f"the dataset at '{dataset.location}' was not made of files by luxjax ingest; name another place."
        )
    name = _current_names(recipe["asked"])["spectra_name"]
    return Reduction(dataset.wavelength(name), **recipe["reduction"])


def _not_done(files: list[Path], journal: pd.DataFrame) -> list[list[Path]]:
    """Files by star, of stars that have any file which is not in the journal as it is now."""
    done: set[tuple[str, int, int]] = set()
    if len(journal):
        rows = journal[journal["what"] == "file"]
        done = set(zip(rows["file"], rows["bytes"], rows["modified_ns"], strict=True))
    return [star for star in files_by_star(files) if any(stamp(file) not in done for file in star)]
