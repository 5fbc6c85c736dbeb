"""Spectral indices of many spectra, with their errors, on fractional pixels.

The bands are moved to the spectrum, never the spectrum to the bands: limits are converted to vacuum and stretched by the star's
redshift, and a pixel counts with the fraction of it that a band covers. So no pixel is resampled and errors stay independent.
The side bands define a straight line C through their mean fluxes at their centres, and the flux is divided by it pixel by pixel.

The variance is sum_j (d index / d F_j)^2 / ivar_j with the exact derivative. For d index = - sum_j u_j d(F_j / C_j),

    d index / d F_j = - u_j / C_j + alpha b_j + beta r_j,   alpha = sum u F (1 - t) / C^2,  beta = sum u F t / C^2,

with b_j, r_j the normalised shares of the side bands in pixel j and t the place between their centres. Bands may overlap. This is
first order in the noise: at an S/N of a few per pixel the distribution of a ratio has longer tails.
"""

import functools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..core import InputError
from ..core.internal import divided, doubles
from ..data import Spectra
from ..preprocessing import bin_edges, to_medium
from ._bands import BandMeans, band_means
from ._definitions import RESOLUTION, UNITS, Index, choose_indices

__all__ = ["measure_indices"]

_KIND = {unit: k for k, unit in enumerate(UNITS)}
_FLUX_ONLY = ("ratio", "ratio_fnu", "ratio_blue_over_red", "slope", "curvature")  # no pseudo-continuum
_SIZES = np.array([0, 40, 112, 448, 4000])  # pixels of an index band, so that few shapes are compiled
_MAG = 2.5 / np.log(10)


class _Group(NamedTuple):
    """Indices that are computed together, those without a pseudo-continuum and the others by width; arrays by index.

    `bands` (index, 3, 2) holds the limits of index band, blue and red in vacuum (any band where there is none), `has` which
    of the three there are, `kind` the number of the unit, and `reach` the most pixels in an index band, 0 without continuum.
    """

    columns: np.ndarray
    bands: np.ndarray
    has: np.ndarray
    kind: np.ndarray
    line: np.ndarray
    reach: int


