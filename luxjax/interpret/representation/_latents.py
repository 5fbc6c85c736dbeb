"""What latents have to do with labels: correlations, walks through latent space, and latents taken away.

All of it depends on the choice of axes, except walks along directions that a label defines (see `label_direction`).
Look at single latents in `canonical_gauge` and remember that it is a convention.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from ...core import Batch, Gaussian, InputError, check_name
from ...data import Catalog
from ...fitted import FittedModel
from ...latents import weight_products
from ...latents.internal import blocks, latent_posterior
from ...stats.internal import label_columns, percentiles, r2_of_sums, r2_terms, resampled_sums
from ._gauge import input_names, slope_at_origin

__all__ = [
    "CorrelationMap",
    "LatentAblation",
    "Traversal",
    "ablate_latents",
    "correlation_map",
    "label_direction",
    "star_latents",
    "traverse",
]


def star_latents(
    fitted: FittedModel, data: Catalog | Batch, *, inputs: Sequence[str] | None = None, block: int = 512
) -> Gaussian:
    """Posterior mean (star, latent) and covariance of the latents, from the spectra alone unless `inputs` say else.

    Host arrays in double precision. Exact for linear decoders, the posterior's mode and curvature for others.
    """
    batch = fitted.batch(data, *input_names(fitted, data, inputs))
    with jax.enable_x64(True):
        parts, products = [], weight_products(fitted.model, batch.names, batch.dtype)
        for part, _, where in blocks(batch, block):
            found = jax.block_until_ready(_posterior(fitted.model, part, products))
            parts.append([np.asarray(x)[: where.stop - where.start] for x in found])
    mean, cov = (np.concatenate(x) for x in zip(*parts, strict=True))
    return Gaussian(mean, cov)  # type: ignore[arg-type]  # host arrays keep double precision


@eqx.filter_jit
def _posterior(model, block, products):
    found = latent_posterior(model, block, products=products)
    return found.mean, found.cov


@dataclass(frozen=True, eq=False)
class CorrelationMap:
    """Correlation of every latent with every label, (latent, label) arrays.

    Attributes
    ----------
    labels : tuple of str
    r : Pearson correlation
    lower, upper : ends of its interval at `level`, from Fisher's z
    p_value : of no correlation, two-sided, each cell for itself
    significant : bool, after Holm's correction for all cells at once, at 1 - `level`
    n : (label,) stars with the label
    level : float
    """

    labels: tuple[str, ...]
    r: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    p_value: np.ndarray
    significant: np.ndarray
    n: np.ndarray
    level: float


def correlation_map(
    latents: ArrayLike, labels: Mapping[str, ArrayLike], *, level: float = 0.95
) -> CorrelationMap:
    """Correlate latents with labels.

    Parameters
    ----------
    latents : (star, latent) array
    labels : mapping of str to (star,) array
        A missing label leaves its star out of that label's column.
    level : float
        Of the intervals; 1 - `level` is the chance that any cell of a map without correlations is `significant`
        (Holm 1979).

    Notes
    -----
    Fisher's z, atanh(r), is normal with standard deviation 1/sqrt(n - 3); the p-value is that of
    t = r sqrt((n - 2)/(1 - r^2)) with n - 2 degrees of freedom. Both are exact or nearly so for normal variables.
    """
    z = np.asarray(latents, float)
    names, y = label_columns(labels, len(z))
    r = np.zeros((z.shape[1], len(names)))
    n = np.isfinite(y).sum(0)
    for j, name in enumerate(names):
        seen = np.isfinite(y[:, j])
        if n[j] < 4:
            raise InputError(f"label '{name}' is known for {n[j]} stars; a correlation needs at least 4.")
        a, b = z[seen] - z[seen].mean(0), y[seen, j] - y[seen, j].mean()
        size = np.sqrt((a**2).sum(0) * (b**2).sum())
        r[:, j] = np.divide(a.T @ b, size, out=np.zeros(z.shape[1]), where=size > 0)
    r = np.clip(r, -1 + 1e-15, 1 - 1e-15)
    half = stats.norm.ppf(0.5 + level / 2) / np.sqrt(n - 3)
    p = 2 * stats.t.sf(np.abs(r) * np.sqrt((n - 2) / (1 - r**2)), n - 2)
    lower, upper = np.tanh(np.arctanh(r) - half), np.tanh(np.arctanh(r) + half)
    return CorrelationMap(names, r, lower, upper, p, _holm(p, 1 - level), n, level)


def _holm(p: np.ndarray, alpha: float) -> np.ndarray:
    """Which hypotheses fall when the smallest p is held to alpha/m, the next to alpha/(m - 1), up to the first that stands."""
    order = np.argsort(p, axis=None)
    falls = p.ravel()[order] <= alpha / np.arange(p.size, 0, -1)
    out = np.zeros(p.size, bool)
    out[order] = np.logical_and.accumulate(falls)
    return out.reshape(p.shape)


@dataclass(frozen=True, eq=False)
class Traversal:
    """Outputs decoded along a line in latent space.

    Attributes
    ----------
    steps : (step,) array
        In standard deviations of the prior.
    latents : (step, latent) array
    outputs : dict of str to (step, out) array
        Spectra, and labels in their own units.
    labels : dict of str to (step,) array
        The labels by name.
    """

    steps: np.ndarray
    latents: np.ndarray
    outputs: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]


def traverse(
    fitted: FittedModel,
    direction: int | ArrayLike,
    *,
    start: ArrayLike | None = None,
    steps: ArrayLike = (-2.0, -1.0, 0.0, 1.0, 2.0),
) -> Traversal:
    """Spectra and labels as one walks along a latent, or along any direction of latent space.

    Parameters
    ----------
    fitted : FittedModel
    direction : int or (latent,) array
        A latent's number, or a direction; its length does not matter.
    start : (latent,) array, optional
        The star to start from; by default the prior mean.
    steps : sequence of float
        Standard deviations of the prior.
    """
    n = fitted.model.n_latents
    if isinstance(direction, (int, np.integer)):
        if not 0 <= direction < n:
            raise InputError(f"there is no latent {direction}; this model's are numbered 0 to {n - 1}.")
        direction = np.eye(n)[direction]
    axis = np.asarray(direction, float)
    if axis.shape != (n,) or not np.linalg.norm(axis) > 0:
        raise InputError(
            f"a direction is {n} numbers, not all zero, or a latent's number; given shape {axis.shape}."
        )
    k = np.asarray(steps, float)
    origin = np.zeros(n) if start is None else np.asarray(start, float)
    z = origin + k[:, None] * axis / np.linalg.norm(axis)
    outputs: dict[str, np.ndarray] = {}
    labels: dict[str, np.ndarray] = {}
    for name in fitted.model.names:
        info = fitted.info(name)
        outputs[name] = _decode(fitted, name, z) * info.scale + info.loc
        labels |= dict(zip(info.names, outputs[name].T, strict=False))
    return Traversal(k, z, outputs, labels)


def _decode(fitted: FittedModel, name: str, z: np.ndarray) -> np.ndarray:
    """Output `name` at latents (..., latent), in the model's scaled units."""
    with jax.enable_x64(True):
        flat = jax.vmap(fitted.model[name])(jnp.asarray(z.reshape(-1, z.shape[-1])))
        return np.asarray(flat, float).reshape(*z.shape[:-1], -1)


