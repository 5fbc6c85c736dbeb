"""The latents of stars, and their correlations with labels.

Correlations depend on the choice of axes: look at single latents in `canonical_gauge` and remember that it is a
convention.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import equinox as eqx
import jax
import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from ...core import Batch, Gaussian, InputError
from ...core.internal import doubles
from ...data import Catalog
from ...fitted import FittedModel
from ...latents import weight_products
from ...latents.internal import blocks, latent_posterior
from ...stats.internal import label_columns
from ._gauge import input_names

__all__ = ["CorrelationMap", "correlation_map", "star_latents"]


def star_latents(
    fitted: FittedModel, data: Catalog | Batch, *, inputs: Sequence[str] | None = None, block: int = 512
) -> Gaussian:
    """Posterior mean (star, latent) and covariance of the latents. Default inputs: the spectra alone.

    Host arrays in double precision. Exact for linear decoders, the posterior's mode and curvature for others.

    Parameters
    ----------
    fitted : FittedModel
    data : Catalog or Batch
        The stars.
    inputs : sequence of str, optional
        Outputs to infer from. Default: all spectra that model and data share.
    block : int
        Stars handled at a time.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.interpret.representation import star_latents
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> found = star_latents(fitted, stars)
    >>> found.mean.shape, found.cov.shape
    ((90, 2), (90, 2, 2))
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
        Level of the intervals; 1 - `level` is the chance that any cell of a map without correlations is `significant`
        (Holm 1979).

    Notes
    -----
    Fisher's z, atanh(r), is normal with standard deviation 1/sqrt(n - 3); the p-value is that of
    t = r sqrt((n - 2)/(1 - r^2)) with n - 2 degrees of freedom. Both are exact or nearly so for normal variables.

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.interpret.representation import correlation_map
    >>> latents = np.random.default_rng(1).normal(size=(300, 2))
    >>> found = correlation_map(latents, {"teff": -latents[:, 0]})
    >>> found.r.round(1).tolist(), found.significant.tolist()
    ([[-1.0], [0.1]], [[True], [False]])
    """
    z = doubles("latents", latents)
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