def measure_indices(
    spectra: Spectra,
    indices: "Iterable[str | Index] | None" = None,
    *,
    redshift=0.0,
    min_coverage: float = 0.8,
    block: int = 256,
) -> tuple[np.ndarray, np.ndarray]:
    """Spectral indices of many spectra.

    Parameters
    ----------
    spectra : Spectra
        In air or vacuum, in any frame; an index is invariant to a factor in the flux.
    indices : sequence of str or Index, optional
        Names of built-in indices, or definitions. Default: all that are built in.
    redshift : float or (star,) array
        Observed over rest wavelength minus 1, of each star in the frame of the spectra.
    min_coverage : float
        Least fraction of a band that good pixels must cover; above 0, at most 1. What is missing counts as the mean of the rest.
    block : int
        Spectra computed at a time: bounds the memory.

    Returns
    -------
    values, errors : (star, index) arrays
        In the units of the definitions, equivalent widths at rest; one-sigma errors. NaN where a band is not covered.

    Raises
    ------
    InputError
        A redshift is missing or not above -1, or a name is not known.

    Examples
    --------
    >>> import numpy as np
    >>> import luxjax
    >>> from luxjax.indices import Index, measure_indices
    >>> wavelength = np.arange(4980.0, 5040.0)
    >>> flux = np.where(abs(wavelength - 5010.0) < 2.5, 0.5, 1.0)[None]  # five pixels of 1 A, half dark
    >>> spectra = luxjax.Spectra(flux, np.full(flux.shape, 1e4), wavelength, "vacuum", ["a"])
    >>> sides = {"blue": (4990.0, 5000.0), "red": (5020.0, 5030.0)}
    >>> index = Index("line", "A", "vacuum", band=(5004.5, 5015.5), **sides)
    >>> values, errors = measure_indices(spectra, [index])
    >>> values.round(2).tolist(), errors.round(2).tolist()
    ([[2.5]], [[0.04]])
    """
    chosen = choose_indices(indices)
    if not 0 < min_coverage <= 1:
        raise InputError(f"min_coverage is a fraction above 0, at most 1; given: {min_coverage}.")
    stretch = 1 + np.broadcast_to(doubles("redshifts", redshift), (len(spectra),))
    usable = np.isfinite(stretch) & (stretch > 0)
    if not usable.all():
        raise InputError(
            f"{np.sum(~usable)} of {len(spectra)} spectra have no usable redshift; leave them out with spectra.select(mask)."
        )
    lower, upper = bin_edges(to_medium(spectra, "vacuum").wavelength)
    groups = _groups(chosen, lower, upper)
    bands = np.empty((len(chosen), 3, 2))
    for group in groups:
        bands[group.columns] = group.bands
    block = min(block, len(spectra)) or 1
    whole = divided(spectra.flux, spectra.ivar, spectra.scale or 1.0)  # indices are ratios of fluxes
    out = np.full((2, len(spectra), len(chosen)), np.nan)
    for start in range(0, len(spectra), block):
        rows = slice(start, start + block)
        short = block - len(stretch[rows])
        flux, ivar, factor = (_padded(a[rows], short) for a in (*whole, stretch))
        good = ivar > 0
        flux, variance = np.where(good, flux, 0), np.where(good, 1 / np.where(good, ivar, 1), 0)
        everything = band_means(flux, variance, good, lower, upper, bands, factor)
        for group in groups:
            means = BandMeans(*(m[:, group.columns] for m in everything))
            if group.reach:
                with jax.enable_x64(True):
                    stars = (flux, variance, good, factor, means)
                    found = np.asarray(_with_continuum(stars, (lower, upper), group[1:-1], reach=group.reach))
            else:
                found = np.asarray(_flux_only(means, group.has, group.kind))
            covered = means.width >= min_coverage * np.ptp(group.bands, axis=-1)
            full = np.all(covered | ~group.has, axis=-1) & np.isfinite(found).all(axis=0)
            out[:, rows, group.columns] = np.where(full, found, np.nan)[:, : block - short]
    return out[0], np.sqrt(out[1])


def _padded(array: np.ndarray, short: int) -> np.ndarray:
    """A block of full size, so that one shape is compiled; the extra rows repeat the last."""
    array = np.asarray(array, np.float64)
    return np.concatenate([array, np.repeat(array[-1:], short, axis=0)]) if short else array


def _groups(indices: Sequence[Index], lower: np.ndarray, upper: np.ndarray) -> list[_Group]:
    vacuum = [index.vacuum() for index in indices]
    made: dict[int, list[int]] = {}
    for k, index in enumerate(vacuum):
        near = (upper > 0.97 * index.bands[0][0]) & (lower < 1.03 * index.bands[0][1])
        pixel = np.min((upper - lower)[near], initial=np.inf)
        need = 0 if index.unit in _FLUX_ONLY else 1.05 * np.ptp(index.bands[0]) / pixel + 2
        made.setdefault(int(_SIZES[np.searchsorted(_SIZES, need)]), []).append(k)
    groups = []
    for reach, members in sorted(made.items()):
        parts = [vacuum[k] for k in members]
        sides = [(i.band, i.blue, i.red) for i in parts]
        groups.append(
            _Group(
                np.array(members),
                np.array([[b or i.bands[0] for b in s] for s, i in zip(sides, parts, strict=True)]),
                np.array([[b is not None for b in s] for s in sides]),
                np.array([_KIND[i.unit] for i in parts]),
                np.array([i.line or i.bands[0][0] for i in parts]),
                reach,
            )
        )
    return groups


@functools.partial(jax.jit, static_argnames="reach")
def _with_continuum(stars, edges, group, *, reach: int):
    """Value and variance of indices on a pseudo-continuum, (2, star, index)."""
    bands, _, kind, line = group

    def one_star(flux, variance, good, stretch, means: BandMeans):
        run = means.start[:, :1] + jnp.arange(reach)
        inside = run < len(flux)
        pixel = jnp.minimum(run, len(flux) - 1)
        low, high = (edge[pixel] / stretch for edge in edges)
        pixels = flux[pixel], variance[pixel], inside & good[pixel], low, high
        return jax.vmap(_one_index)(*pixels, means, bands, kind, line)

    return jnp.moveaxis(jax.vmap(one_star)(*stars), -1, 0)


