"""Spectra of named objects: from identifiers to addresses, and from archives of whole nights to single files."""

import dataclasses
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ...core import InputError, check_name
from ...core.internal import join_names
from ._archive import ArchiveFile, apogee_file, galah_nights, lamost_file, text
from ._download import DownloadResult, download
from ._fetch import FetchedFile

__all__ = ["download_objects", "extract_spectra"]

SURVEYS = {"apogee": ("dr17",), "galah": ("dr3",), "lamost": ("dr5", "dr10")}


def download_objects(
    survey: str,
    release: str,
    objects: Sequence[Any] | None,
    folder: str | os.PathLike,
    *,
    catalog: Any = None,
    field: str | None = None,
    kind: str = "aspcapStar",
    root: str | None = None,
    token: str | None = None,
    **options: Any,
) -> DownloadResult:
    """Fetch the spectra of some objects of a survey.

    Parameters
    ----------
    survey, release : str
        ``apogee dr17``, ``galah dr3``, ``lamost dr5`` or ``lamost dr10``.
    objects : sequence, or None for all of `field`
        - APOGEE: APOGEE_IDs (``2M00005143+5615568``). Their telescope and field are looked up in `catalog`; a star
          observed in several fields has one spectrum in each, and all are fetched.
        - GALAH: sobject_ids, 15 digits. The archive serves whole nights (hundreds of MB each): they are fetched, and
          the spectra of the objects asked for, one file per camera, are taken out of them.
        - LAMOST DR10: obsids; a user token may be asked for. DR5: obsids looked up in `catalog`.
    folder : path
    catalog : pandas.DataFrame, astropy Table or FITS record array, optional
        APOGEE: allStar, with APOGEE_ID, TELESCOPE, FIELD. LAMOST DR5: with obsid, obsdate, planid, lmjd, spid, fiberid.
    field : str, optional
        APOGEE: only stars of this FIELD of `catalog`.
    kind : "aspcapStar" or "apStar"
        APOGEE: continuum-normalised, or combined with visits.
    root, token
        As for `archive_url`.
    **options
        Of `download`.

    Raises
    ------
    InputError
        For an unknown survey or release, a catalogue that is missing or lacks columns, or objects that are not in it.
    """
    check_name("survey with known addresses", survey, SURVEYS)
    check_name(f"release of {survey} with known addresses", release, SURVEYS[survey])
    if objects is not None and len(objects) == 0:
        raise InputError("no objects were asked for; give at least one identifier.")
    if (objects is None or field is not None) and survey != "apogee":
        raise InputError(
            f"{survey} needs the objects themselves; only APOGEE can be asked for a whole field."
        )
    if survey == "galah":
        return _galah(galah_nights(objects or (), root=root), Path(folder), options)
    files: list[ArchiveFile]
    if survey == "apogee":
        if objects is None and field is None:
            raise InputError("give APOGEE_IDs, or a field whose stars are all wanted.")
        rows = _rows(catalog, "APOGEE_ID", objects, ("TELESCOPE", "FIELD"))
        wanted = [r for r in rows if field is None or text(r["FIELD"]) == field]
        if not wanted:
            raise InputError(
                f"the catalogue has none of these stars in field '{field}'; check the FIELD column."
            )
        files = [apogee_file(kind, r["TELESCOPE"], r["FIELD"], r["APOGEE_ID"], root=root) for r in wanted]
    elif release == "dr5":
        rows = _rows(catalog, "obsid", objects, ("obsdate", "planid", "lmjd", "spid", "fiberid"))
        files = [lamost_file("lamost-dr5", row, root=root) for row in rows]
    else:
        files = [lamost_file("lamost-dr10", {"obsid": o}, root=root, token=token) for o in objects or ()]
    return download(files, folder, **options)


def _galah(nights: Mapping[ArchiveFile, list[int]], folder: Path, options: dict[str, Any]) -> DownloadResult:
    """Archives of nights, then one entry per spectrum in them; archives appear only where they failed."""
    archives = download(nights, folder, **options)
    files: list[FetchedFile] = []
    for archive, ids in zip(archives.files, nights.values(), strict=True):
        if archive.path not in archives.paths:
            files.append(archive)
            continue
        try:
            found = extract_spectra(archive.path, ids, folder)
        except InputError as problem:
            files.append(dataclasses.replace(archive, status="failed", message=str(problem)))
            continue
        files += [FetchedFile(archive.url, path, "downloaded", path.stat().st_size) for path in found]
        files += [
            FetchedFile(
                archive.url, folder / str(i), "missing", 0, f"{archive.path.name} has no file of this object."
            )
            for i in ids
            if not any(path.name.startswith(str(i)) for path in found)
        ]
    return DownloadResult(tuple(files))


def _rows(
    catalog: Any, key: str, objects: Sequence[Any] | None, columns: tuple[str, ...]
) -> list[Mapping[str, Any]]:
    """Rows of the catalogue whose `key` is among the objects (all rows for None), as mappings of these columns."""
    if catalog is None:
        raise InputError(
            f"the addresses are made of {join_names(columns)}, which are looked up by {key}; give the survey's catalogue."
        )
    names = (
        getattr(catalog, "colnames", None)
        or getattr(getattr(catalog, "dtype", None), "names", None)
        or list(catalog)
    )
    for name in (key, *columns):
        check_name("catalogue column", name, names, "Give the survey's own catalogue")
    keys = np.array([text(k) for k in np.asarray(catalog[key])], dtype=str)
    if objects is None:
        index = np.arange(len(keys))
    else:
        wanted = [text(o) for o in objects]
        unknown = sorted(set(wanted) - set(keys.tolist()))
        if unknown:
            raise InputError(
                f"the catalogue does not have {key} {join_names(unknown)}; check identifiers and release."
            )
        index = np.flatnonzero(np.isin(keys, wanted))
    values = {name: np.asarray(catalog[name])[index] for name in columns}
    return [{key: keys[i]} | {name: values[name][k] for name in columns} for k, i in enumerate(index)]


def extract_spectra(
    archive: str | os.PathLike, sobject_ids: Iterable[int], folder: str | os.PathLike
) -> list[Path]:
    """Take the files of some GALAH objects, one per camera, out of the archive of a night.

    Parameters
    ----------
    archive : path
        A tar file, compressed or not.
    sobject_ids : iterable of int
    folder : path
        Where they go, as ``{sobject_id}{camera}.fits``; files that are there already are left alone.

    Returns
    -------
    list of Path
        The files found, by name. An object may lack cameras, or be missing.

    Raises
    ------
    InputError
        For a file that is no whole tar file.
    """
    ids = {str(i) for i in sobject_ids}
    folder = Path(folder)
    found: dict[str, Path] = {}
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                name = PurePosixPath(member.name).name
                if not (
                    member.isfile() and name.endswith(".fits") and name[:-6] in ids and name[-6] in "1234"
                ):
                    continue
                target = folder / name
                found[name] = target
                source = tar.extractfile(member)
                if not target.exists() and source is not None:
                    part = target.with_name(name + ".part")
                    with source, part.open("wb") as out:
                        shutil.copyfileobj(source, out)
                    os.replace(part, target)
    except (tarfile.TarError, EOFError, zlib.error) as problem:
        raise InputError(
            f"'{archive}' is no whole tar file ({problem}); delete it and download it again."
        ) from None
    return [found[name] for name in sorted(found)]
