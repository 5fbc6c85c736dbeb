"""Read light curves of Kepler and TESS (FITS), and text files of two or three columns."""

import gzip
import io
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from ..core import InputError, check_name
from ..core.internal import join_names, path_text
from ..data import LightCurve

__all__ = ["read_light_curve"]

FLUXES = {"pdcsap": "PDCSAP_FLUX", "sap": "SAP_FLUX"}
#: Bits of SAP_QUALITY by the Kepler Archive Manual (KDMC-10008), of QUALITY by the TESS Science Data Products document.
KEPLER_FLAGS = {
    "attitude tweak": 0,
    "safe mode": 1,
    "coarse point": 2,
    "earth point": 3,
    "zero crossing": 4,
    "desaturation": 5,
    "argabrightening": 6,
    "cosmic ray in aperture": 7,
    "manual exclude": 8,
    "sensitivity dropout": 10,
    "impulsive outlier": 11,
    "argabrightening on ccd": 12,
    "cosmic ray in collateral data": 13,
    "detector anomaly": 14,
    "no fine point": 15,
    "no data": 16,
    "rolling band in aperture": 17,
    "rolling band in mask": 18,
    "possible thruster firing": 19,
    "thruster firing": 20,
}
TESS_FLAGS = {
    "attitude tweak": 0,
    "safe mode": 1,
    "coarse point": 2,
    "earth point": 3,
    "argabrightening": 4,
    "desaturation": 5,
    "cosmic ray in aperture": 6,
    "manual exclude": 7,
    "discontinuity": 8,
    "impulsive outlier": 9,
    "cosmic ray in collateral data": 10,
    "stray light": 11,
    "scattered light": 12,
    "planet search exclude": 13,
    "bad calibration exclude": 14,
    "insufficient targets": 15,
}
#: By mission: time standard, zero of time (days), quality column and its bits, keywords of identifier and piece.
MISSIONS: dict[str, tuple[Any, int, str, Mapping[str, int], str, str]] = {
    "Kepler": ("bkjd", 2454833, "SAP_QUALITY", KEPLER_FLAGS, "KEPLERID", "QUARTER"),
    "TESS": ("btjd", 2457000, "QUALITY", TESS_FLAGS, "TICID", "SECTOR"),
}
PREFIX = {"Kepler": "KIC", "TESS": "TIC"}
_FACTS = {"teff": ("TEFF",), "logg": ("LOGG",), "m_h": ("FEH", "MH"), "mag": ("KEPMAG", "TESSMAG")}


def read_light_curve(
    paths: str | Path | Sequence[str | Path],
    *,
    flux: str = "pdcsap",
    drop_flags: Sequence[str] | None = None,
    time_standard: str = "",
    id: str = "",
) -> LightCurve:
    r"""Read the light curve of one star, from one file or from several that are joined.

    Parameters
    ----------
    paths : path, or sequence of paths
        Kepler ``llc`` or ``slc`` files, TESS ``lc`` files, or text in two or three columns: time in days, flux, and its error. Any may be
        gzipped.
    flux : "pdcsap" or "sap"
        Flux column of the missions' files: corrected for the instrument, or as extracted.
    drop_flags : sequence of str, optional
        Names of the quality flags whose cadences are taken out. Default: all flags.
    time_standard : "bkjd", "btjd" or "bjd"
        Of text files, which do not say it; FITS files do.
    id : str
        Identifier of a text file's star. Default: the file's name without its endings.

    Returns
    -------
    LightCurve
        Not normalised. ``id`` is ``"KIC n"`` or ``"TIC n"``,
        ``meta`` has the header's ``teff``, ``logg``, ``m_h`` and ``mag`` where it has them.

    Raises
    ------
    InputError
        A file is missing, damaged or of no known layout, a text file's time standard is not stated, or the files are of several stars.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from luxjax.lightcurves import read_light_curve
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "star.txt")
    ...     _ = file.write_text("1.0 1.001\n1.1 0.999\n1.2 1.002\n")
    ...     print(read_light_curve(file, time_standard="btjd"))
    LightCurve(star: 3 cadences of 8640 s in 1 pieces, 1.00-1.20 d btjd)
    """
    check_name("flux column", flux, FLUXES)
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    if not given:
        raise InputError("no light curve was given; name at least one file.")
    first, *others = (_read_one(Path(p), flux, drop_flags, time_standard, id) for p in given)
    return first.join(*others) if others else first


