"""Power spectra of light curves: Lomb-Scargle, on the grid of one over the time spanned, as one-sided power density."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..core import InputError
from ..core.internal import doubles
from ..data import LightCurve

__all__ = ["PowerSpectrum", "power_spectrum"]

MEGASECONDS = 0.0864  # in a day
_FEWEST = 100  # cadences
_MOST = 20_000_000  # frequencies
_SPIKE = 5.0  # robust standard deviations of the steps


@dataclass(frozen=True, eq=False)
class PowerSpectrum:
    """Power density of one star by frequency.

    Parameters
    ----------
    id : str
        Identifier of the star.
    frequency : (frequency,) array
        Microhertz, increasing, evenly spaced.
    power : (frequency,) array
        One-sided power density, ppm^2 per microhertz: its sum times the spacing is the variance of the flux.
    cadence_s : float
        Seconds from one cadence to the next, which are also taken as the exposure.
    observed_d : float
        Days observed, gaps left out.
    meta : mapping
        Facts of the star, such as ``teff``.

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.lightcurves import PowerSpectrum
    >>> PowerSpectrum("a", np.arange(1.0, 280.0), np.ones(279), 1765.5, 11.6)
    PowerSpectrum(a: 279 frequencies, 1.0-279.0 uHz, 11.6 d)
    """

    id: str
    frequency: np.ndarray
    power: np.ndarray
    cadence_s: float
    observed_d: float
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        frequency = doubles("frequencies", self.frequency).reshape(-1)
        power = doubles("power", self.power).reshape(-1)
        if frequency.shape != power.shape or len(frequency) < 2:
            raise InputError(
                f"power spectrum '{self.id}' has {len(frequency)} frequencies and {len(power)} powers; give as many of both, at least two."
            )
        step = np.diff(frequency)
        even = np.all(np.isfinite(step)) and frequency[0] > 0 and np.allclose(step, step.mean(), rtol=1e-3)
        if not even or not step.mean() > 0:
            raise InputError(
                f"frequencies of '{self.id}' must be positive, increasing and evenly spaced, in microhertz."
            )
        if not np.all(np.isfinite(power) & (power >= 0)):
            raise InputError(
                f"the power of '{self.id}' must be finite and not negative, in ppm^2 per microhertz."
            )
        for what in ("cadence_s", "observed_d"):
            if not 0 < getattr(self, what) < np.inf:
                raise InputError(
                    f"{what} of power spectrum '{self.id}' is {getattr(self, what)}; give a positive number."
                )
        object.__setattr__(self, "frequency", frequency)
        object.__setattr__(self, "power", power)

    def __len__(self) -> int:
        return len(self.frequency)

    def __repr__(self) -> str:
        low, high = self.frequency[[0, -1]]
        return f"PowerSpectrum({self.id}: {len(self)} frequencies, {low:.1f}-{high:.1f} uHz, {self.observed_d:.1f} d)"

    @property
    def nyquist(self) -> float:
        """Highest frequency that the cadence resolves, microhertz."""
        return 0.5e6 / self.cadence_s

    @property
    def spacing(self) -> float:
        """Step of frequency, microhertz."""
        return float(self.frequency[-1] - self.frequency[0]) / (len(self) - 1)


def power_spectrum(curve: LightCurve) -> PowerSpectrum:
    """Power spectrum of a light curve, from one over the time that it spans to the Nyquist frequency.

    Pieces are divided by their medians where that was not done, and cadences that jump away and back are left out. Nothing is filtered: a high
    pass would take the granulation away that tells the gravity.

    Parameters
    ----------
    curve : LightCurve
        At least 100 cadences.

    Returns
    -------
    PowerSpectrum
        Lomb-Scargle power with unit weights, one-sided, ppm^2 per microhertz.

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.data import LightCurve
    >>> from luxjax.lightcurves import power_spectrum
    >>> time = np.arange(4000) * 0.0204336
    >>> flux = 1 + 1e-4 * np.sin(2 * np.pi * 100e-6 * time * 86400)  # 100 ppm at 100 microhertz
    >>> found = power_spectrum(LightCurve("a", time, flux, "bkjd"))
    >>> round(float(found.frequency[found.power.argmax()]), 1)
    100.0
    >>> round(float(found.power.sum() * found.spacing), -1)  # the variance, 100^2 / 2
    5000.0
    """
    from astropy.timeseries import LombScargle

    if len(curve) < _FEWEST:
        raise InputError(
            f"light curve '{curve.id}' has {len(curve)} cadences; at least {_FEWEST} are needed for a power spectrum."
        )
    curve = without_spikes(curve if curve.normalized else curve.normalize())
    if not 0 < (spread := float(np.std(curve.flux))) < 1:
        raise InputError(
            f"light curve '{curve.id}' varies by {spread:.3g} of its level, so it has no power spectrum that tells of a star; give fluxes, not "
            "differences or magnitudes."
        )
    cadence = float(curve.cadence_s)  # type: ignore[arg-type]
    time, flux = curve.time * MEGASECONDS, 1e6 * (curve.flux - curve.flux.mean())
    spacing = 1.0 / (time[-1] - time[0] + cadence * 1e-6)
    if (n := int(0.5e6 / cadence / spacing)) > _MOST:
        raise InputError(
            f"light curve '{curve.id}' spans {curve.time[-1] - curve.time[0]:.0f} days at {cadence:.0f} s, which makes {n:,} frequencies, more than "
            f"{_MOST:,}; leave out cadences with wrong times, or use a part of it."
        )
    frequency = spacing * np.arange(1, n + 1)
    power = LombScargle(time - time[0], flux).power(
        frequency, normalization="psd", method="fast", assume_regular_frequency=True
    )
    density = np.clip(2.0 * power * cadence * 1e-6, 0.0, None)  # the fast method may give -1e-12
    return PowerSpectrum(curve.id, frequency, density, cadence, curve.observed_d, curve.meta)


def without_spikes(curve: LightCurve) -> LightCurve:
    """The curve without single cadences that jump away from both neighbours by more than five standard deviations of such steps."""
    step = np.diff(curve.flux)
    scale = 1.4826 * np.median(np.abs(step - np.median(step)))
    near = np.diff(curve.time) < 1.5 * float(curve.cadence_s) / 86400.0  # type: ignore[arg-type]
    up, down = step[:-1], -step[1:]
    spike = (up * down > 0) & (np.minimum(np.abs(up), np.abs(down)) > _SPIKE * scale) & near[:-1] & near[1:]
    if scale == 0 or not spike.any():
        return curve
    kept = np.ones(len(curve), bool)
    kept[1:-1] = ~spike
    return curve.select(kept).replace(step=f"{spike.sum()} single cadences that jump away and back taken out")
