"""What is typical of training stars when only their inputs are seen, as of stars that labels are predicted for."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from ..core import Batch
from ..core.internal import AbstractStars
from ..latents.internal import latent_posterior, with_decoder_noise
from ..models import Lux
from ._start import RUN, sample_runs

__all__ = ["typical_of"]

PART = 95  # per cent


def typical_of(model: Lux, stars: AbstractStars) -> dict[str, float]:
    """What 95% of the training stars stay below: ``chi2`` (reduced) and ``latent_distance``.

    Of many stars a sample is looked at. Empty for models without inputs, which predict nothing.
    """
    inputs = [name for name in stars.names if name not in stars.labels]
    if not inputs:
        return {}
    parts = [
        [np.asarray(x)[: run.n_stars] for x in _quality(model, run.pad(RUN))]
        for run in sample_runs(stars.only(*inputs))
    ]
    chi2, distance, count = (np.concatenate(x) for x in zip(*parts, strict=True))
    seen = (count > model.n_latents) & np.isfinite(chi2) & np.isfinite(distance)
    if not seen.any():
        return {}
    values = {"chi2": chi2, "latent_distance": distance}
    return {name: float(np.percentile(x[seen], PART)) for name, x in values.items()}


@eqx.filter_jit
def _quality(model: Lux, block: Batch):
    posterior = latent_posterior(model, block)
    _, chi2, count = with_decoder_noise(model, {}, block, posterior)
    distance = jnp.sqrt(jnp.mean(posterior.mean**2, axis=1))
    return chi2 / jnp.maximum(count - model.n_latents, 1), distance, count
