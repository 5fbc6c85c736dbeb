"""Low-resolution optical spectra from O to M: LAMOST's window, with continuum, lines and bands.

Metal lines are synthesised as in `Synthesis`, with a photosphere that holds for hot stars too, and with Lorentzian wings where
damping made the line. Hydrogen (Balmer and Paschen series) and molecular bands are computed on pixels three times finer and
then smoothed. The line table holds the strong lines only; `_haze` stands for the thousands of weak ones that blanket the blue of
cool stars: a fixed random draw of iron-peak lines, right in their number and strength as a whole and not one by one.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from ...lines import LineList, LineStrength
from ...lines.internal import (
    _LIGHT,
    PARAMETERS,
    THETA,
    Layer,
    column,
    depth_limit,
    growth,
    ionisation_fractions,
    like,
)
from ...preprocessing import air_to_vacuum
from ._atmosphere import HELIUM, continuum_flux, log_continuum, solve_layers
from ._hydrogen import HydrogenLines
from ._molecules import MolecularBands
from ._windows import Window, window_named

__all__ = ["OpticalSynthesis"]

_FINE = 3  # pixels per LAMOST pixel for hydrogen and molecules
_RYDBERG = 109677.58e-8  # per Angstrom
_REACH_HYDROGEN, _REACH_STRONG, _REACH_WEAK = 120.0, 60.0, 8.0  # Angstrom
_STRONG = 0.35  # Angstrom: equivalent width in a K dwarf from which a line's wings are followed
# He I and He II: air wavelength, lower level in eV, log gf summed over fine structure (Wiese & Fuhr 2009, JPCRD 38, 565)
_HELIUM = np.array(
    [
        [4026.19, 20.964, -0.370, 0],
        [4143.76, 21.218, -1.203, 0],
        [4387.93, 21.218, -0.887, 0],
        [4471.48, 20.964, 0.043, 0],
        [4713.15, 20.964, -0.974, 0],
        [4921.93, 21.218, -0.436, 0],
        [5015.68, 20.616, -0.820, 0],
        [5875.62, 20.964, 0.739, 0],
        [6678.15, 21.218, 0.329, 0],
        [7065.19, 20.964, -0.206, 0],
        [4199.83, 51.02, -0.58, 1],
        [4541.59, 51.02, -0.223, 1],
        [4685.70, 48.37, 1.181, 1],
        [5411.52, 51.02, 0.321, 1],
    ]
)


def _balmer_and_paschen() -> LineList:
    """Balmer lines to n = 20 and Paschen lines from 9 to 20, with Kramers' strengths and measured Gaunt factors."""
    gaunt = {(2, 3): 0.757, (2, 4): 0.822, (2, 5): 0.846, (2, 6): 0.858}
    rows = [(2, m) for m in range(3, 21)] + [(3, m) for m in range(9, 21)]
    n, m = np.array(rows, float).T
    kramers = 32 / (3 * np.pi * np.sqrt(3)) * (n**-2 - m**-2) ** -3 / (n**5 * m**3)
    f = kramers * [gaunt.get(r, 0.87) for r in rows]
    count = len(rows)
    return LineList(
        np.full(count, "H"),
        np.full(count, "I"),
        1 / (_RYDBERG * (n**-2 - m**-2)),
        "vacuum",
        13.5984 * (1 - n**-2),
        np.log10(2 * n**2 * f),
        np.full(count, "Kramers"),
    )


def _haze(count: int = 2600) -> LineList:
    """A fixed random draw of weak lines of the iron peak: denser to the blue, and many more weak than strong ones."""
    rng = np.random.default_rng(20_240)
    species = rng.choice(6, count, p=[0.56, 0.10, 0.12, 0.08, 0.08, 0.06])
    element = np.array(["Fe", "Fe", "Ti", "Cr", "Ni", "V"])[species]
    ion = np.array(["I", "II", "I", "I", "I", "I"])[species]
    even = (
        np.arange(count) + rng.random(count)
    ) / count  # no clumps: one line in each of `count` equal shares
    blueward = -800.0 * np.log(1 - even * (1 - np.exp(-5400 / 800)))
    excitation = np.where(ion == "II", rng.uniform(1, 4, count), rng.uniform(2.0, 4.8, count))
    weaker = np.array([0.0, -0.6, -0.2, -0.2, 0.0, -0.6])[species]
    # weaker to the red, so that no band of the red is dominated by a line that does not exist
    redward = np.clip((blueward - 900) / 1500, 0, 1.5)
    log_gf = weaker - 0.6 - redward - rng.exponential(0.5, count)
    return LineList(element, ion, 3690.0 + blueward, "vacuum", excitation, log_gf, np.full(count, "haze"))


