"""LAMOST low-resolution spectra as primary images (DR1 to DR8): flux, inverse variance, a third row, two masks.

The third row is the wavelength from DR2 on but a sub-continuum in DR1, so wavelengths always come from the header,
10**(COEFF0 + COEFF1 * i). They are vacuum and heliocentric where the header says so (it must say), and not
shifted to the star's rest frame: divide by 1 + ``z``. The flux is relative (Luo et al. 2015).
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from astropy.io import fits

from ..core import InputError
from ..data import Medium, Spectra, native
from ._fits import first

__all__ = ["is_lrs", "is_table", "load_lrs", "refuse_table"]

LIGHT_KMS = 299792.458
BITS = {"ANDMASK": 0, "ORMASK": 1}
"""Whether a pixel is flagged in every exposure (ANDMASK) or in any (ORMASK)."""


def is_lrs(hdus: fits.HDUList) -> bool:
    """A primary image of five rows with the pipeline's log-linear coefficients."""
    head = hdus[0].header
    return head["NAXIS"] == 2 and head["NAXIS2"] == 5 and "COEFF0" in head and "COEFF1" in head


def is_table(hdus: fits.HDUList) -> bool:
    """The binary tables of later low-resolution releases, and of the medium-resolution survey."""
    return "LAMOST" in str(hdus[0].header.get("TELESCOP", "")) and any(
        isinstance(h, fits.BinTableHDU) and {"FLUX", "IVAR"} <= {n.upper() for n in h.columns.names}
        for h in hdus[1:]
    )


def refuse_table(hdus: fits.HDUList, path: Path) -> Spectra:
    """Say that this layout is known and not read."""
    kind = (
        "medium-resolution"
        if any(h.name.startswith("COADD_") for h in hdus)
        else "low-resolution table (DR8+)"
    )
    raise InputError(
        f"'{path}' is a LAMOST {kind} file; only low-resolution image files (five rows in the primary HDU, "
        "DR1 to DR8) are read. Fetch the image form of the spectrum, or read the table with astropy."
    )


def load_lrs(hdus: fits.HDUList, path: Path) -> Spectra:
    """One low-resolution spectrum, heliocentric, with the pipeline's class and redshift in the table."""
    head = hdus[0].header
    if head.get("VACUUM") not in (True, False):
        raise InputError(
            f"'{path}' does not say whether its wavelengths are in air or vacuum (no VACUUM in its header); "
            "this is never guessed, so the file is not read."
        )
    medium: Medium = "vacuum" if head["VACUUM"] else "air"
    flux, ivar, _, in_all, in_any = native(hdus[0].data, np.float32)
    pixels = np.arange(len(flux), dtype=np.float64)
    wavelength = 10.0 ** (float(head["COEFF0"]) + float(head["COEFF1"]) * pixels)
    z = first((head,), ("Z",), np.nan)
    facts = _facts(head, path) | {"z": z, "rv_kms": LIGHT_KMS * z}
    facts["rv_err_kms"] = LIGHT_KMS * first((head,), ("Z_ERR",), np.nan)
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
        history=(f"read LAMOST low-resolution image; heliocentric {medium} wavelengths by its header",),
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
        "ra": first(sources, ("RA",), np.nan),
        "dec": first(sources, ("DEC",), np.nan),
        "snr": snr["snrg"],
        **snr,
        "class": str(first(sources, ("CLASS",), "")),
        "subclass": str(first(sources, ("SUBCLASS",), "")),
        "fibermask": first(sources, ("FIBERMAS",), 0),
        "release": str(first(sources, ("DATA_V",), "")),
        "pipeline": str(first(sources, ("VERSPIPE",), "")),
    }
