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
from scipy.ndimage import binary_dilation, median_filter

from ...core import InputError
from ...core.internal import join_names
from ...data import Spectra
from ...data.internal import narrowed, native
from ._fits import first, number, place

__all__ = ["ARMS", "is_ccd", "is_fit", "join_arms", "load_ccd", "load_fit", "sobject_id"]

ARMS = {1: (4600.0, 5000.0), 2: (5500.0, 6000.0), 3: (6400.0, 6800.0), 4: (7500.0, 8000.0)}
"""Wavelength range, in Angstrom, in which the spectrum of each CCD lies."""

LIGHT_KMS = 299792.458
# Errors of velocities: 0.1 km/s for sharp lines, 4 km/s for broad ones.
DOUBTFUL_ERROR_KMS = 5.0
# Normalised flux beyond which a pixel is a spike; some reach 66.
HIGHEST = 1.5
BALMER, BALMER_REACH = (4861.3, 6562.8), 15.0  # Angstrom, air
SURE_SNR = 20.0
LEVEL_PIXELS, NARROW_PIXELS = 301, 15
A_BAND = (7590.0, 7700.0)  # Angstrom, air, at the telescope

BITS = {"TELLURIC": 1}
"""Pixels in the A band of oxygen, which `luxjax.surveys.ingest` gives no weight."""

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
    ccd, head = _ccd(wavelength, path), hdus[0].header
    sigma = relative * flux  # both change sign where the sky was over-subtracted
    good = np.isfinite(sigma) & (sigma > 0) & (flux != 0)
    ivar = np.where(good, 1.0 / np.where(good, sigma, 1.0) ** 2, 0.0)
    facts = _facts(head, path, ccd)
    moved = (1.0 / shift - 1.0) * LIGHT_KMS
    if normalized and not modern:
        facts["shift_kms"] = moved
    spike = spikes(wavelength, flux, normalized)
    ivar[spike] = 0
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
        mask=(in_telluric_band(wavelength, moved).astype(np.int64) << BITS["TELLURIC"])[None],
        bits=BITS,
        table=pd.DataFrame([facts]),
        history=(
            f"read GALAH {'8' if modern else '5'}-HDU files, {'normalised' if normalized else 'counts'}; {AIR}; no weight "
            "in spikes",
        ),
    )


def _facts(header: fits.Header, path: Path, ccd: int) -> dict[str, Any]:
    sources = (header,)
    return {
        "file": str(path),
        "ccds": str(ccd),
        "telescope": "aat",
        "field": str(first(sources, ("FIELDID", "PLATE"), "")),
        **place(sources, ("RA_ICRS", "RA_OBS"), ("DEC_ICRS", "DEC_OBS")),
        "snr": number(sources, ("SNR",)),
        "rv_kms": number(sources, ("RVCOM",)),
        "rv_err_kms": number(sources, ("E_RVCOM",)),
        "barycentric_kms": number(sources, ("BARYEFF",)),
        "mjd": number(sources, ("UTMJD",)),
        "gaia_id": str(first(sources, ("GAIA_ID",), "")),
        "tmass_id": str(first(sources, ("2MASS_ID",), "")),
        "rv_doubt": _doubt(header),
        "ccd_flags": _flags(header),
        "gaia_dr2": _gaia_dr2(header),
        "object_name": str(first(sources, ("OBJ_NAME", "STD_NAME"), "")),
    }


def _flags(header: fits.Header) -> str:
    """Steps of the reduction of one CCD that its flags say failed."""
    return ", ".join(name for name in ("TRACE_OK", "WAV_OK", "CROSS_OK") if _is_zero(header.get(name)))


def _is_zero(value: Any) -> bool:
    """Whether a flag is 0, which may be written as a number, a truth value or text; absent and ``None`` are not."""
    return str(value).strip().lower() in ("0", "0.0", "false", "f")


