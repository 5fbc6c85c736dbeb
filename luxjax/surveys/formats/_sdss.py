"""Optical spectra of SDSS, BOSS and eBOSS: ``spec-PLATE-MJD-FIBER.fits``, short ("lite") and full files alike.

The coadded spectrum is the table COADD, found by its name: full files have more HDUs, one for each exposure. A table of one row, SPECOBJ
(SDSS, SEGUE) or SPALL (BOSS, eBOSS), tells what the pipeline made of the spectrum. All releases share one log-linear grid, in
vacuum and heliocentric, with steps of 1e-4 in log10 of the wavelength. COEFF0 of the header is a pixel of this grid, in SDSS files not the first one of the
table, so the column ``loglam``, which is rounded to single precision, says how many steps from COEFF0 a pixel lies. Spectra are not shifted to the star's
rest frame: divide by 1 + ``z`` (Stoughton et al. 2002; Dawson et al. 2013; Bolton et al. 2012 for the bits).

The columns ELODIE_* of the one-row table describe the best of a few template stars, not the star. They are not read, and are no labels.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from astropy.io import fits

from ...core import InputError, check_name
from ...core.internal import join_names
from ...data import Spectra
from ...data.internal import Medium, narrowed, native
from ._bits import SPPIXMASK, ZWARNING, flag_names
from ._fits import first, number, place, row_values

__all__ = ["is_spec", "load_spec"]

LIGHT_KMS = 299792.458
FLUX_UNIT = "1e-17 erg / (s cm2 Angstrom)"
# 1,500 at 3,800 to 2,500 at 9,000 Angstrom (Smee et al. 2013).
RESOLUTION = 2000.0
NEEDED = ("flux", "loglam", "ivar")
ABOUT_OBJECT = ("SPALL", "SPECOBJ")
# As for LAMOST, whose pipeline is that of SDSS.
DOUBTFUL_ERROR_KMS = 60.0
NEAR = 0.05
"""Largest distance of a pixel from the grid, in pixels."""

BAD_PIXELS = ("FULLREJECT", "NOSKY", "BRIGHTSKY", "NODATA")
"""Bits of all exposures of a pixel that cost its weight. Where the sky is bright, residuals of 14 real spectra are 1.1 to 5 times the stated errors,
elsewhere 0.7 to 1.6 times. BADFLAT and LOWFLAT are set for whole spectra that are as good as others."""
DOUBT = ("SKY", "LITTLE_COVERAGE", "SMALL_DELTA_CHI2", "NEGATIVE_MODEL", "Z_FITLIMIT", "BAD_TARGET")
"""Bits of ZWARNING that make a redshift doubtful. MANY_OUTLIERS is usual for bright stars."""
NO_OBJECT = ("SKY", "UNPLUGGED", "NODATA")


def is_spec(hdus: fits.HDUList) -> bool:
    """A table COADD with log10 of the wavelength, or the one-row table that only such files have."""
    return _coadd(hdus) is not None or _object(hdus) is not None


def load_spec(hdus: fits.HDUList, path: Path, *, bad_pixels: Sequence[str] = BAD_PIXELS) -> Spectra:
    """One coadded spectrum, heliocentric, with the pipeline's class and redshift in the table.

    `bad_pixels` are the bits that cost a pixel its weight, where all exposures have them; those without inverse variance have none.
    """
    for name in bad_pixels:
        check_name("mask bit", name, SPPIXMASK)
    coadd, about = _coadd(hdus), _object(hdus)
    if coadd is None:
        held = join_names(h.name or "unnamed" for h in hdus)
        raise InputError(
            f"'{path}' has no table COADD with {join_names(NEEDED)}, which holds the spectrum (its HDUs: {held}); fetch it again."
        )
    column = {n.lower(): native(coadd.data[n]) for n in coadd.columns.names}
    mask = column.get("and_mask", np.zeros(len(coadd.data))).astype(np.int64)
    bad = mask & sum(1 << SPPIXMASK[name] for name in set(bad_pixels)) != 0
    head = hdus[0].header
    medium: Medium = "air" if head.get("VACUUM") is False else "vacuum"
    facts = _facts(row_values(about), head, path) | _snr_of_bands(about)
    return Spectra(
        narrowed(column["flux"]),
        np.where(bad, 0, narrowed(column["ivar"])),
        _wavelength(head, column["loglam"].astype(np.float64), path),
        medium,
        np.array([facts["spectrum"] or path.name.split(".")[0]]),
        frame="barycentric",
        survey="sdss",
        flux_unit=FLUX_UNIT,
        mask=mask,
        bits=SPPIXMASK,
        table=pd.DataFrame([facts]),
        history=(f"read SDSS coadd; heliocentric {medium} wavelengths by the survey's convention",),
        resolution=RESOLUTION,
    )


def _coadd(hdus: fits.HDUList) -> fits.BinTableHDU | None:
    for hdu in hdus[1:]:
        if isinstance(hdu, fits.BinTableHDU) and hdu.name == "COADD":
            return hdu if set(NEEDED) <= {n.lower() for n in hdu.columns.names} else None
    return None


def _object(hdus: fits.HDUList) -> fits.BinTableHDU | None:
    """The one-row table of what the pipeline says of the object; catalogues of the same name have more rows."""
    tables = (h for h in hdus[1:] if isinstance(h, fits.BinTableHDU))
    return next((h for h in tables if h.name in ABOUT_OBJECT and h.header["NAXIS2"] == 1), None)


def _wavelength(head: fits.Header, log_lam: np.ndarray, path: Path) -> np.ndarray:
    start, step = number((head,), ("COEFF0",)), number((head,), ("COEFF1",))
    if not np.isfinite(start) or not step > 0:
        raise InputError(
            f"'{path}' has no COEFF0 and COEFF1 in its header, which say on which log-linear grid its pixels lie; the layout is not known, "
            "so it is not read (luxjax.surveys.read_plain reads bare tables)."
        )
    steps = (log_lam - start) / step
    pixel = np.round(steps)
    if not (np.all(np.diff(pixel) == 1) and np.all(np.abs(steps - pixel) < NEAR)):
        raise InputError(
            f"the wavelengths of '{path}' (loglam) are not on the grid of its header, log10 = {start:g} + {step:g} n; fetch it again."
        )
    return 10.0 ** (start + step * pixel)


def _facts(row: dict[str, Any], head: fits.Header, path: Path) -> dict[str, Any]:
    warned = int(number((row,), ("ZWARNING",), 0))
    names = flag_names(warned, ZWARNING)
    z, error = number((row,), ("Z",)), number((row,), ("Z_ERR",))
    # RA and DEC of the header are those of the plate's centre.
    places = {
        **row,
        "PLUG_RA": row.get("PLUG_RA", head.get("PLUG_RA")),
        "PLUG_DEC": row.get("PLUG_DEC", head.get("PLUG_DEC")),
    }
    return {
        "file": str(path),
        "telescope": "sdss",
        "field": str(first((row, head), ("PLATE", "PLATEID", "FIELD"), "")),
        "spectrum": _key((row, head)),
        "obsid": str(first((row,), ("SPECOBJID",), "")),
        **place((places,), ("RA", "PLUG_RA"), ("DEC", "PLUG_DEC")),
        "snr": number((row,), ("SN_MEDIAN_ALL", "SNMEDIAN")),
        "class": str(first((row,), ("CLASS",), "")),
        "subclass": str(first((row,), ("SUBCLASS",), "")),
        "zwarning": warned,
        "program": str(first((row,), ("PROGRAMNAME",), "")),
        "pipeline": str(first((row, head), ("RUN2D",), "")),
        "z": z,
        "rv_kms": LIGHT_KMS * z,
        "rv_err_kms": LIGHT_KMS * error if error > 0 else np.nan,
        "rv_doubt": _doubt(names, error),
        "fibre_flags": join_names([n for n in names if n in NO_OBJECT]),
    }


def _key(sources: Sequence[Any]) -> str:
    """Plate, MJD and fibre as in the name of the file, blank where they are not known."""
    parts = [number(sources, names) for names in (("PLATE", "PLATEID"), ("MJD",), ("FIBERID",))]
    if not np.all(np.isfinite(parts)):
        return ""
    plate, mjd, fibre = map(int, parts)
    return f"{plate:04d}-{mjd:05d}-{fibre:04d}"


def _snr_of_bands(about: fits.BinTableHDU | None) -> dict[str, float]:
    values = np.full(5, np.nan)
    if about is not None and "SN_MEDIAN" in about.columns.names:
        values = np.resize(np.asarray(about.data["SN_MEDIAN"][0], float), 5)
    return {f"snr{band}": float(value) for band, value in zip("ugriz", values, strict=True)}


def _doubt(names: Sequence[str], error: float) -> str:
    """Why the pipeline's redshift is doubtful, blank where it is not."""
    if wary := [name for name in names if name in DOUBT]:
        return f"ZWARNING {join_names(wary)}"
    if error > DOUBTFUL_ERROR_KMS / LIGHT_KMS:
        return f"its error is above {DOUBTFUL_ERROR_KMS:g} km/s"
    return "the fit of the redshift failed (Z_ERR is negative)" if error < 0 else ""
