"""APOGEE spectra of SDSS-V: mwmStar, recognised by its tables, on the grid of `_apogee`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from astropy.io import fits

from ...core import InputError
from ...data import Spectra
from ...data.internal import narrowed, native
from ._apogee import FLUX_UNIT, N_PIXELS, WAVELENGTH, flagged, star_name
from ._bits import BAD_PIXELS, PIXMASK
from ._fits import first, number, place

__all__ = ["is_mwm", "load_mwm"]


def is_mwm(hdus: fits.HDUList) -> bool:
    """SDSS-V products: tables named by instrument and telescope with flux, ivar and pixel_flags columns."""
    tables = [
        h for h in hdus[1:] if isinstance(h, fits.BinTableHDU) and h.name.startswith(("APOGEE", "BOSS"))
    ]
    return any({"flux", "ivar", "pixel_flags"} <= {n.lower() for n in h.columns.names} for h in tables)


def load_mwm(hdus: fits.HDUList, path: Path, *, bad_pixels: Sequence[str] = BAD_PIXELS) -> Spectra:
    """The APOGEE spectra of an SDSS-V mwmStar file (one row per telescope), not normalised, rest frame.

    Written from the documented layout (Astra 0.6, SDSS DR19) without a real file; anything that departs
    from it is refused.
    """
    rows = []
    for hdu in hdus[1:]:
        if isinstance(hdu, fits.BinTableHDU) and hdu.name.startswith("APOGEE") and hdu.data is not None:
            rows += [(hdu.name, hdu.columns.names, row) for row in hdu.data]
    if not rows:
        raise InputError(
            f"'{path}' holds no APOGEE spectrum (its APOGEE tables are empty); BOSS spectra of SDSS-V are not read yet."
        )
    head = hdus[0].header
    star = star_name((head,), path)
    flux, ivar, mask, facts = [], [], [], []
    for name, columns, row in rows:
        by_name = {c.lower(): row[c] for c in columns}
        if any(np.size(by_name[c]) != N_PIXELS for c in ("flux", "ivar", "pixel_flags")):
            raise InputError(
                f"'{path}' has {np.size(by_name['flux'])} pixels in {name}; the APOGEE grid has {N_PIXELS}. "
                "The layout is not known, so it is not read."
            )
        grid = by_name.get("wavelength")
        if grid is not None and not np.allclose(grid, WAVELENGTH, rtol=1e-6, atol=0):
            raise InputError(f"'{path}' is not on the APOGEE grid in {name}; the layout is not known.")
        flux.append(narrowed(by_name["flux"]))
        mask.append(native(by_name["pixel_flags"], np.int64))
        ivar.append(np.where(flagged(mask[-1], bad_pixels) | (flux[-1] == 0), 0, narrowed(by_name["ivar"])))
        scalars = {k: v for k, v in by_name.items() if np.ndim(v) == 0}
        facts.append(
            {
                "file": str(path),
                "telescope": {"APO": "apo25m", "LCO": "lco25m"}.get(name.split("/")[-1], name),
                **place((head,), ("RA",), ("DEC",)),
                "snr": number((scalars,), ("snr",)),
                "rv_kms": number((scalars,), ("v_rad", "mean_v_rad")),
                "starflag": first((scalars,), ("spectrum_flags",), 0),
                "sdss_id": str(first((head,), ("SDSS_ID",), "")),
            }
        )
    return Spectra(
        np.stack(flux),
        np.stack(ivar),
        WAVELENGTH,
        "vacuum",
        np.array([star] * len(rows)),
        frame="rest",
        survey="apogee",
        flux_unit=FLUX_UNIT,
        mask=np.stack(mask),
        bits=PIXMASK,
        table=pd.DataFrame(facts),
        history=("read mwmStar (SDSS-V); rest frame, vacuum wavelengths by the survey's convention",),
    )
