"""From survey files to a dataset, part by part: many processes read, one appends, and a journal lets it resume."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..core import InputError, Progress
from ..core.internal import join_names, reporting
from ..data import LabelTable, Spectra
from ..surveys.internal import Preset, Reduction, choose_labels, files_by_star, find_files
from ._dataset import Dataset, open_dataset
from ._ingest_part import commit_part, read_part, stamp
from ._location import Location
from ._manifest import MANIFEST
from ._prefetch import ahead, executor
from ._zarr import checksum

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
    """

    dataset: Dataset
    n_files: int
    n_read: int
    label_output: str = ""

    @property
    def lost(self) -> pd.DataFrame:
        """Files and spectra that were not used, by all runs: ``what``, ``file``, ``id`` and ``reason``."""
        journal = self.dataset.journal()
        lost = journal[journal["reason"] != ""] if len(journal) else pd.DataFrame(columns=_LOST)
        return lost[_LOST].reset_index(drop=True)

    @property
    def summary(self) -> str:
        """A few lines: how many stars, how many files, and what was lost for which reasons."""
        lines = [f"{self.dataset!r}", f"files: {self.n_files} given, {self.n_read} read now"]
        for (what, reason), part in list(self.lost.groupby(["what", "reason"], sort=False))[:8]:
            lines.append(f"  {len(part)} x {what} not used: {reason} [{join_names(part['file'], 2)}]")
        if self.label_output:
            names = [
                f"{self.label_output}_{n}" for n in self.dataset.manifest.outputs[self.label_output]["names"]
            ]
            has = self.dataset.table(names).notna().any(axis=1).sum() if len(self.dataset) else 0
            lines.append(f"labels: {has} stars have some")
        return "\n".join(lines)


_LOST = ["what", "file", "id", "reason"]


def ingest_dataset(
    source: str | Path | Iterable[str | Path],
    location: str | os.PathLike,
    *,
    labels: str | Path | LabelTable | None = None,
    label_names: Sequence[str] | None = None,
    survey: str = "",
    release: str = "",
    cuts: str | Preset | None = None,
    join: str = "auto",
    rest: bool = True,
    grid: ArrayLike | None = None,
    limits: tuple[float, float] | None = None,
    normalization: str = "none",
    error_factor: float = 1.0,
    output: str = "spectra",
    label_output: str = "labels",
    chunk: int = 64,
    shard: int = 512,
    files_at_once: int = 256,
    workers: int = 1,
    scheduler: str | None = None,
    progress: bool | Progress | None = False,
) -> DatasetIngest:
    """Add the stars of survey files to a dataset, which is made if need be; may be killed and run again at any time.

    Files are read in parts. Each part is committed together with the journal of its files, so a run that follows an
    interrupted one reads only what is left, and ends with the same arrays, byte for byte, as one that was never
    interrupted. New files of a folder are added by running it again; a file that has changed since is read again.

    Parameters
    ----------
    source : path or paths
        Folders (searched for FITS files) and files.
    location : path or str
        Of the dataset: a folder, or an address that fsspec knows.
    labels, label_names, survey, release, cuts, join, rest, grid, limits, normalization, error_factor, output, label_output
        As for `luxjax.surveys.ingest`. Stars without labels are in the dataset too, with missing labels.
    chunk, shard : int
        Stars per chunk and per object on disk, as for `Dataset.create`.
    files_at_once : int
        Stars whose files are read together and committed together.
    workers : int
        Processes that read (one: this one).
    scheduler : str, optional
        Address of a Dask scheduler whose workers read instead.
    progress : bool or Progress, optional
        True shows the files that are read on standard error; a function is called with ``("files", done, total)``.

    Raises
    ------
    InputError
        No file can be read, or the dataset was made otherwise than asked for now.

    Notes
    -----
    Of several spectra of a star in one part the best is kept; a spectrum of a star that an earlier part brought is
    left out, whatever its S/N.
    """
    files = find_files(source)
    chosen = None if labels is None else choose_labels(labels, label_names, cuts, survey, release)
    if isinstance(labels, str | Path):
        files = [file for file in files if file.resolve() != Path(labels).resolve()]
    reduce: dict[str, Any] = {"rest": rest, "normalization": normalization, "error_factor": error_factor}
    asked = {
        **reduce,
        "limits": None if limits is None else [float(v) for v in limits],
        "grid": None if grid is None else checksum(np.asarray(grid, "<f8")),
        "output": output,
        "labels": None if chosen is None else [label_output, *chosen.labels.names],
        "cuts": cuts.name if isinstance(cuts, Preset) else cuts,
        "join": join,
        "files_at_once": files_at_once,
    }
    if MANIFEST in Location(location).names():
        dataset = open_dataset(location)
        reduction = _recalled(dataset, asked)
    else:
        reduction = Reduction.of_files(files, grid, limits, **reduce)
        facts = {k: v for k, v in asdict(reduction).items() if k != "wavelength"}
        outputs: dict[str, Spectra | LabelTable] = {output: reduction.empty()}
        if chosen is not None:
            outputs[label_output] = chosen.labels.select(slice(0, 0))
        recipe = {"asked": asked, "reduction": facts}
        dataset = Dataset.create(location, outputs, chunk=chunk, shard=shard, recipe=recipe)
    left = _not_done(files, dataset.journal())
    parts = [left[at : at + files_at_once] for at in range(0, len(left), files_at_once)]
    jobs = [(reduction, [file for star in part for file in star]) for part in parts]
    n_read = sum(len(files) for _, files in jobs)
    with executor(workers, scheduler) as (pool, at_once), reporting(progress, "read spectra") as tell:
        done = 0
        for (_, files), (spectra, journal) in zip(
            jobs, ahead(pool, read_part, jobs, 2 * at_once), strict=True
        ):
            commit_part(dataset, spectra, journal, output, chosen, label_output, join)
            done += len(files)
            tell("files", done, n_read)
    return DatasetIngest(dataset, len(files), n_read, "" if chosen is None else label_output)


def _recalled(dataset: Dataset, asked: Mapping[str, Any]) -> Reduction:
    """How the stars of a dataset were reduced; refused where it is not what is asked for."""
    recipe = dataset.manifest.recipe
    if not recipe:
        raise InputError(
            f"the dataset at '{dataset.location}' was not made of files by luxjax ingest; name another place."
        )
    for name, wanted in asked.items():
        if recipe["asked"].get(name) != wanted:
            raise InputError(
                f"the dataset at '{dataset.location}' was made with {name} = {recipe['asked'].get(name)}, now it is "
                f"{wanted}; give the same options, or name another place."
            )
    return Reduction(dataset.wavelength(recipe["asked"]["output"]), **recipe["reduction"])


def _not_done(files: list[Path], journal: pd.DataFrame) -> list[list[Path]]:
    """Files by star, of stars that have any file which is not in the journal as it is now."""
    done: set[tuple[str, int, int]] = set()
    if len(journal):
        rows = journal[journal["what"] == "file"]
        done = set(zip(rows["file"], rows["bytes"], rows["modified_ns"], strict=True))
    return [star for star in files_by_star(files) if any(stamp(file) not in done for file in star)]
