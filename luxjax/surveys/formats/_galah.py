"""GALAH spectra: four HERMES arms per star, one file each (Kos et al. 2017; Buder et al. 2021, 2024).

Three layouts are known: 5 HDUs (the reduction behind DR2 and DR3), 8 HDUs (the DR4-era reduction) and the fit
tables of DR4. Wavelengths are linear and in air by the survey's convention (the headers do not say so; H-alpha
stands at 6562.8 A in the rest-frame spectra, which is its air wavelength). Errors are stored relative to the flux.

Frames differ: flux in counts, and everything in 8-HDU files, is barycentric and *not* shifted by the star's
velocity (``rv_kms`` in the table); the normalised flux of 5-HDU files and the DR4 fits are in the rest frame.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from astropy.io import fits

from ...core import InputError
from ...core.internal import join_names
from ...data import Spectra
from ...data.internal import narrowed, native
from ._fits import first

__all__ = ["ARMS", "is_ccd", "is_fit", "join_arms", "load_ccd", "load_fit", "sobject_id"]

ARMS = {1: (4600.0, 5000.0), 2: (5500.0, 6000.0), 3: (6400.0, 6800.0), 4: (7500.0, 8000.0)}
"""Wavelength range, in Angstrom, in which the spectrum of each CCD lies."""

AIR = "air wavelengths by the survey's convention"
FIT_COLUMNS = {"wave", "sob", "uob", "smod", "mob"}


def _names(hdus: fits.HDUList) -> list[str]:
    return [h.name.lower() for h in hdus]


def _is_8hdu(hdus: fits.HDUList) -> bool:
    return {"normalized", "relative_error"} <= set(_names(hdus))


def is_ccd(hdus: fits.HDUList) -> bool:
    """One arm of one star, of either generation."""
    return hdus[0].header["NAXIS"] == 1 and (_is_8hdu(hdus) or "input_sigma" in _names(hdus))


def is_fit(hdus: fits.HDUList) -> bool:
    """The table of a DR4 fit: wavelength, observed flux and its error, model, mask."""
    return any(isinstance(h, fits.BinTableHDU) and set(h.columns.names) >= FIT_COLUMNS for h in hdus[1:])


def sobject_id(path: str | Path) -> str:
    """The object id in a GALAH file name (the headers do not carry it): 15 digits, without the CCD's digit."""
    name = Path(path).name.split(".")[0]
    digits = re.match(r"(\d{15})(?=[1-4]?(?:\D|$))", name)
    return digits.group(1) if digits else name


def _grid(header: fits.Header) -> np.ndarray:
    """Linear wavelengths, CRVAL1 + CDELT1 * (i + 1 - CRPIX1); CRPIX1 = 0 or absent stands for the first pixel."""
    step = header.get("CDELT1", header.get("CD1_1"))
    reference = float(header.get("CRPIX1", 1)) or 1.0
    return float(header["CRVAL1"]) + float(step) * (np.arange(header["NAXIS1"]) + 1 - reference)


