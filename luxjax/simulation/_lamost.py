"""LAMOST as simulated: spectra of classes O to M with known truth, as the survey would deliver them.

Vacuum, heliocentric and not at rest; relative flux, reddened and with an instrument response of each spectrograph's own; noise of
star and sky, lost pixels; classes as labels. Repeats share the star's identifier and have each their response and noise.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..core import InputError
from ..core.internal import PRNGKeyArray
from ..data import Spectra
from ..lines.internal import column
from ._classes import draw_classes
from ._random import generator
from .physics._optical import OpticalSynthesis

__all__ = ["SimulatedLamost", "simulate_lamost"]

_LIGHT = 299792.458


@dataclass(frozen=True, eq=False)
class SimulatedLamost:
    """A simulated LAMOST.

    Parameters
    ----------
    spectra : Spectra
        Heliocentric. Its table has what the survey's files have: ``class`` (``"STAR"``), ``subclass`` (``"G2"``), ``z``, ``snrg``,
        ``obsid``, and the visit.
    truth : pandas.DataFrame
        One row per spectrum: ``class``, ``subclass``, ``luminosity``, ``teff``, ``logg``, ``fe_h``, ``alpha_fe``, ``ebv``, ``rv_kms``.
    params : (spectrum, param) array
        In the order of `PARAMETERS`.
    """

    spectra: Spectra
    truth: pd.DataFrame
    params: np.ndarray


def simulate_lamost(
    n_stars: int = 1000,
    *,
    key: "PRNGKeyArray | int",
    mix: Mapping[str, float] | None = None,
    snr: tuple[float, float] = (10.0, 100.0),
    visits: int = 1,
    bad_fraction: float = 0.005,
    rv_error: float = 5.0,
    response: float = 0.05,
    synthesis: OpticalSynthesis | None = None,
) -> SimulatedLamost:
    """Simulate LAMOST spectra of stars of all classes.

    Parameters
    ----------
    n_stars : int
    key : JAX key or int
        Source of randomness.
    mix : mapping of class to weight, optional
        Default: a natural mix of A to M with few O and B, see `MIX`.
    snr : (low, high)
        Range of the median signal-to-noise ratio per pixel in g (4,000 to 5,500 Angstrom), log-uniform.
    visits : int
        Number of spectra of each star; each spectrum has its own S/N.
    bad_fraction : float
        Fraction of pixels lost at random.
    rv_error : float
        Error of the redshift in the table, km/s.
    response : float
        Scatter of the smooth error of flux calibration, as a fraction.
    synthesis : OpticalSynthesis, optional
        To be used again, as it compiles once.

    Returns
    -------
    SimulatedLamost
    """
    low, high = snr
    if not 0 < low <= high:
        raise InputError(
            f"snr is {snr}; give the lowest and the highest signal-to-noise ratio, such as (10, 100)."
        )
    for what, count in (("n_stars", n_stars), ("visits", visits)):
        if int(count) != count or count < 1:
            raise InputError(f"{what} is {count}; give a whole number of at least 1.")
    if not 0 <= bad_fraction < 1:
        raise InputError(f"bad_fraction is {bad_fraction}; give a fraction from 0 up to, not including, 1.")
    rng = generator(key)
    synthesis = OpticalSynthesis() if synthesis is None else synthesis
    params, table = draw_classes(n_stars, rng, None if mix is None else dict(mix))
    wavelength = synthesis.window.wavelength
    clean = synthesis.flux(params)
    ebv = rng.exponential(0.08, n_stars).clip(0, 0.6)
    clean = clean * 10 ** (-0.4 * ebv[:, None] * _reddening(wavelength))
    rv = rng.normal(0, 45, n_stars)
    star = np.repeat(np.arange(n_stars), visits)
    ratio = np.exp(rng.uniform(np.log(low), np.log(high), len(star)))
    flux = np.stack(
        [np.interp(wavelength / (1 + v / _LIGHT), wavelength, f) for v, f in zip(rv, clean, strict=True)]
    )
    flux = flux[star] * _response(wavelength, len(star), response, rng)
    flux, ivar = _noisy(flux.astype(np.float32), wavelength, ratio, bad_fraction, rng)
    measured = rv[star] + rv_error * rng.standard_normal(len(star))
    named = table.iloc[star].reset_index(drop=True)
    observed = pd.DataFrame(
        {
            "obsid": [str(100_000 + k) for k in range(len(star))],
            "class": "STAR",
            "subclass": named["subclass"],
            "z": measured / _LIGHT,
            "rv_kms": measured,
            "snr": ratio,
            "snrg": ratio,
            "visit": np.tile(np.arange(visits), n_stars),
        }
    )
    parameters = {n: params[star, column(n)] for n in ("teff", "logg", "fe_h")}
    spectra = Spectra(
        flux,
        ivar,
        wavelength,
        "vacuum",
        np.array([f"sim-{k + 1:06d}" for k in star]),
        frame="barycentric",
        survey="lamost",
        flux_unit="relative",
        table=observed,
        history=("simulated LAMOST low-resolution spectra; heliocentric vacuum wavelengths",),
    )
    return SimulatedLamost(spectra, named.assign(**parameters, ebv=ebv[star], rv_kms=rv[star]), params[star])


def _reddening(wavelength: np.ndarray) -> np.ndarray:
    """Extinction per E(B-V): the mean optical curve of Cardelli, Clayton & Mathis (1989, ApJ 345, 245) with R_V = 3.1."""
    y = 1e4 / wavelength - 1.82
    a = np.polyval([0.32999, -0.77530, 0.01979, 0.72085, -0.02427, -0.50447, 0.17699, 1.0], y)
    b = np.polyval([-2.09002, 5.30260, -0.62251, -5.38434, 1.07233, 2.28305, 1.41338, 0.0], y)
    return 3.1 * a + b


def _response(wavelength: np.ndarray, n: int, scatter: float, rng: np.random.Generator) -> np.ndarray:
    """A smooth error of flux calibration, a cubic, and a step where the two arms of the spectrograph meet."""
    x = np.linspace(-1, 1, len(wavelength))
    waves = np.polynomial.legendre.legvander(x, 3)[:, 1:] @ rng.standard_normal((3, n)) * scatter
    step = 0.3 * scatter * rng.standard_normal(n) * np.tanh((wavelength - 5850) / 40)[:, None]
    return np.exp(waves + step).T


def _noisy(flux, wavelength, ratio, bad_fraction, rng) -> tuple[np.ndarray, np.ndarray]:
    """Photon noise of star and sky, scaled to the S/N asked for, more at the ends of both arms; and lost pixels."""
    green = (wavelength > 4000) & (wavelength < 5500)
    efficiency = np.clip(1 - ((wavelength - 6300) / 3200) ** 2, 0.12, None)
    efficiency = efficiency * (1 - 0.5 * np.exp(-0.5 * ((wavelength - 5850) / 90) ** 2))
    level = np.median(flux[:, green], axis=1, keepdims=True)
    variance = (np.maximum(flux, 0) + 0.4 * level) / efficiency
    scale = np.median(flux[:, green] / np.sqrt(variance[:, green]), axis=1) / ratio
    error = (np.sqrt(variance) * scale[:, None]).astype(np.float32)
    noisy = flux + error * rng.standard_normal(flux.shape, dtype=np.float32)
    lost = rng.random(flux.shape, dtype=np.float32) < bad_fraction
    return np.where(lost, 0, noisy).astype(np.float32), np.where(lost, 0, error**-2.0).astype(np.float32)
