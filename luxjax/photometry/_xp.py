"""BP and RP spectra of Gaia: coefficients with their correlations, or sampled flux."""

import os
from typing import TYPE_CHECKING

import numpy as np

from ..core import InputError
from ..core.internal import identifiers, join_names, path_text
from ..data import Measurements
from ..system.internal import lazy_import
from ._tables import arrays_in, read_gaia_table, repeated

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

__all__ = ["is_xp", "read_xp", "xp_measurements"]

N_COEFFICIENTS = 55
GRID = 336.0 + 2.0 * np.arange(343)  # nm, of the sampled spectra of the archive
LEAST_SNR = 3.0  # of a bin, for its logarithm to have a symmetric error


def read_xp(file: str | os.PathLike, *, bins: int = 48, floor: float = 0.003) -> Measurements:
    """BP and RP spectra of stars from a file of Gaia's archive, continuous or sampled.

    Of sampled spectra: ln flux in `bins` bins of wavelength, on which reddening and most of a star's parameters act linearly. Samples
    within a bin are correlated, so the error of a bin is the mean one of its samples. Of continuous spectra: the coefficients of
    both bands, divided by the first of RP (of BP where there is no RP), with the mean correlations of the file's sources.

    Parameters
    ----------
    file : path
        CSV, ECSV, FITS or VOTable as the archive writes them; arrays in cells, or a column for each coefficient.
    bins : int
        For sampled spectra.
    floor : float
        Relative error added in quadrature, of what calibration leaves.

    Returns
    -------
    Measurements
        Named ``bp_0`` ... ``rp_54``, or by wavelength, ``xp_340nm``. A source without BP, or with bins below three standard errors,
        lacks these.

    Raises
    ------
    InputError
        It is no such file, sources are repeated, or correlations are not positive definite: the archive writes the upper triangle
        column by column.
    """
    return xp_measurements(read_gaia_table(file), path_text(file), bins, floor)


def is_xp(frame: "pd.DataFrame") -> bool:
    """Whether a table of the archive holds BP and RP spectra."""
    column = {str(c).lower(): c for c in frame.columns}
    if {"bp_coefficients", "rp_coefficients"} & set(column) or "rp_coeff_0" in column:
        return "source_id" in column
    sampled = {"source_id", "flux", "flux_error"} <= set(column)
    return sampled and not pd.api.types.is_numeric_dtype(frame[column["flux"]])


def xp_measurements(frame: "pd.DataFrame", what: str, bins: int = 48, floor: float = 0.003) -> Measurements:
    """Measurements of a table that was read already; `what` it is, for messages."""
    frame = frame.rename(columns={c: str(c).lower() for c in frame.columns})
    if "source_id" not in frame:
        raise InputError(f"{what} has no column source_id; given: {join_names(frame.columns, 8)}.")
    ids = identifiers("column 'source_id'", frame["source_id"])
    repeated("source_id", ids)
    if {"bp_coefficients", "rp_coefficients"} & set(frame) or "rp_coeff_0" in frame:
        return _continuous(frame, ids, floor)
    if {"flux", "flux_error"} <= set(frame):
        return _sampled(frame, ids, bins, floor)
    raise InputError(
        f"{what} has neither bp_coefficients and rp_coefficients nor flux and flux_error; given: "
        f"{join_names(frame.columns, 8)}."
    )


def _continuous(frame: "pd.DataFrame", ids: np.ndarray, floor: float) -> Measurements:
    value, error = (np.full((len(ids), 2 * N_COEFFICIENTS), np.nan) for _ in range(2))
    correlation, known = np.eye(2 * N_COEFFICIENTS), False
    for k, band in enumerate(("bp", "rp")):
        part = slice(k * N_COEFFICIENTS, (k + 1) * N_COEFFICIENTS)
        value[:, part], error[:, part], found = _band(frame, band, ids)
        if found is not None:
            correlation[part, part], known = found, True
    first = np.where(np.isfinite(value[:, N_COEFFICIENTS]), value[:, N_COEFFICIENTS], value[:, 0])
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.where(first > 0, first, np.nan)[:, None]
        relative = np.hypot(error / scale, floor * np.abs(value / scale))
    names = tuple(f"{band}_{j}" for band in ("bp", "rp") for j in range(N_COEFFICIENTS))
    return Measurements(
        value / scale,
        relative,
        names,
        ids,
        correlation=correlation if known else None,
        survey="gaia",
        table=pd.DataFrame({"xp_scale": first}),
    )


