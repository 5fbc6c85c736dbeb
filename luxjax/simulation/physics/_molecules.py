"""Molecules and their bands: TiO, CaH, MgH, CH and CN in dissociation equilibrium.

The equilibrium constant of A + B = AB in partial pressures, with the partition function of a rigid rotator and harmonic oscillator
(Herzberg 1950, Spectra of Diatomic Molecules):

    K = p_A p_B / p_AB = kT (2 pi mu kT / h^2)^(3/2) (Q_A Q_B / Q_AB) exp(-D / kT),
    Q_AB = g (kT / sigma h c B) / (1 - exp(-h c omega / kT)).

H2, CO and N2 bind their atoms first. Constants: Huber & Herzberg (1979). A band is the smeared cross section pi e^2 f / m c^2 of its
transition: from its head it falls exponentially with the thermal distribution of rotation, redward (TiO) or violetward (the
others). In CH and CaH half of the strength lies in P and R branches spread to both sides. Oscillator strengths are rounded from
laboratory values and serve for the shape of a spectrum, not for abundances. The lines of hydrides do not fill their band: at most the
fraction `fill` of the light is absorbed.
"""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from ...lines.internal import THETA, Layer, atoms, column, ionisation_fractions, like
from ...preprocessing import air_to_vacuum

__all__ = ["MolecularBands", "dissociation"]

_HC_K = 1.438777  # cm K
_NITROGEN = 7.83  # solar
# of Teff: molecules form above the layer of the atomic lines, TiO and CaH highest
_LAYER = {"TiO": 0.82, "CaH": 0.82, "MgH": 0.88, "CH": 0.90, "CN": 0.90}
_BRANCHES = ("CH", "CaH")  # with P and R branches apart from the Q branch, whose sparse lines fill little
_BRANCH_FILL = 0.2
# dex on the bands: one layer is too rich in TiO; set by the sequence of TiO 5 in M dwarfs (Reid et al. 1995)
_CALIBRATION = {"TiO": -1.5, "CaH": -1.0, "MgH": -1.5, "CH": -0.3, "CN": -0.3}


@dataclass(frozen=True)
class Molecule:
    """A diatomic molecule: constants in cm^-1, dissociation energy in eV, reduced mass in atomic units.

    `weight` is the statistical weight of the ground state over the symmetry number, `fill` the share of a band its lines cover.
    """

    energy: float
    rotation: float
    vibration: float
    weight: float
    mass: float
    fill: float = 1.0


MOLECULES = {
    "H2": Molecule(4.478, 60.85, 4401.0, 0.5, 0.504),
    "CO": Molecule(11.09, 1.931, 2170.0, 1.0, 6.857),
    "N2": Molecule(9.76, 1.998, 2359.0, 0.5, 7.0),
    "TiO": Molecule(6.87, 0.535, 1009.0, 6.0, 11.99),
    "CaH": Molecule(1.70, 4.277, 1298.0, 2.0, 0.983, 0.45),
    "MgH": Molecule(1.29, 5.826, 1495.0, 2.0, 0.967, 0.45),
    "CH": Molecule(3.465, 14.457, 2858.0, 4.0, 0.930, 0.7),
    "CN": Molecule(7.72, 1.900, 2069.0, 2.0, 6.466, 0.7),
}

# molecule: lists of (heads in air, oscillator strength, lower state in cm^-1); the strength is shared by the heads of a triplet
# and includes the Franck-Condon factor. TiO, in order: alpha, beta, gamma', gamma, delta, epsilon.
_BANDS: dict[str, list[tuple[tuple[float, ...], float, int]]] = {
    "TiO": [
        ((4584.0,), 0.012, 0),
        ((4761.3,), 0.022, 0),
        ((4954.6,), 0.035, 0),
        ((5166.8,), 0.035, 0),
        ((5448.2,), 0.038, 1000),
        ((5758.7,), 0.022, 2000),
        ((5597.7,), 0.10, 3444),
        ((5810.0, 5847.0, 5862.0), 0.016, 0),
        ((6148.7, 6158.5, 6186.3), 0.06, 0),
        ((6512.0, 6543.0, 6569.0), 0.012, 1000),
        ((6651.3, 6681.1, 6714.5), 0.017, 0),
        ((6719.0, 6747.0, 6781.0), 0.022, 1000),
        ((7054.2, 7087.6, 7125.5), 0.058, 0),
        ((7124.9, 7158.8, 7197.7), 0.034, 1000),
        ((7589.3, 7627.8, 7666.4), 0.018, 1000),
        ((7666.0, 7705.0, 7743.0), 0.022, 2000),
        ((8205.8, 8250.6, 8302.9), 0.003, 2000),
        ((8432.0, 8442.3, 8451.7), 0.004, 0),
        ((8859.6,), 0.04, 3446),
    ],
    "CaH": [((6930.0,), 0.10, 0), ((6384.0,), 0.05, 0)],
    "MgH": [((5211.0,), 0.16, 0), ((5182.0,), 0.02, 1495)],
    "CH": [((4315.0,), 0.0051, 0)],
    "CN": [((3883.4, 3871.4), 0.034, 0), ((4215.5, 4197.0), 0.0030, 2069)],
}
_SHADE = {
    "TiO": 0.082,
    "MgH": -0.06,
    "CN": -0.045,
    "CaH": -0.03,
    "CH": -0.033,
}  # change of B along a band; + is redward
_SHARP = 8.0  # cm^-1, over which a head rises
_WEIGHTS = {"H": 2.0, "C": 9.3, "N": 4.1, "O": 8.9}


