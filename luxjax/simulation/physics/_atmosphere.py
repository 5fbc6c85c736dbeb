"""Photospheres from O to M: one layer in hydrostatic balance, its electrons and its continuous opacity.

The layer has 0.93 Teff, as in the cool photosphere of ``_strength``; its pressures follow from charge neutrality (Saha, hydrogen
to iron) and from P_g = tau g / kappa at 5,000 Angstrom with tau chosen for the Sun's log P_e of 0.8. Opacities: H- (John 1988),
bound-free and free-free of hydrogen (Gray 2005, The Observation and Analysis of Stellar Photospheres, eq. 8.8 and 8.10), electron
scattering. Left out: helium and metal edges, radiation pressure, departures from LTE.
"""

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from ...lines.internal import _HC_K, THETA, Atom, Layer, atoms, hminus_opacity, ionisation_fractions, like

__all__ = ["HELIUM", "continuum_flux", "log_continuum", "solve_layers"]

HELIUM = Atom(
    "He",
    4.0026,
    10.93,
    np.array([24.5874, 54.4178]),
    np.stack([np.zeros(8), np.full(8, np.log10(2.0)), np.zeros(8)]),
)
_DONORS = ("H", "C", "Na", "Mg", "Al", "Si", "K", "Ca", "Fe")
_TEMPERATURE = 0.93
_TAU = 0.35  # at 5,000 Angstrom; gives the Sun log P_e = 0.8
_GRAM = 1.4 * 1.6605e-24  # per hydrogen nucleus
_PARTICLES = 1 + 10 ** (HELIUM.solar - 12)  # nuclei per hydrogen nucleus
_BOLTZMANN, _THOMSON = 1.380649e-16, 6.6524e-25


def _hydrogen_opacity(wavelength, temperature):
    """Bound-free (n up to 8, then by integral) and free-free opacity per neutral hydrogen atom, cm^2."""
    lam = like(wavelength, temperature)
    theta = THETA / temperature
    energy = [13.5984 * (1 - 1 / n**2) for n in range(1, 9)]
    edges = [911.753 * n**2 for n in range(1, 9)]
    bound = sum(
        jnp.where(lam < edges[n - 1], 10.0 ** (-theta * energy[n - 1]) / n**3, 0.0) for n in range(2, 9)
    )
    beyond = np.log10(np.e) / (2 * theta * 13.5984)
    bound = bound + beyond * (10.0 ** (-theta * 13.5984 * (1 - 1 / 81)) - 10.0 ** (-theta * 13.5984))
    free = beyond * 10.0 ** (-theta * 13.5984) * 1.1
    stimulated = -jnp.expm1(-_HC_K / (lam * temperature))
    return 1.0449e-26 * lam**3 * (bound + free) * stimulated


def log_continuum(wavelength, layer: Layer):
    """log10 of the continuous opacity per hydrogen nucleus, cm^2. `wavelength` (...,) in Angstrom in vacuum."""
    t = layer.temperature
    fraction = ionisation_fractions(atoms("H"), t, layer.log_pe)[0][0, 0]
    pe, pg = 10.0**layer.log_pe, 10.0**layer.log_pg
    neutral = 10.0**fraction
    absorbed = neutral * (hminus_opacity(wavelength, t) * pe + _hydrogen_opacity(wavelength, t))
    electrons = pe * _PARTICLES / (pg - pe)
    return jnp.log10(absorbed + _THOMSON * electrons)


@jax.jit
def _at_unit_pressure(temperature):
    """log10 of N_{j+1} P_e / N_j of the donors and helium, (star, element, 2), and opacities of H- and H at 5,000 Angstrom."""
    elements = [*atoms(*_DONORS), HELIUM]

    def one(t):
        fraction, _ = ionisation_fractions(elements, t, 0.0)
        opacity = jnp.stack([hminus_opacity(np.array(5000.0), t), _hydrogen_opacity(5000.0, t)])
        return jnp.diff(fraction, axis=-1), opacity

    return jax.vmap(one)(temperature)


def solve_layers(teff: ArrayLike, logg: ArrayLike, fe_h: ArrayLike) -> Layer:
    """The layer of every star, fields (star,) each.

    Parameters
    ----------
    teff, logg, fe_h : (star,) arrays
        K, dex, dex.
    """
    teff, logg, fe_h = (np.asarray(a, float) for a in (teff, logg, fe_h))
    t = _TEMPERATURE * teff
    with jax.enable_x64(True):
        steps, neutral = (np.asarray(a) for a in _at_unit_pressure(t))
    first, second = np.moveaxis(steps, -1, 0)
    abundance = 10 ** (np.array([a.solar for a in (*atoms(*_DONORS), HELIUM)]) - 12)
    metal = np.array([e not in ("H",) for e in _DONORS] + [False])
    abundance = abundance * 10 ** (fe_h[:, None] * metal)
    low, high = np.full(len(t), -7.0), np.full(len(t), 7.0)
    for _ in range(50):
        middle = (low + high) / 2
        once = 10 ** np.clip(first - middle[:, None], -60, 60)
        twice = once * 10 ** np.clip(second - middle[:, None], -60, 60)
        electrons = np.sum(abundance * (once + 2 * twice) / (1 + once + twice), axis=1)
        pe = 10**middle
        pg = pe * (1 + _PARTICLES / electrons)
        kappa = (neutral[:, 0] * pe + neutral[:, 1]) / (1 + once[:, 0]) + _THOMSON * electrons
        above = pg > _TAU * 10**logg * _GRAM / kappa
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return Layer(*(jnp.asarray(a) for a in (teff, t, (low + high) / 2, np.log10(pg))))


def continuum_flux(wavelength, layer: Layer):
    """Relative continuum flux per Angstrom, (pixel,), 1 on average: the Planck function where tau = 2/3 at that wavelength.

    The grey temperature law, T^4 = 3/4 Teff^4 (tau + 2/3), with tau scaled by the opacity relative to its mean.
    """
    kappa = 10.0 ** log_continuum(wavelength, layer)
    tau = 2 / 3 * jnp.clip(jnp.mean(kappa) / kappa, 0.2, 5.0)
    local = layer.teff * (0.75 * (tau + 2 / 3)) ** 0.25
    lam = like(wavelength, layer.teff)
    planck = (lam / 6000.0) ** -5 / jnp.expm1(_HC_K / (lam * local))
    return planck / jnp.mean(planck)
