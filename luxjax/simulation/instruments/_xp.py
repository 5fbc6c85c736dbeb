"""Low-resolution spectra in two bands as Gaia makes them: coefficients of Hermite functions with correlated noise, sampled."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy

__all__ = ["Observed", "observe_bands"]

N = 55
#: Edges of the band, Angstrom, and Angstrom for half a pixel at either end.
BANDS = {"bp": (3750.0, 6700.0, (15.0, 80.0)), "rp": (6300.0, 9050.0, (35.0, 65.0))}
SAMPLES = 24  # of each band
LINE_SPREAD = 1.3  # pixels
SNR_AT_11 = 1400.0  # of the first coefficient, at G = 11
# As the errors of ten real sources fall with the order of the coefficient, and the size and reach of their correlations.
_ORDER, _REACH, _STRENGTH = 40.0, 12.0, 0.45


class Observed(NamedTuple):
    """Coefficients of both bands as they were observed, one entry for each band.

    Attributes
    ----------
    value, error : list of (star, N) arrays
        Coefficients divided by the mean flux of the star, and their standard errors.
    correlation : list of (N, N) arrays
        Of the noise of the coefficients.
    sample : list of (SAMPLES, N) arrays
        From coefficients to flux at sampled wavelengths.
    centre : list of (SAMPLES,) arrays
        These wavelengths, Angstrom.
    """

    value: list[np.ndarray]
    error: list[np.ndarray]
    correlation: list[np.ndarray]
    sample: list[np.ndarray]
    centre: list[np.ndarray]

    def coefficients(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
        """Values and errors (star, coefficient), correlations, and names."""
        names = [f"{band}_{k}" for band in BANDS for k in range(N)]
        return np.hstack(self.value), np.hstack(self.error), _blocks(self.correlation), names

    def samples(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
        """Ln of the sampled flux and its errors (star, sample), correlations of a typical star, and names."""
        values, errors, matrices = [], [], []
        for value, error, matrix, sample in zip(*self[:4], strict=True):
            flux = value @ sample.T
            good = flux > 0
            safe = np.where(good, flux, 1.0)
            half = sample * np.median(error, axis=0)
            cov = half @ matrix @ half.T
            values.append(np.where(good, np.log(safe), np.nan))
            errors.append(np.sqrt(_variances(sample, error, matrix)) / safe)
            matrices.append(cov / np.sqrt(np.diag(cov)) / np.sqrt(np.diag(cov))[:, None])
        names = [f"{band}_{w:.0f}" for band, centre in zip(BANDS, self.centre, strict=True) for w in centre]
        return np.hstack(values), np.hstack(errors), _blocks(matrices), names


def observe_bands(
    flux: np.ndarray,
    wavelength: np.ndarray,
    magnitude: np.ndarray,
    rng: np.random.Generator,
    noise: float,
    correlations: Sequence[np.ndarray] | None = None,
) -> Observed:
    """Both bands with their noise.

    Parameters
    ----------
    flux : (star, pixel) array
        As it arrives, up to a factor for each star.
    magnitude : (star,) array
        G, which sets the noise.
    noise : float
        Factor of the noise.
    correlations : two (55, 55) arrays, optional
        Of the noise of the coefficients of BP and RP. Default: like those of Gaia's sources.
    """
    found = Observed([], [], [], [], [])
    snr = SNR_AT_11 * 10 ** (-0.2 * (magnitude - 11)) / noise
    for k, (low, high, step) in enumerate(BANDS.values()):
        project, sample, centre = _band(low, high, step, wavelength)
        clean = (flux / flux.mean(axis=1, keepdims=True)) @ project.T
        error = np.abs(clean[:, :1]) / snr[:, None] / (1 + (np.arange(N) / _ORDER) ** 3)
        error = error * np.exp(0.1 * rng.standard_normal(error.shape))
        matrix = _correlations(seed=k) if correlations is None else np.asarray(correlations[k])
        drawn = error * (rng.standard_normal(error.shape) @ np.linalg.cholesky(matrix).T)
        for field, item in zip(found, (clean + drawn, error, matrix, sample, centre), strict=True):
            field.append(item)
    return found


def _blocks(matrices: Sequence[np.ndarray]) -> np.ndarray:
    return np.asarray(scipy.linalg.block_diag(*matrices))


def _band(low: float, high: float, step: tuple[float, float], wavelength: np.ndarray):
    """From flux to coefficients (N, pixel), from coefficients to samples (SAMPLES, N), and the wavelengths of these."""
    edges = [low - 400.0]
    while edges[-1] < high + 400:
        along = np.clip((edges[-1] - low) / (high - low), 0, 1)
        edges.append(edges[-1] + step[0] + (step[1] - step[0]) * along)
    centre = 0.5 * (np.array(edges[1:]) + edges[:-1])
    pixel = 0.5 * np.arange(len(centre))
    which = np.digitize(wavelength, edges) - 1
    inside = (which >= 0) & (which < len(centre))
    response = wavelength / (1 + np.exp((low - wavelength) / 60)) / (1 + np.exp((wavelength - high) / 60))
    collect = np.zeros((len(centre), len(wavelength)))
    collect[which[inside], np.flatnonzero(inside)] = (response * np.gradient(wavelength))[inside]
    blur = np.exp(-0.5 * ((pixel[:, None] - pixel) / LINE_SPREAD) ** 2)
    functions = _hermite((pixel - pixel.mean()) / 3.3)  # (N, pixel)
    project = functions @ (blur / blur.sum(axis=1, keepdims=True)) @ collect * 0.5
    at = np.interp(np.linspace(low + 100, high - 100, SAMPLES), centre, pixel)
    sample = _hermite((at - pixel.mean()) / 3.3).T / 3.3
    scale = project[0].max()
    return project / scale, sample, np.interp(at, pixel, centre)


def _hermite(x: np.ndarray) -> np.ndarray:
    """Orthonormal Hermite functions by their recurrence, (N, x)."""
    out = np.zeros((N, len(x)))
    out[0] = np.pi**-0.25 * np.exp(-(x**2) / 2)
    out[1] = np.sqrt(2) * x * out[0]
    for k in range(2, N):
        out[k] = np.sqrt(2 / k) * x * out[k - 1] - np.sqrt((k - 1) / k) * out[k - 2]
    return out


def _correlations(seed: int) -> np.ndarray:
    """Correlations between coefficients of neighbouring order, of either sign, the same for all stars."""
    rng, order = np.random.default_rng(seed), np.arange(N)
    reach = np.exp(-(((order[:, None] - np.linspace(0, N, 24)) / _REACH) ** 2))
    factor = _STRENGTH * reach * rng.standard_normal((N, 24))
    cov = np.eye(N) + factor @ factor.T
    return cov / np.sqrt(np.diag(cov)) / np.sqrt(np.diag(cov))[:, None]


def _variances(sample: np.ndarray, sigma: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Variance of each star's samples, (star, sample): the diagonal of S E R E S'."""
    out = np.empty((len(sigma), len(sample)))
    for star, own in enumerate(sigma):
        half = sample * own
        out[star] = np.sum((half @ matrix) * half, axis=1)
    return out