class OpticalSynthesis:
    """Spectra in LAMOST's window, 3,700-9,100 Angstrom in vacuum, at rest; for stars of every class."""

    def __init__(self, window: "str | Window" = "lamost"):
        self.window = w = window_named(window)
        table = LineList.builtin("vacuum").within(w.wavelength[0] - 30, w.wavelength[-1] + 30)
        metals = LineList.stack([table.select(table.element != "H"), _haze()])
        widths = np.asarray(LineStrength(metals).equivalent_width(_star(teff=4600.0, logg=4.5, vmic=1.0)))
        strong = widths > _STRONG
        self.lines = LineList.stack([metals.select(strong), metals.select(~strong)])
        self._strength = LineStrength(self.lines)
        self._parts = [(slice(0, strong.sum()), _REACH_STRONG), (slice(strong.sum(), None), _REACH_WEAK)]
        self._stretch = [
            _stretches(w.wavelength, self.lines.wavelength[part], reach) for part, reach in self._parts
        ]
        step = np.log(w.wavelength[1] / w.wavelength[0]) / _FINE
        pad = 20 * _FINE
        self._fine = w.wavelength[0] * np.exp(step * np.arange(-pad - 1, _FINE * w.n_pixels + pad - 1))
        self._pad, self._fine_kms = pad, step * _LIGHT
        hydrogen = _balmer_and_paschen()
        hydrogen = hydrogen.select(
            (hydrogen.wavelength > w.wavelength[0] - 60) & (hydrogen.wavelength < w.wavelength[-1] + 60)
        )
        self._hydrogen = HydrogenLines(hydrogen)
        self._stretch_h = _stretches(self._fine, hydrogen.wavelength, _REACH_HYDROGEN)
        self._bands = MolecularBands(w.wavelength)
        self._helium = air_to_vacuum(_HELIUM[:, 0])
        self._stretch_he = _stretches(w.wavelength, self._helium, 25.0)

    def __call__(self, params, layer: Layer):
        """Relative flux of one star at rest, 1 on average, (pixel,)."""
        w = self.window
        variance = w.sigma_kms**2 + 0.5 * params[column("vmacro")] ** 2
        # what each absorber lets through of the light that can be taken: together they cannot take more
        through = jnp.log(self._smoothed(self._balmer(params, layer), variance))
        through = (
            through + self._metals(params, layer, variance) + self._helium_lines(params, layer, variance)
        )
        through = through + jnp.log1p(-self._bands.depth(params, layer, log_continuum))
        limit = depth_limit(w.wavelength, layer.teff)
        flux = (1 + limit * jnp.expm1(through)) * continuum_flux(w.wavelength, layer)
        return flux / jnp.mean(flux)

    def _balmer(self, params, layer: Layer):
        """Transmission of hydrogen on the fine grid."""
        pixel, offset = self._stretch_h
        sigma = 0.5 * self._fine_kms
        depth = self._hydrogen.depth(params, like(offset, layer.teff), sigma, layer, log_continuum)
        depth = depth / depth_limit(self._hydrogen.lines.wavelength, layer.teff)[:, None]
        log_flux = jnp.zeros(len(self._fine)).at[pixel].add(jnp.log1p(-depth), mode="drop")
        return jnp.exp(log_flux)

    def _smoothed(self, fine, variance):
        """Smoothed by instrument and rotation, and averaged over the survey's pixels."""
        at = np.arange(-self._pad + 1, self._pad) * self._fine_kms
        kernel = jnp.exp(-0.5 * at**2 / variance)
        smooth = jnp.convolve(fine, kernel / jnp.sum(kernel), mode="same")[self._pad : -self._pad]
        return smooth.reshape(self.window.n_pixels, _FINE).mean(axis=1)

    def _metals(self, params, layer: Layer, variance):
        """Log transmission of the metal lines: a Gaussian, or in the share that damping made, a Lorentzian seen through it."""
        log_eta, width, damping = self._strength.log_opacity_ratio(params, layer, log_continuum)
        eta = 10.0 ** jnp.clip(log_eta, -12, 12)
        undamped = growth(eta, 0.0 * damping)
        whole = growth(eta, jnp.minimum(damping, 0.3))
        log_flux = jnp.zeros(self.window.n_pixels)
        for (part, _), (pixel, offset) in zip(self._parts, self._stretch, strict=True):
            area = (width * whole)[part]
            wave = like(self.lines.wavelength[part], layer.teff)
            sigma2 = (
                width[part] ** 2 * (0.5 + undamped[part] ** 2 / (2 * np.pi)) + (wave / _LIGHT) ** 2 * variance
            )
            wings = 1 - (undamped / whole)[part] ** 2
            half = area * wings / np.pi
            depth = area[:, None] * _profile(like(offset, layer.teff), sigma2, half, wings)
            log_flux = log_flux.at[pixel].add(jnp.log1p(-jnp.minimum(depth, 0.98)), mode="drop")
        return log_flux

    def _helium_lines(self, params, layer: Layer, variance):
        """Log transmission of He I and He II, with a Stark width of the order of the Doppler width."""
        wavelength = self._helium
        _, energy, log_gf, stage = _HELIUM.T
        wave = like(wavelength, layer.teff)
        fraction, log_u = ionisation_fractions([HELIUM], layer.temperature, layer.log_pe)
        population = (fraction - log_u)[0, stage.astype(int)] - THETA / layer.temperature * like(
            energy, layer.teff
        )
        doppler = wave / _LIGHT * jnp.sqrt(0.0166289 * layer.temperature / 4.0 + 25.0)
        strength = np.log10(4.9947e-21) + 2 * np.log10(wavelength) + log_gf + HELIUM.solar - 12
        log_eta = (
            like(strength, layer.teff) + population - jnp.log10(doppler) - log_continuum(wavelength, layer)
        )
        g = growth(10.0 ** jnp.clip(log_eta, -12, 8), 0.3 * jnp.ones_like(doppler))
        area = doppler * g
        sigma2 = doppler**2 * (0.5 + g**2 / (2 * np.pi)) + (wave / _LIGHT) ** 2 * variance
        pixel, offset = self._stretch_he
        depth = area[:, None] * _profile(like(offset, layer.teff), sigma2, 0.0 * area, 0.0 * area)
        return (
            jnp.zeros(self.window.n_pixels).at[pixel].add(jnp.log1p(-jnp.minimum(depth, 0.98)), mode="drop")
        )

    def flux(self, params: ArrayLike, *, block: int = 16) -> np.ndarray:
        """Noise-free relative flux of many stars at rest, (star, pixel), `block` stars at a time.

        Parameters
        ----------
        params : (star, param) array
            In the order of `PARAMETERS`.
        """
        params = np.atleast_2d(np.asarray(params, float))
        layers = solve_layers(*(params[:, column(n)] for n in ("teff", "logg", "fe_h")))
        out = np.empty((len(params), self.window.n_pixels), np.float32)
        for start in range(0, len(params), block):
            rows = np.minimum(np.arange(start, start + block), len(params) - 1)
            some = Layer(*(field[rows].astype(np.float32) for field in layers))
            found = np.asarray(_fluxes(self, params[rows].astype(np.float32), some))
            out[start : start + block] = found[: len(params) - start]
        return out


