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
# Latents pick the directions where the noise happens to be largest, so that they take more than their share: 40 of 90 stars and 120
# pixels leave 0.75 of the error where the correction gives 1, of 400 pixels 0.92. Below this fraction nothing is concluded.
LEAST_LEFT = 0.4


def flux_error_scales(
    fitted: FittedModel, data: "Catalog | Batch | Dataset", *names: str
) -> dict[str, float]:
    """What the flux errors of a linear model's inputs have to be multiplied by, by the residuals of its training stars.

    The median absolute residual in units of the stated error, over that of a normal distribution, so that a few bad pixels and
    strong lines do not count; corrected for what the fit took from the noise: k effective latents of n stars and p pixels leave
    the fraction (1 - k / n) (1 - k / p) of its variance. Above 1 where errors are too small, for which there is the scatter; 1 where so
    many latents were fitted that less than 0.4 of the variance of the noise is left.

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
    left = (1 - told / stars.n_stars) * (1 - told / n_pixels)
    if left < LEAST_LEFT:
        return dict.fromkeys(names, 1.0)
    found = {}
    for name in names:
        size = np.concatenate([np.abs(np.asarray(r[name])[:n]).ravel() for (r, _), n in parts])
        size = size[np.isfinite(size)]
        found[name] = float(np.median(size) / NORMAL / np.sqrt(left)) if len(size) else 1.0
    return found


@eqx.filter_jit
def _residuals(model: Lux, block: Batch):
    """Residuals in units of the stated errors, NaN where there is none, and how many latents each star's inputs tell."""
    posterior = latent_posterior(model, block)
    scaled = {}
    for name, m in block.outputs.items():
        residual, _ = expected_residual(model.feature_decoders[name], m, posterior.mean, None)
        scaled[name] = jnp.where(m.ivar > 0, residual * jnp.sqrt(m.ivar), jnp.nan)
    return scaled, model.n_latents - jnp.trace(posterior.cov, axis1=1, axis2=2)
