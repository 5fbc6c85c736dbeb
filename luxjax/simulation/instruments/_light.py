"""Light of simulated stars as it arrives: spectra of the surface, luminosity and distance, dust, and magnitudes in bands."""

from collections.abc import Mapping

import numpy as np

from ...lines.internal import column
from ..physics._optical import OpticalSynthesis
from ._dust import extinction

__all__ = ["BANDS", "apparent_magnitudes", "planck", "surface_flux"]

#: Edges of the optical bands, Angstrom, and how soft they are; wavelengths of the infrared ones. Like those of Gaia, 2MASS and WISE, not
#: their passbands.
OPTICAL = {"G": (3900.0, 8800.0, 300.0), "BP": (3800.0, 6600.0, 150.0), "RP": (6300.0, 8900.0, 150.0)}
INFRARED = {"J": 12350.0, "H": 16620.0, "K": 21590.0, "W1": 33526.0, "W2": 46028.0}
BANDS = (*OPTICAL, *INFRARED)
_ANCHOR = (8690.0, 8840.0)  # where few lines are: the continuum of the surface is that of a black body there
_SUN_G = 4.7


def planck(wavelength: np.ndarray, teff: np.ndarray) -> np.ndarray:
    """Flux of a black body's surface per Angstrom, (star, wavelength), in arbitrary units."""
    x = 1.4388e8 / (wavelength * teff[:, None])
    return (5000.0 / wavelength) ** 5 / np.expm1(x)


def surface_flux(params: np.ndarray, optical: OpticalSynthesis) -> np.ndarray:
    """Flux per Angstrom of the surface of stars in the optical, (star, pixel), in units of `planck`."""
    wavelength = optical.window.wavelength
    red = (wavelength > _ANCHOR[0]) & (wavelength < _ANCHOR[1])
    flux = np.asarray(optical.flux(params), np.float64)
    level = planck(wavelength[red], params[:, column("teff")]).mean(axis=1) / np.median(flux[:, red], axis=1)
    return flux * level[:, None]


def apparent_magnitudes(
    params: np.ndarray, flux: np.ndarray, wavelength: np.ndarray, truth: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Magnitudes in `BANDS` behind dust and at their distance, (star, band).

    Parameters
    ----------
    flux : (star, pixel) array
        Of the surface, at `wavelength`.
    truth : mapping
        ``log_radius`` (solar), ``ebv`` and ``modulus``.
    """
    radius, ebv = 10 ** truth["log_radius"], truth["ebv"][:, None]
    dimmed = flux * 10 ** (-0.4 * ebv * extinction(wavelength))
    teff, logg = params[:, column("teff")], params[:, column("logg")]
    light = [_through(dimmed, wavelength, *edges) for edges in OPTICAL.values()]
    for at in INFRARED.values():
        wave = np.array([at])
        gravity = 10 ** (0.02 * (logg - 2.5) * (at < 25000))  # the H- opacity minimum, in one number
        light.append(planck(wave, teff)[:, 0] * gravity * 10 ** (-0.4 * ebv[:, 0] * extinction(wave)[0]))
    sun = _through(planck(wavelength, np.array([5777.0])), wavelength, *OPTICAL["G"])[0]
    absolute = _SUN_G - 2.5 * np.log10(np.stack(light, axis=1) / sun) - 5 * np.log10(radius)[:, None]
    return absolute + truth["modulus"][:, None]


def _through(flux: np.ndarray, wavelength: np.ndarray, low: float, high: float, soft: float) -> np.ndarray:
    """Photons through a band with soft edges, (star,)."""
    weight = wavelength / (1 + np.exp((low - wavelength) / soft)) / (1 + np.exp((wavelength - high) / soft))
    return flux @ weight / weight.sum()