def _doubt(header: fits.Header) -> str:
    """Why the velocity of all CCDs together is doubtful; blank where nothing speaks against it."""
    failed = [name for name in ("RV_OK", "RVCOM_OK") if _is_zero(header.get(name))]
    if failed:
        return " and ".join(f"{name} = 0" for name in failed)
    if number((header,), ("E_RVCOM",)) > DOUBTFUL_ERROR_KMS:
        return f"its error is above {DOUBTFUL_ERROR_KMS:g} km/s"
    return ""


def _gaia_dr2(header: fits.Header) -> str:
    """The Gaia id of an object that the survey names by its id in DR2."""
    name = str(first((header,), ("OBJ_NAME",), ""))
    found = re.fullmatch(r"gaiadr2_(\d{1,19})", name)
    return found[1] if found else ""


def spikes(wavelength: np.ndarray, flux: np.ndarray, normalized: bool) -> np.ndarray:
    """Pixels that stand far above the continuum, (pixel,) bool: cosmic rays and remains of sky lines.

    Emission in H-alpha and H-beta is wider than a spike, and kept.
    """
    good = np.isfinite(flux)
    level = 1.0 if normalized else median_filter(np.where(good, flux, 0.0), LEVEL_PIXELS)
    near = median_filter(np.where(good, flux, 0.0), NARROW_PIXELS)
    high = flux > HIGHEST * np.abs(level)
    balmer = np.any([np.abs(wavelength - line) < BALMER_REACH for line in BALMER], axis=0)
    narrow = flux - near > (HIGHEST - 1) * np.abs(level)
    found = high & (~balmer | narrow)
    return found | (binary_dilation(found, iterations=1) & (flux > (1 + HIGHEST) / 2 * np.abs(level)))


def in_telluric_band(wavelength: np.ndarray, moved_kms: float, reach_kms: float = 30.0) -> np.ndarray:
    """Pixels in the A band of oxygen, (pixel,) bool, of a spectrum that was moved by so much, known to `reach_kms`."""
    low, high = (edge * (1 - moved_kms / LIGHT_KMS) for edge in A_BAND)
    return (wavelength > low * (1 - reach_kms / LIGHT_KMS)) & (
        wavelength < high * (1 + reach_kms / LIGHT_KMS)
    )


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
    table["rv_doubt"] = next((d for f in tables if (d := str(f["rv_doubt"].iloc[0]))), "")
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
        mask=np.concatenate([a.mask for a in arms], axis=1)
        if all(a.mask is not None for a in arms)
        else None,
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
    wavelength = native(table["wave"], np.float64)
    if flux.ndim != 1 or not flux.shape == error.shape == wavelength.shape:
        raise InputError(f"'{path}' has arrays in the columns of single pixels; fetch it again.")
    good = np.isfinite(error) & (error > 0) & np.isfinite(flux)
    snr = float(np.median((flux / np.where(good, error, np.inf))[good])) if good.any() else np.nan
    # The star's velocity is not in the file, so the band may stand anywhere within 300 km/s.
    band = in_telluric_band(wavelength, 0.0, reach_kms=300.0)
    good &= ~spikes(wavelength, flux, True)
    facts = {"file": str(path), "telescope": "aat", "snr": snr, "rv_kms": np.nan}
    return Spectra(
        narrowed(table["smod"] if model else table["sob"]),
        narrowed(np.where(good, 1.0 / np.where(good, error, 1.0) ** 2, 0.0)),
        wavelength,
        "air",
        np.array([sobject_id(path)]),
        frame="rest",
        survey="galah",
        normalized=True,
        mask=(np.where(np.asarray(table["mob"], bool), 0, 1) | band.astype(np.int64) << BITS["TELLURIC"])[
            None
        ],
        bits={"NOT_FITTED": 0} | BITS,
        # Failed fits are called at rest too: noisy ones need to be confirmed.
        table=pd.DataFrame([facts | {"rv_unsure": not snr > SURE_SNR}]),
        history=(f"read GALAH DR4 fit, {'model' if model else 'observed flux'}; {AIR}; no weight in spikes",),
    )
