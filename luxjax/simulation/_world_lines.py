"""The lines of `toy_survey`: where they are, how deep in which star, and how well they tell europium."""

from dataclasses import dataclass, replace

import numpy as np

from ..core import InputError
from ._truth import _cramer_rao

__all__ = ["ALPHAS", "EU", "HIDDEN", "LABEL_ROWS", "N_PIXELS", "WAVELENGTH", "WorldLines"]
__all__ += ["draw_lines", "follower_pixels", "informative"]

N_PIXELS, LINE_SIGMA, DEPTH_LIMIT = 600, 1.4, 0.7  # pixels, pixels, fraction of the continuum
ALPHAS, HIDDEN = ("Mg", "Si", "Ca"), ("Ni", "Co", "V", "Cr", "Na", "Al")
WAVELENGTH = 16000.0 + 0.2 * np.arange(N_PIXELS)  # Angstrom
ALPHA, EU = slice(3, 6), 12
# Labels as linear functions of the parameters; [alpha/Fe] is the mean of its three elements.
LABEL_ROWS = np.zeros((5, 13))
LABEL_ROWS[[0, 1, 2, 4], [0, 1, 2, EU]] = 1.0
LABEL_ROWS[3, ALPHA] = 1 / 3


@dataclass(frozen=True, eq=False)
class WorldLines:
    """Lines of the window: element as the parameter that holds its abundance (iron: none), and what makes a depth."""

    param: np.ndarray  # (line,), -1 for iron
    strength: np.ndarray  # s_l; -inf for a line that is not there
    excitation: np.ndarray  # c_l
    gravity: np.ndarray  # g_l
    profile: np.ndarray  # (line, pixel)

    def depth(self, params: np.ndarray) -> np.ndarray:
        """a_l of each star, (star, line)."""
        abundance = np.where(self.param >= 0, params[:, self.param], 0.0) + params[:, [2]]
        t = self.strength + abundance + self.excitation * (5040 / params[:, [0]] - 1.1)
        t = 10 ** (t + self.gravity * (params[:, [1]] - 2.3))
        return DEPTH_LIMIT * t / (1 + t)

    def flux(self, params: np.ndarray) -> np.ndarray:
        """Noise-free flux, (star, pixel)."""
        return np.exp(-self.depth(params) @ self.profile)

    def jacobian(self, params: np.ndarray) -> np.ndarray:
        """Derivative of the flux by every parameter, (star, pixel, param)."""
        depth = self.depth(params)
        slope = np.log(10) * depth * (1 - depth / DEPTH_LIMIT)  # d a / d log10 t
        by = np.zeros((*depth.shape, params.shape[1]))
        by[:, :, 0] = slope * self.excitation * -5040 / params[:, [0]] ** 2
        by[:, :, 1] = slope * self.gravity
        by[:, :, 2] = slope
        own = np.flatnonzero(self.param >= 0)
        by[:, own, self.param[own]] = slope[:, own]
        flux = np.exp(-depth @ self.profile)
        return -flux[:, :, None] * (self.profile.T @ by)


def draw_lines(rng, n_own: int, few_neighbour_lines: bool):
    """All lines, europium's at their listed strengths; and windows, profile and line numbers of europium's."""
    counts = [36, *(14,) * len(ALPHAS), rng.integers(2, 6) if few_neighbour_lines else 6]
    counts += [6] * (len(HIDDEN) - 1)
    param = np.repeat([-1, *range(3, 12)], counts)
    weak = param >= 6
    made = rng.uniform(np.where(weak, -1.6, -1.3), np.where(weak, 0.0, 0.6))
    n = len(param)
    listed = rng.uniform(-2.0, -1.2, n_own)
    centre = np.append(rng.uniform(5, N_PIXELS - 5, n), _apart(rng, n_own))
    offset = (np.arange(N_PIXELS) - centre[:, None]) / LINE_SIGMA
    lines = WorldLines(
        np.append(param, np.full(n_own, EU)),
        np.append(made, listed),
        rng.normal(2.0, 1.2, n + n_own),
        rng.normal(0.0, 0.15, n + n_own),
        np.exp(-0.5 * offset**2),
    )
    near = np.abs(offset[n:]) <= 3
    pixels = near.any(axis=0)
    profile = (10**listed) @ np.where(near, lines.profile[n:], 0.0) * np.log(10) * DEPTH_LIMIT
    number = np.where(pixels, np.abs(offset[n:]).argmin(axis=0), -1)
    return lines, pixels, profile, number


def _apart(rng, n: int) -> np.ndarray:
    """Centres of n lines that do not share a window."""
    step = (N_PIXELS - 20) / n
    return 10 + step * np.arange(n) + rng.uniform(0, step - 6 * LINE_SIGMA, n)


def follower_pixels(rng, own: np.ndarray) -> np.ndarray:
    """Three adjacent pixels outside the windows."""
    free = np.flatnonzero(~(own[:-2] | own[1:-1] | own[2:]))
    return rng.choice(free) + np.arange(3)


def informative(lines: WorldLines, params, ivar, tau: float, ratio: float) -> tuple[WorldLines, float]:
    """The lines with europium's as strong as tau / bound = ratio asks, and the bound.

    The bound falls in proportion to the strength, more slowly as lines saturate: a few steps find it.
    """
    own = lines.param == EU
    if ratio == 0:
        return replace(lines, strength=np.where(own, -np.inf, lines.strength)), np.inf
    for _ in range(12):
        bound = _bound(lines, params, ivar)
        step = np.log10(ratio * bound / tau)
        if abs(step) < 0.005:
            return lines, bound
        lines = replace(lines, strength=lines.strength + np.where(own, np.clip(step, -1, 1), 0.0))
    raise InputError(
        f"no strength of {own.sum()} lines gives tau / bound = {ratio:g} at this S/N and tau = {tau:g}; lines saturate. Ask for "
        "a smaller ratio, more lines or a higher S/N."
    )


def _bound(lines: WorldLines, params: np.ndarray, ivar: np.ndarray) -> float:
    informations = (j.T @ (w[:, None] * j) for j, w in zip(lines.jacobian(params), ivar, strict=True))
    errors = [_cramer_rao(f, LABEL_ROWS[4:], LABEL_ROWS[:4])[0] for f in informations]
    return float(np.sqrt(np.mean(np.square(errors))))
