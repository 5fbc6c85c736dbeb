"""From raw survey files to catalogues ready for a fit: rest frame, one grid, continuum, labels; every loss is counted."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..core import InputError, Progress
from ..core.internal import join_names
from ..data import Catalog, Measurements, Spectra, same_star
from ._ingested import IngestResult, counted_reasons
from ._like import measured_by
from ._noisy import impossible_in, without_impossible
from ._options import IngestOptions
from ._reduce import Reduction
from ._registered import endings
from ._velocity import off_rest
from .catalogs._choose import LabelSelection, choose_labels
from .catalogs._join import check_join, match_labels
from .catalogs._stars import best_rows, standard_columns
from .formats._found import files_below
from .instruments._matched import match_instruments
from .instruments._read import read_instrument

__all__ = ["best_of_each", "chosen_labels", "ingest", "spectra_files"]

ENDINGS = (".fits", ".fit", ".fits.gz", ".fit.gz")


def find_files(paths: str | Path | Iterable[str | Path]) -> list[Path]:
    """FITS files below folders, and files given by name, in order and each once."""
    paths = [paths] if isinstance(paths, str | Path) else list(paths)
    ends = (*ENDINGS, *endings())
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if path.is_dir():
            found |= dict.fromkeys(files_below(path, ends))
        elif path.exists() or path.is_symlink():
            found[path] = None
        else:
            raise InputError(
                f"there is no file or folder '{path}'; check the path, or download spectra first."
            )
    if not found:
        raise InputError(
            f"no spectra in {join_names(paths) or 'an empty list of paths'}: there is no file ending in "
            f"{join_names(ends)}; give the folder that holds them, or the files themselves."
        )
    return list(found)


def ingest(
    source: str | Path | Iterable[str | Path] | Spectra,
    options: IngestOptions | None = None,
    *,
    keep_unlabelled: bool = True,
    workers: int | None = None,
    progress: bool | Progress | None = True,
    **settings: Any,
) -> IngestResult:
    """Make catalogues from raw spectra and a catalogue of labels.

    Files are read, shifted to rest, brought to one grid and, where they are not normalised, divided by their continuum;
    of several spectra of a star, by the rule of `luxjax.data.same_star`, the one of highest S/N is kept; pixels whose
    median error over these stars is far above that of the others get no weight; labels are read, cut by quality, and
    matched to the spectra. `IngestOptions` describes each step and its default.

    Parameters
    ----------
    source : path, paths or Spectra
        Folder (searched for FITS files), files, or spectra read already (as with `read_arrays`).
    options : IngestOptions, optional
        How spectra are reduced and labels chosen.
    keep_unlabelled : bool
        Whether to give stars without labels as a second catalogue.
    workers : int, optional
        Threads that read.
    progress : bool or Progress, optional
        True shows the files that are read on standard error; a function is called with ``("files", done, total)``.
    **settings
        Fields of `IngestOptions` by name, in place of those in `options`:
        ``ingest("spectra", label_catalog="allStar.fits", labels=["teff", "logg"])``.

    Raises
    ------
    InputError
        An option is unknown or cannot be used, no spectrum could be used, no label survived the cuts, or none matches a
        spectrum.

    Examples
    --------
    >>> import numpy as np
    >>> import luxjax
    >>> from luxjax.surveys import ingest
    >>> flux, wavelength = np.ones((2, 50)), 5000.0 + np.arange(50)
    >>> spectra = luxjax.Spectra(flux, 1e4 * flux, wavelength, "air", ["a", "b"], normalized=True)
    >>> made = ingest(spectra, wavelength_range=(5010, 5029))
    >>> made.unlabelled.sizes, made.labelled is None
    ({'spectra': 20}, True)
    """
    options = (options or IngestOptions()).replace(**settings)
    # What is wrong with labels and other instruments is told before hours of reading.
    options.check_labels()
    chosen = None if options.label_catalog is None else chosen_labels(options)
    others = _instruments(options)
    off = ""
    failures, n_files = pd.DataFrame({"path": [], "reason": []}, dtype=str), 0
    if isinstance(source, Spectra):
        reduction = Reduction.for_spectra(source, options)
        off = off_rest(source) if options.rest else ""
        spectra = reduction.on_grid(source)
    else:
        files = spectra_files(source, options)
        n_files = len(files)
        reduction = Reduction.of_files(files, options, workers=workers)
        result = reduction.read(files, workers=workers, progress=progress)
        if not len(result):
            raise InputError(
                f"none of the {len(files)} files could be used: {counted_reasons(result.failures)}."
            )
        spectra, failures = result.stacked(), result.failures
    spectra, left_out = best_of_each(spectra)
    divided = reduction.divided(spectra)
    spectra = without_impossible(divided)
    lost = impossible_in(divided, spectra)
    reduction = reduction.judged_on(spectra)
    spectra, done = reduction.closed(spectra), (*reduction.account, *filter(None, (lost, off)))
    name, wanted = options.spectra_name, measured_by(options.like) if others else {}
    if chosen is None:
        more = match_instruments(spectra, others, options.also, like=wanted)
        whole = _catalog({name: spectra, **more.outputs})
        return IngestResult(None, whole, failures, left_out, n_files=n_files, done=done, instruments=more)
    match = match_labels(spectra, chosen.labels, options.join)
    if not len(match):
        raise InputError(f"no label belongs to a spectrum: {match.summary}")
    more = match_instruments(spectra, others, options.also, chosen.labels, match, wanted)
    matched = spectra.select(match.left)
    labels = replace(chosen.labels.select(match.right), ids=matched.ids)
    alone = np.setdiff1d(np.arange(len(spectra)), match.left)
    return IngestResult(
        _catalog({name: matched, **more.select(match.left), options.labels_name: labels}),
        _catalog({name: spectra.select(alone), **more.select(alone)})
        if keep_unlabelled and len(alone)
        else None,
        failures,
        left_out,
        chosen.left_out,
        match,
        chosen.cuts,
        n_files,
        chosen.n_rows,
        done,
        chosen.account,
        chosen.values_lost,
        more,
    )


def _instruments(options: IngestOptions) -> dict[str, dict[str, Measurements]]:
    """Outputs of the further instruments, by instrument; their names are those of no other output."""
    read = {name: read_instrument(name, source) for name, source in options.also.items()}
    names = [
        options.spectra_name,
        options.labels_name,
        *(output for parts in read.values() for output in parts),
    ]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(
            f"two outputs would be called {join_names(twice)}; give the instruments other names."
        )
    return read


def chosen_labels(options: IngestOptions) -> LabelSelection:
    """Labels as the options ask for them, which can be joined as they say."""
    assert options.label_catalog is not None
    chosen = choose_labels(
        options.label_catalog,
        options.labels or None,
        options.cuts,
        options.survey,
        options.release,
        options.columns,
        options.label_errors,
    )
    check_join(chosen.labels, options.join)
    return chosen


def spectra_files(source: str | Path | Iterable[str | Path], options: IngestOptions) -> list[Path]:
    """The files of spectra in `source`, without the tables of labels and other instruments, which may lie among them."""
    tables = [options.label_catalog, *options.also.values()]
    known = {Path(table).resolve() for table in tables if isinstance(table, str | Path)}
    return [file for file in find_files(source) if file.resolve() not in known]


def _catalog(outputs: dict[str, Any]) -> Catalog:
    first = next(iter(outputs.values()))
    return Catalog(outputs, pd.DataFrame(first.table))


def best_of_each(spectra: Spectra, *, required: bool = True) -> tuple[Spectra, pd.DataFrame]:
    """Every star once, its best spectrum; and what was left out (``id``, ``file``, ``reason``).

    Stars are told apart by the rule of `luxjax.data.same_star`. That none is left is an error where one is `required`.
    """
    table = pd.DataFrame(spectra.table)
    measured = spectra.snr
    quoted = pd.to_numeric(table["snr"], errors="coerce").to_numpy(float) if "snr" in table else measured
    snr = np.where(np.isfinite(quoted), quoted, measured)
    reason = np.full(len(spectra), "", object)
    dark = ~spectra.good.any(axis=1)
    reason[dark] = "no good pixel"
    rows = np.flatnonzero(~dark)
    star = same_star(standard_columns(table, spectra.ids), ids=spectra.ids)
    kept = rows[best_rows(star[rows], snr[rows])]
    reason[np.setdiff1d(rows, kept)] = "another spectrum of the same star has a higher (or the same) S/N"
    if required and not len(kept):
        raise InputError(
            f"none of the {len(spectra)} spectra has a good pixel on the grid asked for: either no flux is finite and has a weight, or "
            "the range of the grid (Angstrom) lies beyond the spectra."
        )
    lost = reason != ""
    files = table["file"].to_numpy(object) if "file" in table else np.full(len(spectra), "", object)
    left_out = pd.DataFrame({"id": spectra.ids[lost], "file": files[lost], "reason": reason[lost]})
    return spectra.select(kept), left_out
