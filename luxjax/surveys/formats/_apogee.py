"""APOGEE spectra of SDSS-III and IV: aspcapStar, apStar and apVisit, recognised by their layout.

Wavelengths are vacuum (Nidever et al. 2015). Combined spectra share one log-lambda grid of 8,575 pixels in the
star's rest frame; apVisit keeps the detectors' native pixels in the observer's frame. Pixels with an error of 0,
a huge error or a flux of exactly 0 (the gaps between detectors) get zero weight, as do pixels with bits of
`BAD_PIXELS` where the file has a mask.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from astropy.io import fits

from ...core import InputError, check_name
from ...core.internal import choose_from
from ...data import Spectra
from ...data.internal import narrowed, native
from ._bits import BAD_PIXELS, PIXMASK, STARFLAG
from ._fits import first, number, place, row_values

__all__ = [
    "FLUX_UNIT",
    "N_PIXELS",
    "WAVELENGTH",
    "flagged",
    "is_apstar",
    "is_apvisit",
    "is_aspcapstar",
    "star_name",
]
__all__ += ["load_apstar", "load_apvisit", "load_aspcapstar"]

CRVAL, CDELT, N_PIXELS = 4.179, 6e-6, 8575
WAVELENGTH = 10.0 ** (CRVAL + CDELT * np.arange(N_PIXELS))
"""The grid of APOGEE's combined spectra, Angstrom in vacuum, (8575,)."""

FLUX_UNIT = "1e-17 erg/s/cm^2/A"
# ASPCAP gives masked pixels an error of exactly 10 (and 100 where it clips the flux); good ones are near 0.005.
ASPCAP_ERROR_LIMIT = 10.0
# apStar gives bad pixels 1e10, apVisit up to 1e7 next to fluxes of 1e2-1e4; such pixels weigh nothing either way.
VISIT_ERROR_LIMIT = 1e9
# A visit velocity beyond the Galaxy's escape speed near the Sun (about 530-580 km/s: Deason et al. 2019, Monari et
# al. 2018) is taken for a failed fit; 575-600 km/s stand in the headers of ordinary cool dwarfs.
FAILED_RV_KMS = 550.0
ROWS = ("pixel", "global", "visits", "all")


def _is_grid(hdu: Any) -> bool:
    """Whether the last axis of this image is the 8,575-pixel grid."""
    head = hdu.header
    return (
        isinstance(hdu, fits.ImageHDU)
        and head.get("NAXIS1") == N_PIXELS
        and np.isclose(head.get("CRVAL1", 0), CRVAL, rtol=0, atol=1e-7)
        and np.isclose(head.get("CDELT1", 0), CDELT, rtol=1e-6, atol=0)
    )


def is_aspcapstar(hdus: fits.HDUList) -> bool:
    """Three one-dimensional spectra on the grid (flux, error, model), then a table."""
    return (
        len(hdus) >= 5
        and all(_is_grid(h) and h.header["NAXIS"] == 1 and h.header["BITPIX"] < 0 for h in hdus[1:4])
        and isinstance(hdus[4], fits.BinTableHDU)
    )


def is_apstar(hdus: fits.HDUList) -> bool:
    """Flux, error and an integer mask of one shape on the grid."""
    return (
        len(hdus) >= 4
        and all(_is_grid(h) for h in hdus[1:4])
        and len({h.shape for h in hdus[1:4]}) == 1
        and hdus[3].header["BITPIX"] > 0
    )


def is_apvisit(hdus: fits.HDUList) -> bool:
    """Three detector rows of flux, error, integer mask and wavelength; none on the combined grid."""
    if len(hdus) < 5 or not all(isinstance(h, fits.ImageHDU) for h in hdus[1:5]):
        return False
    shape = hdus[1].shape
    return (
        len(shape) == 2
        and shape[0] == 3
        and all(h.shape == shape for h in hdus[2:5])
        and hdus[3].header["BITPIX"] > 0
        and hdus[4].header["BITPIX"] < 0
        and not _is_grid(hdus[1])
    )


def _facts(header: fits.Header, row: dict[str, Any], path: Path) -> dict[str, Any]:
    """Star-level facts under the names every survey shares."""
    sources = (header, row)
    return {
        "file": str(path),
        "telescope": first(sources, ("TELESCOP", "TELESCOPE"), ""),
        "field": str(first(sources, ("FIELD",), "")),
        "location_id": first(sources, ("LOCID", "LOCATION_ID"), -1),
        **place(sources, ("RA",), ("DEC",)),
        "snr": first(sources, ("SNR",), np.nan),
        "rv_kms": number(sources, ("VHELIO", "VHELIO_AVG", "VHBARY")),
        "rv_err_kms": number(sources, ("VERR", "VRELERR")),
        "rv_scatter_kms": number(sources, ("VSCATTER",)),
        "n_visits": first(sources, ("NVISITS",), 1),
        "starflag": first(sources, ("STARFLAG",), 0),
        "h_mag": _magnitude(first(sources, ("H", "HMAG"))),
    }