def _read_one(path: Path, flux: str, drop_flags: Sequence[str] | None, standard: str, id: str) -> LightCurve:
    name = path_text(path)
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    except (OSError, EOFError, gzip.zlib.error) as error:  # type: ignore[attr-defined]
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"light curve '{name}' cannot be read ({reason}); check the path, or fetch it again."
        ) from error
    if not data.startswith(b"SIMPLE"):
        return _from_text(data, path, standard, id)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(io.BytesIO(data), memmap=False, lazy_load_hdus=False) as hdus:
                return _from_fits(hdus, name, flux, drop_flags)
    except InputError:
        raise
    except Exception as error:  # astropy fails in many ways on damaged files
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise InputError(f"light curve '{name}' is damaged ({reason}); fetch it again.") from error


def _from_fits(hdus: fits.HDUList, name: str, flux: str, drop_flags: Sequence[str] | None) -> LightCurve:
    head = hdus[0].header
    mission = str(head.get("TELESCOP", "")).strip()
    table = next((h for h in hdus[1:] if h.name == "LIGHTCURVE"), None)
    if mission not in MISSIONS or table is None:
        raise InputError(
            f"'{name}' is no light curve that luxjax knows (TELESCOP is '{mission}', its HDUs are {join_names(h.name for h in hdus)}); give "
            "Kepler llc or slc files, TESS lc files, or text."
        )
    standard, zero, quality, bits, key, piece = MISSIONS[mission]
    data, about = table.data, table.header
    column = FLUXES[flux]
    for wanted in ("TIME", column, f"{column}_ERR", quality):
        check_name(f"column in '{name}'", wanted, data.names)
    stated = float(about.get("BJDREFI", np.nan)) + float(about.get("BJDREFF", 0.0))
    if stated != zero:
        raise InputError(
            f"'{name}' counts its times from the Julian date {stated}, where {mission} files count from {zero}; this is never guessed, so it is not read."
        )
    flags = np.asarray(data[quality], np.int64)
    curve = LightCurve(
        f"{PREFIX[mission]} {int(head[key])}",
        np.array(data["TIME"], float),
        np.array(data[column], float),
        standard,
        flux_err=np.array(data[f"{column}_ERR"], float),
        pieces=np.full(len(data), int(head.get(piece, 0))),
        cadence_s=_cadence(about, name),
        meta={k: v for k, names in _FACTS.items() if np.isfinite(v := _number(head, names))},
        history=(f"read {flux} flux of {mission}",),
        flagged=_dropped(flags, bits, drop_flags),
    )
    return curve


def _dropped(flags: np.ndarray, bits: Mapping[str, int], drop_flags: Sequence[str] | None) -> np.ndarray:
    if drop_flags is None:
        return flags != 0
    for flag in drop_flags:
        check_name("quality flag", flag, bits)
    return (flags & sum(1 << bits[flag] for flag in set(drop_flags))) != 0


def _cadence(header: fits.Header, name: str) -> float | None:
    days = _number(header, ("TIMEDEL",))
    return days * 86400.0 if days > 0 else None


def _number(header: fits.Header, names: Sequence[str]) -> float:
    """The first of these keywords that holds a number; NaN where none does."""
    for name in names:
        value = header.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value):
            return float(value)
    return np.nan


def _from_text(data: bytes, path: Path, standard: str, id: str) -> LightCurve:
    name = path_text(path)
    if not standard:
        raise InputError(
            f"'{name}' is text, which does not say what its times are; state time_standard: 'bkjd' (Kepler), 'btjd' (TESS) or 'bjd'."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            text = re.sub(r"[,;\t]", " ", data.decode("utf-8-sig"))
            named = re.match(r"\s*[a-df-zA-DF-Z_]{2}", text)  # a first line of names of columns
            columns = np.loadtxt(io.StringIO(text), ndmin=2, skiprows=int(named is not None)).T
        if not columns.size:
            raise ValueError("it holds no numbers")
    except ValueError as error:
        reason = " ".join(str(error).split())[:150]
        raise InputError(
            f"'{name}' is neither FITS nor text in columns of numbers ({reason}); give time, flux and, where known, its error."
        ) from error
    if not 2 <= len(columns) <= 3:
        raise InputError(
            f"'{name}' has {len(columns)} columns of numbers; a light curve has two or three: time, flux and, where known, its error."
        )
    star = id or path.name.partition(".")[0]
    error = columns[2] if len(columns) == 3 else None
    about = (f"read {len(columns)} columns of text",)
    return LightCurve(star, columns[0], columns[1], standard, flux_err=error, history=about)  # type: ignore[arg-type]