def _ccd(wavelength: np.ndarray, path: Path) -> int:
    middle = float(wavelength[len(wavelength) // 2])
    for ccd, (low, high) in ARMS.items():
        if low < middle < high:
            return ccd
    raise InputError(
        f"'{path}' is centred on {middle:.0f} A, which lies in none of GALAH's four arms "
        f"({join_names(f'{low:.0f}-{high:.0f}' for low, high in ARMS.values())} A); the layout is not known."
    )


def _relative_error(hdus: fits.HDUList) -> tuple[np.ndarray, np.ndarray]:
    """The relative error and the grid it is given on."""
    hdu = hdus["relative_error" if _is_8hdu(hdus) else "input_sigma"]
    return native(hdu.data, np.float64), _grid(hdu.header if "CRVAL1" in hdu.header else hdus[0].header)


def load_ccd(hdus: fits.HDUList, path: Path, *, normalized: bool = True) -> Spectra:
    """One arm of one star; `join_arms` puts the arms of a star together.

    Parameters
    ----------
    normalized : bool
        The survey's normalised flux; otherwise sky-subtracted counts.
    """
    modern = _is_8hdu(hdus)
    relative, grid = _relative_error(hdus)
    hdu = hdus[0]
    if normalized:
        if not modern and len(hdus) < 5:
            raise InputError(
                f"'{path}' has no normalised flux (4 HDUs, as some files of CCD 4); read it with normalized=False."
            )
        hdu = hdus["normalized"] if modern else hdus[4]
    flux, wavelength = native(hdu.data, np.float64), _grid(hdu.header)
    shift = 1.0
    if normalized and not modern:
        # The 5-HDU pipeline moved its normalised flux to rest by stretching the grid, and cut CCD 4 short. Undo the
        # stretch to find which relative error belongs to a pixel (a whole number of pixels away, so this is exact).
        shift = hdu.header["CDELT1"] / hdus[0].header["CDELT1"]
        relative = np.interp(wavelength / shift, grid, relative)
    elif len(relative) != len(flux):
        raise InputError(
            f"'{path}' has {len(flux)} fluxes and {len(relative)} errors; the layout is not known."
        )
    sigma = relative * flux  # both change sign where the sky was over-subtracted
    good = np.isfinite(sigma) & (sigma > 0) & (flux != 0)
    ivar = np.where(good, 1.0 / np.where(good, sigma, 1.0) ** 2, 0.0)
    ccd = _ccd(wavelength, path)
    facts = _facts(hdus[0].header, path, ccd)
    if normalized and not modern:
        facts["shift_kms"] = (1.0 / shift - 1.0) * 299792.458
    return Spectra(
        narrowed(flux),
        narrowed(ivar),
        wavelength,
        "air",
        np.array([sobject_id(path)]),
        frame="rest" if normalized and not modern else "barycentric",
        survey="galah",
        normalized=normalized,
        flux_unit="" if normalized else "counts",
        table=pd.DataFrame([facts]),
        history=(
            f"read GALAH {'8' if modern else '5'}-HDU files, {'normalised' if normalized else 'counts'}; {AIR}",
        ),
    )


def _facts(header: fits.Header, path: Path, ccd: int) -> dict[str, Any]:
    sources = (header,)
    return {
        "file": str(path),
        "ccds": str(ccd),
        "telescope": "aat",
        "field": str(first(sources, ("FIELDID", "PLATE"), "")),
        "ra": first(sources, ("RA_ICRS", "RA_OBS"), np.nan),
        "dec": first(sources, ("DEC_ICRS", "DEC_OBS"), np.nan),
        "snr": first(sources, ("SNR",), np.nan),
        "rv_kms": first(sources, ("RVCOM",), np.nan),
        "rv_err_kms": first(sources, ("E_RVCOM",), np.nan),
        "barycentric_kms": first(sources, ("BARYEFF",), np.nan),
        "mjd": first(sources, ("UTMJD",), np.nan),
        "gaia_id": str(first(sources, ("GAIA_ID",), "")),
        "tmass_id": str(first(sources, ("2MASS_ID",), "")),
        "object_name": str(first(sources, ("OBJ_NAME", "STD_NAME"), "")),
    }


def join_arms(arms: Sequence[Spectra]) -> Spectra:
    """The arms of one star as one spectrum by increasing wavelength; missing arms are simply absent."""
    if not arms:
        raise InputError("there are no arms to join; give the CCD files of one star.")
    arms = sorted(arms, key=lambda arm: arm.wavelength[0])
    one = arms[0]
    for what in ("ids", "frame", "normalized"):
        values = {str(getattr(arm, what)) for arm in arms}
        if len(values) > 1:
            raise InputError(
                f"the CCD files do not belong together: their {what} differ ({join_names(sorted(values))}); "
                "give the files of one object, read in one way."
            )
    tables = [pd.DataFrame(arm.table) for arm in arms]
    ccds = [str(t["ccds"].iloc[0]) for t in tables]
    if len(set(ccds)) < len(ccds):
        raise InputError(f"CCD {join_names(ccds)} of object {one.ids[0]} were given; give each CCD once.")
    table = tables[0].copy()
    table["ccds"] = "".join(ccds)
    for arm, ccd, facts in zip(arms, ccds, tables, strict=True):
        snr = float(facts["snr"].iloc[0])
        table[f"snr_c{ccd}"] = snr if np.isfinite(snr) else float(arm.snr[0])
    # The survey quotes the green arm, CCD 2, in its cuts; without it, the arms that exist.
    table["snr"] = table.get("snr_c2", table.filter(regex=r"^snr_c").mean(axis=1))
    missing = [str(c) for c in ARMS if str(c) not in ccds]
    note = f"joined CCD {', '.join(ccds)}" + (f"; CCD {', '.join(missing)} missing" if missing else "")
    return one.replace(
        flux=np.concatenate([a.flux for a in arms], axis=1),
        ivar=np.concatenate([a.ivar for a in arms], axis=1),
        wavelength=np.concatenate([a.wavelength for a in arms]),
        table=table,
        step=note,
    )


def load_fit(hdus: fits.HDUList, path: Path, *, model: bool = False) -> Spectra:
    """The normalised spectrum of a DR4 fit, or its best-fit model; rest frame.

    Pixels that the survey left out of its fit carry the mask bit ``NOT_FITTED`` but keep their weight: they are
    poorly modelled as often as poorly measured.
    """
    table = next(
        h for h in hdus[1:] if isinstance(h, fits.BinTableHDU) and set(h.columns.names) >= FIT_COLUMNS
    ).data
    flux, error = native(table["sob"], np.float64), native(table["uob"], np.float64)
    if flux.ndim != 1 or flux.shape != error.shape:
        raise InputError(f"'{path}' has arrays in the columns of single pixels; fetch it again.")
    good = np.isfinite(error) & (error > 0)
    snr = float(np.median((flux / np.where(good, error, np.inf))[good])) if good.any() else np.nan
    return Spectra(
        narrowed(table["smod"] if model else table["sob"]),
        narrowed(np.where(good, 1.0 / np.where(good, error, 1.0) ** 2, 0.0)),
        native(table["wave"]),
        "air",
        np.array([sobject_id(path)]),
        frame="rest",
        survey="galah",
        normalized=True,
        mask=np.where(np.asarray(table["mob"], bool), 0, 1)[None],
        bits={"NOT_FITTED": 0},
        table=pd.DataFrame([{"file": str(path), "telescope": "aat", "snr": snr, "rv_kms": np.nan}]),
        history=(f"read GALAH DR4 fit, {'model' if model else 'observed flux'}; {AIR}",),
    )