def dissociation(name: str, temperature, q_a, q_b):
    """Equilibrium constant p_A p_B / p_AB, dyn/cm^2, given the partition functions of the atoms."""
    m, t = MOLECULES[name], temperature
    q = m.weight * t / (_HC_K * m.rotation) / -jnp.expm1(-_HC_K * m.vibration / t)
    # (2 pi k u / h^2)^(3/2) k = 1.8793e20 * 1.380649e-16 in cgs, u the atomic mass unit
    log_k = np.log10(1.8793e20 * 1.380649e-16) + 1.5 * np.log10(m.mass) + 2.5 * jnp.log10(t)
    return 10.0 ** (log_k - THETA / t * m.energy) * q_a * q_b / q


def _free(total, k):
    """Partial pressure of free atoms where two of them bind: p + 2 p^2 / k = total."""
    return 2 * total / (1 + jnp.sqrt(1 + 8 * total / k))


class MolecularBands:
    """Opacity of the bands on a grid.

    Parameters
    ----------
    wavelength : (pixel,) array
        Angstrom in vacuum.
    """

    def __init__(self, wavelength: np.ndarray):
        self._wavenumber = 1e8 / wavelength
        self._wavelength = wavelength

    def depth(self, params, layer: Layer, continuum):
        """Share that each pixel absorbs of the light that can be taken (see `depth_limit`)."""
        kappa = 10.0 ** continuum(self._wavelength, layer)
        through = jnp.ones_like(kappa)
        for name in _BANDS:
            upper = layer._replace(temperature=_LAYER[name] * layer.teff)
            n = 10.0 ** _CALIBRATION[name] * _molecules(params, upper)[name]
            band, branches = self._cross_section(name, upper.temperature)
            for cross_section, fill in ((band, MOLECULES[name].fill), (branches, _BRANCH_FILL)):
                eta = n * cross_section / kappa
                through = through * (1 - fill * eta / (fill + eta))
        return 1 - through

    def _cross_section(self, name: str, temperature):
        """cm^2 per molecule, of the bands and of separate P and R branches."""
        m, shade = MOLECULES[name], _SHADE[name]
        kt = temperature / _HC_K  # cm^-1
        vibrational = -jnp.expm1(-m.vibration / kt)
        nu = like(self._wavenumber, temperature)
        band = branches = jnp.zeros_like(nu)
        spread = 4 * m.rotation * kt  # of P and R branches, squared
        share = 0.5 if name in _BRANCHES else 1.0
        for heads, strength, lower in _BANDS[name]:
            weight = strength / len(heads) * vibrational * jnp.exp(-lower / kt)
            for head in heads:
                below = like(1e8 / float(air_to_vacuum(np.array(head))), temperature) - nu
                x = below * np.sign(shade)
                rise = 0.5 * (1 + jnp.tanh(x / _SHARP))
                scale = abs(shade) * kt
                band = band + share * weight * rise * jnp.exp(-jnp.maximum(x, 0) / scale) / scale
                if name in _BRANCHES:
                    wide = jnp.abs(below) / spread * jnp.exp(-(below**2) / spread)
                    branches = branches + 0.5 * weight * wide
        return 8.8526e-13 * band, 8.8526e-13 * branches


def _molecules(params, layer: Layer) -> dict:
    """Molecules per hydrogen nucleus."""
    t = layer.temperature
    fe_h = params[column("fe_h")]
    per_h = {
        e: 10.0 ** (a.solar - 12 + fe_h + params[column(f"{e.lower()}_fe")])
        for e, a in zip(("C", "O", "Mg", "Ca", "Ti"), atoms("C", "O", "Mg", "Ca", "Ti"), strict=True)
    }
    per_h["N"] = 10.0 ** (_NITROGEN - 12 + fe_h)
    nuclei = (10.0**layer.log_pg - 10.0**layer.log_pe) / 1.085
    ions, log_u = ionisation_fractions(atoms("H", "Mg", "Ca", "Ti"), t, layer.log_pe)
    q = {e: 10.0 ** log_u[k + 1, 0] for k, e in enumerate(("Mg", "Ca", "Ti"))} | _WEIGHTS
    neutral = {e: 10.0 ** ions[k + 1, 0] for k, e in enumerate(("Mg", "Ca", "Ti"))}

    def k(name, a, b):
        return dissociation(name, t, q[a], q[b])

    p_h = _free(nuclei * 10.0 ** ions[0, 0], k("H2", "H", "H"))
    p_n = _free(nuclei * per_h["N"], k("N2", "N", "N"))
    c, o, k_co = nuclei * per_h["C"], nuclei * per_h["O"], k("CO", "C", "O")
    total = c + o + k_co
    co = 2 * c * o / (total + jnp.sqrt(jnp.maximum(total**2 - 4 * c * o, 0)))
    p_c, p_o = jnp.maximum(c - co, 1e-30), jnp.maximum(o - co, 1e-30)

    def bound(atom, ratio):
        """Share of an element that is in a molecule, not in atoms and ions."""
        return per_h[atom] * ratio / (1 / neutral[atom] + ratio)

    return {
        "TiO": bound("Ti", p_o / k("TiO", "Ti", "O")),
        "CaH": bound("Ca", p_h / k("CaH", "Ca", "H")),
        "MgH": bound("Mg", p_h / k("MgH", "Mg", "H")),
        "CH": p_c / nuclei * p_h / k("CH", "C", "H"),
        "CN": p_c / nuclei * p_n / k("CN", "C", "N"),
    }