def _one_index(flux, variance, good, low, high, means: BandMeans, bands, kind, line):
    """Value and variance of one index of one spectrum from the pixels of its index band; wavelengths at rest."""

    def covered(start, stop):
        return jnp.clip(jnp.minimum(high, stop) - jnp.maximum(low, start), 0) * good

    share = covered(*bands[0]) / means.width[0]
    place = ((low + high) / 2 - means.centre[1]) / (means.centre[2] - means.centre[1])
    continuum = means.flux[1] + (means.flux[2] - means.flux[1]) * place
    ratio = flux / continuum
    width = bands[0, 1] - bands[0, 0]
    core = covered(line * (1 - 0.5 / RESOLUTION), line * (1 + 0.5 / RESOLUTION))
    core = core / jnp.sum(core)
    halves = covered(line, bands[0, 1]) - covered(bands[0, 0], line)
    mean, depth, skew = (jnp.sum(weight * (1 - ratio)) for weight in (share, core, halves))
    # for every unit: the value, and u with d value = - sum u d(F / C)
    cases = {
        "A": (width * mean, width * share),
        "mag": (-_MAG * jnp.log(1 - mean), _MAG / (1 - mean) * share),
        "depth": (depth, core),
        "width": (width * mean / depth, width / depth * (share - mean / depth * core)),
        "asymmetry": (skew, halves),
    }
    is_kind = [kind == _KIND[unit] for unit in cases]
    value = jnp.select(is_kind, [case[0] for case in cases.values()])
    u = jnp.select(is_kind, [case[1] for case in cases.values()])
    lever = u * ratio / continuum
    alpha, beta = jnp.sum(lever * (1 - place)), jnp.sum(lever * place)
    blue = alpha * covered(*bands[1]) / means.width[1]
    red = beta * covered(*bands[2]) / means.width[2]
    slope = -u / continuum + blue + red
    # the side bands in full, but for the pixels that the index band shares with them, which are summed with it
    sides = alpha**2 * means.variance[1] + beta**2 * means.variance[2]
    return jnp.stack([value, sides + jnp.sum((slope**2 - blue**2 - red**2) * variance)])


def _flux_only(means: BandMeans, has: np.ndarray, kind: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Value and variance of indices that are made of mean fluxes, (star, index); their bands do not overlap."""
    m, nu = np.moveaxis(means.flux, -1, 0), np.moveaxis(means.flux_nu, -1, 0)
    share = has[:, 1:].T / np.maximum(has[:, 1:].sum(axis=1), 1)
    zero = np.zeros_like(m[0])
    with np.errstate(divide="ignore", invalid="ignore"):
        side = share[0] * m[1] + share[1] * m[2]
        # for every unit: the value, and its derivatives by the means of index band, blue and red
        cases = {
            "ratio": (m[0] / side, 1 / side, *(-(m[0] / side**2) * part for part in share)),
            "ratio_fnu": (nu[2] / nu[1], zero, -nu[2] / nu[1] ** 2, 1 / nu[1]),
            "ratio_blue_over_red": (m[1] / m[2], zero, 1 / m[2], -m[1] / m[2] ** 2),
            "slope": (-_MAG * np.log(m[1] / m[2]), zero, -_MAG / m[1], _MAG / m[2]),
            "curvature": (
                -_MAG * (np.log(m[0]) - 0.5 * np.log(m[1] * m[2])),
                -_MAG / m[0],
                0.5 * _MAG / m[1],
                0.5 * _MAG / m[2],
            ),
        }
        is_kind = [kind == _KIND[unit] for unit in cases]
        value, *slopes = (np.select(is_kind, terms) for terms in zip(*cases.values(), strict=True))
        by_nu = (kind == _KIND["ratio_fnu"])[:, None]
        variance = np.where(by_nu, means.variance_nu, means.variance)
        return value, np.sum(np.where(has, np.stack(slopes, -1) ** 2 * variance, 0.0), axis=-1)