def label_direction(fitted: FittedModel, label: str, fixed: Sequence[str] = ()) -> np.ndarray:
    """The unit direction of latent space in which a label rises fastest, (latent,), other labels `fixed`.

    For linear decoders with rows a (label) and A_o (fixed labels) it is a minus its projection on the rows A_o:
    the most probable way, under the prior, to change the one label and not the others. Without `fixed`, correlated
    labels move along. It turns with the gauge, so what is decoded along it does not depend on the gauge.
    """
    output = fitted.label_output()
    names = fitted.info(output).names
    for name in (label, *fixed):
        check_name("label of the model", name, names)
    if label in fixed:
        raise InputError(f"label '{label}' cannot rise and be fixed; leave it out of fixed=.")
    rows = slope_at_origin(fitted, output)
    a, others = rows[names.index(label)], rows[[names.index(n) for n in fixed]]
    free = a - np.linalg.lstsq(others.T, a, rcond=None)[0] @ others if len(others) else a
    length = float(np.linalg.norm(free))
    if length <= 1e-8 * np.abs(rows).max():
        raise InputError(f"no direction moves '{label}' in this model while {list(fixed)} stay fixed.")
    return free / length


@dataclass(frozen=True, eq=False)
class LatentAblation:
    """What each label loses when one latent is set to its prior mean.

    Attributes
    ----------
    labels : tuple of str
    rmse, r2 : (label,) arrays
        With all latents.
    rmse_change, r2_change : (latent, label) arrays
    rmse_interval, r2_interval : (2, latent, label) arrays
        95%, by bootstrap over stars.
    n : (label,) array
        Stars judged.
    """

    labels: tuple[str, ...]
    rmse: np.ndarray
    r2: np.ndarray
    rmse_change: np.ndarray
    r2_change: np.ndarray
    rmse_interval: np.ndarray
    r2_interval: np.ndarray
    n: np.ndarray


def ablate_latents(
    fitted: FittedModel,
    latents: ArrayLike,
    labels: Mapping[str, ArrayLike],
    *,
    n_bootstrap: int = 500,
    seed: int,
) -> LatentAblation:
    """Set each latent in turn to its prior mean, zero, and predict the labels again.

    Parameters
    ----------
    fitted : FittedModel
    latents : (star, latent) array
        Of held-out stars, inferred from their spectra: ``star_latents(...).mean``.
    labels : mapping of str to (star,) array
        Labels of the model, as observed, in their own units.
    n_bootstrap, seed : int
    """
    z = np.asarray(latents, float)
    names, y = label_columns(labels, len(z))
    output = fitted.label_output()
    info = fitted.info(output)
    for name in names:
        check_name("label of the model", name, info.names)
    columns = [info.names.index(n) for n in names]
    n_latents = z.shape[1]
    ablated = np.where(np.eye(n_latents, dtype=bool)[:, None, :], 0.0, z)
    kept = np.concatenate([z[None], ablated])  # (1 + latent, star, latent): first nothing taken away
    predicted = (_decode(fitted, output, kept) * info.scale + info.loc)[..., columns]
    terms = r2_terms(y, predicted)
    flat = np.moveaxis(terms, 1, 0).reshape(len(z), -1)
    shape = (n_latents + 1, len(names), 4)
    rmse, r2 = _scores(flat.sum(0).reshape(shape))
    rmse_draws, r2_draws = _scores(
        resampled_sums(flat, n=n_bootstrap, seed=seed).reshape(n_bootstrap, *shape)
    )
    return LatentAblation(
        names,
        rmse[0],
        r2[0],
        rmse[1:] - rmse[0],
        r2[1:] - r2[0],
        percentiles(rmse_draws[:, 1:] - rmse_draws[:, :1]),
        percentiles(r2_draws[:, 1:] - r2_draws[:, :1]),
        np.isfinite(y).sum(0),
    )


def _scores(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(sums[..., 3] / sums[..., 0]), r2_of_sums(sums)
