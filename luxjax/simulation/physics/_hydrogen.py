"""Broad lines of hydrogen, by temperature and gravity: Stark wings and Doppler core.

Holtsmark's quasi-static broadening by electrons and ions: an asymptotic wing 1.5 (K F0)^(3/2) |x|^(-5/2) with
F0 = 1.25e-9 N_e^(2/3) in cgs and K = 5.5e-5 (n m)^4 / (m^2 - n^2) Angstrom per unit field (Mihalas 1978, Stellar
Atmospheres, chapter 9), rounded off at its normal width. In cool stars N_e cancels against the H- opacity, so the
wings follow Teff and hardly log g, as observed for Balmer lines. Self-broadening and departures from LTE are left out.
"""

import jax.numpy as jnp
import numpy as np

from ...lines import LineList
from ...lines.internal import (
    _HC_K,
    _LIGHT,
    THETA,
    Layer,
    atoms,
    column,
    cool_continuum,
    depth_limit,
    ionisation_fractions,
    like,
    photosphere,
)

__all__ = ["HydrogenLines"]

_RYDBERG = 109677.58e-8  # per Angstrom, in vacuum
_ROUND = 2.39628  # integral of (x^2 + 1)^(-5/4)


class HydrogenLines:
    """Depth profiles of the hydrogen lines in a list.

    Parameters
    ----------
    lines : LineList
        Only its H I lines are used.
    """

    def __init__(self, lines: LineList):
        lines = lines.select(lines.element == "H").to("vacuum")
        self.lines = lines
        lower = np.rint(np.sqrt(1 / (1 - lines.excitation_potential / 13.5984)))
        upper = np.rint(1 / np.sqrt(1 / lower**2 - 1 / (_RYDBERG * lines.wavelength)))
        self._shift = 5.5e-5 * (lower * upper) ** 4 / (upper**2 - lower**2)
        self._atom = atoms("H")

    def depth(self, params, offset, sigma_kms: float, layer: Layer | None = None, continuum=cool_continuum):
        """Depth below the continuum of every line, smoothed by the instrument, (line, pixel).

        Parameters
        ----------
        params : (param,) array
        offset : (line, pixel) array
            Angstrom from each line's centre.
        sigma_kms : float
            One-sigma instrumental width, km/s; it and macroturbulence widen the Doppler core.
        layer, continuum : optional
            Instead of the cool photosphere and its opacity.
        """
        layer = photosphere(params) if layer is None else layer
        t = layer.temperature
        wavelength = like(self.lines.wavelength, t)
        fraction, log_u = ionisation_fractions(self._atom, t, layer.log_pe)
        log_n = fraction[0, 0] - log_u[0, 0] - THETA / t * like(self.lines.excitation_potential, t)
        stimulated = -jnp.expm1(-_HC_K / (wavelength * t))
        # pi e^2 / (m c^2) = 8.8526e-13 cm, lambda^2 times a profile per Angstrom leaves 1e-8 cm
        strength = like(np.log10(8.8526e-21) + self.lines.log_gf + 2 * np.log10(wavelength), t)
        ratio = 10.0 ** (strength + log_n + jnp.log10(stimulated) - continuum(wavelength, layer))
        speed2 = 0.0166289 * t / 1.008 + params[column("vmic")] ** 2 + params[column("vmacro")] ** 2
        core2 = (wavelength / _LIGHT) ** 2 * (speed2 + 2 * sigma_kms**2)
        log_ne = layer.log_pe - jnp.log10(1.380649e-16 * t)
        width = (1.5 * _ROUND) ** (2 / 3) * like(self._shift, t) * 1.25e-9 * 10.0 ** (2 / 3 * log_ne)
        wing, core = width**1.5 / _ROUND, jnp.sqrt(core2 / np.pi) / (core2 + width**2)
        x2 = offset**2
        profile = wing[:, None] * (x2 + (width**2 + core2)[:, None]) ** -1.25
        profile = profile + core[:, None] * jnp.exp(-x2 / core2[:, None])
        eta = ratio[:, None] * profile
        return depth_limit(wavelength, params[column("teff")])[:, None] * eta / (1 + eta)
