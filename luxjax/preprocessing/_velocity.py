"""Radial velocities by cross-correlation with spectra at rest."""

import numpy as np
import pandas as pd
from scipy.fft import irfft, next_fast_len, rfft
from scipy.ndimage import gaussian_filter1d

from ..core import InputError
from ..data import Spectra
from ._doppler import C_KMS
from ._medium import to_medium

__all__ = ["measure_velocity"]

# Pixels (one sigma) over which the level of a spectrum is found, and by which its lines are told from its shape.
LEVEL = 60.0
# A step between neighbouring pixels this many times the usual one is a gap.
GAP = 5.0
# Deviations from the level beyond these are no lines: cosmic rays, remains of sky lines.
DEEPEST, HIGHEST = -1.0, 0.3
# Pixels about the highest peak that belong to it.
PEAK = 15


def measure_velocity(
    spectra: Spectra, templates: Spectra, *, largest_kms: float = 600.0, around_kms: float = 0.0
) -> pd.DataFrame:
    """Velocity of each spectrum relative to templates at rest, by cross-correlation in log wavelength.

    Spectra and templates are divided by their level, a running mean, so neither needs a continuum. Pixels weigh by their inverse
    variance, at most the median one, so that no bright part decides alone. The template that correlates best is taken.

    Parameters
    ----------
    spectra : Spectra
    templates : Spectra
        At rest, at about the resolution of the spectra. Air or vacuum.
    largest_kms, around_kms : float
        Velocities between ``around_kms - largest_kms`` and ``around_kms + largest_kms`` are looked at.

    Returns
    -------
    pandas.DataFrame
        One row for each spectrum: ``velocity_kms`` and ``error_kms``; ``correlation``, from 0 to 1; ``second``, that of the
        highest peak elsewhere; ``significance``, the height of the peak over the scatter elsewhere (5 is a weak, 10 a sure one);
        ``template``, its id. NaN where spectrum and templates have no wavelengths in common.

    Raises
    ------
    InputError
        There is no template, or it is not at rest.

    Examples
    --------
    >>> import numpy as np
    >>> import luxjax
    >>> from luxjax.preprocessing import measure_velocity
    >>> wave = np.exp(np.arange(9.0, 9.05, 2e-5))
    >>> lines = 1 - 0.5 * np.exp(-0.5 * ((np.log(wave)[:, None] - [9.01, 9.02, 9.037]) / 5e-5) ** 2).sum(axis=1)
    >>> rest = luxjax.Spectra(lines[None], np.ones((1, len(wave))), wave, "vacuum", ["model"])
    >>> moved = rest.replace(wavelength=wave * (1 + 30 / 299792.458), frame="barycentric")
    >>> measure_velocity(moved, rest)["velocity_kms"].round(1).tolist()
    [30.0]
    """
    if not len(templates) or templates.frame != "rest":
        raise InputError(
            f"velocities are measured with templates at rest; given: {len(templates)} in the {templates.frame} frame."
        )
    grids, models, step = _models(templates, spectra)
    rows = [
        _one(spectra, row, grids, models, step * C_KMS, largest_kms, around_kms)
        for row in range(len(spectra))
    ]
    found = pd.DataFrame(
        rows,
        columns=["velocity_kms", "error_kms", "correlation", "second", "significance", "template"],
    )
    found["template"] = [templates.ids[int(k)] if k >= 0 else "" for k in found["template"]]
    return found


# Lines of templates on the pixels of spectra seen last: files of a survey share them.
_SEEN: dict[tuple, tuple] = {}
_MOST = 16


