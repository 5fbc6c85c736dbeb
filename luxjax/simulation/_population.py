"""Population of the simulated stars: a thin and a thick disc of giants, with element tracks and their own scatter.

Shapes follow what surveys of the disc show (two sequences in [alpha/Fe], a red clump, [Eu/Fe] rising with
[alpha/Fe]); the numbers are round ones chosen for a simulator, not fits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from astropy.coordinates import Galactic, SkyCoord

from ..core import InputError, check_name
from ..lines.internal import PARAMETERS, column
from ._plants import Confounder

__all__ = ["ALPHA", "LABELS", "Population", "draw_population", "label_matrix"]

#: Elements whose mean [X/Fe] is called [alpha/Fe], in the parameters and in the label alike.
ALPHA = ("Mg", "Si", "Ca", "Ti")

#: Labels reported by the simulated survey: unit, one-sigma error, species.
LABELS = {
    "teff": ("K", 60.0, ""),
    "logg": ("dex", 0.12, ""),
    "fe_h": ("dex", 0.05, "Fe"),
    "alpha_fe": ("dex", 0.04, ",".join(ALPHA)),
    "eu_fe": ("dex", 0.08, "Eu"),
}

# [X/Fe] = a [alpha/Fe] + b [Fe/H] + c, with an intrinsic scatter of each element's own
_TRACKS = {
    "Li": (0.0, 0.0, -0.4, 0.30),
    "C": (0.3, -0.05, -0.10, 0.05),
    "O": (1.0, -0.10, 0.0, 0.03),
    "Na": (0.1, 0.10, 0.03, 0.05),
    "Mg": (1.15, 0.0, 0.0, 0.02),
    "Al": (0.8, 0.05, 0.0, 0.03),
    "Si": (0.95, 0.0, 0.0, 0.02),
    "P": (0.6, 0.0, 0.0, 0.06),
    "S": (0.8, 0.0, 0.0, 0.04),
    "K": (0.5, 0.0, 0.0, 0.05),
    "Ca": (0.85, 0.0, 0.0, 0.02),
    "Sc": (0.4, 0.05, 0.0, 0.04),
    "Ti": (1.05, 0.0, 0.0, 0.025),
    "V": (0.4, 0.05, 0.0, 0.04),
    "Cr": (0.0, 0.02, 0.0, 0.03),
    "Mn": (-0.4, 0.20, 0.0, 0.03),
    "Co": (0.4, 0.05, 0.0, 0.03),
    "Ni": (0.15, 0.05, 0.0, 0.02),
    "Cu": (0.2, 0.15, 0.0, 0.05),
    "Zn": (0.4, 0.0, 0.0, 0.05),
    "Rb": (0.0, 0.0, 0.0, 0.08),
    "Sr": (-0.2, 0.0, 0.0, 0.08),
    "Y": (-0.3, 0.0, 0.0, 0.07),
    "Zr": (-0.2, 0.0, 0.0, 0.07),
    "Cs": (0.0, 0.0, 0.0, 0.08),
    "Ba": (-0.3, -0.05, 0.05, 0.08),
    "La": (-0.1, 0.0, 0.0, 0.07),
    "Ce": (-0.1, -0.05, 0.0, 0.07),
    "Nd": (0.4, 0.0, 0.0, 0.06),
    "Sm": (0.7, 0.0, 0.0, 0.06),
    "Eu": (1.1, -0.05, 0.0, 0.05),
}


@dataclass(frozen=True, eq=False)
class Population:
    """Stars drawn from the discs.

    Parameters
    ----------
    params : (star, param) float64 array
        In the order of `PARAMETERS`.
    table : pandas.DataFrame
        ``gaia_source_id`` (text), ``ra``, ``dec`` (degrees), ``disc`` and ``phase`` of each star.
    """

    params: np.ndarray
    table: pd.DataFrame


def label_matrix(names: Sequence[str] = tuple(LABELS)) -> np.ndarray:
    """Labels as linear functions of the parameters, (label, param).

    ``alpha_fe`` is the mean over `ALPHA`; every other label is the parameter of the same name.
    """
    matrix = np.zeros((len(names), len(PARAMETERS)))
    for row, name in enumerate(names):
        if name == "alpha_fe":
            matrix[row, [column(f"{e.lower()}_fe") for e in ALPHA]] = 1 / len(ALPHA)
        else:
            check_name("label", name, [*PARAMETERS, "alpha_fe"], "Ask for one of the star's parameters")
            matrix[row, column(name)] = 1.0
    return matrix


def draw_population(
    n_stars: int, rng: np.random.Generator, *, confounders: Sequence[Confounder] = (), r_rich: float = 0.02
) -> Population:
    """Draw stars.

    Parameters
    ----------
    n_stars : int
    rng : numpy.random.Generator
    confounders : sequence of Confounder
        Elements whose off-trend scatter is tied to europium's.
    r_rich : float
        Fraction of stars rich in r-process elements: their [Eu/Fe] is raised, by 0.15 dex on average.
    """
    if int(n_stars) != n_stars or n_stars < 1:
        raise InputError(f"n_stars is {n_stars}; give a whole number of at least 1.")
    fe_h, alpha, disc = _discs(n_stars, rng)
    off_trend = {element: rng.standard_normal(n_stars) for element in _TRACKS}
    rich = rng.random(n_stars) < r_rich
    off_trend["Eu"] += rich * rng.exponential(0.15, n_stars) / _TRACKS["Eu"][3]
    for plant in confounders:
        check_name("element for a confounder", plant.element, [e for e in _TRACKS if e != "Eu"])
        eu = off_trend["Eu"] / np.sqrt(np.mean(off_trend["Eu"] ** 2))
        off_trend[plant.element] = plant.rho * eu + np.sqrt(1 - plant.rho**2) * off_trend[plant.element]
    teff, logg, phase = _isochrones(fe_h, rng)
    params = np.zeros((n_stars, len(PARAMETERS)))
    values = {"teff": teff, "logg": logg, "fe_h": fe_h}
    values["vmic"] = np.clip(2.48 - 0.325 * logg + 0.08 * rng.standard_normal(n_stars), 0.5, None)
    values["vmacro"] = 4.0 * np.exp(-0.08 * (logg - 2.5) + 0.12 * rng.standard_normal(n_stars))
    for element, (a, b, c, scatter) in _TRACKS.items():
        values[f"{element.lower()}_fe"] = a * alpha + b * fe_h + c + scatter * off_trend[element]
    for name, value in values.items():
        params[:, column(name)] = value
    return Population(params, _sky(n_stars, rng).assign(disc=disc, phase=phase))


def _discs(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """[Fe/H], [alpha/Fe] and the name of the disc."""
    disc = rng.choice(["thin", "thick", "halo"], n, p=[0.68, 0.29, 0.03])
    fe_h = np.select(
        [disc == "thin", disc == "thick"],
        [rng.normal(-0.08, 0.22, n), rng.normal(-0.48, 0.24, n)],
        rng.normal(-1.3, 0.35, n),
    ).clip(-2.4, 0.5)
    thin = 0.02 - 0.16 * fe_h + 0.18 * np.clip(fe_h, 0, None)
    thick = 0.30 - 0.22 * np.clip(fe_h + 0.6, 0, None)
    alpha = np.where(disc == "thin", thin, thick) + 0.02 * rng.standard_normal(n)
    return fe_h, alpha, disc


def _isochrones(fe_h: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Teff, log g and evolutionary phase along simple isochrone-like relations."""
    n = len(fe_h)
    phase = rng.choice(["giant", "clump", "subgiant", "dwarf"], n, p=[0.52, 0.28, 0.10, 0.10])
    metal = np.clip(fe_h, -1.8, 0.5)
    logg = 3.4 - 2.4 * rng.beta(1.3, 1.8, n)
    giant = 4690 + 360 * (logg - 2.5) - 20 * (logg - 2.5) ** 2 - 260 * metal + 60 * rng.standard_normal(n)
    clump_g = rng.normal(2.45, 0.09, n)
    clump = 4840 - 210 * metal + 60 * rng.standard_normal(n)
    sub_g = rng.uniform(3.4, 4.1, n)
    sub = 5000 + 900 * np.clip(sub_g - 3.4, 0, None) - 250 * metal + 120 * rng.standard_normal(n)
    dwarf = rng.uniform(4700, 6300, n)
    dwarf_g = 4.62 - 2.4e-4 * np.clip(dwarf - 4900, 0, None) + 0.04 * rng.standard_normal(n)
    pick = [phase == "giant", phase == "clump", phase == "subgiant"]
    teff = np.select(pick, [giant, clump, sub], dwarf).clip(3600, 6800)
    return teff, np.select(pick, [logg, clump_g, sub_g], dwarf_g), phase


def _sky(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Positions concentrated to the Galactic plane, and distinct 64-bit identifiers as text."""
    latitude = np.clip(rng.laplace(0, 22, n), -89, 89)
    sky = SkyCoord(l=rng.uniform(0, 360, n), b=latitude, unit="deg", frame=Galactic).icrs
    identifiers = rng.integers(10**17, 6 * 10**18, n) // n * n + np.arange(n)
    return pd.DataFrame({"gaia_source_id": identifiers.astype(str), "ra": sky.ra.deg, "dec": sky.dec.deg})
