"""The end of a fit by gradients: latents brought to N(0, I), last layers solved for in closed form."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from ..core import Array, Batch, Float
from ..models import FeatureDecoder, Lux
from ._blocks import blocks, sweep
from ._decoders import decoder_sums, finish
from ._label_rows import with_label_rows
from ._latents import effective_ivar, latent_posterior

__all__ = ["UNKNOWN", "finish_on", "place", "whiten"]

UNKNOWN = 1e3
"""Scatter of pixels that no training star had, where the decoder is a module that says something of them all the same:
so large that they count for nothing."""


class Placed(NamedTuple):
    """Posterior means and covariances of the latents of all stars."""

    mean: Float[Array, "star latent"]
    cov: Float[Array, "star latent latent"]


def place(model: Lux, batch: Batch, block: int) -> Placed:
    """The latents of every star, from all that the batch holds."""
    parts = []
    for part, _, where in blocks(batch, block):
        found = jax.block_until_ready(_posterior(model, part))
        parts.append([x[: where.stop - where.start] for x in found])
    return Placed(*(jnp.concatenate(x) for x in zip(*parts, strict=True)))


@eqx.filter_jit
def _posterior(model: Lux, block: Batch):
    posterior = latent_posterior(model, block)
    return posterior.mean, posterior.cov


@eqx.filter_jit
def whiten(model: Lux, placed: Placed) -> Lux:
    """The same model in the basis where the stars' latents have zero mean and E[z z'] = I, their spread included."""
    mean = jnp.mean(placed.mean, axis=0)
    centred = placed.mean - mean
    second = centred.T @ centred / len(centred) + jnp.mean(placed.cov, axis=0)
    root = jnp.linalg.cholesky(second)
    return Lux({k: d.after(mean, root) for k, d in model.decoders.items()}, model.scatter)


def finish_on(model: Lux, batch: Batch, *, shrink: bool, block: int) -> tuple[Lux, dict[str, Array]]:
    """The model in its N(0, I) basis with the best last layers, and the covariance of their rows.

    Decoders without a last layer that is linear in its weights stay as they are, and have no covariance.
    """
    model = whiten(model, place(model, batch, block))
    model = Lux(model.decoders, _with_unknown(model, batch))
    layered = [k for k, d in model.decoders.items() if isinstance(d, FeatureDecoder)]
    if not layered:
        return model, {}
    _, sums = sweep(_last_layer_sums, model, batch, block)
    part = Lux({k: model.decoders[k] for k in layered}, {k: model.scatter[k] for k in layered})
    found, cov = finish(part, sums, shrink=shrink)
    model = Lux({**model.decoders, **found.decoders}, model.scatter)
    return model, with_label_rows(model, cov, batch, block)


def _with_unknown(model: Lux, batch: Batch) -> dict[str, Array]:
    seen = {k: jnp.any(m.ivar > 0, axis=0) for k, m in batch.outputs.items()}
    return {
        k: s if isinstance(model.decoders[k], FeatureDecoder) else jnp.where(seen[k], s, UNKNOWN)
        for k, s in model.scatter.items()
    }


@eqx.filter_jit
def _last_layer_sums(model: Lux, block: Batch, real):
    posterior = latent_posterior(model, block)
    sums = {}
    for name, m in block.outputs.items():
        if isinstance(d := model.decoders[name], FeatureDecoder):
            w = effective_ivar(m.ivar, model.scatter[name])
            sums[name] = decoder_sums(d, m, w, posterior.mean, posterior.cov)
    return jnp.zeros(()), sums
