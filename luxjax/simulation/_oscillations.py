"""Simulated power spectra and light curves of cool stars with known nu_max: granulation, modes, activity and white noise.

The expected power follows published scaling relations with the scatter of stars about them, and power at each frequency is exponentially
distributed about it, as the power of noise is. Between the modes of the hump there is little power, which a smooth template does not know.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import InputError
from ..core.internal import PRNGKeyArray
from ..data import LightCurve
from ..lines.internal import column
from ..system.internal import lazy_import
from ._population import draw_population
from ._random import generator

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

__all__ = ["SimulatedOscillations", "simulate_oscillations"]

_SUN = {"nu_max": 3090.0, "delta_nu": 135.1, "teff": 5777.0, "logg": 4.438}
_DAY_MS = 0.0864  # megaseconds
#: Phase in units of the large separation, relative height and number of the modes of degree 0, 2 and 1 (mixed).
_MODES = ((0.0, 1.0), (-0.12, 0.7), (0.38, 0.35), (0.45, 0.35), (0.53, 0.35), (0.60, 0.35))
_OFFSET = 1.4  # the surface term, epsilon


@dataclass(frozen=True, eq=False)
class SimulatedOscillations:
    """Power spectra of simulated stars, and the truth about them.

    Parameters
    ----------
    frequency : (frequency,) array
        Multiples of one over the time observed, microhertz.
    expected : (star, frequency) array
        Expected one-sided power density, ppm^2 per microhertz.
    power : (star, frequency) array
        The power observed.
    table : pandas.DataFrame
        ``id``, ``teff``, ``logg``, ``fe_h``, ``nu_max``, ``delta_nu`` and ``mag`` of every star.
    cadence_s : float
        Seconds from one cadence to the next.
    seed : int
        Random seed of the light curves.
    """

    frequency: np.ndarray
    expected: np.ndarray
    power: np.ndarray
    table: "pd.DataFrame"
    cadence_s: float
    seed: int

    def __len__(self) -> int:
        return len(self.table)

    @property
    def observed_d(self) -> float:
        """Days observed."""
        return 1.0 / float(self.frequency[0]) / _DAY_MS

    def spectra(self) -> list[dict[str, Any]]:
        """The arguments of `luxjax.lightcurves.PowerSpectrum` for every star."""
        common = {"frequency": self.frequency, "cadence_s": self.cadence_s, "observed_d": self.observed_d}
        return [
            {"id": row.id, "power": self.power[k], "meta": {"teff": row.teff}, **common}
            for k, row in enumerate(self.table.itertuples())
        ]

    def light_curve(self, star: int) -> LightCurve:
        """A time series that has the expected power of one star, at a flux of 1; every star has its random phases and amplitudes."""
        rng = np.random.default_rng([self.seed, star])
        row = self.table.iloc[star]
        n = 2 * (len(self.frequency) + 1)
        sigma = np.sqrt(self.expected[star] * self.frequency[0])
        waves = np.zeros(n // 2 + 1, complex)
        waves[1:-1] = sigma * (rng.standard_normal(len(sigma)) - 1j * rng.standard_normal(len(sigma))) * n / 2
        time = np.arange(n) * self.cadence_s / 86400.0
        return LightCurve(
            row["id"],
            time,
            1.0 + 1e-6 * np.fft.irfft(waves, n),
            "bkjd",
            flux_err=np.full(n, 1e-6 * self._white_ppm(star)),
            cadence_s=self.cadence_s,
            meta={"teff": float(row["teff"])},
            history=("simulated",),
        )

    def _white_ppm(self, star: int) -> float:
        return float(self.table["white_ppm"].iloc[star])


def simulate_oscillations(
    n_stars: int,
    *,
    key: PRNGKeyArray | int,
    days: float = 90.0,
    cadence_s: float = 1765.5,
    nu_max: Sequence[float] | None = None,
    teff: Sequence[float] | float | None = None,
    noise_ppm: float = 60.0,
    noise_floor_ppm: float = 10.0,
) -> SimulatedOscillations:
    """Simulate power spectra of stars with known nu_max, on the grid of one over the time observed.

    Parameters
    ----------
    n_stars : int
    key : jax random key or int
        Of all random numbers.
    days : float
        Time observed, without gaps.
    cadence_s : float
        Seconds from one cadence to the next, which are also the exposure.
    nu_max : (star,) sequence, optional
        Microhertz. Default: those of a population of giants, clump stars, subgiants and dwarfs.
    teff : (star,) sequence or float, optional
        K. Default: those of the population, or 4800 with `nu_max`.
    noise_ppm, noise_floor_ppm : float
        White noise in a cadence, of a star of magnitude 12 and of a bright one.

    Returns
    -------
    SimulatedOscillations

    Examples
    --------
    >>> from luxjax.simulation import simulate_oscillations
    >>> stars = simulate_oscillations(2, key=1, days=27.0, nu_max=[30.0, 100.0])
    >>> stars.power.shape == (2, len(stars.frequency))
    True
    >>> stars.table["nu_max"].tolist()
    [30.0, 100.0]
    """
    rng = generator(key)
    for what, value in (("days", days), ("cadence_s", cadence_s), ("noise_ppm", noise_ppm)):
        if not 0 < value < np.inf:
            raise InputError(f"{what} is {value}; give a positive number.")
    table = _stars(n_stars, rng, nu_max, teff)
    n = 2 * int(0.5 * days * 86400.0 / cadence_s)
    if n < 200:
        raise InputError(
            f"{days:g} days of {cadence_s:g} s are {n} cadences; simulate at least 200, that is {200 * cadence_s / 86400:.1f} days."
        )
    frequency = np.arange(1, n // 2) * 1e6 / (n * cadence_s)
    table["mag"] = rng.uniform(9.0, 13.5, n_stars)
    table["white_ppm"] = np.hypot(noise_ppm * 10 ** (0.2 * (table["mag"] - 12)), noise_floor_ppm)
    draws = rng.standard_normal((3, n_stars))
    slopes = rng.uniform(2.0, 4.0, n_stars)
    expected = np.array([
        _expected_power(frequency, row, draws[:, k], slopes[k], cadence_s) for k, row in enumerate(table.itertuples())
    ])  # fmt: skip
    seed = int(rng.integers(2**31))
    return SimulatedOscillations(
        frequency, expected, expected * rng.exponential(size=expected.shape), table, cadence_s, seed
    )


def _stars(n_stars: int, rng: np.random.Generator, nu_max: Any, teff: Any) -> "pd.DataFrame":
    """Parameters of the stars, and nu_max and the large separation by their scaling relations."""
    params = draw_population(n_stars, rng).params
    table = pd.DataFrame({name: params[:, column(name)] for name in ("teff", "logg", "fe_h")})
    if nu_max is not None:
        given = np.asarray(nu_max, float)
        if given.shape != (n_stars,) or not np.all((given > 0) & np.isfinite(given)):
            raise InputError(
                f"nu_max must be {n_stars} positive numbers, one a star, in microhertz; given shape {given.shape}."
            )
        table["teff"] = 4800.0
    if teff is not None:
        table["teff"] = np.broadcast_to(np.asarray(teff, float), (n_stars,))
    hot = 0.5 * np.log10(table["teff"] / _SUN["teff"])
    if nu_max is None:
        exact = _SUN["nu_max"] * 10 ** (table["logg"] - _SUN["logg"] - hot)
        table["nu_max"] = exact * np.exp(0.01 * rng.standard_normal(n_stars))
    else:
        table["nu_max"] = given
        table["logg"] = _SUN["logg"] + np.log10(given / _SUN["nu_max"]) + hot
    mass = np.exp(rng.normal(np.log(1.15), 0.22, n_stars)).clip(0.75, 2.6)
    log_radius = 0.5 * (np.log10(mass) - (table["logg"] - _SUN["logg"]))
    table["delta_nu"] = _SUN["delta_nu"] * np.sqrt(mass) * 10 ** (-1.5 * log_radius)
    table.insert(0, "id", [f"star{k}" for k in range(n_stars)])
    return table


def _expected_power(
    frequency: np.ndarray, star: Any, draws: np.ndarray, slope: float, cadence_s: float
) -> np.ndarray:
    """Expected power density of one star, ppm^2 per microhertz."""
    nyquist = 0.5e6 / cadence_s
    variance = (3382.0 * star.nu_max**-0.609 * 10 ** (0.05 * draws[0] + 0.10 * star.fe_h)) ** 2
    knees = 0.317 * star.nu_max**0.970, 0.948 * star.nu_max**0.992
    granulation = sum(1 / b / (1 + (frequency / b) ** 4) for b in knees) * 2 * np.sqrt(2) / np.pi * variance
    height = 2.03e7 * star.nu_max**-2.38 * 10 ** (0.06 * draws[1])
    width = 0.66 * star.nu_max**0.88 / 2.3548
    hump = height * np.exp(-0.5 * ((frequency - star.nu_max) / width) ** 2)
    if star.nu_max < 1.3 * nyquist:
        hump = hump * _modes(frequency, star)
    activity = 10 ** (2.2 + 0.8 * draws[2]) * (0.3 if star.logg < 3.3 else 1.0) * (frequency / 5.0) ** -slope
    white = 2 * star.white_ppm**2 * cadence_s * 1e-6
    return np.sinc(frequency / (2 * nyquist)) ** 2 * (granulation + hump) + activity + white


def _modes(frequency: np.ndarray, star: Any) -> np.ndarray:
    """Comb of modes with a mean of about 1."""
    phase = (frequency / star.delta_nu - _OFFSET) % 1.0
    width = max(0.12 if star.nu_max < 300 else 1.0, frequency[0]) / star.delta_nu
    comb = sum(a / (1 + (2 * ((phase - at + 0.5) % 1 - 0.5) / width) ** 2) for at, a in _MODES)
    return comb / (width * np.pi / 2 * sum(a for _, a in _MODES))