# Bits of STARFLAG by which the survey says that a velocity failed; those of a mere warning are not among them.
_VELOCITY_BITS = ("BAD_RV_COMBINATION", "RV_REJECT", "RV_SUSPECT", "RV_FAIL")


def _doubt(velocity: float, starflag: int) -> str:
    """Why a velocity of the header is doubtful; blank where nothing speaks against it."""
    if not np.isfinite(velocity):
        return "the file gives none"
    if abs(velocity) > FAILED_RV_KMS:
        return f"faster than {FAILED_RV_KMS:g} km/s, so its fit failed"
    flags = [name for name in _VELOCITY_BITS if starflag >> STARFLAG[name] & 1]
    return f"STARFLAG has {' and '.join(flags)}" if flags else ""


def _magnitude(value: Any) -> float:
    return (
        np.nan if value is None or abs(float(value)) > 90 else float(value)
    )  # 99 and -9999 both mean missing


def star_name(sources: Sequence[Any], path: Path) -> str:
    star = first(sources, ("OBJID", "OBJ", "APOGEE_ID", "SDSS4_APOGEE_ID", "SDSS_ID"))
    if star is None:
        raise InputError(
            f"'{path}' names no star (no OBJID, OBJ or APOGEE_ID in its header); it cannot be used."
        )
    return str(star).strip()


def _mask(hdu: Any) -> np.ndarray:
    """Mask bits as int64; stored as signed 16-bit integers, so bit 15 must not spread into the sign."""
    raw = native(hdu.data)
    return raw.astype(np.int64) & ((1 << 8 * raw.dtype.itemsize) - 1) if raw.dtype.itemsize < 8 else raw


def flagged(mask: np.ndarray, names: Sequence[str]) -> np.ndarray:
    for name in names:
        check_name("pixel flag", name, PIXMASK)
    return (mask & sum(1 << PIXMASK[name] for name in set(names))) != 0


def _weights(flux, error, limit: float, bad=False) -> np.ndarray:
    """Inverse variances; zero where the error is 0, not finite or at the limit, the flux exactly 0, or `bad`."""
    with np.errstate(invalid="ignore"):
        good = np.isfinite(error) & (error > 0) & (error < limit) & (flux != 0) & ~np.asarray(bad)
    return narrowed(np.where(good, 1.0 / np.where(good, error, 1.0) ** 2, 0.0))


def load_aspcapstar(hdus: fits.HDUList, path: Path, *, model: bool = False) -> Spectra:
    """The pseudo-continuum-normalised spectrum of one star, or ASPCAP's best fit to it.

    Parameters
    ----------
    model : bool
        Give the best-fit model (HDU 3) in place of the observed flux; the weights stay those of the data.
    """
    flux, error = native(hdus[1].data), native(hdus[2].data)
    row = row_values(hdus[4])
    facts = _facts(hdus[0].header, row, path) | {"aspcapflag": first((row,), ("ASPCAPFLAG",), 0)}
    facts["rv_doubt"] = _doubt(0.0, int(facts["starflag"]))
    return Spectra(
        native(hdus[3].data) if model else flux,
        _weights(flux, error, ASPCAP_ERROR_LIMIT),
        WAVELENGTH,
        "vacuum",
        np.array([star_name((hdus[0].header, row), path)]),
        frame="rest",
        survey="apogee",
        normalized=True,
        table=pd.DataFrame([facts]),
        history=(
            f"read aspcapStar {'best-fit model' if model else 'pseudo-continuum-normalised flux'}; "
            "vacuum wavelengths by the survey's convention",
        ),
    )


