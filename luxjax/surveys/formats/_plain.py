"""Spectra of any origin, one in a file: columns of text, a table in FITS, or flux along a wavelength axis in FITS.

Such files seldom say what they hold, so what a survey's header would tell (air or vacuum, frame, resolution) comes from the caller and is
never guessed. What is read here are numbers: wavelengths in Angstrom, the flux, and its errors where there are any.
"""

import re
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import pandas as pd
from astropy.io import fits

from ...core import InputError, check_name
from ...core.internal import join_names, path_text
from ...data import Spectra
from ...data.internal import Frame, Medium
from ...preprocessing import error_from_scatter
from ._fits import damage_told, open_fits, read_bytes
from ._formats import identify

__all__ = ["PLAIN_ENDINGS", "read_plain"]

PLAIN_ENDINGS = tuple(
    f"{name}{zipped}"
    for name in (".txt", ".dat", ".ascii", ".asc", ".csv", ".fits", ".fit")
    for zipped in ("", ".gz")
)
OPTICAL = (900.0, 300_000.0)  # Angstrom; what lies outside is in another unit
LEAST = 20  # pixels
# Names of columns, in lower case, without what is no letter or digit.
_NAMES = {
    "wavelength": (
        "wavelength",
        "wave",
        "lambda",
        "lam",
        "wl",
        "angstrom",
        "wavelengthangstrom",
        "waveangstrom",
    ),
    "loglam": ("loglam", "loglambda", "logwave"),
    "flux": ("flux", "flam", "flambda", "spectrum", "spec", "normflux", "fluxnorm"),
    "ivar": ("ivar", "inversevariance"),
    "error": (
        "error",
        "err",
        "unc",
        "uncertainty",
        "sigma",
        "std",
        "noise",
        "fluxerr",
        "fluxerror",
        "eflux",
        "errflux",
    ),
}


@damage_told
def read_plain(
    path: str | Path, *, medium: str | None = None, frame: str = "rest", resolution: float | None = None
) -> Spectra:
    """Read one spectrum of a library, or of one's own, from text or FITS.

    Text has two or three columns, wavelength, flux and one-sigma error, separated by blanks, commas or tabs; a line of names, and others that begin with ``#``,
    may stand before. FITS holds a table with such columns (``loglam`` and ``ivar`` are understood), or the flux as an image with the keys of a linear or
    logarithmic wavelength axis (``CRVAL1``, ``CDELT1``). Either may be gzipped.

    Parameters
    ----------
    path : path
    medium : "air" or "vacuum"
        Medium of the wavelengths. Mandatory, because such files do not say.
    frame : "rest", "barycentric" or "observed"
        Velocity frame of the wavelengths. Default: at rest, as in most libraries.
    resolution : float, optional
        Resolving power, lambda / FWHM. Default: not known.

    Returns
    -------
    Spectra
        One row, called like the file. Without errors in the file they come from the scatter of the flux itself, see
        `luxjax.preprocessing.error_from_scatter`, and a flux of exactly 0 counts as not observed; the history and column
        ``errors_from`` ("file" or "scatter") say so.

    Raises
    ------
    InputError
        No medium was stated, the file holds no such columns, or its wavelengths are not in Angstrom.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from luxjax.surveys import read_plain
    >>> wavelength = 4000.0 + np.arange(500)
    >>> flux = 1 + 0.01 * np.random.default_rng(1).normal(size=500)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savetxt(Path(folder) / "HD1.txt", np.column_stack([wavelength, flux]))
    ...     spectrum = read_plain(Path(folder) / "HD1.txt", medium="air")
    >>> spectrum.ids.tolist(), spectrum.n_pixels, spectrum.table["errors_from"].tolist()
    (['HD1'], 500, ['scatter'])
    """
    if medium is None:
        raise InputError(
            f"'{path}' does not say whether its wavelengths are in air or vacuum; state medium='air' or medium='vacuum' "
            "(--medium). Below 10,000 Angstrom most libraries are in air, SDSS and LAMOST in vacuum."
        )
    check_name("wavelength medium", medium, get_args(Medium))
    check_name("velocity frame", frame, get_args(Frame))
    file = Path(path)
    data = read_bytes(file)
    columns = _from_fits(file) if data.startswith(b"SIMPLE") else _from_text(data, file)
    wave, flux, error = _sorted(columns, file)
    told = error is not None and bool(np.any(np.isfinite(error) & (error > 0)))
    if not told:
        flux = np.where(flux == 0, np.nan, flux)
        error = error_from_scatter(flux)
    said = "errors as in the file" if told else "errors from the scatter of the flux itself"
    name = re.sub(r"(\.gz)?$", "", file.name)
    return Spectra.from_error(
        flux[None],
        cast(np.ndarray, error)[None],
        wave,
        cast(Medium, medium),
        [Path(name).stem],
        frame=cast(Frame, frame),
        resolution=resolution,
        table=pd.DataFrame({"file": [path_text(file)], "errors_from": ["file" if told else "scatter"]}),
        history=(
            f"read from {path_text(file.name)}; {medium} wavelengths and {frame} frame as stated; {said}",
        ),
    )


