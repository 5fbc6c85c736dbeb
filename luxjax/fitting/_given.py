"""Decoders fitted to latents that are known: supervised fits, such as The Cannon's training step."""

import equinox as eqx
import jax
import jax.numpy as jnp

from ..core import Batch, InputError
from ..core.internal import Latents
from ..latents import decoder_sums
from ..latents.internal import (
    blocks,
    effective_ivar,
    expected_residual,
    finish,
    new_scatter,
    scatter_sums,
    summed,
)
from ..models import Lux
from ._fitter import FitResult

__all__ = ["fit_given_latents"]


def fit_given_latents(
    model: Lux, batch: Batch, latents: Latents, *, scatter: bool = True, cycles: int = 6, block: int = 512
) -> FitResult:
    """Maximum-likelihood decoders, and scatter, with every star's latents given.

    Parameters
    ----------
    model : Lux
        With decoders that are linear in their weights.
    batch : Batch
    latents : (star, latent) array
    scatter : bool
        Learn the intrinsic scatter, alternating with the decoders for `cycles` rounds.
    """
    if latents.shape != (batch.n_stars, model.n_latents):
        raise InputError(
            f"latents have shape {latents.shape}; {batch.n_stars} stars and {model.n_latents} latents ask for "
            f"({batch.n_stars}, {model.n_latents})."
        )
    objective: list[float] = []
    with jax.enable_x64(True):
        latents = jnp.asarray(latents, jnp.float64)
        for _ in range(cycles if scatter else 1):
            sums, _, _ = _sums(model, batch, latents, block)
            model, cov = finish(model, sums, shrink=False)
            _, moments, loss = _sums(model, batch, latents, block)
            objective.append(loss)
            if scatter:
                model = Lux(model.decoders, new_scatter(model, moments))
    return FitResult(model, cov, objective, True, "converged")


def _sums(model: Lux, batch: Batch, latents, block: int):
    def z(where: slice, n: int):
        return jnp.pad(latents[where], ((0, n - (where.stop - where.start)), (0, 0)))

    parts = (_pass(model, part, z(where, len(real))) for part, real, where in blocks(batch, block))
    sums, moments, loss = summed(parts)
    return sums, moments, float(loss)


@eqx.filter_jit
def _pass(model: Lux, block: Batch, z: Latents):
    sums, moments, loss = {}, {}, jnp.zeros(())
    for name, m in block.outputs.items():
        w = effective_ivar(m.ivar, model.scatter[name])
        _, square = expected_residual(model.feature_decoders[name], m, z, None)
        terms = jnp.where(w > 0, w * square - jnp.log(jnp.where(w > 0, w, 1)), 0)
        loss = loss + 0.5 * jnp.sum(terms, dtype=jnp.float64)
        sums[name] = decoder_sums(model.feature_decoders[name], m, w, z, None)
        moments[name] = scatter_sums(w, square)
    return sums, moments, loss