def load_apstar(
    hdus: fits.HDUList, path: Path, *, rows: str = "pixel", bad_pixels: Sequence[str] = BAD_PIXELS
) -> Spectra:
    """The combined spectrum of one star, its visits, or both; flux-calibrated, rest frame.

    Parameters
    ----------
    rows : "pixel", "global", "visits" or "all"
        Visits combined with weights per pixel or per visit; the visits themselves; everything. A star with one
        visit has a single row, which answers to every name.
    bad_pixels : sequence of str
        Names of `PIXMASK` bits whose pixels get zero weight. The combined rows carry the file's own masks: the
        OR of the visits for "pixel", the AND for "global".
    """
    if rows not in ROWS:
        raise InputError(choose_from("kind of apStar row", rows, ROWS))
    flux, error, mask = (
        np.atleast_2d(a) for a in (native(hdus[1].data), native(hdus[2].data), _mask(hdus[3]))
    )
    head = hdus[0].header
    n_visits = int(head.get("NVISITS", max(1, len(flux) - 2)))
    kinds = ["visit"] if len(flux) == 1 else ["pixel", "global"] + ["visit"] * (len(flux) - 2)
    keep = np.array([len(flux) == 1 or rows == "all" or kind == rows.removesuffix("s") for kind in kinds])
    star = _facts(head, {}, path) | {"andflag": head.get("ANDFLAG", 0)}
    star["rv_doubt"] = _doubt(0.0, int(star["starflag"]))
    facts, visit = [], 0
    for kind in kinds:
        visit += kind == "visit"
        facts.append(star | {"row": kind} | (_visit_facts(head, visit) if kind == "visit" else {}))
    return Spectra(
        flux[keep],
        _weights(flux, error, VISIT_ERROR_LIMIT, flagged(mask, bad_pixels))[keep],
        WAVELENGTH,
        "vacuum",
        np.array([star_name((head,), path)] * int(keep.sum())),
        frame="rest",
        survey="apogee",
        flux_unit=FLUX_UNIT,
        mask=mask[keep],
        bits=PIXMASK,
        table=pd.DataFrame([f for f, k in zip(facts, keep, strict=True) if k]),
        history=(
            f"read apStar rows '{rows}' of {n_visits} visits; vacuum wavelengths by the survey's convention",
        ),
    )


def _visit_facts(head: fits.Header, visit: int) -> dict[str, Any]:
    """What the apStar header says about one visit (counted from 1)."""
    return {
        "visit_file": str(head.get(f"SFILE{visit}", "")),
        "snr": first((head,), (f"SNRVIS{visit}", "SNR"), np.nan),
        "rv_kms": number((head,), (f"VHELIO{visit}", "VHELIO")),
        "rv_err_kms": number((head,), (f"VERR{visit}", "VERR")),
        "barycentric_kms": number((head,), (f"BC{visit}",)),
        "jd": number((head,), (f"JD{visit}",)),
        "fiber": first((head,), (f"FIBER{visit}",), -1),
        "starflag": first((head,), (f"FLAG{visit}", "STARFLAG"), 0),
    }


def load_apvisit(hdus: fits.HDUList, path: Path, *, bad_pixels: Sequence[str] = BAD_PIXELS) -> Spectra:
    """One visit on the detectors' native pixels, in the observer's frame, by increasing wavelength.

    The table carries the barycentric correction and the heliocentric velocity; the Doppler shift that brings the
    spectrum to rest is ``rv_kms - barycentric_kms``. A velocity that cannot be right is NaN with ``rv_failed``.
    """
    flux, error, mask = native(hdus[1].data), native(hdus[2].data), _mask(hdus[3])
    wavelength = native(hdus[4].data, np.float64)
    order = np.argsort(wavelength, axis=None)  # detectors come red first, each from long to short wavelength
    ordered = wavelength.ravel()[order]
    if not (np.all(np.diff(ordered) > 0) and ordered[0] > 1.4e4 and ordered[-1] < 1.8e4):
        raise InputError(
            f"'{path}' looks like an apVisit file, but its HDU 4 does not hold distinct H-band wavelengths in "
            f"Angstrom ({ordered[0]:.1f} to {ordered[-1]:.1f}); the layout is not known, so it is not read."
        )
    head = hdus[0].header
    row = row_values(hdus[-1])
    facts = _facts(head, row, path)
    velocity = facts["rv_kms"]
    failed = (
        not np.isfinite(velocity) or abs(velocity) > FAILED_RV_KMS or bool(int(facts["starflag"]) >> 22 & 1)
    )
    facts |= {
        "rv_kms": np.nan if failed else velocity,
        "rv_failed": failed,
        "rv_doubt": _doubt(velocity, int(facts["starflag"])),
        # Fits of single visits end up hundreds of km/s off without a flag: 5 of 11 M dwarfs in DR13.
        "rv_unsure": True,
        "rv_header_kms": velocity,
        "barycentric_kms": number((head, row), ("BC",)),
        "plate": str(first((head, row), ("PLATE",), "")),
        "mjd": first((head, row), ("MJD5", "MJD"), -1),
        "fiber": first((head, row), ("FIBERID",), -1),
    }
    weights = _weights(flux, error, VISIT_ERROR_LIMIT, flagged(mask, bad_pixels))
    return Spectra(
        flux.ravel()[order],
        weights.ravel()[order],
        ordered,
        "vacuum",
        np.array([star_name((head, row), path)]),
        frame="observed",
        survey="apogee",
        flux_unit=FLUX_UNIT,
        mask=mask.ravel()[order],
        bits=PIXMASK,
        table=pd.DataFrame([facts]),
        history=(
            "read apVisit; native pixels, observed frame, vacuum wavelengths by the survey's convention",
        ),
    )
