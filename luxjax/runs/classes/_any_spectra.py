"""Spectra of any origin made like those that a LAMOST classifier was trained on: a library's, or one's own."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...core import InputError, Progress
from ...core.internal import doubles, path_text, reporting
from ...data import Spectra
from ...preprocessing import broaden, resample, to_medium
from ...surveys import read, read_plain
from ...surveys.internal import (
    LAMOST_GRID,
    PLAIN_ENDINGS,
    files_below,
    parse_subclass,
    readable_format,
    unusable,
)
from ._data import FACTS, ClassData, blocks, measured

__all__ = ["of_another_survey", "spectra_data"]

RESOLUTION = 1800.0  # of LAMOST's low-resolution spectra
LIGHT = 299_792.458  # km/s
MIN_GOOD = 0.3  # of LAMOST's pixels; red spectra of cool stars have no more


def spectra_data(
    spectra: "Spectra | Sequence[Spectra] | Sequence[str | Path]",
    *,
    medium: str | None = None,
    resolution: float | None = None,
    redshift=None,
    min_measured: float = 1 / 3,
    reject_cosmic_rays: bool = False,
    need_class: bool = True,
    progress: bool | Progress | None = None,
) -> ClassData:
    """Features of spectra of any origin, as a classifier of LAMOST spectra wants them.

    The spectra are brought to vacuum, degraded to the resolving power of LAMOST (1800) where theirs is known and higher, and resampled to
    LAMOST's pixels. Bands that they do not cover give missing features. What cannot be used is listed with its reason.

    Parameters
    ----------
    spectra : Spectra, or sequence of Spectra, or sequence of path
        Spectra, on any grids; or files that `luxjax.read` or `luxjax.surveys.read_plain` reads, and folders, searched through for them.
    medium : "air" or "vacuum", optional
        Medium of the wavelengths of files. Mandatory for files that are no survey's; those and `Spectra` say it themselves.
    resolution : float, optional
        Resolving power, lambda / FWHM. Default: that which the spectra state; where it is not known nothing is degraded.
    redshift : float or (row,) array, optional
        Of all spectra, in their order; for files one number. Default: column ``z`` or ``rv_kms`` of the spectra's table; 0 for spectra at rest, which
        files that are no survey's are taken to be.
    min_measured : float
        Least share of the spectral indices that must be measured. Default: one third.
    reject_cosmic_rays : bool
        Before features are measured.
    need_class : bool
        Whether to leave out files that their survey did not class as a star, or whose redshift it doubts.
    progress : bool or Progress, optional
        True shows the work on standard error; a function is called with ``("files" or "spectra", done, total)``.

    Returns
    -------
    ClassData
        Its table has ``errors_from`` ("file", "scatter" or "given"): without errors in a file they come from the scatter of the flux.

    Raises
    ------
    InputError
        No medium was stated for files, or no spectrum can be used.

    Examples
    --------
    >>> import numpy as np
    >>> import luxjax
    >>> from luxjax.runs import spectra_data
    >>> wavelength = np.arange(3600.0, 9300.0)
    >>> flux = 1 - 0.5 * np.exp(-(((wavelength - 6562.8) / 4) ** 2))[None]
    >>> mine = luxjax.Spectra(flux, 1e4 + 0 * flux, wavelength, "air", ["star 1"])
    >>> data = spectra_data(mine)
    >>> len(data.features), len(data.left_out)  # then: classifier.classify(data.features)
    (1, 0)
    """
    parts, lost = _given(spectra, medium, need_class, progress)
    ready = [_like_lamost(part, resolution) for part in parts]
    joined = Spectra.stack([part.replace(frame="barycentric", normalized=False) for part in ready])
    z = (
        _redshifts(ready)
        if redshift is None
        else np.broadcast_to(doubles("redshifts", redshift), (len(joined),))
    )
    table = _table(joined, z)
    each = blocks(joined.replace(table=table), table)
    data = measured(each, len(table), lost, reject_cosmic_rays, progress, min_good=MIN_GOOD)
    return _well_measured(data, min_measured)


def of_another_survey(files: Sequence[str | Path]) -> bool:
    """Whether the first file that is of a survey with a reader is not of LAMOST."""
    names = (name for path in _paths(files) if (name := readable_format(path)) is not None)
    return not next(names, "lamost").startswith("lamost")


def _paths(files: Sequence[str | Path]) -> list[Path]:
    return [
        path
        for one in map(Path, files)
        for path in (files_below(one, PLAIN_ENDINGS) if one.is_dir() else [one])
    ]


def _table(joined: Spectra, z: np.ndarray) -> pd.DataFrame:
    """What is known of spectra, as far as their own tables have it."""
    own = pd.DataFrame(joined.table)
    nothing = pd.Series("", own.index)
    table = pd.DataFrame({name: own.get(name, nothing).fillna("").astype(str) for name in (*FACTS, "file")})
    parsed = parse_subclass(_plain_type(t) for t in table["subclass"])
    table = table.assign(**{"class": parsed["main"], "luminosity": parsed["luminosity"]})
    return table.assign(id=joined.ids, snr=joined.snr, z=z, errors_from=own.get("errors_from", "given"))


def _plain_type(subclass: str) -> str:
    """The type alone of what pipelines of SDSS write: ``F3`` of ``F3/F5V (30743)``, ``M4.5`` of ``M4.5:III (123657)``."""
    return re.split(r"[/: (]", subclass.strip())[0]


def _read(path: Path, medium: str | None, need_class: bool) -> Spectra:
    if readable_format(path) is None:
        return read_plain(path, medium=medium)
    one = read(path)
    table = pd.DataFrame(one.table)
    doubt = str(table["rv_doubt"].iloc[0]) if need_class and "rv_doubt" in table else ""
    reason = unusable(one, ("STAR",) if need_class else ())
    if reason or doubt:
        raise InputError(reason or f"its redshift is doubtful ({doubt})")
    return one.replace(table=table.assign(errors_from="file"))


def _given(spectra, medium, need_class, progress) -> tuple[list[Spectra], pd.DataFrame]:
    """Spectra in memory, those of files read; and the files that cannot be, with the reason."""
    nothing = pd.DataFrame({"file": [], "id": [], "reason": []}, dtype=str)
    given: list[Any] = [spectra] if isinstance(spectra, Spectra | str | Path) else list(spectra)
    if all(isinstance(one, Spectra) for one in given) and given:
        return given, nothing
    paths = _paths(given)
    if not paths:
        raise InputError(
            f"no spectra were found; their files end in {', '.join(PLAIN_ENDINGS[::2])}, gzipped or not."
        )
    if medium is None and readable_format(paths[0]) is None:
        read_plain(paths[0])  # which asks for it
    parts, failed = [], []
    with reporting(progress, "read spectra") as tell:
        for done, path in enumerate(paths, 1):
            try:
                parts.append(_read(path, medium, need_class))
            except InputError as error:
                failed.append((path_text(path), "", str(error).replace(f"'{path_text(path)}'", "the file")))
            tell("files", done, len(paths))
    if not parts:
        raise InputError(
            f"none of {len(paths)} files can be used; the first: {' | '.join(dict.fromkeys(f[2] for f in failed[:3]))}"
        )
    return parts, pd.DataFrame(failed, columns=list(nothing), dtype=str)


def _like_lamost(spectra: Spectra, resolution: float | None) -> Spectra:
    """The spectra on LAMOST's pixels and at its resolution, each over its own median flux."""
    own = spectra.resolution if resolution is None else resolution
    if own is not None:
        spectra = broaden(spectra, RESOLUTION, own=own)
    size = np.array(
        [
            np.median(np.abs(f[g])) if g.any() else 1.0
            for f, g in zip(spectra.flux, spectra.good, strict=True)
        ],
        float,
    )
    size = np.where(size > 0, size, 1.0)[:, None]
    one = spectra.replace(
        flux=spectra.flux / size, ivar=spectra.ivar * size**2, mask=None, resolution=None, flux_unit=""
    )
    return resample(to_medium(one, "vacuum"), LAMOST_GRID)