def _sorted(columns: dict[str, np.ndarray], path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Wavelength, flux and error of the pixels that have a positive wavelength, in order; the first of equal ones."""
    wave, flux, error = columns["wavelength"], columns["flux"], columns.get("error")
    known = np.flatnonzero(np.isfinite(wave) & (wave > 0))
    order = known[np.unique(wave[known], return_index=True)[1]]
    if len(order) < LEAST:
        raise InputError(
            f"'{path}' has {len(order)} pixels with a wavelength, and a spectrum has at least {LEAST}; give a spectrum as columns of wavelength and flux."
        )
    low, high = wave[order[0]], wave[order[-1]]
    if not OPTICAL[0] <= low < high <= OPTICAL[1]:
        raise InputError(
            f"the wavelengths of '{path}' run from {low:g} to {high:g}, which are no Angstrom; nanometres times 10 are, microns times 10,000."
        )
    return wave[order], flux[order], None if error is None else error[order]


def _from_text(data: bytes, path: Path) -> dict[str, np.ndarray]:
    """Columns by the names of a header, or else the first three."""
    lines = [line.strip() for line in data.decode("utf-8", "replace").splitlines()]
    rows: list[list[Any]] = []
    names: list[str] | None = None
    for line in lines:
        words = [w for w in re.split(r"[,;|\s]+", line.lstrip("#%! ")) if w]
        numbers = [_number(w) for w in words]
        if line.startswith(("#", "%", "!")) or not words or any(n is None for n in numbers):
            kinds = [_kind(w) for w in words]
            names = kinds if not rows and "flux" in kinds else names
        else:
            rows.append(numbers)
    width = min((len(r) for r in rows), default=0)
    if width < 2:
        raise InputError(
            f"'{path}' holds no columns of numbers; a spectrum as text has wavelength, flux and, if known, its error in columns."
        )
    table = np.array([r[:width] for r in rows], float)
    if names is None:
        names = ["wavelength", "flux", "error"][:width]
    found = {name: table[:, k] for k, name in enumerate(names[:width]) if name}
    return _complete(found, path, names)


def _from_fits(path: Path) -> dict[str, np.ndarray]:
    """Columns of the first table that has them, or an image along its wavelength axis."""
    with open_fits(path) as hdus:
        if (layout := identify(hdus)) is not None:
            raise InputError(
                f"'{path}' is a file of a survey, {layout.name} ({layout.about}); read it with luxjax.surveys.read."
            )
        held: list[str] = []
        for hdu in hdus[1:]:
            if isinstance(hdu, fits.BinTableHDU | fits.TableHDU):
                by_kind = {_kind(n): n for n in reversed(hdu.columns.names) if _kind(n)}
                held += hdu.columns.names
                if "flux" in by_kind and {"wavelength", "loglam"} & set(by_kind):
                    columns = {k: np.ravel(np.asarray(hdu.data[n], float)) for k, n in by_kind.items()}
                    return _complete(columns, path, held)
        for hdu in hdus:
            if (
                hdu.data is not None
                and not isinstance(hdu, fits.BinTableHDU | fits.TableHDU)
                and "CRVAL1" in hdu.header
            ):
                return _from_image(hdu)
    raise InputError(
        f"'{path}' has no table with wavelength and flux (its columns: {join_names(held) or 'none'}) and no image with CRVAL1 and CDELT1; "
        "build luxjax.Spectra from its arrays."
    )


def _from_image(hdu: Any) -> dict[str, np.ndarray]:
    """The first row of an image, along the axis that its header describes."""
    head, flux = hdu.header, np.asarray(hdu.data, float)
    flux = flux.reshape(-1, flux.shape[-1])[0]
    step = float(head.get("CDELT1") or head.get("CD1_1") or 0.0)
    value = head["CRVAL1"] + step * (np.arange(len(flux)) + 1 - float(head.get("CRPIX1", 1.0)))
    logarithmic = "LOG" in str(head.get("CTYPE1", "")).upper() or head.get("DC-FLAG") == 1
    return {"wavelength": 10.0**value if logarithmic else value, "flux": flux}


def _complete(found: dict[str, np.ndarray], path: Path, names: Any) -> dict[str, np.ndarray]:
    """Wavelength, flux and error from what there is of them."""
    if "wavelength" not in found and "loglam" in found:
        found["wavelength"] = 10.0 ** found["loglam"]
    if not {"wavelength", "flux"} <= set(found):
        raise InputError(
            f"'{path}' has columns, but none of them is a wavelength or a flux by name ({join_names(str(n) for n in names)}); call them wavelength and flux."
        )
    if "ivar" in found:
        good = np.isfinite(found["ivar"]) & (found["ivar"] > 0)
        found["error"] = np.where(good, 1 / np.sqrt(np.where(good, found["ivar"], 1)), np.nan)
    return found


def _kind(name: str) -> str:
    """What a column of this name holds; blank where that is not known."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return next((kind for kind, known in _NAMES.items() if plain in known), "")


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
