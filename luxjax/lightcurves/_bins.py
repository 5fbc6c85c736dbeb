"""Power in bins of log frequency, with the bias and the error that an average of few exponential numbers has in its logarithm."""

from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, polygamma

from ..core import InputError
from ._power import MEGASECONDS, PowerSpectrum

__all__ = ["Binned", "bin_edges", "binned_power"]

PER_DECADE = 20.6  # 36 bins from 5 uHz to the Nyquist frequency of half an hour
HIGHEST = 4000.0  # uHz


@dataclass(frozen=True, eq=False)
class Binned:
    """Log power of stars in bins of log frequency.

    Parameters
    ----------
    frequency : (bin,) array
        Geometric centres, microhertz.
    value, error : (star, bin) arrays
        log10 of the mean power, ppm^2 per microhertz, and its standard deviation; infinite where a bin holds no frequency.
    """

    frequency: np.ndarray
    value: np.ndarray
    error: np.ndarray


def bin_edges(lowest: float, nyquist: float, per_decade: float = PER_DECADE) -> np.ndarray:
    """Edges of bins of one width in log frequency, from `lowest` to just below the Nyquist frequency, but to 4000 uHz at most."""
    highest = min(0.995 * nyquist, HIGHEST)
    if not 0 < lowest < 0.2 * highest:
        raise InputError(
            f"the lowest frequency is {lowest:g} uHz, and bins end at {highest:.0f} uHz; give a positive one below {0.2 * highest:.0f}."
        )
    return np.geomspace(lowest, highest, max(round(per_decade * np.log10(highest / lowest)), 8) + 1)


def binned_power(spectrum: PowerSpectrum, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log10 of the mean power in each bin, free of bias, and its standard deviation, (bin,) each.

    Power at one frequency is exponentially distributed about its mean, so that the mean of k independent ones follows a gamma
    distribution: its logarithm is low by ln k - digamma(k), and has the variance trigamma(k). With gaps neighbouring frequencies are not
    independent; k is the number of frequencies times the fraction of the time that was observed.
    """
    n = len(edges) - 1
    where = np.digitize(spectrum.frequency, edges) - 1
    inside = (where >= 0) & (where < n)
    count = np.bincount(where[inside], minlength=n).astype(float)
    total = np.bincount(where[inside], spectrum.power[inside], minlength=n)
    k = np.maximum(count * min(spectrum.spacing * spectrum.observed_d * MEGASECONDS, 1.0), 0.5)
    seen = (count > 0) & (total > 0)
    mean = np.log(np.where(seen, total, 1.0) / np.maximum(count, 1.0))
    value = np.where(seen, mean - (digamma(k) - np.log(k)), np.nan)
    error = np.where(seen, np.sqrt(polygamma(1, k)), np.inf)
    return value / np.log(10.0), error / np.log(10.0)
