"""Shapley values of predictions on wavelength windows, in closed form.

With G_g = sum_j w_j B_j B_j' and h_g = sum_j w_j (f_j - b_j) B_j over the pixels of window g, a linear model predicts

    y = b_y + a' (I + sum_g G_g)^-1 sum_g h_g,

so the independent value of a window is a' (I + sum G)^-1 h_g: exactly what its pixels contribute, d y/d f times
(f - mean). The correlation-aware game is worth v(S) = a' (I + sum_S G)^-1 sum_S h, the prediction from the windows of S
alone, which by the tower rule is the expectation of the full prediction given those windows. No rotation of the latents
changes either.

Where a label is a curved function y(z) of the latents, a is its mean slope on the straight way from the mean star to the star,
with which independent values still add up to the prediction (Aumann-Shapley values; exactly the Shapley values where y is
quadratic), and the correlation-aware game is worth y(z_S) - y(0), z_S the latents from the windows of S.
"""

from collections.abc import Iterator, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from ...core import Batch, InputError
from ...core.internal import join_names
from ...data import Catalog
from ...fitted import FittedModel
from ...latents.internal import decode_stars, mean_slopes
from ..representation._gauge import input_names
from ._shapley import MOST_EXACT, Shapley, exact_shapley, sampled_shapley

__all__ = ["Windows", "contributions", "window_groups", "window_shapley", "window_sums", "window_values"]

ELSEWHERE = "elsewhere"

Windows = int | Mapping[str, ArrayLike]


def window_shapley(
    fitted: FittedModel,
    data: Catalog | Batch,
    windows: Windows = 10,
    *,
    correlated: bool = False,
    inputs: Sequence[str] | None = None,
    n_orders: int = 20,
    seed: int = 0,
    block: int = 256,
) -> Shapley:
    """Shapley values of the predicted labels on wavelength windows.

    Parameters
    ----------
    fitted : FittedModel
        With linear decoders of the inputs.
    data : Catalog or Batch
        Stars with spectra, each with its own inverse variances.
    windows : int or mapping of str to (pixel,) bool array
        That many windows of equally many pixels, or windows by name that do not overlap, over the pixels of all inputs,
        one input after the other. Pixels in none of them are one window more, ``"elsewhere"``.
    correlated : bool
        Correlation-aware values: exact up to 15 windows (but 2^windows small solves for each star: keep to ten or to few
        stars), beyond from sampled orders. Otherwise independent ones, exact for any number.
    inputs : sequence of str, optional
        Default: all spectra that model and data share.
    n_orders, seed : int
        For sampled values.
    block : int
        Stars handled at a time.

    Returns
    -------
    Shapley
        In the labels' own units; ``base`` is the label at the prior mean, ``data`` the mean residual of each window
        from the mean spectrum, in sigma.

    Examples
    --------
    >>> import numpy as np
    >>> import luxjax
    >>> from luxjax.interpret.attribution import window_shapley
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> found = window_shapley(fitted, stars, 4)
    >>> bool(np.allclose(found.prediction, luxjax.transfer(fitted, stars, inputs=["flux"]).value, atol=1e-3))
    True
    """
    batch = fitted.batch(data, *input_names(fitted, data, inputs))
    names, group = window_groups(fitted, batch, windows)
    output = fitted.label_output()
    info = fitted.info(output)
    base = _labels(fitted, output, np.zeros((1, fitted.model.n_latents)))[0] * info.scale + info.loc
    parts: list[tuple[np.ndarray, ...]] = []
    for gram, rhs, mean in window_sums(fitted, batch, group, len(names), block):
        if not correlated:
            values = window_values(fitted, output, contributions(gram, rhs)) * info.scale
            parts.append((values, np.zeros(values.shape), mean))
            continue
        game = _window_game(fitted, output, gram, rhs)
        if len(names) <= MOST_EXACT:
            values = np.moveaxis(exact_shapley(game, len(names)), 0, 1)
            parts.append((values, np.zeros(values.shape), mean))
        else:
            found = sampled_shapley(game, len(names), n_orders=n_orders, seed=seed)
            parts.append((*(np.moveaxis(a, 0, 1) for a in found), mean))
    values, error, mean = (np.concatenate(p) for p in zip(*parts, strict=True))
    kind = "correlation-aware" if correlated else "independent"
    return Shapley(kind, names, info.names, values, base, mean, error)


