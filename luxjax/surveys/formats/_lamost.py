"""LAMOST spectra: low resolution as primary images (DR1 to DR8) or as tables (later releases), and medium resolution.

An image holds flux, inverse variance, a third row and two masks. The third row is the wavelength from DR2 on but a sub-continuum in DR1, so wavelengths always come from the header,
10**(COEFF0 + COEFF1 * i). They are vacuum and heliocentric where the header says so (it must say), and not
shifted to the star's rest frame: divide by 1 + ``z``. The flux is relative (Luo et al. 2015).

A table holds the same as columns, either with one row of vectors or with one row per pixel, its wavelengths in single precision;
where they are log-linear to that precision the straight line through them is used. Medium-resolution files have a coadded table
for each arm (4,950-5,350 and 6,300-6,800 Angstrom), which are read as one spectrum with a gap, and one for each exposure.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from astropy.io import fits

from ...core import InputError
from ...data import Spectra
from ...data.internal import Medium, narrowed, native
from ._fits import first, number, place

__all__ = ["is_lrs", "is_mrs", "is_table", "load_lrs", "load_mrs", "load_table"]

LIGHT_KMS = 299792.458
# Errors of the pipeline's velocities of stars: median 7 km/s, largest of 350 stars of DR1 to DR8 36 km/s.
DOUBTFUL_ERROR_KMS = 60.0
MRS_ARMS = ("COADD_B", "COADD_R")
BITS = {"ANDMASK": 0, "ORMASK": 1}
"""Whether a pixel is flagged in every exposure (ANDMASK) or in any (ORMASK)."""


def is_lrs(hdus: fits.HDUList) -> bool:
    """A primary image of five rows with the pipeline's log-linear coefficients."""
    head = hdus[0].header
    return head["NAXIS"] == 2 and head["NAXIS2"] == 5 and "COEFF0" in head and "COEFF1" in head


def is_table(hdus: fits.HDUList) -> bool:
    """The binary table of later low-resolution releases."""
    return _from_lamost(hdus) and len(_tables(hdus)) > 0 and not is_mrs(hdus)


def is_mrs(hdus: fits.HDUList) -> bool:
    """Medium resolution: coadded tables of the two arms."""
    return _from_lamost(hdus) and any(h.name in MRS_ARMS for h in _tables(hdus))


def _from_lamost(hdus: fits.HDUList) -> bool:
    return "LAMOST" in str(hdus[0].header.get("TELESCOP", ""))


def _tables(hdus: fits.HDUList) -> list[fits.BinTableHDU]:
    return [
        h
        for h in hdus[1:]
        if isinstance(h, fits.BinTableHDU) and {"FLUX", "IVAR"} <= {n.upper() for n in h.columns.names}
    ]


def load_lrs(hdus: fits.HDUList, path: Path) -> Spectra:
    """One low-resolution spectrum, heliocentric, with the pipeline's class and redshift in the table."""
    head = hdus[0].header
    flux, ivar, _, in_all, in_any = narrowed(hdus[0].data)
    pixels = np.arange(len(flux), dtype=np.float64)
    wavelength = 10.0 ** (float(head["COEFF0"]) + float(head["COEFF1"]) * pixels)
    return _spectra(head, path, flux, ivar, wavelength, in_all, in_any, "low-resolution image")


def load_table(hdus: fits.HDUList, path: Path) -> Spectra:
    """One low-resolution spectrum of a later release."""
    flux, ivar, wavelength, in_all, in_any = _columns(_tables(hdus)[0], path)
    return _spectra(hdus[0].header, path, flux, ivar, wavelength, in_all, in_any, "low-resolution table")


def load_mrs(hdus: fits.HDUList, path: Path) -> Spectra:
    """The coadded medium-resolution spectrum, both arms one after the other where there are both."""
    arms = [_columns(h, path) for h in _tables(hdus) if h.name in MRS_ARMS]
    arms.sort(key=lambda columns: columns[2][0])
    flux, ivar, wavelength, in_all, in_any = (np.concatenate(parts) for parts in zip(*arms, strict=True))
    layout = "medium-resolution coadded tables"
    return _spectra(hdus[0].header, path, flux, ivar, wavelength, in_all, in_any, layout)


