"""Low-resolution spectra in two bands as Gaia makes them: coefficients of Hermite functions with correlated noise, sampled."""

import numpy as np

__all__ = ["sampled_bands"]

N = 55
#: Edges of the band, Angstrom, and Angstrom for half a pixel at either end.
BANDS = {"bp": (3750.0, 6700.0, (15.0, 80.0)), "rp": (6300.0, 9050.0, (35.0, 65.0))}
SAMPLES = 24  # of each band
LINE_SPREAD = 1.3  # pixels
SNR_AT_11 = 1400.0  # of the first coefficient, at G = 11
# As the errors of ten real sources fall with the order of the coefficient, and the size and reach of their correlations.
_ORDER, _REACH, _STRENGTH = 40.0, 12.0, 0.45


def sampled_bands(
    flux: np.ndarray, wavelength: np.ndarray, magnitude: np.ndarray, rng: np.random.Generator, noise: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Ln flux in samples of both bands with its noise.

    Parameters
    ----------
    flux : (star, pixel) array
        As it arrives, up to a factor for each star.
    magnitude : (star,) array
        G, which sets the noise.
    noise : float
        Factor of the noise.

    Returns
    -------
    value, error : (star, sample) arrays
        ln of the flux relative to a typical pixel of the star, and its standard error.
    clean : (star, sample) array
        Without noise.
    correlation : (sample, sample) array
        Of the noise of a typical star.
    names : list of str
    """
    values, errors, cleans, names = [], [], [], []
    correlation = np.zeros((2 * SAMPLES, 2 * SAMPLES))
    level = flux.mean(axis=1, keepdims=True)
    for k, (band, (low, high, step)) in enumerate(BANDS.items()):
        project, sample, centre = _band(low, high, step, wavelength)
        coefficients = (flux / level) @ project.T
        snr = SNR_AT_11 * 10 ** (-0.2 * (magnitude - 11)) / noise
        order = 1 / (1 + (np.arange(N) / _ORDER) ** 3)
        sigma = np.abs(coefficients[:, :1]) / snr[:, None] * order
        sigma = sigma * np.exp(0.1 * rng.standard_normal(sigma.shape))
        matrix = _correlations(seed=k)
        drawn = sigma * (rng.standard_normal(sigma.shape) @ np.linalg.cholesky(matrix).T)
        clean, observed = coefficients @ sample.T, (coefficients + drawn) @ sample.T
        good = (observed > 0) & (clean > 0)
        typical = np.median(sigma, axis=0)
        cov = (sample * typical) @ matrix @ (sample * typical).T
        variance = _variances(sample, sigma, matrix)
        part = slice(k * SAMPLES, (k + 1) * SAMPLES)
        correlation[part, part] = cov / np.sqrt(np.diag(cov)) / np.sqrt(np.diag(cov))[:, None]
        values.append(np.where(good, np.log(np.where(good, observed, 1.0)), np.nan))
        cleans.append(np.log(np.maximum(clean, 1e-12)))
        errors.append(np.sqrt(variance) / np.where(good, observed, 1.0))
        names += [f"{band}_{w:.0f}" for w in centre]
    value, error, clean = (np.concatenate(x, axis=1) for x in (values, errors, cleans))
    return value, error, clean, correlation, names


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