def window_groups(fitted: FittedModel, batch: Batch, windows: Windows) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of the windows, and the window of every pixel of all inputs."""
    if not fitted.model.only(*batch.names).is_linear:
        raise InputError(
            "Shapley values on windows need linear decoders of the inputs; use callable_shapley for others."
        )
    size = sum(batch.sizes.values())
    if isinstance(windows, (int, np.integer)):
        # Equally many pixels that any star has, so that gaps between detectors make no window poorer.
        used = np.concatenate([np.asarray(batch[k].ivar > 0).any(0) for k in batch.names])
        if not 1 <= windows <= used.sum():
            raise InputError(
                f"{windows} windows cannot be made of {used.sum()} pixels; give a number from 1 up."
            )
        group = np.minimum((np.cumsum(used) - used) * windows // max(used.sum(), 1), windows - 1)
        return _spans(fitted, batch, group, int(windows)), group
    group = np.full(size, -1)
    for k, (name, mask) in enumerate(windows.items()):
        inside = np.asarray(mask)
        if inside.dtype != bool or inside.shape != (size,):
            raise InputError(
                f"window '{name}' is of type {inside.dtype} and shape {inside.shape}; give ({size},) bool."
            )
        if (group[inside] >= 0).any():
            raise InputError(
                f"window '{name}' overlaps an earlier one ({join_names(windows)}); make them apart."
            )
        group[inside] = k
    if (group >= 0).all():
        return tuple(windows), group
    return (*windows, ELSEWHERE), np.where(group < 0, len(windows), group)


def _spans(fitted: FittedModel, batch: Batch, group: np.ndarray, n: int) -> tuple[str, ...]:
    """Windows named by their wavelengths, or numbered where the model knows none."""
    grids = [fitted.info(k).wavelength for k in batch.names]
    if any(g is None for g in grids):
        return tuple(f"window {k}" for k in range(n))
    wavelength = np.concatenate([np.asarray(g) for g in grids])
    return tuple(f"{wavelength[group == k][0]:.0f}-{wavelength[group == k][-1]:.0f}" for k in range(n))


def window_sums(
    fitted: FittedModel, batch: Batch, group: np.ndarray, n: int, block: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """G (star, window, latent, latent), h (star, window, latent) and mean residual in sigma, block by block."""
    known = fitted.model.only(*batch.names).feature_decoders
    decoders = [known[k] for k in batch.names]
    weight = np.concatenate([np.asarray(d.weight, float) for d in decoders])
    intercept = np.concatenate([np.asarray(d.intercept, float) for d in decoders])
    scatter = np.concatenate([np.asarray(fitted.model.scatter[k], float) for k in batch.names])
    members = [np.flatnonzero(group == k) for k in range(n)]
    i, j = np.triu_indices(weight.shape[1])
    products = weight[:, i] * weight[:, j]
    for start in range(0, batch.n_stars, block):
        part = batch.stars(slice(start, start + block))
        value = np.concatenate([np.asarray(part[k].value, float) for k in batch.names], axis=1)
        ivar = np.concatenate([np.asarray(part[k].ivar, float) for k in batch.names], axis=1)
        ivar = ivar / (1 + ivar * scatter**2)
        pull = ivar * (value - intercept)
        packed = np.stack([ivar[:, at] @ products[at] for at in members], axis=1)
        gram = np.zeros((*packed.shape[:2], *[weight.shape[1]] * 2))
        gram[..., i, j] = gram[..., j, i] = packed
        rhs = np.stack([pull[:, at] @ weight[at] for at in members], axis=1)
        sigma = np.sqrt(ivar) * (value - intercept)
        count = np.stack([(ivar[:, at] > 0).sum(1) for at in members], axis=1)
        mean = np.stack([sigma[:, at].sum(1) for at in members], axis=1) / np.maximum(count, 1)
        yield gram, rhs, mean


def contributions(gram: np.ndarray, rhs: np.ndarray) -> np.ndarray:
    """What each window adds to the latents, (star, window, latent)."""
    precision = np.eye(rhs.shape[2]) + gram.sum(1)
    return np.swapaxes(np.linalg.solve(precision, np.swapaxes(rhs, 1, 2)), 1, 2)


def window_values(fitted: FittedModel, output: str, contributed: np.ndarray) -> np.ndarray:
    """Independent values (star, window, label) in the model's units, of contributions (star, window, latent) to the latents."""
    with jax.enable_x64(True):
        z = jnp.asarray(contributed.sum(1), jnp.float64)
        slopes = np.asarray(mean_slopes(fitted.model.decoders[output], z), float)
    return contributed @ np.swapaxes(slopes, 1, 2)


def _labels(fitted: FittedModel, output: str, z: np.ndarray) -> np.ndarray:
    """Labels of latents (star, latent) in the model's units, (star, label)."""
    with jax.enable_x64(True):
        return np.asarray(decode_stars(fitted.model.decoders[output], jnp.asarray(z, jnp.float64)), float)


def _window_game(fitted: FittedModel, output: str, gram: np.ndarray, rhs: np.ndarray):
    """Worth of a coalition of windows: the labels predicted from them alone, less those of no window, (star, label)."""
    eye, scale = np.eye(rhs.shape[2]), fitted.info(output).scale
    base = _labels(fitted, output, np.zeros((1, rhs.shape[2])))

    def worth(who: np.ndarray) -> np.ndarray:
        precision = eye + gram[:, who].sum(1)
        z = np.linalg.solve(precision, rhs[:, who].sum(1)[..., None])[..., 0]
        return (_labels(fitted, output, z) - base) * scale

    return worth
