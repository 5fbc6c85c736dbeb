"""From raw survey files to catalogues ready for a fit: rest frame, one grid, continuum, labels; every loss is counted."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..core import InputError, Progress
from ..core.internal import join_names
from ..data import Catalog, LabelTable, Spectra
from ._ingested import IngestResult
from ._reduce import Reduction
from .catalogs._join import best_rows, choose_labels, match_labels
from .catalogs._quality import Preset

__all__ = ["best_of_each", "find_files", "ingest"]

ENDINGS = (".fits", ".fit", ".fits.gz", ".fit.gz")


def find_files(paths: str | Path | Iterable[str | Path]) -> list[Path]:
    """FITS files below folders, and files given by name, in order and each once."""
    paths = [paths] if isinstance(paths, str | Path) else list(paths)
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.name.lower().endswith(ENDINGS) and p.is_file())
            found |= dict.fromkeys(inside)
        elif path.exists():
            found[path] = None
        else:
            raise InputError(
                f"there is no file or folder '{path}'; check the path, or download spectra first."
            )
    if not found:
        raise InputError(
            f"no spectra in {join_names(paths) or 'an empty list of paths'}: there is no file ending in "
            f"{join_names(ENDINGS)}; give the folder that holds them, or the files themselves."
        )
    return list(found)


def ingest(
    source: str | Path | Iterable[str | Path] | Spectra,
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
    keep_unlabelled: bool = True,
    workers: int | None = None,
    progress: bool | Progress | None = True,
) -> IngestResult:
    """Make catalogues of raw spectra and a label catalogue.

    Files are read, shifted to rest, brought to one grid and (if asked) divided by their continuum; of several spectra
    of a star the one of highest S/N is kept; labels are read, cut by quality, and matched to the spectra.

    Parameters
    ----------
    source : path, paths or Spectra
        Folder (searched for FITS files), files, or spectra read already (as with `read_arrays`).
    labels : path or LabelTable, optional
        Survey catalogue, or labels.
    label_names : sequence of str, optional
        Labels wanted, such as ``("teff", "eu_fe")``; by default those most asked for.
    survey, release : str
        Of the label catalogue, where its columns do not tell.
    cuts : str or Preset, optional
        Quality cuts on the label catalogue (see `presets`); none by default. Stars that fail keep their spectra and
        count as unlabelled.
    join : "auto", "id", "file" or "crossmatch"
        By identifier, by the name of the spectrum's file (LAMOST catalogues list it), or by Gaia and 2MASS ids and
        position.
    rest : bool
        Shift to the rest frame by the redshift or velocity in the file; a spectrum without one is left out. If
        false, the frame of the files stays.
    grid : (pixel,) array, optional
        Wavelengths wanted, Angstrom, in the medium of the files; by default the most common grid among them.
        Spectra on other grids, or shifted, are resampled; pixels that a spectrum does not reach have no weight.
    limits : (low, high), optional
        Range of the grid to keep, Angstrom.
    normalization : "none", "quantile" or "polynomial"
        Way to find the continuum: a running 90% quantile over 100 Angstrom, or a polynomial of degree 4 per detector.
    error_factor : float
        Multiplies the stated errors of the spectra, where they are known to be too large or too small. Models can
        learn that noise is larger than stated, never that it is smaller.
    output, label_output : str
        Names of the two outputs of the catalogue.
    keep_unlabelled : bool
        Whether to give stars without labels as a catalogue of their own.
    workers : int, optional
        Threads that read.
    progress : bool or Progress, optional
        True shows the files that are read on standard error; a function is called with ``("files", done, total)``.

    Returns
    -------
    Ingested

    Raises
    ------
    InputError
        No spectrum could be used, no label survived the cuts, or none matches a spectrum.
    """
    options: dict[str, Any] = {"rest": rest, "normalization": normalization, "error_factor": error_factor}
    failures, n_files = pd.DataFrame({"path": [], "reason": []}, dtype=str), 0
    if isinstance(source, Spectra):
        reduction = Reduction.like(source, grid, limits, **options)
        spectra = reduction.on_grid(source)
    else:
        files = find_files(source)
        if isinstance(labels, str | Path):
            files = [f for f in files if f.resolve() != Path(labels).resolve()]
        n_files = len(files)
        reduction = Reduction.of_files(files, grid, limits, workers=workers, **options)
        result = reduction.read(files, workers=workers, progress=progress)
        if not len(result):
            raise InputError(
                f"none of the {len(files)} files could be used; the first: {result.failures['reason'].iloc[0]}"
            )
        spectra, failures = result.stacked(), result.failures
    spectra, left_out = best_of_each(spectra)
    spectra = reduction.finish(spectra)
    if labels is None:
        return IngestResult(None, _catalog({output: spectra}), failures, left_out, n_files=n_files)
    chosen = choose_labels(labels, label_names, cuts, survey, release)
    match = match_labels(spectra, chosen.labels, join)
    if not len(match):
        raise InputError(f"no label belongs to a spectrum: {match.summary}")
    matched = spectra.select(match.left)
    taken = chosen.labels.select(match.right)
    theirs = LabelTable(
        taken.value,
        taken.error,
        taken.names,
        matched.ids,
        taken.units,
        taken.species,
        taken.survey,
        taken.table,
    )
    alone = np.setdiff1d(np.arange(len(spectra)), match.left)
    return IngestResult(
        _catalog({output: matched, label_output: theirs}),
        _catalog({output: spectra.select(alone)}) if keep_unlabelled and len(alone) else None,
        failures,
        left_out,
        chosen.left_out,
        match,
        chosen.cuts,
        n_files,
        chosen.n_rows,
    )


def _catalog(outputs: dict[str, Any]) -> Catalog:
    first = next(iter(outputs.values()))
    return Catalog(outputs, pd.DataFrame(first.table))


def best_of_each(spectra: Spectra, *, required: bool = True) -> tuple[Spectra, pd.DataFrame]:
    """Every star once, its best spectrum; and what was left out (``id``, ``file``, ``reason``).

    That none is left is an error where one is `required`.
    """
    table = pd.DataFrame(spectra.table)
    measured = spectra.snr
    quoted = pd.to_numeric(table["snr"], errors="coerce").to_numpy(float) if "snr" in table else measured
    snr = np.where(np.isfinite(quoted), quoted, measured)
    reason = np.full(len(spectra), "", object)
    dark = ~spectra.good.any(axis=1)
    reason[dark] = "no good pixel"
    rows = np.flatnonzero(~dark)
    kept = rows[best_rows(spectra.ids[rows], snr[rows])]
    reason[np.setdiff1d(rows, kept)] = "another spectrum of the same star has a higher (or the same) S/N"
    if required and not len(kept):
        raise InputError(
            f"none of the {len(spectra)} spectra has a good pixel on the grid asked for; check its range and unit "
            "(Angstrom)."
        )
    lost = reason != ""
    files = table["file"].to_numpy(object) if "file" in table else np.full(len(spectra), "", object)
    left_out = pd.DataFrame({"id": spectra.ids[lost], "file": files[lost], "reason": reason[lost]})
    return spectra.select(kept), left_out
