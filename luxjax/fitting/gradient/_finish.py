"""The end of a fit by gradients: latents brought to N(0, I), last layers solved for in closed form."""

import equinox as eqx
import jax.numpy as jnp

from ...core import Batch
from ...core.internal import AbstractStars, Array
from ...latents import decoder_sums
from ...latents.internal import effective_ivar, finish, latent_posterior, sweep, with_label_rows
from ...models import AbstractFeatureDecoder, Lux
from .._start import moments_of

__all__ = ["UNKNOWN", "finish_on"]

UNKNOWN = 1e3
"""Scatter of pixels that no training star had, where the decoder is a module that says something of them all the same:
so large that they count for nothing."""


@eqx.filter_jit
def _latent_sums(model: Lux, block: Batch, real):
    """Number of stars, and sums of their latents and of E[z z'], the spread included."""
    mean, cov, _ = latent_posterior(model, block)
    second = mean[:, :, None] * mean[:, None, :] + cov
    sums = jnp.sum(real), real @ mean, jnp.sum(real[:, None, None] * second, axis=0)
    return jnp.zeros(()), sums


@eqx.filter_jit
def _whitened(model: Lux, sums) -> Lux:
    """The same model in the basis where the stars' latents have zero mean and E[z z'] = I, their spread included."""
    n, first, second = sums
    mean = first / n
    root = jnp.linalg.cholesky(second / n - jnp.outer(mean, mean))
    return Lux({k: d.change_basis(mean, root) for k, d in model.decoders.items()}, model.scatter)


def finish_on(model: Lux, batch: AbstractStars, *, shrink: bool, block: int) -> tuple[Lux, dict[str, Array]]:
    """The model in its N(0, I) basis with the best last layers, and the covariance of their rows.

    Decoders without a last layer that is linear in its weights stay as they are, and have no covariance.
    """
    model = _whitened(model, sweep(_latent_sums, model, batch, block)[1])
    model = Lux(model.decoders, _with_unknown(model, batch))
    layered = [k for k, d in model.decoders.items() if isinstance(d, AbstractFeatureDecoder)]
    if not layered:
        return model, {}
    _, sums = sweep(_last_layer_sums, model, batch, block)
    part = Lux({k: model.decoders[k] for k in layered}, {k: model.scatter[k] for k in layered})
    found, cov = finish(part, sums, shrink=shrink)
    model = Lux({**model.decoders, **found.decoders}, model.scatter)
    return model, with_label_rows(model, cov, batch, block)


def _with_unknown(model: Lux, batch: AbstractStars) -> dict[str, Array]:
    if model.has_features:
        return model.scatter
    seen = {k: m.good > 0 for k, m in moments_of(batch).items()}
    return {
        k: s if isinstance(model.decoders[k], AbstractFeatureDecoder) else jnp.where(seen[k], s, UNKNOWN)
        for k, s in model.scatter.items()
    }


@eqx.filter_jit
def _last_layer_sums(model: Lux, block: Batch, real):
    posterior = latent_posterior(model, block)
    sums = {}
    for name, m in block.outputs.items():
        if isinstance(d := model.decoders[name], AbstractFeatureDecoder):
            w = effective_ivar(m.ivar, model.scatter[name])
            sums[name] = decoder_sums(d, m, w, posterior.mean, posterior.cov)
    return jnp.zeros(()), sums
