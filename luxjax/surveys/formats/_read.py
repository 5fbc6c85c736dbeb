"""Read spectra of any known survey, one file or thousands."""

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from ...core import InputError, Progress
from ...core.internal import choose_from, join_names, path_text, reporting
from ...data import Spectra
from .. import _registered
from ._facts import one_kind
from ._fits import damage_told, open_fits
from ._formats import identify, told_too, unknown
from ._galah import join_arms

__all__ = [
    "ReadResult",
    "files_by_star",
    "read",
    "read_many",
]


@damage_told
def _load(path: Path, options: dict) -> tuple[str, Spectra]:
    named = Path(path_text(path))  # which the table of the spectra and messages can hold
    own, trouble = _registered.recognised(path)
    if own is not None:
        return own.name, own.load(path, options)
    with told_too(trouble), open_fits(path) as hdus:
        layout = identify(hdus)
        if layout is None:
            raise InputError(unknown(hdus, named))
        accepted = [
            p.name for p in inspect.signature(layout.load).parameters.values() if p.kind is p.KEYWORD_ONLY
        ]
        for name in options:
            if name not in accepted:
                raise InputError(choose_from(f"option for {layout.name} files named", name, accepted))
        try:
            return layout.name, layout.load(hdus, named, **options)
        except InputError:
            raise
        except Exception as error:
            # A damaged header or table surfaces as anything, wherever the loader first relies on it.
            raise InputError(
                f"'{named}' looks like {layout.name} ({layout.about}), but cannot be read as such "
                f"({type(error).__name__}: {error}); fetch it again, or check it with astropy.io.fits."
            ) from error


def _without_path(error: Exception, path: Path) -> str:
    """A reason that says nothing of which file it is of, so that those of many files are one."""
    reason, shown = path_text(str(error)), path_text(path)
    for name in (shown, Path(shown).name):
        reason = reason.replace(f"'{name}'", "the file")
    return reason


def read(path: str | Path | Sequence[str | Path], **options) -> Spectra:
    """Read the spectrum (or, from one file, spectra) of one star.

    Parameters
    ----------
    path : path, or sequence of paths
        A FITS file, gzipped or not, or a file of a format that was registered; several for the CCD files of one GALAH object.
    **options
        By layout. apStar: ``rows`` ("pixel", "global", "visits", "all"), ``bad_pixels``; apVisit and mwmStar:
        ``bad_pixels``; aspcapStar and DR4 fits: ``model``; GALAH CCD files: ``normalized``; SDSS: ``bad_pixels``.

    Returns
    -------
    Spectra
        With medium, frame, weights and the survey's star-level facts in its table.

    Raises
    ------
    InputError
        When the file is missing, broken, or of no known layout; the message says which layouts are known.

    Examples
    --------
    >>> import tempfile
    >>> from luxjax.simulation import simulate, write_survey_files
    >>> from luxjax.surveys import read
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = write_survey_files(simulate(2, key=1, windows=("apogee",)), folder)
    ...     spectra = read(next(files.spectra.rglob("*.fits")))
    ...     print(len(spectra), spectra.survey, spectra.medium, spectra.frame)
    1 apogee vacuum rest
    """
    if isinstance(path, (str, Path)):
        return _load(Path(path), options)[1]
    paths = [Path(p) for p in path]
    parts = [_load(p, options) for p in paths]
    kinds = sorted({name for name, _ in parts})
    if kinds != ["galah-ccd"]:
        raise InputError(
            f"several files were given as one star, which only GALAH CCD files can be (these are {join_names(kinds)}); "
            "read files of different stars with luxjax.surveys.read_many."
        )
    return join_arms([spectra for _, spectra in parts])


@dataclass(frozen=True, eq=False)
class ReadResult:
    """Result of reading many files.

    Parameters
    ----------
    spectra : Spectra or list of Spectra
        One `Spectra`, rows in the order of the files, where all share a grid; otherwise one per star.
    failures : pandas.DataFrame
        Columns ``path`` and ``reason``: the files that could not be read.
    separate : str
        Why the spectra were not stacked; empty where they were.
    """

    spectra: Spectra | list[Spectra]
    failures: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame({"path": [], "reason": []}, dtype=str)
    )
    separate: str = ""

    def __len__(self) -> int:
        return len(self.spectra)

    def stacked(self) -> Spectra:
        """All spectra on their common grid; refuses, saying why, where there is none."""
        if isinstance(self.spectra, Spectra):
            return self.spectra
        raise InputError(self.separate or "nothing was read; look at `failures` for the reasons.")


