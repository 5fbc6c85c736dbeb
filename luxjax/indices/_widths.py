"""Widths of strong lines: the full width at half depth of the Gaussian that fits best, with its error.

Lines of a multiplet are fitted together: each has a depth, all have one width and one shift. The model of the flux is
a + b x - sum_i A_i G(x - x_i - s; sigma), averaged over each pixel, so that a line of two pixels is not measured too wide. Lines add up, as those do that only the
instrument blends. Given shift and width
the other numbers are linear and solved for exactly, which leaves two for the iteration (Golub & Pereyra 1973, variable projection). The error
is that of least squares, from the derivatives by all numbers, the continuum's among them.

A width is as observed: that of the star and that of the instrument together. Balmer lines are no Gaussians; of them it is a measure all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from ..data import Spectra
from ..preprocessing import air_to_vacuum
from ._definitions import Band
from ._local import Local, local_blocks

__all__ = ["LineGroup", "line_widths", "measure_widths"]

DETECTED = 3.0  # errors of the depth
_FWHM = 2 * np.sqrt(2 * np.log(2))
_SIGMA, _SHIFT = (0.3, 25.0), 3.0  # Angstrom; limits of the width, and of the shift
_STARTS, _STEPS = (0.8, 1.4, 2.5, 4.5, 8.0, 14.0), 10


@dataclass(frozen=True)
class LineGroup:
    """Lines of one width.

    Parameters
    ----------
    name : str
    lines : tuple of float
        Wavelengths in air, Angstrom.
    windows : tuple of (low, high)
        Where the fit looks, in air, Angstrom: the lines and some continuum on both sides.
    """

    name: str
    lines: tuple[float, ...]
    windows: tuple[Band, ...]


_GROUPS = (
    LineGroup("CaII_K_fwhm", (3933.66,), ((3905.0, 3955.0),)),
    LineGroup("Hbeta_fwhm", (4861.33,), ((4805.0, 4915.0),)),
    LineGroup("Mg_b_fwhm", (5167.32, 5172.68, 5183.60), ((5142.0, 5206.0),)),
    LineGroup("Na_D_fwhm", (5889.95, 5895.92), ((5866.0, 5920.0),)),
    LineGroup("Halpha_fwhm", (6562.79,), ((6505.0, 6620.0),)),
    LineGroup("CaII_triplet_fwhm", (8498.02, 8542.09, 8662.14), ((8474.0, 8577.0), (8619.0, 8700.0))),
)


def line_widths() -> list[LineGroup]:
    """The groups of lines that are built in."""
    return list(_GROUPS)


def measure_widths(
    spectra: Spectra,
    groups: Sequence[LineGroup] | None = None,
    *,
    redshift=0.0,
    min_coverage: float = 0.8,
) -> tuple[np.ndarray, np.ndarray]:
    """Full widths at half depth of absorption lines of many spectra.

    Parameters
    ----------
    spectra : Spectra
        In air or vacuum, in any frame.
    groups : sequence of LineGroup, optional
        Default: those of `line_widths`.
    redshift : float or (star,) array
        Observed over rest wavelength minus 1, of each star in the frame of the spectra.
    min_coverage : float
        Least fraction of the windows that good pixels must cover.

    Returns
    -------
    values, errors : (star, group) arrays
        Angstrom at rest; one-sigma errors. NaN where the windows are not covered, or the lines are in emission or shallower than three of
        the error of their depth.
    """
    chosen = line_widths() if groups is None else list(groups)
    out = np.full((2, len(spectra), len(chosen)), np.nan)
    # padded to one shape, so that one program does all groups: a window twice is one, and a repeated line is left out
    most = max(len(g.lines) for g in chosen), max(len(g.windows) for g in chosen)
    lines = air_to_vacuum(np.array([g.lines + g.lines[:1] * (most[0] - len(g.lines)) for g in chosen]))
    there = np.array([np.arange(most[0]) < len(g.lines) for g in chosen])
    windows = np.array([g.windows + g.windows[:1] * (most[1] - len(g.windows)) for g in chosen])
    windows = air_to_vacuum(windows.ravel()).reshape(windows.shape)
    length = np.array([np.ptp(air_to_vacuum(np.array(g.windows)), axis=1).sum() for g in chosen])
    least = min_coverage * length
    spans = list(zip(windows.min(axis=(1, 2)), windows.max(axis=(1, 2)), strict=True))
    for rows, local in local_blocks(spectra, spans, redshift):
        with jax.enable_x64(True):
            found = np.asarray(_block(local, lines, there, windows, least))
        out[:, rows] = found[:, : rows.stop - rows.start]
    return out[0], out[1]


@jax.jit
def _block(local: Local, lines, there, windows, least):
    """Width and error of every group in a block of stars, (2, star, group)."""
    of_star = jax.vmap(_one)
    each = jax.vmap(of_star, in_axes=(0, None, None, None, None))
    return jnp.moveaxis(each(local, lines, there, windows, least), -1, 0)


def _one(pixels: Local, lines, there, windows, least):
    """Width and error of one group in one star; lines that are not `there` only fill the shape."""
    absent = jnp.concatenate([jnp.zeros(2), ~there])
    middle = (pixels.low + pixels.high) / 2
    inside = jnp.any((middle > windows[:, :1]) & (middle < windows[:, 1:]), axis=0) & pixels.good
    weight = jnp.where(inside, 1 / jnp.sqrt(jnp.where(inside, pixels.variance, 1.0)), 0.0)
    x = (middle - jnp.mean(windows)) / (jnp.max(windows) - jnp.min(windows))

    def columns(shape):
        """What the linear numbers multiply: continuum and lines, (pixel, number)."""
        shift, log_sigma = shape
        sigma = jnp.exp(log_sigma)
        ends = [(edge[:, None] - lines - shift) / sigma for edge in (pixels.high, pixels.low)]
        area = jax.scipy.stats.norm.cdf(ends[0]) - jax.scipy.stats.norm.cdf(ends[1])
        wide = (pixels.high - pixels.low)[:, None]
        profile = -area * sigma * jnp.sqrt(2 * jnp.pi) / wide * there
        return jnp.concatenate([jnp.stack([jnp.ones_like(x), x], axis=1), profile], axis=1)

    def solved(shape):
        a = weight[:, None] * columns(shape)
        square = a.T @ a + jnp.diag(absent)
        ridge = 1e-10 * jnp.trace(square) * jnp.eye(len(square))
        return jnp.linalg.solve(square + ridge, a.T @ (weight * pixels.flux))

    def left(shape):
        return weight * (pixels.flux - columns(shape) @ solved(shape))

    limits = jnp.array([[-_SHIFT, jnp.log(_SIGMA[0])], [_SHIFT, jnp.log(_SIGMA[1])]])

    def step(_, state):
        """Levenberg and Marquardt's: a step that helps is taken and the next is bolder, another is more careful."""
        shape, damping = state
        r, slope = left(shape), jax.jacfwd(left)(shape)
        square = slope.T @ slope
        careful = square + damping * jnp.diag(jnp.diag(square)) + 1e-12 * jnp.eye(2)
        new = jnp.clip(shape - jnp.linalg.solve(careful, slope.T @ r), *limits)
        better = jnp.sum(left(new) ** 2) < jnp.sum(r**2)
        return jnp.where(better, new, shape), jnp.where(better, damping / 5, damping * 4)

    grid = jnp.stack([jnp.zeros(len(_STARTS)), jnp.log(jnp.array(_STARTS))], axis=1)
    cost = jax.vmap(lambda start: jnp.sum(left(start) ** 2))(grid)
    shape, _ = jax.lax.fori_loop(0, _STEPS, step, (grid[jnp.argmin(cost)], 1e-3))
    linear = solved(shape)

    def whole(numbers):
        return weight * (columns(numbers[:2]) @ numbers[2:])

    slope = jax.jacfwd(whole)(jnp.concatenate([shape, linear]))
    square = slope.T @ slope + jnp.diag(jnp.concatenate([jnp.zeros(2), absent]))
    variance = jnp.diag(jnp.linalg.inv(square))
    depth, deep = linear[2:], jnp.sqrt(variance[4:])
    width = _FWHM * jnp.exp(shape[1])
    error = width * jnp.sqrt(variance[1])
    covered = jnp.sum(inside * (pixels.high - pixels.low)) >= least
    within = (shape[1] > limits[0, 1]) & (shape[1] < limits[1, 1]) & (jnp.abs(shape[0]) < _SHIFT)
    known = (
        covered
        & within
        & jnp.any(there & (depth > DETECTED * deep))
        & (jnp.sum(depth) > 0)
        & jnp.isfinite(error)
    )
    return jnp.where(known, jnp.stack([width, error]), jnp.nan)