@functools.partial(jax.jit, static_argnums=0)
def _fluxes(synthesis, params, layers):
    return jax.vmap(synthesis)(params, layers)


def _profile(offset, sigma2, half, wings):
    """Profile of unit area: a Gaussian, and with weight `wings` a Voigt profile (pseudo-Voigt of Thompson et al. 1987)."""
    sigma2, half, wings = sigma2[:, None], half[:, None], wings[:, None]
    gauss = jnp.exp(-0.5 * offset**2 / sigma2) / jnp.sqrt(2 * np.pi * sigma2)
    f_g, f_l = 2.3548 * jnp.sqrt(sigma2), 2 * half
    f5 = f_g**5 + 2.69269 * f_g**4 * f_l + 2.42843 * f_g**3 * f_l**2 + 4.47163 * f_g**2 * f_l**3
    f = (f5 + 0.07842 * f_g * f_l**4 + f_l**5) ** 0.2
    x = f_l / f
    mix = 1.36603 * x - 0.47719 * x**2 + 0.11116 * x**3
    lorentz = f / (2 * np.pi) / (offset**2 + f**2 / 4)
    s2 = (f / 2.3548) ** 2
    voigt = mix * lorentz + (1 - mix) * jnp.exp(-0.5 * offset**2 / s2) / jnp.sqrt(2 * np.pi * s2)
    return (1 - wings) * gauss + wings * voigt


def _stretches(grid: np.ndarray, wavelength: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Pixels within `reach` Angstrom of each line and their distances, (line, stretch); the grid's length where outside."""
    step = np.log(grid[1] / grid[0])
    half = int(np.ceil(reach / (step * grid[0]))) if reach > 10 else 6
    index = np.rint(np.log(wavelength / grid[0]) / step).astype(int)[:, None] + np.arange(-half, half + 1)
    inside = (index >= 0) & (index < len(grid))
    offset = grid[np.clip(index, 0, len(grid) - 1)] - wavelength[:, None]
    return np.where(inside, index, len(grid)).astype(np.int32), offset


def _star(**values: float) -> np.ndarray:
    params = np.zeros(len(PARAMETERS))
    for name, value in values.items():
        params[column(name)] = value
    return params