def _models(templates: Spectra, spectra: Spectra) -> tuple[list[np.ndarray], list[np.ndarray], float]:
    """Log-linear stretches of the wavelengths of some spectra, lines of the templates on them, and the step in log wavelength."""
    wave = spectra.wavelength
    key = (
        id(templates),
        spectra.medium,
        len(wave),
        float(wave[0]),
        float(wave[-1]),
        float(wave[len(wave) // 2]),
    )
    found = _SEEN.get(key)
    if found is None:
        step = float(np.median(np.diff(np.log(wave))))
        grids = [_log_grid(part, step) for part in _parts(wave)]
        there = to_medium(templates, spectra.medium)
        found = (templates, grids, [_on_grid(there, grid) for grid in grids], step)
        while len(_SEEN) >= _MOST:
            _SEEN.pop(next(iter(_SEEN), ()), None)
        _SEEN[key] = found
    return found[1:]


def _parts(wavelength: np.ndarray) -> list[np.ndarray]:
    """Stretches of wavelengths without a gap."""
    steps = np.diff(np.log(wavelength))
    return [
        part
        for part in np.split(wavelength, np.flatnonzero(steps > GAP * np.median(steps)) + 1)
        if len(part) > 8
    ]


def _log_grid(part: np.ndarray, step: float) -> np.ndarray:
    return part[0] * np.exp(step * np.arange(int(np.log(part[-1] / part[0]) / step) + 1))


def _on_grid(templates: Spectra, grid: np.ndarray) -> np.ndarray:
    """Lines of the templates as deviations from their level, 0 where a template does not reach, (template, pixel)."""
    out = np.zeros((len(templates), len(grid)))
    for k in range(len(templates)):
        flux, weight = _sampled(templates, k, grid)
        out[k] = _lines(flux, (weight > 0).astype(float))
    return out


def _sampled(spectra: Spectra, row: int, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Flux and weight on other wavelengths; without weight next to a bad pixel or in a gap."""
    wave, good = spectra.wavelength, spectra.good[row]
    whole = np.interp(grid, wave, good.astype(float), left=0, right=0) > 0.999
    right = np.clip(np.searchsorted(wave, grid), 1, len(wave) - 1)
    near = np.log(wave[right] / wave[right - 1]) < GAP * np.median(np.diff(np.log(wave)))
    ivar = np.interp(grid, wave, spectra.ivar[row].astype(float))
    return np.interp(grid, wave, np.where(good, spectra.flux[row], 0.0)), np.where(whole & near, ivar, 0.0)


def _lines(flux: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Deviations from the level, 0 where there is no weight or level."""
    level = gaussian_filter1d(flux * weight, LEVEL) / np.maximum(gaussian_filter1d(weight, LEVEL), 1e-9)
    known = (weight > 0) & (level > 0)
    return np.where(known, np.clip(flux / np.where(known, level, 1.0) - 1.0, DEEPEST, HIGHEST), 0.0)


def _one(spectra, row, grids, models, pixel_kms, largest_kms, around_kms) -> tuple[float, ...]:
    nothing = (np.nan, np.nan, 0.0, 0.0, 0.0, -1)
    sampled = [_sampled(spectra, row, grid) for grid in grids]
    weights = np.concatenate([w for _, w in sampled]) if sampled else np.zeros(0)
    if not (weights > 0).any():
        return nothing
    limit = np.median(weights[weights > 0])
    first = int(np.floor((around_kms - largest_kms) / pixel_kms))
    shift = np.arange(first, first + int(2 * largest_kms / pixel_kms) + 2)
    product, power, own = np.zeros((2, len(models[0]), len(shift))), 0.0, 0.0
    above, below = product
    for (flux, weight), model in zip(sampled, models, strict=True):
        weight = np.minimum(weight, limit) / limit
        lines = _lines(flux, (weight > 0).astype(float))
        n = next_fast_len(len(flux) + int(np.abs(shift).max()) + 1, real=True)
        t, t2 = np.conj(rfft(model, n)), np.conj(rfft(model**2, n))
        above += irfft(rfft(weight * lines, n) * t, n)[:, shift]
        below += irfft(rfft(weight, n) * t2, n)[:, shift]
        own += float((weight * lines**2).sum())
        power += float((model**2).sum())
    if not (own > 0 and power > 0):
        return nothing
    # Where little of a template's lines overlaps, a few pixels would correlate by chance.
    enough = below > 0.2 * below.max(axis=1, keepdims=True)
    height = np.where(enough & (below > 0), above / np.sqrt(np.maximum(below, 1e-12) * own), 0.0)
    best = int(height.max(axis=1).argmax())
    curve = height[best]
    top = int(curve.argmax())
    far = np.abs(np.arange(len(curve)) - top) > PEAK
    noise = float(curve[far].std()) if far.any() else np.nan
    second = float(curve[far].max()) if far.any() else 0.0
    at = shift[top] + _vertex(curve, top)
    significance = float(curve[top] / noise) if noise > 0 else 0.0
    error = pixel_kms * _half_width(curve, top) * 0.75 / (1 + significance)
    velocity = C_KMS * np.tanh(at * pixel_kms / C_KMS)  # a shift in log wavelength, relativistic
    return velocity, error, float(curve[top]), second, significance, best


def _vertex(curve: np.ndarray, top: int) -> float:
    """Place of the maximum of the parabola through the highest point and its neighbours, in pixels from it."""
    if not 0 < top < len(curve) - 1:
        return 0.0
    a, b, c = curve[top - 1 : top + 2]
    return 0.5 * (a - c) / (a - 2 * b + c) if a - 2 * b + c < 0 else 0.0


def _half_width(curve: np.ndarray, top: int) -> float:
    """Pixels from the peak to half its height."""
    low = np.flatnonzero(curve < 0.5 * curve[top])
    return float(np.abs(low - top).min()) if len(low) else float(len(curve))
