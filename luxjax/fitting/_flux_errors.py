"""Whether the stated flux errors are larger than the residuals of a fit allow, and by how much.

Scatter that is learned for every pixel can only add to the stated errors. Where these are too large, everything looks like noise:
latents are drawn to zero and lines that a label needs are lost.
"""

from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..core import Batch
from ..core.internal import AbstractStars, check_stars
from ..data import Catalog
from ..fitted import FittedModel
from ..latents.internal import expected_residual, latent_posterior
from ..models import Lux
from ._start import RUN, sample_runs

if TYPE_CHECKING:
    from ..dataset import Dataset

__all__ = ["flux_error_scales"]

NORMAL = 0.6745  # median of |x| of a standard normal x
LEAST_LEFT = 0.2  # of the variance of the noise, below which residuals say nothing
MOST = 300  # rows of the random matrix that stands for noise


def flux_error_scales(
    fitted: FittedModel, data: "Catalog | Batch | Dataset", *names: str
) -> dict[str, float]:
    """What the flux errors of a linear model's inputs have to be multiplied by, by the residuals of its training stars.

    The median absolute residual in units of the stated error, over that of a normal distribution, so that a few bad pixels and
    strong lines do not count; corrected for what the fit took from the noise. As many latents as the spectra determine are
    counted, and taken to be the directions in which noise happens to be largest (the leading singular values of a random matrix of
    stars by pixels; Marchenko & Pastur 1967). Above 1 where errors are too small, for which there is the scatter; 1 where less than a fifth of
    the variance of the noise is left.

    Parameters
    ----------
    fitted : FittedModel
        With linear decoders of these inputs, and errors as they are stated.
    data : Catalog, Batch or Dataset
        Its training stars, of which a sample is looked at.
    names : str
        Spectra among the inputs.
    """
    check_stars(data)
    with jax.enable_x64(True):
        stars: AbstractStars = data.in_units_of(fitted, *names)
        model = fitted.model.only(*names)
        parts = [(_residuals(model, run.pad(RUN)), run.n_stars) for run in sample_runs(stars)]
    told = float(np.mean(np.concatenate([np.asarray(latents)[:n] for (_, latents), n in parts])))
    n_pixels = sum(stars.sizes[name] for name in names)
    left = _left(told, stars.n_stars, n_pixels)
    if left < LEAST_LEFT:
        return dict.fromkeys(names, 1.0)
    found = {}
    for name in names:
        size = np.concatenate([np.abs(np.asarray(r[name])[:n]).ravel() for (r, _), n in parts])
        size = size[np.isfinite(size)]
        found[name] = float(np.median(size) / NORMAL / np.sqrt(left)) if len(size) else 1.0
    return found


def _left(latents: float, n_stars: int, n_pixels: int) -> float:
    """The fraction of the variance of pure noise that this many principal components do not take."""
    shrunk = min(1.0, MOST / min(n_stars, n_pixels))
    few, many = (max(round(shrunk * n), 2) for n in sorted((n_stars, n_pixels)))
    noise = np.random.default_rng(0).standard_normal((few, min(many, 20 * few)))
    values = np.linalg.eigvalsh(noise @ noise.T)[::-1]
    taken = np.interp(shrunk * latents, np.arange(few + 1), np.append(0.0, np.cumsum(values)))
    return float(1 - taken / values.sum())


@eqx.filter_jit
def _residuals(model: Lux, block: Batch):
    """Residuals in units of the stated errors, NaN where there is none, and how many latents each star's inputs tell."""
    posterior = latent_posterior(model, block)
    scaled = {}
    for name, m in block.outputs.items():
        residual, _ = expected_residual(model.feature_decoders[name], m, posterior.mean, None)
        scaled[name] = jnp.where(m.ivar > 0, residual * jnp.sqrt(m.ivar), jnp.nan)
    return scaled, model.n_latents - jnp.trace(posterior.cov, axis1=1, axis2=2)
