"""Masses, ionisation energies, partition functions and solar abundances of the elements in the line table.

Sources are listed in ``SOURCES.md``, in the folder of ``atoms.json``.
"""

import functools
import json
from dataclasses import dataclass
from importlib import resources

import jax.numpy as jnp
import numpy as np

from ..core import check_name

__all__ = ["THETA", "Atom", "atoms", "interpolate_log_u", "ionisation_fractions", "like"]

THETA = 5039.78  # K; 5040 in the older literature: log10(e) / k in eV


@dataclass(frozen=True, eq=False)
class Atom:
    """One element.

    Parameters
    ----------
    symbol : str
    mass : float
        Atomic mass units.
    solar : float
        Solar log10 number abundance, hydrogen 12.
    ionisation : (2,) array
        First and second ionisation energy, eV; infinite where the next stage is left out.
    log_u : (3, theta) array
        log10 partition function of the neutral, singly and doubly ionised atom on `atoms`' theta grid.
    """

    symbol: str
    mass: float
    solar: float
    ionisation: np.ndarray
    log_u: np.ndarray


def like(array, other) -> np.ndarray:
    """A host array in the precision of another value's computation.

    Tables are float64; JAX (0.10) may lower one such constant in the wrong precision when the same function is
    compiled both with and without 64-bit mode in one process, so constants are given their precision by hand.
    """
    return np.asarray(array, dtype=jnp.result_type(other, float))


@functools.lru_cache(maxsize=1)
def _table() -> tuple[np.ndarray, dict[str, Atom]]:
    raw = json.loads((resources.files(__package__) / "atoms.json").read_text())
    grid = np.array(raw["theta"])
    table = {}
    for symbol, entry in raw["elements"].items():
        log_u = np.zeros((3, len(grid)))
        for stage, row in enumerate(entry["log_u"]):
            row = np.array(row, dtype=float)
            known = np.isfinite(row)
            log_u[stage] = np.interp(grid, grid[known], row[known])
        energies = np.full(2, np.inf)
        energies[: len(entry["ionisation"])] = entry["ionisation"]
        table[symbol] = Atom(symbol, entry["mass"], entry["solar"], energies, log_u)
    return grid, table


def atoms(*symbols: str) -> list[Atom]:
    """The named elements; all of them, hydrogen first, when none is named."""
    table = _table()[1]
    for symbol in symbols:
        check_name("element", symbol, table, "Use one of the elements of the line table")
    return [table[s] for s in symbols or table]


def interpolate_log_u(log_u, temperature):
    """Partition functions at one temperature: cubic convolution in theta, exact at the table's entries.

    Parameters
    ----------
    log_u : (..., theta) array
        Table values, as in `Atom.log_u`.
    temperature : scalar
        K; beyond the table (2,800-12,600 K) the last entry holds.

    Returns
    -------
    (...) array
        log10 of the partition function, differentiable in the temperature.
    """
    grid = _table()[0]
    x = (THETA / temperature - grid[0]) / (grid[1] - grid[0])
    x = jnp.clip(x, 0, len(grid) - 1)
    # Keys (1981) weights of the four nearest entries, the outermost entry repeated at the ends
    d = jnp.abs(x - jnp.arange(-1, len(grid) + 1))
    near = 1.5 * d**3 - 2.5 * d**2 + 1
    far = -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    weight = jnp.where(d <= 1, near, jnp.where(d < 2, far, 0.0))
    padded = np.concatenate([log_u[..., :1], log_u, log_u[..., -1:]], axis=-1)
    return like(padded, temperature) @ weight


def ionisation_fractions(elements: "list[Atom]", temperature, log_pe):
    """Saha equilibrium: the fraction of each element in its first three stages.

    log(N_{j+1} P_e / N_j) = -theta I + 2.5 log T - 0.4772 + log(2 U_{j+1} / U_j), P_e in dyn/cm^2 (Gray 2005,
    The Observation and Analysis of Stellar Photospheres, eq. 1.20).

    Parameters
    ----------
    elements : list of Atom
    temperature, log_pe : scalars
        K, and log10 of the electron pressure in dyn/cm^2.

    Returns
    -------
    log_fraction : (element, 3) array
        log10 of the fraction in stages I, II, III.
    log_u : (element, 3) array
        log10 of the partition functions.
    """
    log_u = interpolate_log_u(np.stack([a.log_u for a in elements]), temperature)
    energies = np.stack([a.ionisation for a in elements])
    open_ = np.isfinite(energies)
    step = (
        -THETA / temperature * like(np.where(open_, energies, 0.0), temperature)
        + 2.5 * jnp.log10(temperature)
        - 0.1761
        - log_pe
        + jnp.diff(log_u, axis=-1)
    )
    step = jnp.where(open_, step, -30.0)
    log_n = jnp.concatenate([jnp.zeros_like(step[:, :1]), jnp.cumsum(step, axis=-1)], axis=-1)
    ln10 = np.log(10.0)
    total = jnp.log10(jnp.sum(jnp.exp(ln10 * (log_n - log_n.max(-1, keepdims=True))), -1, keepdims=True))
    return log_n - log_n.max(-1, keepdims=True) - total, log_u
