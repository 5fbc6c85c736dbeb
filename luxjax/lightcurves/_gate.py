"""Gate of the seismic fit: a star is accepted, or a sentence says why not."""

from typing import NamedTuple

import numpy as np

__all__ = ["Gate", "reason_against"]


class Gate(NamedTuple):
    """Limits of what is accepted; every one is needed, for stars exist whose fit alone looks good and is wrong.

    Parameters
    ----------
    largest_error : float
        Of log10 nu_max, dex.
    largest_criterion : float
        Fit criterion for each bin. Of simulated stars 95% are below 1.8; the transits of Kepler-90 give 5.
    above_lowest : float
        Smallest nu_max in units of the lowest frequency of the bins.
    highest_long : float
        Largest nu_max, microhertz, where the Nyquist frequency is below it.
    teff : (float, float)
        Range of effective temperature for which the template was made, K.
    shortest : float
        Days observed.
    """

    largest_error: float = 0.1
    largest_criterion: float = 100.0 / 37.0
    above_lowest: float = 1.6
    highest_long: float = 800.0
    teff: tuple[float, float] = (3800.0, 6500.0)
    shortest: float = 20.0


def reason_against(
    gate: Gate,
    *,
    nu_max: float,
    error: float,
    criterion: float,
    lowest: float,
    nyquist: float,
    teff: float,
    observed_d: float,
) -> str:
    """Why a star is not accepted, as a sentence; empty where it is.

    Parameters
    ----------
    nu_max : float
        Microhertz.
    error : float
        Of log10 nu_max.
    criterion : float
        For each bin.
    lowest, nyquist : float
        Lowest frequency of the bins, and highest of the cadence, microhertz.
    teff : float
        K; NaN where it is not known.
    observed_d : float
        Days.
    """
    if not observed_d >= gate.shortest:
        return f"Only {observed_d:.1f} days were observed; {gate.shortest:g} are needed."
    if not np.isfinite(teff):
        return "No effective temperature is known; state one, since a hot star's power is not that of the template."
    if not gate.teff[0] <= teff <= gate.teff[1]:
        return f"The effective temperature, {teff:.0f} K, is outside of {gate.teff[0]:.0f} to {gate.teff[1]:.0f} K, where the template holds."
    if not criterion <= gate.largest_criterion:
        return f"The template does not fit: its criterion is {criterion:.1f} for each bin, more than {gate.largest_criterion:.1f}."
    if not error < gate.largest_error:
        return f"The error of log nu_max is {error:.2f} dex, not below {gate.largest_error:g}."
    if not nu_max > gate.above_lowest * lowest:
        return f"nu_max, {nu_max:.1f} uHz, is less than {gate.above_lowest:g} times the lowest frequency used, {lowest:g} uHz."
    if nyquist < gate.highest_long and not nu_max < gate.highest_long:
        return f"nu_max, {nu_max:.0f} uHz, is too far above the Nyquist frequency, {nyquist:.0f} uHz."
    return ""
