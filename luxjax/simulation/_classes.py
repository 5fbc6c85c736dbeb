"""Classes of the simulated stars: a mix of O to M with MK labels, from Teff and gravity.

Effective temperatures of the classes are those of dwarfs by Pecaut & Mamajek (2013, ApJS 208, 9), rounded; giants of G5 to M are
cooler at the same class (round numbers). The class is a function of the true Teff and luminosity, nothing else.
"""

import numpy as np
import pandas as pd

from ..core import InputError, check_name
from ..lines.internal import PARAMETERS, column
from ._population import _TRACKS, _discs

__all__ = ["CLASSES", "MIX", "draw_classes", "spectral_class"]

CLASSES = ("O", "B", "A", "F", "G", "K", "M")
#: Fractions of a natural magnitude-limited mix; few O and B.
MIX = {"O": 0.005, "B": 0.02, "A": 0.115, "F": 0.27, "G": 0.29, "K": 0.20, "M": 0.10}

# Subclass as a number (O5 = 5, B0 = 10, ..., M6 = 66) and Teff
_DWARF = np.array(
    [
        [3, 44900],
        [5, 41400],
        [8, 35100],
        [10, 31400],
        [12, 20600],
        [15, 15700],
        [18, 12500],
        [20, 9700],
        [25, 8080],
        [30, 7220],
        [35, 6550],
        [40, 5930],
        [45, 5660],
        [50, 5270],
        [55, 4440],
        [57, 4050],
        [60, 3850],
        [62, 3560],
        [64, 3210],
        [66, 2810],
    ],
    float,
)
_GIANT = np.array([[40, 5500], [45, 5010], [50, 4750], [55, 3980], [60, 3820], [65, 3400], [67, 3100]], float)
_EVOLVED = 3.4  # log g below which a cool star is a giant


def spectral_class(teff, logg) -> pd.DataFrame:
    """Class, subclass and luminosity class, columns ``class``, ``subclass`` (``"G2"``) and ``luminosity`` (``"V"``, ``"III"``).

    Parameters
    ----------
    teff, logg : (star,) arrays
        K, dex.
    """
    teff, logg = np.atleast_1d(teff).astype(float), np.atleast_1d(logg).astype(float)
    giant = (logg < _EVOLVED) & (teff < 5700)
    number = np.interp(-teff, -_DWARF[:, 1], _DWARF[:, 0])
    number = np.where(giant, np.interp(-teff, -_GIANT[:, 1], _GIANT[:, 0]), number)
    number = np.clip(np.floor(number).astype(int), 0, 69)
    main = np.array(CLASSES)[number // 10]
    subclass = [f"{c}{d}" for c, d in zip(main, number % 10, strict=True)]
    return pd.DataFrame({"class": main, "subclass": subclass, "luminosity": np.where(giant, "III", "V")})


def draw_classes(
    n_stars: int, rng: np.random.Generator, mix: "dict[str, float] | None" = None
) -> tuple[np.ndarray, pd.DataFrame]:
    """Draw stars of all classes.

    Parameters
    ----------
    n_stars : int
    rng : numpy.random.Generator
    mix : mapping of class to weight, optional
        Default: `MIX`.

    Returns
    -------
    params : (star, param) array
        In the order of `PARAMETERS`; rotation is in ``vmacro``.
    table : pandas.DataFrame
        As `spectral_class`, with ``alpha_fe`` and the ``disc``.
    """
    mix = dict(MIX if mix is None else mix)
    for name in mix:
        check_name("spectral class", name, CLASSES)
    weights = np.array([mix.get(c, 0.0) for c in CLASSES])
    if np.any(weights < 0) or weights.sum() <= 0:
        raise InputError(f"the mix {mix} has no positive weights; give the weight of at least one class.")
    main = rng.choice(len(CLASSES), n_stars, p=weights / weights.sum())
    # uniform in subclass, but for the O stars that exist and the M stars that are bright enough
    low, high = np.array([4.0, 10, 20, 30, 40, 50, 60]), np.array([10.0, 20, 30, 40, 50, 60, 65.5])
    number = low[main] + (high - low)[main] * rng.random(n_stars)
    giant = rng.random(n_stars) < np.select(
        [main <= 3, number < 45, main == 4, main == 5], [0, 0, 0.35, 0.6], 0.3
    )
    teff = np.where(
        giant, np.interp(number, *_GIANT.T), 10 ** np.interp(number, _DWARF[:, 0], np.log10(_DWARF[:, 1]))
    )
    fe_h, alpha, disc = _discs(n_stars, rng)
    hot = main <= 2
    fe_h = np.where(hot, rng.normal(0.0, 0.12, n_stars), fe_h)
    alpha = np.where(hot, 0.0, alpha)
    params = np.zeros((n_stars, len(PARAMETERS)))
    values = {"teff": teff, "logg": _gravity(teff, giant, fe_h, rng), "fe_h": fe_h}
    values["vmic"] = np.where(giant, 1.6, np.where(teff > 7000, 2.2, 1.2)) + 0.1 * rng.standard_normal(
        n_stars
    )
    # stars hotter than the Kraft break rotate; the rotation profile's one-sigma width is 0.6 v sin i
    rotation = np.where(teff > 6500, rng.gamma(2.0, 55.0, n_stars), rng.gamma(2.0, 3.0, n_stars))
    values["vmacro"] = np.sqrt(2) * 0.6 * np.minimum(rotation, 300)
    for element, (a, b, c, scatter) in _TRACKS.items():
        values[f"{element.lower()}_fe"] = a * alpha + b * fe_h + c + scatter * rng.standard_normal(n_stars)
    for name, value in values.items():
        params[:, column(name)] = value
    return params, spectral_class(teff, values["logg"]).assign(alpha_fe=alpha, disc=disc)


def _gravity(teff, giant, fe_h, rng) -> np.ndarray:
    """Log g of main-sequence stars by Teff, some evolved off it, and of giants along their branch."""
    n = len(teff)
    dwarf = np.interp(
        teff, [2800, 3500, 4400, 5300, 6000, 8000, 30000], [5.1, 4.85, 4.65, 4.52, 4.4, 4.2, 4.1]
    )
    evolved = rng.gamma(1.2, 0.15, n) * (teff > 5300)
    branch = 2.5 + (teff - 4690 + 260 * np.clip(fe_h, -1.8, 0.5)) / 400 + 0.15 * rng.standard_normal(n)
    cool = np.interp(teff, [3100, 3800, 4200], [0.3, 1.2, 1.7])
    branch = np.where(teff < 4200, cool + 0.2 * rng.standard_normal(n), branch)
    return np.where(
        giant, np.clip(branch, 0.0, 3.35), np.clip(dwarf - evolved + 0.04 * rng.standard_normal(n), 3.45, 5.3)
    )
