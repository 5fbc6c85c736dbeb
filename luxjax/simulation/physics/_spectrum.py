"""Simulated spectra of a survey: normalised, on the survey's pixels, and their exact Jacobian."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from ...core.internal import Array, Float
from ...lines import LineList, LineStrength
from ...lines.internal import _LIGHT, PARAMETERS, column, like
from ._hydrogen import HydrogenLines
from ._windows import Window, window_named

__all__ = ["Synthesis", "builtin", "spectrum"]

_REACH = 12.0  # half the stretch of pixels a metal line touches, in sigmas of the line-spread function
_REACH_HYDROGEN = 100.0  # Angstrom


class Synthesis:
    """Spectra of stars in one window.

    Every metal line is a Gaussian whose area is its equivalent width, broadened by thermal motion,
    microturbulence, saturation, macroturbulence and the instrument; hydrogen has Stark wings; where lines
    overlap, transmissions multiply.

    Parameters
    ----------
    window : str or Window
        A survey's name, or its pixels.
    lines : LineList, optional
        Default: the built-in table.
    """

    def __init__(self, window: "str | Window", lines: LineList | None = None):
        self.window = w = window_named(window)
        lines = (LineList.builtin() if lines is None else lines).to(w.medium)
        reach = _REACH * w.sigma_kms / _LIGHT
        near = w.covers(lines.wavelength, margin=reach * lines.wavelength.max(initial=0.0))
        self.lines = lines.select(near & (lines.element != "H"))
        self._strength = LineStrength(self.lines)
        self._pixel, self._offset = self._stretches(self.lines, reach * self.lines.wavelength)
        hydrogen = lines.select(w.covers(lines.wavelength, margin=5.0) & (lines.element == "H"))
        self._hydrogen = HydrogenLines(hydrogen)
        self._pixel_h, self._offset_h = self._stretches(hydrogen, np.full(len(hydrogen), _REACH_HYDROGEN))

    def _stretches(self, lines: LineList, reach: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels that each line touches, and their distance from it in Angstrom, (line, stretch) each.

        Beyond the window's ends the pixel number is n_pixels, which is dropped on adding.
        """
        w = self.window
        step = np.gradient(w.wavelength)[w.pixel(lines.wavelength)]
        half = int(np.ceil(np.max(reach / step, initial=1.0)))
        index = w.pixel(lines.wavelength)[:, None] + np.arange(-half, half + 1)
        inside = (index >= 0) & (index < w.n_pixels)
        offset = w.wavelength[np.clip(index, 0, w.n_pixels - 1)] - lines.wavelength[:, None]
        return np.where(inside, index, w.n_pixels).astype(np.int32), offset

    def __call__(
        self, params: Float[Array, " param"], rv: float | Float[Array, ""] = 0.0
    ) -> Float[Array, " pixel"]:
        """Noise-free normalised flux of one star; differentiable.

        Parameters
        ----------
        params : (param,) array
            In the order of `PARAMETERS`.
        rv : float
            Radial velocity left in the spectrum, km/s.
        """
        params = 1.0 * jnp.asarray(params)  # whole numbers become floats
        kms2 = self.window.sigma_kms**2 + 0.5 * params[column("vmacro")] ** 2
        log_flux = jnp.zeros(self.window.n_pixels, params.dtype)
        if len(self.lines):
            width, sigma = self._strength.profile(params)
            wavelength = like(self.lines.wavelength, params)
            variance = sigma**2 + (wavelength / _LIGHT) ** 2 * kms2
            depth = width / jnp.sqrt(2 * np.pi * variance)
            x2 = (like(self._offset, params) - (wavelength * rv / _LIGHT)[:, None]) ** 2
            log_line = jnp.log1p(-depth[:, None] * jnp.exp(-0.5 * x2 / variance[:, None]))
            log_flux = log_flux.at[self._pixel].add(log_line, mode="drop")
        if len(self._hydrogen.lines):
            offset = (
                like(self._offset_h, params)
                - (like(self._hydrogen.lines.wavelength, params) * rv / _LIGHT)[:, None]
            )
            depth = self._hydrogen.depth(params, offset, self.window.sigma_kms)
            log_flux = log_flux.at[self._pixel_h].add(jnp.log1p(-depth), mode="drop")
        return jnp.exp(log_flux)

    def flux(self, params, rv=0.0, *, block: int = 64) -> np.ndarray:
        """Noise-free normalised flux of many stars, (star, pixel), `block` stars at a time."""
        params = np.atleast_2d(np.asarray(params))
        rv = np.broadcast_to(np.asarray(rv, params.dtype), params.shape[:1])
        return _in_blocks(_fluxes, self, (params, rv), block)

    def jacobian(self, params, *, block: int = 8) -> np.ndarray:
        """Exact derivative of the flux by every parameter, (star, pixel, param), `block` stars at a time."""
        return _in_blocks(_jacobians, self, (np.atleast_2d(np.asarray(params)),), block)

    def touched(self, element: str, *, floor: float = 1e-3) -> np.ndarray:
        """Pixels within three sigma of the line-spread function of any of the element's lines, (pixel,) bool.

        `floor` leaves out lines shallower than this in the Sun's and in a cool giant's spectrum alike.
        """
        out = np.zeros(self.window.n_pixels, bool)
        mine = self.lines.element == element
        if mine.any():
            seen = np.max([self._depths(star) for star in _REFERENCE], axis=0) > floor
            sigma = self.lines.wavelength * self.window.sigma_kms / _LIGHT
            close = np.abs(self._offset) < 3 * sigma[:, None]
            index = self._pixel[mine & seen][close[mine & seen]]
            out[index[index < self.window.n_pixels]] = True
        if element == "H":
            out[self._pixel_h[np.abs(self._offset_h) < 10]] = True
        return out

    def _depths(self, params) -> np.ndarray:
        width, sigma = self._strength.profile(jnp.asarray(params))
        variance = sigma**2 + (self.lines.wavelength * self.window.sigma_kms / _LIGHT) ** 2
        return np.asarray(width / jnp.sqrt(2 * np.pi * variance))