def _redshifts(parts: list[Spectra]) -> np.ndarray:
    """Redshift of every row; NaN where a spectrum that is not at rest has none."""
    found = []
    for part in parts:
        table = pd.DataFrame(part.table)
        if part.frame == "rest":
            found.append(np.zeros(len(part)))
        elif "z" in table:
            found.append(table["z"].to_numpy(float))
        else:
            found.append(
                table["rv_kms"].to_numpy(float) / LIGHT if "rv_kms" in table else np.full(len(part), np.nan)
            )
    return np.concatenate(found)


def _well_measured(data: ClassData, least: float) -> ClassData:
    """The rows of which enough indices could be measured; the others are left out."""
    share = np.isfinite(data.features.values.to_numpy(float)).mean(axis=1)
    few = np.flatnonzero(share < least)
    if not len(few):
        return data
    assert data.spectra is not None
    wave, good = data.spectra.wavelength, data.spectra.good
    reasons = [
        f"only {share[k]:.0%} of the spectral indices can be measured on its good pixels ({wave[good[k]][0]:.0f} to {wave[good[k]][-1]:.0f} Angstrom)"
        for k in few
    ]
    if len(few) == len(data.table):
        raise InputError(f"no spectrum can be used; the first reasons: {' | '.join(reasons[:3])}")
    lost = data.table.iloc[few][["file", "id"]].astype(str).assign(reason=reasons)
    kept = data.select(np.flatnonzero(share >= least))
    kept = replace(kept, features=replace(kept.features, rows=np.arange(len(kept.features))))
    return replace(kept, left_out=pd.concat([data.left_out, lost], ignore_index=True))
