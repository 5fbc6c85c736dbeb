"""Open a FITS file of a survey whole and safely: a broken file answers with one sentence, never half its data."""

import gzip
import io
import os
import re
import threading
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
from astropy.coordinates import Angle
from astropy.io import fits

from ...core import InputError
from ...core.internal import path_text

__all__ = ["damage_told", "decompress", "first", "number", "open_fits", "place", "read_bytes", "row_values"]


P, T = ParamSpec("P"), TypeVar("T")
_COUNTS = re.compile(rb"(NAXIS\d{0,3} *|TFIELDS |PCOUNT  |GCOUNT  )= *([^ /]+)")
GZIP = b"\x1f\x8b"
# astropy reports odd headers as Python warnings, and the list of warning filters is shared by all threads.
_PARSING = threading.Lock()


def read_bytes(path: str | Path) -> bytes:
    """The whole file, unzipped where it is gzipped (by content, whatever its name)."""
    path = Path(path)
    if path.is_dir() and not os.access(path, os.R_OK | os.X_OK):
        raise InputError(f"the folder '{path}' may not be opened; change its permissions.")
    if path.is_dir():
        raise InputError(
            f"'{path}' is a directory, and one file was expected; give its files to luxjax.surveys.read_many "
            f"(for example sorted(Path({str(path)!r}).rglob('*.fits')))."
        )
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        if path.is_symlink():
            raise InputError(f"'{path}' is a link to a file that is not there; repair the link.") from None
        raise InputError(f"there is no file '{path}'; check the path, or download the file first.") from None
    except OSError as error:
        raise InputError(
            f"'{path}' cannot be read ({error.strerror or error}); check its permissions."
        ) from error
    if not data:
        raise InputError(f"'{path}' is empty (0 bytes); the download was probably cut: fetch it again.")
    return decompress(data, path)


def decompress(data: bytes, path: str | Path) -> bytes:
    """The bytes behind gzip, or the bytes themselves."""
    if not data.startswith(GZIP):
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            f"'{path}' is a truncated or damaged gzip file ({error}); fetch it again."
        ) from error


@contextmanager
def open_fits(path: str | Path) -> Iterator[fits.HDUList]:
    """The file as an astropy HDU list, fully in memory, after checking that every HDU is all there."""
    data = read_bytes(path)
    if not data.startswith(b"SIMPLE"):
        raise InputError(
            f"'{path}' is not a FITS file (it starts with {data[:12]!r}); spectra are read from FITS files, "
            "catalogues (also CSV) with luxjax.surveys.read_catalog."
        )
    _check_counts(data, path)
    with _PARSING, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            hdus = fits.open(io.BytesIO(data), memmap=False, lazy_load_hdus=False)
        except Exception as error:
            # What astropy raises depends on the byte at which the header breaks off.
            raise InputError(f"'{path}' has a damaged FITS header ({error}); fetch it again.") from error
        with hdus:
            _check_whole(hdus, data, path)
            yield hdus


def _check_counts(data: bytes, path: str | Path) -> None:
    """Refuse numbers of axes, columns or pixels that FITS does not allow: astropy would count up to them, or without end."""
    for found in _COUNTS.finditer(data):
        most = 999 if found[1].strip() in (b"NAXIS", b"TFIELDS") else 2**63
        if found.start() % 80 == 0 and not (found[2].isdigit() and int(found[2]) <= most):
            said = found[0].decode("ascii", "replace")
            raise InputError(f"'{path}' has a damaged FITS header ('{said}'); fetch it again.")


def _check_whole(hdus: fits.HDUList, data: bytes, path: str | Path) -> None:
    """Refuse a file that ends inside an HDU: astropy then drops that HDU or fails only when it is used."""
    end = 0
    for hdu in hdus:
        place = hdu.fileinfo()
        if place["datLoc"] + hdu.size > len(data):
            raise InputError(
                f"'{path}' is truncated: it has {len(data)} bytes, but an HDU runs to byte "
                f"{place['datLoc'] + hdu.size}; fetch it again."
            )
        end = place["datLoc"] + place["datSpan"]
    if data[end:].strip(b"\0 "):
        raise InputError(
            f"'{path}' is truncated: it breaks off inside the header of HDU {len(hdus)}; fetch it again."
        )


def damage_told(read: Callable[P, T]) -> Callable[P, T]:
    """A reader, whose first argument is a path, that answers whatever a damaged file makes fail with one sentence."""

    @wraps(read)
    def reading(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return read(*args, **kwargs)
        except InputError as error:
            if "\n" not in str(error):
                raise
            raise InputError(" ".join(str(error).split())) from error
        except Exception as error:  # the libraries that read files fail in many ways
            path = path_text(args[0]) if args and isinstance(args[0], str | Path) else "the file"
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            raise InputError(
                f"'{path}' is damaged, or no file that luxjax can read ({reason}); fetch it again, or open it with astropy or "
                "pandas to see what is wrong."
            ) from error

    return reading


def first(sources: Iterable[Any], names: Iterable[str], default: Any = None) -> Any:
    """The first of these names that has a value in one of these headers or mappings.

    Missing: absent, blank, the *string* ``None`` or ``nan`` that pipelines write, and -9999.
    """
    names = list(names)
    for source in sources:
        for name in names:
            value = source.get(name)
            if isinstance(value, bytes):
                value = value.decode("ascii", "replace")
            if isinstance(value, str):
                value = value.strip()
                if value.lower() in ("", "none", "nan", "null"):
                    continue
            elif (
                value is None
                or np.ndim(value)
                or isinstance(value, fits.card.Undefined)
                or (isinstance(value, (float, np.floating)) and (not np.isfinite(value) or value == -9999))
            ):
                continue
            return value
    return default


def number(sources: Iterable[Any], names: Iterable[str], default: float = np.nan) -> float:
    """The first of these names that holds a number; a text that is none counts as missing, and so do -9999 and -999."""
    for name in names:
        try:
            value = float(first(sources, (name,), np.nan))
        except (TypeError, ValueError):
            continue
        if np.isfinite(value) and value not in (-9999.0, -999.0):
            return value
    return default


def place(sources: Iterable[Any], ra: Iterable[str], dec: Iterable[str]) -> dict[str, float]:
    """``ra`` and ``dec`` in degrees, from numbers or sexagesimal text; NaN both where either tells no position."""
    found = _degrees(sources, ra, "hourangle"), _degrees(sources, dec, "deg")
    if not abs(found[1]) <= 90 or not np.isfinite(found[0]):
        found = (np.nan, np.nan)
    return dict(zip(("ra", "dec"), found, strict=True))


def _degrees(sources: Iterable[Any], names: Iterable[str], unit: str) -> float:
    value = number(sources, names)
    if np.isfinite(value):
        return value
    try:
        return float(Angle(str(first(sources, names, "")), unit=unit).deg)
    except ValueError:
        return np.nan


def row_values(hdu: Any) -> dict[str, Any]:
    """The scalar columns of a one-row table, by name."""
    if not isinstance(hdu, fits.BinTableHDU) or len(hdu.data) != 1:
        return {}
    row = hdu.data[0]
    return {name: value for name in hdu.columns.names if np.ndim(value := row[name]) == 0}