def _band(frame, band: str, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Coefficients and errors of a band, (star, coefficient), and the mean of its correlations; None where none are stated."""
    value, error = (np.full((len(ids), N_COEFFICIENTS), np.nan) for _ in range(2))
    if f"{band}_coeff_0" in frame:  # a column for each
        for j in range(N_COEFFICIENTS):
            value[:, j] = frame[f"{band}_coeff_{j}"].to_numpy(np.float64)
            error[:, j] = frame[f"e_{band}_coeff_{j}"].to_numpy(np.float64)
        return value, error, None
    if f"{band}_coefficients" not in frame:
        return value, error, None
    cells = {
        what: arrays_in(f"column {band}_{what}", frame[f"{band}_{what}"])
        for what in ("coefficients", "coefficient_errors", "coefficient_correlations")
        if f"{band}_{what}" in frame
    }
    matrices = []
    for star, (v, e) in enumerate(zip(cells["coefficients"], cells["coefficient_errors"], strict=True)):
        if len(v) == 0:
            continue
        if len(v) != N_COEFFICIENTS or len(e) != N_COEFFICIENTS:
            raise InputError(
                f"source {ids[star]} has {len(v)} coefficients of {band.upper()} and {len(e)} errors; Gaia DR3 has {N_COEFFICIENTS}."
            )
        value[star], error[star] = v, e
        stated = cells.get("coefficient_correlations")
        if stated is not None and len(stated[star]):
            matrices.append(correlations(stated[star], f"source {ids[star]}, {band.upper()}"))
    return value, error, np.mean(matrices, axis=0) if matrices else None


def correlations(upper: np.ndarray, what: str) -> np.ndarray:
    """The correlation matrix whose upper triangle, without the diagonal, is written column by column."""
    n = N_COEFFICIENTS
    if len(upper) != n * (n - 1) // 2:
        raise InputError(
            f"{what}: {len(upper)} correlations are given; {n} coefficients have {n * (n - 1) // 2}."
        )
    matrix = np.eye(n)
    column, row = np.tril_indices(n, -1)  # of a lower triangle row by row: the same order
    matrix[row, column] = matrix[column, row] = upper
    if not np.isfinite(matrix).all() or (least := np.linalg.eigvalsh(matrix)[0]) <= 0:
        least = np.nan if not np.isfinite(matrix).all() else least
        raise InputError(
            f"{what}: the correlations are not positive definite (smallest eigenvalue {least:.2g}); the archive writes the upper "
            "triangle column by column."
        )
    return matrix


def _sampled(frame: "pd.DataFrame", ids: np.ndarray, bins: int, floor: float) -> Measurements:
    flux, sigma = (arrays_in(f"column {c}", frame[c]) for c in ("flux", "flux_error"))
    lengths = {len(f) for f in (*flux, *sigma)}
    if lengths != {len(GRID)}:
        raise InputError(
            f"sampled spectra of Gaia have {len(GRID)} values from 336 to 1020 nm; these have {join_names(sorted(lengths))}."
        )
    if not 1 <= bins <= len(GRID):
        raise InputError(f"bins is a whole number from 1 to {len(GRID)}; given {bins}.")
    parts = np.array_split(np.arange(len(GRID)), bins)
    value = np.stack([np.array(flux)[:, p].mean(axis=1) for p in parts], axis=1)
    error = np.stack([np.array(sigma)[:, p].mean(axis=1) for p in parts], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        good = value > LEAST_SNR * error
        ln = np.where(good, np.log(np.where(good, value, 1.0)), np.nan)
        relative = np.hypot(error / np.where(good, value, 1.0), floor)
    names = tuple(f"xp_{GRID[p].mean():.0f}nm" for p in parts)
    return Measurements(ln, np.where(good, relative, np.nan), names, ids, survey="gaia")