def _star(**values: float) -> np.ndarray:
    params = np.zeros(len(PARAMETERS))
    for name, value in values.items():
        params[column(name)] = value
    return params


_REFERENCE = (
    _star(teff=5777, logg=4.44, vmic=1.0, vmacro=3.0),
    _star(teff=4300, logg=1.7, vmic=1.7, vmacro=5.0),
)


@functools.partial(jax.jit, static_argnums=0)
def _flux(synthesis, params):
    return synthesis(params)


@functools.partial(jax.jit, static_argnums=0)
def _fluxes(synthesis, params, rv):
    return jax.vmap(synthesis)(params, rv)


@functools.partial(jax.jit, static_argnums=0)
def _jacobians(synthesis, params):
    return jax.vmap(jax.jacfwd(synthesis))(params)


def _in_blocks(function, synthesis, arrays, block: int) -> np.ndarray:
    """Apply to blocks of one size, the last one padded: one compilation, bounded memory."""
    n = len(arrays[0])
    parts = []
    for start in range(0, n, block):
        part = [a[start : start + block] for a in arrays]
        short = block - len(part[0])
        padded = [np.concatenate([a, np.repeat(a[-1:], short, axis=0)]) for a in part]
        parts.append(np.asarray(function(synthesis, *padded))[: len(part[0])])
    return np.concatenate(parts)


@functools.lru_cache(maxsize=8)
def builtin(window: str) -> Synthesis:
    """The built-in lines in a survey's window; made, and compiled, once."""
    return Synthesis(window)


def spectrum(params: Float[Array, " param"], window: "str | Window" = "apogee") -> Float[Array, " pixel"]:
    """Noise-free normalised flux of one star in a survey's window; differentiable, vmap outside.

    Parameters
    ----------
    params : (param,) array
        In the order of `PARAMETERS`: Teff in K, log g, [Fe/H] in dex, micro- and macroturbulence in km/s,
        then [X/Fe] of every other element.
    window : str or Window
        ``"apogee"`` or ``"galah"``, or a `Window`.
    """
    synthesis = builtin(window) if isinstance(window, str) else Synthesis(window)
    return _flux(synthesis, params)
