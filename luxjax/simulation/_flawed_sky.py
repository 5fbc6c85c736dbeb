"""The physics of `flawed_survey`: lines and bands whose opacities add, and the bound on barium that they allow."""

import numpy as np

from ..core import InputError

__all__ = ["ACTIVITY", "BA", "HIDDEN", "RESOLUTION", "WAVE", "FlawedSky", "N", "set_strength"]

N, BLUR, DEEPEST = 700, 1.7, 6.0  # pixels, pixels, the largest opacity of a line
WAVE = 6100.0 * np.exp(np.arange(N) * 4.1e-5)  # Angstrom, air; 0.25 apart
RESOLUTION = 1 / (4.1e-5 * BLUR * 2.3548)
HIDDEN = ("C", "O", "Si", "Ca", "Ti", "Ni", "Al")
BA = 4 + len(HIDDEN)  # columns: four labels, hidden elements, barium, activity
ACTIVITY = BA + 1
COUNTS = {"Fe": 45, "Mg": 12, "C": 8, "O": 3, "Si": 8, "Ca": 9, "Ti": 14, "Ni": 12, "Al": 4}


class FlawedSky:
    """Lines and bands; from the parameters of stars to their spectra."""

    def __init__(self, rng: np.random.Generator, n_own: int):
        names = [name for name, count in COUNTS.items() for _ in range(count)] + ["Ba"] * n_own
        self.element = np.array(names)
        n = len(names)
        step = (N - 40) / n_own
        own = 20 + step * np.arange(n_own) + rng.uniform(0, step - 12, n_own)
        self.centre = np.append(rng.uniform(4, N - 4, n - n_own), own)
        self.log_strength = np.append(rng.uniform(-1.9, 0.25, n - n_own), rng.uniform(-1.6, -0.8, n_own))
        self.excitation = np.append(rng.gamma(3.0, 1.1, n - n_own), rng.uniform(0.4, 2.0, n_own))
        self.ionised = np.append(rng.random(n - n_own) < 0.15, np.ones(n_own, bool))
        x = np.arange(N) - self.centre[:, None]
        wings = rng.uniform(0.02, 0.12, n)[:, None]
        self.profile = (1 - wings) * np.exp(-0.5 * (x / 0.9) ** 2) + wings / (1 + (x / 1.4) ** 2)
        self.band = np.abs(np.sin(np.arange(N) / 7.3)) * np.exp(-((np.arange(N) % 233) / 60.0))
        self.stark = 1 / (1 + np.abs((np.arange(N) - 0.62 * N) / 9.0) ** 2.5)

    def flux(self, params: np.ndarray, rotation: np.ndarray) -> np.ndarray:
        """Noise-free flux, (star, pixel); rotation in pixels."""
        theta = 5040 / params[:, [0]]
        place = {name: 4 + k for k, name in enumerate(HIDDEN)} | {"Mg": 3, "Ba": BA}
        ratio = np.column_stack(
            [params[:, place[e]] if e in place else np.zeros(len(params)) for e in self.element]
        )
        a = self.log_strength + params[:, [2]] + ratio - self.excitation * (theta - 1.05)
        # Neutral lines also fade as atoms are ionised, ionised ones with gravity.
        a = a + np.where(
            self.ionised, -0.35 * (params[:, [1]] - 2.5), 1.2 * (theta - 1.05) - 2.0 * (theta - 1.05) ** 2
        )
        opacity = DEEPEST * (1 - np.exp(-(10**a) / DEEPEST))
        opacity = opacity @ self.profile
        cold = np.clip(theta - 0.98, 0, None) ** 2 * 25 * 10 ** (0.7 * params[:, [2]] + 0.7 * params[:, [5]])
        opacity = opacity + 0.25 * cold * self.band
        heat = (params[:, [0]] / 4800) ** 5
        opacity = opacity + 0.5 * heat * 10 ** (0.03 * (params[:, [1]] - 2.5)) * self.stark
        flux = 1 - (1 - np.exp(-opacity)) * (1 - 0.06 * params[:, [ACTIVITY]])
        return self._blurred(flux, rotation)

    def _blurred(self, flux: np.ndarray, rotation: np.ndarray) -> np.ndarray:
        mirrored = np.concatenate([flux, flux[:, ::-1]], axis=1)
        frequency = np.fft.rfftfreq(2 * N)
        width = np.sqrt(BLUR**2 + rotation[:, None] ** 2)
        shape = np.exp(-2 * (np.pi * frequency * width) ** 2)
        return np.fft.irfft(np.fft.rfft(mirrored) * shape, 2 * N)[:, :N]

    def with_strength(self, change: float) -> None:
        """Make barium's lines stronger, in dex; -inf takes them away."""
        self.log_strength = self.log_strength + np.where(self.element == "Ba", change, 0.0)


def set_strength(sky: FlawedSky, params, rotation, snr: float, tau: float, ratio: float) -> float:
    """Barium's lines as strong as tau / bound = ratio asks; returns the bound."""
    if ratio == 0:
        sky.with_strength(-np.inf)
        return float("inf")
    low, high, at = -3.0, 2.5, 0.0
    for _ in range(14):
        middle = 0.5 * (low + high)
        sky.with_strength(middle - at)
        at = middle
        bound = _bound(sky, params, rotation, snr)
        low, high = (low, middle) if tau / bound > ratio else (middle, high)
    if abs(np.log(tau / bound / ratio)) > 0.05:
        raise InputError(
            f"no strength of the lines gives tau / bound = {ratio:g} at this S/N and tau = {tau:g}; they saturate. Ask for a "
            "smaller ratio, more lines or a higher S/N."
        )
    return bound


def _bound(sky: FlawedSky, params, rotation, snr: float) -> float:
    """At known labels: the information on barium, less what hidden elements and activity share of it."""
    columns = [*range(4, 4 + len(HIDDEN)), ACTIVITY, BA]
    slopes = []
    for j in columns:
        up, down = params.copy(), params.copy()
        up[:, j] += 0.02
        down[:, j] -= 0.02
        slopes.append((sky.flux(up, rotation) - sky.flux(down, rotation)) / 0.04)
    found = []
    for star in np.stack(slopes, axis=2):
        information = star.T @ star * snr**2
        rest = information[:-1, :-1]
        left = information[-1, -1] - information[-1, :-1] @ np.linalg.pinv(rest) @ information[:-1, -1]
        found.append(1 / max(left, 1e-12))
    return float(np.sqrt(np.mean(found)))
