"""Template of the power of a cool star by nu_max: granulation, the hump of its modes, slow variations and white noise.

Granulation is two Lorentzian-like components whose amplitude and time scales follow nu_max (Kallinger et al. 2014, A&A 570, A41); the
height and the width of the hump follow it as well (Mosser et al. 2012, A&A 537, A30).
"""

import numpy as np

__all__ = ["COMPONENTS", "components", "template_power"]

COMPONENTS = ("granulation", "hump", "activity", "white")
_BIN_WIDTH = 0.04  # half a bin of log frequency, by which the hump is smeared


def components(frequency: np.ndarray, nu_max: float, nyquist: float) -> np.ndarray:
    """Power of the four components at unit amplitude, ppm^2 per microhertz, (component, frequency).

    Parameters
    ----------
    frequency : (frequency,) array
        Microhertz.
    nu_max : float
        Microhertz.
    nyquist : float
        Microhertz; the exposure of its cadence attenuates granulation and modes.
    """
    seen = np.sinc(frequency / (2 * nyquist)) ** 2
    variance = (3382.0 * nu_max**-0.609) ** 2
    knees = 0.317 * nu_max**0.970, 0.948 * nu_max**0.992
    granulation = sum(1 / knee / (1 + (frequency / knee) ** 4) for knee in knees)
    width = 0.66 * nu_max**0.88 / 2.3548
    smeared = np.hypot(width, _BIN_WIDTH * frequency)
    hump = 2.03e7 * nu_max**-2.38 * width / smeared
    shape = np.exp(-0.5 * ((frequency - nu_max) / smeared) ** 2)
    return np.array([
        seen * 2 * np.sqrt(2) / np.pi * variance * granulation,
        seen * hump * shape + 1e-12,
        (frequency / 5.0) ** -3.0,
        np.ones_like(frequency),
    ])  # fmt: skip


def template_power(
    frequency: np.ndarray, nu_max: float, amplitudes: np.ndarray, nyquist: float
) -> np.ndarray:
    """Power of every component at these log10 amplitudes, (component, frequency)."""
    return 10.0 ** np.asarray(amplitudes)[:, None] * components(frequency, nu_max, nyquist)
