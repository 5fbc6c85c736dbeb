"""Wavelengths in air and in vacuum.

The refractive index of standard dry air (15 C, 1 atm, 0.045% CO2) is that of Birch & Downs (1994, Metrologia 31,
315) as Morton (2000, ApJS 130, 403) gives it for astronomy; line lists and surveys that state a formula
mostly state this one. It takes the vacuum wavelength, so vacuum to air is direct and air to vacuum its inverse,
found by iteration rather than by a second fit: both directions agree to rounding.
"""

from typing import get_args

import numpy as np
from numpy.typing import ArrayLike

from ..core import InputError, check_name
from ..core.internal import doubles
from ..data import Spectra
from ..data.internal import Medium

__all__ = ["air_to_vacuum", "to_medium", "vacuum_to_air"]

# Below this, wavelengths are given in vacuum by convention and air absorbs.
SHORTEST = 2000.0


def _index(vacuum: np.ndarray) -> np.ndarray:
    """Refractive index of standard air at a vacuum wavelength in Angstrom."""
    s2 = (1e4 / vacuum) ** 2
    return 1 + 8.34254e-5 + 2.406147e-2 / (130 - s2) + 1.5998e-4 / (38.9 - s2)


def _checked(wavelength: ArrayLike) -> np.ndarray:
    wavelength = doubles("wavelengths", wavelength, "Angstrom")
    # A 2,000 Angstrom vacuum wavelength is 1,999.35 in air: let both convert.
    if not np.all(np.isfinite(wavelength) & (wavelength >= SHORTEST - 1)):
        raise InputError(
            "wavelengths to convert between air and vacuum must be finite and at least 2000 Angstrom; the smallest "
            f"was {np.min(wavelength, initial=np.inf):g}. Shorter ones are in vacuum by convention; give nanometres "
            "or microns times 10 or 10^4."
        )
    return wavelength


def vacuum_to_air(wavelength: ArrayLike) -> np.ndarray:
    """Air wavelengths of vacuum wavelengths, Angstrom, any shape; by the formula of Morton (2000).

    Raises
    ------
    InputError
        A wavelength is not finite or below 2,000 Angstrom.

    Examples
    --------
    >>> from luxjax.preprocessing import vacuum_to_air
    >>> vacuum_to_air(6564.61).round(2).tolist()  # H alpha
    6562.8
    """
    vacuum = _checked(wavelength)
    return vacuum / _index(vacuum)


def air_to_vacuum(wavelength: ArrayLike) -> np.ndarray:
    """Vacuum wavelengths of air wavelengths, Angstrom, any shape; the exact inverse of `vacuum_to_air`.

    Raises
    ------
    InputError
        A wavelength is not finite or below 2,000 Angstrom.

    Examples
    --------
    >>> from luxjax.preprocessing import air_to_vacuum
    >>> air_to_vacuum([6562.8, 15000.0]).round(2).tolist()
    [6564.61, 15004.1]
    """
    air = _checked(wavelength)
    vacuum = air * _index(air)
    # Each round shrinks the error by |d index / d ln wavelength|, below 1e-4: three reach rounding.
    for _ in range(3):
        vacuum = air * _index(vacuum)
    return vacuum


def to_medium(spectra: Spectra, medium: Medium) -> Spectra:
    """Spectra with their wavelengths stated in air or in vacuum.

    Pixels, fluxes and errors stay as they are: only the wavelength written at each pixel changes. (A flux density
    per Angstrom would change by less than 0.04%, smoothly; it is left alone.)

    Parameters
    ----------
    spectra : Spectra
    medium : "air" or "vacuum"
        Wanted; spectra already in it are returned unchanged.

    Examples
    --------
    >>> import numpy as np
    >>> import luxjax
    >>> from luxjax.preprocessing import to_medium
    >>> spectra = luxjax.Spectra(np.ones((1, 2)), np.ones((1, 2)), [5000.0, 5001.0], "air", ["a"])
    >>> to_medium(spectra, "vacuum").wavelength.round(3).tolist()
    [5001.395, 5002.395]
    """
    check_name("wavelength medium", medium, get_args(Medium))
    if spectra.medium == medium:
        return spectra
    convert = air_to_vacuum if medium == "vacuum" else vacuum_to_air
    return spectra.replace(
        wavelength=convert(spectra.wavelength),
        medium=medium,
        step=f"wavelengths {spectra.medium} to {medium} (Morton 2000)",
    )