def _columns(table: fits.BinTableHDU, path: Path) -> list[np.ndarray]:
    """Flux, ivar, wavelength and the two masks, (pixel,) each."""
    at = {n.upper(): n for n in table.columns.names}
    names = ["FLUX", "IVAR", "LOGLAM" if "LOGLAM" in at else "WAVELENGTH"]
    if names[2] not in at:
        raise InputError(
            f"table '{table.name}' of '{path}' has no LOGLAM or WAVELENGTH (it has {', '.join(at)}); such a layout is "
            "not known, so it is not read."
        )
    flux, ivar, where = (native(table.data[at[n]]).ravel() for n in names)
    masks = [
        native(table.data[at[n]]).ravel() if n in at else np.zeros(len(flux)) for n in ("ANDMASK", "ORMASK")
    ]
    log_lam = where.astype(np.float64) if names[2] == "LOGLAM" else np.log10(where.astype(np.float64))
    line = np.polynomial.Polynomial.fit(np.arange(len(log_lam)), log_lam, 1)(np.arange(len(log_lam)))
    rounding = 4 * np.finfo(np.float32).eps * (log_lam.max() if names[2] == "LOGLAM" else 1.0)
    wavelength = 10.0 ** (line if np.max(np.abs(line - log_lam)) < rounding else log_lam)
    return [narrowed(flux), narrowed(ivar), wavelength, *masks]


def _spectra(head: fits.Header, path: Path, flux, ivar, wavelength, in_all, in_any, layout: str) -> Spectra:
    if head.get("VACUUM") not in (True, False):
        raise InputError(
            f"'{path}' does not say whether its wavelengths are in air or vacuum (no VACUUM in its header); "
            "this is never guessed, so the file is not read."
        )
    medium: Medium = "vacuum" if head["VACUUM"] else "air"
    z = number((head,), ("Z",))
    facts = _facts(head, path) | {"z": z, "rv_kms": LIGHT_KMS * z, "rv_doubt": ""}
    facts["rv_err_kms"] = LIGHT_KMS * number((head,), ("Z_ERR",))
    if facts["rv_err_kms"] > DOUBTFUL_ERROR_KMS:
        facts["rv_doubt"] = f"its error is above {DOUBTFUL_ERROR_KMS:g} km/s"
    return Spectra(
        flux,
        ivar,
        wavelength,
        medium,
        np.array([_star_id(head)]),
        frame="barycentric" if head.get("HELIO") else "observed",
        survey="lamost",
        flux_unit="relative",
        mask=(in_all != 0).astype(np.int64) << BITS["ANDMASK"]
        | (in_any != 0).astype(np.int64) << BITS["ORMASK"],
        bits=BITS,
        table=pd.DataFrame([facts]),
        history=(f"read LAMOST {layout}; heliocentric {medium} wavelengths by its header",),
    )


def _star_id(head: fits.Header) -> str:
    """The designation (shared by repeats of a star), or else the spectrum's key."""
    name = first((head,), ("DESIG",))
    return str(name).removeprefix("LAMOST").strip() if name else _key(head)


def _key(head: fits.Header) -> str:
    """Local MJD, plan, spectrograph and fibre: the key of a spectrum that holds in every release."""
    parts = (head.get("LMJD"), str(head.get("PLANID", "")).strip(), head.get("SPID"), head.get("FIBERID"))
    return "{}-{}_sp{:02d}-{:03d}".format(*parts[:2], int(parts[2] or 0), int(parts[3] or 0))


def _facts(head: fits.Header, path: Path) -> dict[str, Any]:
    sources = (head,)
    snr = {f"snr{b}": first(sources, (f"SNR{b.upper()}", f"SN_{b.upper()}"), np.nan) for b in "ugriz"}
    return {
        "file": str(path),
        "telescope": "lamost",
        "field": str(first(sources, ("PLANID",), "")),
        "spectrum": _key(head),
        "obsid": str(first(sources, ("OBSID",), "")),
        **place(sources, ("RA",), ("DEC",)),
        "snr": snr["snrg"],
        **snr,
        "class": str(first(sources, ("CLASS",), "")),
        "subclass": str(first(sources, ("SUBCLASS",), "")),
        "fibermask": first(sources, ("FIBERMAS",), 0),
        "release": str(first(sources, ("DATA_V",), "")),
        "pipeline": str(first(sources, ("VERSPIPE",), "")),
    }
