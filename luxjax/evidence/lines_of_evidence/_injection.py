"""Injection: the element's lines made deeper, and nothing else changed, to see whether the predicted label follows.

The spectra of held-out stars, real or simulated, are multiplied by exp(-d tau): the change of the theoretical line
profiles when the abundance rises by a known amount. A label that is read from these lines rises by as much (1), less
where the model shrinks noisy evidence towards the trend; one that is guessed from other labels does not move (0). The
null injects the same lines at other wavelengths. What the other labels do is told too: a rise of theirs is a leak.
"""

from dataclasses import dataclass

import numpy as np

from .._stars import Stars

__all__ = ["Injection", "inject"]

CHANGE = 0.1  # dex


@dataclass(frozen=True, eq=False)
class Injection:
    """Response of predicted labels to an injected change of abundance.

    Attributes
    ----------
    slope : (label,) array
        Mean change of every predicted label, in its unit, per dex injected.
    error : (label,) array
        Standard error of this mean over stars.
    change : float
        Abundance change injected, dex.
    """

    slope: np.ndarray
    error: np.ndarray
    change: float


def inject(stars: Stars, factor: np.ndarray, change: float = CHANGE) -> Injection:
    """Multiply the spectra by the effect of an abundance change, and infer all labels again.

    Parameters
    ----------
    stars : Stars
    factor : (pixel,) array
        Of all inputs side by side, as from `ElementWindows.deepened`.
    change : float
        The abundance change in dex that `factor` stands for.
    """
    factor = np.asarray(factor, float)
    pixels = np.abs(factor - 1) > 1e-9
    difference = stars.flux[:, pixels].astype(float) * (factor[pixels] - 1)
    slope = stars.change(pixels, difference) / change
    return Injection(slope.mean(axis=0), slope.std(axis=0, ddof=1) / np.sqrt(len(slope)), change)