def read_many(
    paths: Iterable[str | Path],
    *,
    each: Callable[[Spectra], Spectra] | None = None,
    leave_out: Callable[[Spectra], str] | None = None,
    workers: int | None = None,
    progress: bool | Progress | None = True,
    stack: bool = True,
    **options,
) -> ReadResult:
    """Read many files; those that cannot be read are listed, with the reason.

    Parameters
    ----------
    paths : iterable of paths
        Files of any known layouts, in any order. GALAH's CCD files are grouped into stars by their names.
    each : callable, optional
        Applied to every star's `Spectra` as soon as it is read, for instance to bring it to rest on a common
        grid, so that thousands of stars never lie in memory unreduced.
    leave_out : callable, optional
        Says why what a file holds is not to be used; an empty text keeps it. It sees every file of a star by itself.
    workers : int, optional
        Threads (default 4). They hide the latency of disks and networks; parsing itself takes turns.
    progress : bool or Progress, optional
        True shows the files that are read on standard error; a function is called with ``("files", done, total)``.
    stack : bool
        Put everything into one `Spectra` where grids, media and frames agree.
    **options
        As for `read`, for all files.

    Examples
    --------
    >>> import tempfile
    >>> from luxjax.simulation import simulate, write_survey_files
    >>> from luxjax.surveys import read_many
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = write_survey_files(simulate(2, key=1, windows=("apogee",)), folder)
    ...     result = read_many(sorted(files.spectra.rglob("*.fits")))
    >>> len(result.spectra), len(result.failures)
    (2, 0)
    """
    if isinstance(paths, (str, Path)):
        raise InputError(f"one path was given ('{paths}'); give a list of paths, or read one file with read.")
    groups = files_by_star([Path(p) for p in paths])

    def one(group: list[Path]) -> tuple[Spectra | None, list[tuple[str, str]]]:
        # One broken arm must not lose the star's others.
        parts, failed = [], []
        for path in group:
            try:
                layout, spectra = _load(path, options)
                if reason := leave_out(spectra) if leave_out else "":
                    raise InputError(reason)
                parts.append((layout, spectra))
            except InputError as error:
                failed.append((path_text(path), _without_path(error, path)))
        if not parts:
            return None, failed
        try:
            arms = len(group) > 1 or parts[0][0] == "galah-ccd"
            spectra = join_arms([s for _, s in parts]) if arms else parts[0][1]
            return (each(spectra) if each else spectra), failed
        except Exception as error:  # an odd value in one file must not lose the others
            odd = (
                ""
                if isinstance(error, InputError)
                else f"has a value that cannot be used: {type(error).__name__}: "
            )
            broken = {name for name, _ in failed}
            lost = [p for p in group if path_text(p) not in broken]
            return None, [*failed, *((path_text(p), odd + _without_path(error, p)) for p in lost)]

    spectra: list[Spectra] = []
    failures: list[tuple[str, str]] = []
    with ThreadPoolExecutor(max_workers=workers or 4) as pool, reporting(progress, "read spectra") as tell:
        for done, (found, failed) in enumerate(pool.map(one, groups), 1):
            failures += failed
            if found is not None:
                spectra.append(found)
            tell("files", done, len(groups))
    table = pd.DataFrame(failures, columns=["path", "reason"], dtype=str)
    if not (stack and spectra):
        return ReadResult(spectra, table, "stacking was not asked for." if spectra else "")
    try:
        return ReadResult(_stack(spectra), table)
    except InputError as error:
        return ReadResult(spectra, table, str(error))


def files_by_star(paths: list[Path]) -> list[list[Path]]:
    """Files by star: the CCD files of a GALAH object (16 digits, the last 1 to 4) together, others alone."""
    stars: dict[str, list[Path]] = {}
    for path in paths:
        name = path.name.split(".")[0]
        arm = len(name) == 16 and name.isdecimal() and name[-1] in "1234"
        stars.setdefault(str(path.parent / name[:-1]) if arm else str(path), []).append(path)
    return list(stars.values())


def _stack(parts: list[Spectra]) -> Spectra:
    """`Spectra.stack`, emptying the list as it goes, so that the peak is little more than the result itself."""
    head = parts[0].select(slice(0, 1))
    for part in parts[1:]:
        Spectra.stack([head, part.select(slice(0, 1))])  # refuses another grid, medium or frame, saying which
    counts = [len(p) for p in parts]
    shape = (sum(counts), head.n_pixels)
    masked = all(p.mask is not None for p in parts)
    flux = np.empty(shape, np.result_type(*{p.flux.dtype for p in parts}))
    ivar = np.empty(shape, np.result_type(*{p.ivar.dtype for p in parts}))
    mask = np.empty(shape, np.int64) if masked else None
    ids, tables, start = [], [], 0
    for k, count in enumerate(counts):
        part, rows = parts[k], slice(start, start + count)
        flux[rows], ivar[rows] = part.flux, part.ivar
        if mask is not None and part.mask is not None:
            mask[rows] = part.mask
        ids.append(part.ids)
        tables.append(part.table)
        parts[k] = head
        start += count
    table = one_kind(pd.concat(tables, ignore_index=True))
    return dataclasses.replace(head, flux=flux, ivar=ivar, ids=np.concatenate(ids), mask=mask, table=table)
