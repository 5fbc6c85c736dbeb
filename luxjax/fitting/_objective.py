"""The joint objective of any decoders as a function of their weights, with the latents at their best."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from ..core import Array, Batch, Float, total
from ..models import AbstractDecoder, FeatureDecoder, Lux, Wrapped
from ._decoders import decoded
from ._latents import effective_ivar, latent_posterior
from ._start import moments_of, weighted_mean

__all__ = ["Objective", "Params"]

SEARCH = 3  # damped Gauss-Newton steps of the latents for each step of the decoders; they start where they ended before
LEAST_SCATTER = 0.03  # of a pixel's noise: where ln(scatter) begins at the least, so that it can still grow


class Params(NamedTuple):
    """What is optimised: decoder arrays in units of their scale, and ln(scatter), empty where it is not learned."""

    decoders: Any
    log_scatter: dict[str, Array]


class Objective(eqx.Module):
    """J = half the chi-square, half the sum of ln(variance) and the ridge penalties, over the stars of a batch.

    Rows of stars come as (block, star) indices; an index beyond the last star is filling and counts for nothing.
    """

    scale: Any
    fixed: Any
    scatter: dict[str, Array]
    batch: Batch
    strengths: dict[str, float]
    prior: float

    @classmethod
    def of(
        cls, model: Lux, batch: Batch, strengths: dict[str, float], prior: float, learn_scatter: bool
    ) -> tuple["Objective", Params]:
        """The objective, and the model as the point to start from."""
        arrays, fixed = eqx.partition(model.decoders, eqx.is_inexact_array)
        noise = _noise(model, batch)
        scale = {k: _scale(arrays[k], noise[k]) for k in model.names}
        params = jax.tree.map(jnp.divide, arrays, scale)
        logs = {k: jnp.log(jnp.maximum(s, LEAST_SCATTER * noise[k])) for k, s in model.scatter.items()}
        objective = cls(scale, fixed, model.scatter, batch, strengths, prior)
        return objective, Params(params, logs if learn_scatter else {})

    def model(self, params: Params) -> Lux:
        """The model at this point."""
        arrays = jax.tree.map(jnp.multiply, params.decoders, self.scale)
        scatter = {k: jnp.exp(s) for k, s in params.log_scatter.items()} or self.scatter
        return Lux(eqx.combine(arrays, self.fixed), scatter)

    def place(self, params: Params, rows, latents):
        """Latents of these rows, (block, star, latent), moved towards their posterior mode; held fixed from there."""
        model = self.model(jax.lax.stop_gradient(params))

        def of_block(part):
            index, z = part
            return latent_posterior(model, self.batch.stars(index), self.prior, z, SEARCH).mean

        return jax.lax.stop_gradient(jax.lax.map(of_block, (rows, latents)))

    def value(self, params: Params, rows, latents) -> Float[Array, ""]:
        """J, with the stars of these rows standing for all."""
        model, n = self.model(params), self.batch.n_stars

        @jax.checkpoint  # the pixels of one block at a time, on the way back too
        def of_block(value, part):
            index, z = part
            losses = _star_losses(model, self.batch.stars(index), z, self.prior)
            return value + jnp.sum((index < n) * losses), None

        loss, _ = jax.lax.scan(of_block, jnp.zeros(()), (rows, latents))
        ridge = total(s * _squares(model.decoders[k]) for k, s in self.strengths.items())
        return loss * n / jnp.sum(rows < n) + 0.5 * ridge


def _star_losses(model: Lux, block: Batch, z, prior: float) -> Float[Array, " star"]:
    loss = 0.5 * prior * jnp.sum(z**2, axis=1)
    for name, m in block.outputs.items():
        scatter = model.scatter[name].astype(m.ivar.dtype)
        residual = m.value - decoded(model.decoders[name], z, m.value.dtype)
        terms = effective_ivar(m.ivar, scatter) * residual**2 + jnp.log1p(m.ivar * scatter**2)
        loss = loss + 0.5 * jnp.sum(terms, axis=1).astype(jnp.float64)
    return loss


def _squares(decoder: AbstractDecoder) -> Array:
    """Sum of squared weights, intercepts and biases left out."""
    weights = decoder.module if isinstance(decoder, Wrapped) else decoder
    arrays = jax.tree.leaves(eqx.filter(weights, eqx.is_inexact_array))
    return total([jnp.zeros(()), *(jnp.sum(x**2) for x in arrays if x.ndim > 1)])


def _scale(arrays: AbstractDecoder, noise: Array) -> AbstractDecoder:
    """One for each array, but the noise of its pixel for a row of a last layer: steps mean the same for all pixels."""
    ones = jax.tree.map(jnp.ones_like, arrays)
    if not isinstance(arrays, FeatureDecoder):
        return ones
    rows = noise, jnp.broadcast_to(noise[:, None], arrays.weight.shape)
    return eqx.tree_at(lambda d: (d.intercept, d.weight), ones, rows)


@eqx.filter_jit
def _noise(model: Lux, batch: Batch) -> dict[str, Array]:
    """Typical standard deviation of each pixel or label, errors and scatter together; 1 where nothing was measured."""
    level = {name: ivar for name, (_, ivar) in weighted_mean(moments_of(batch), batch.n_stars).items()}
    return {
        k: jnp.sqrt(jnp.where(w > 0, 1 / jnp.where(w > 0, w, 1) + model.scatter[k] ** 2, 1))
        for k, w in level.items()
    }
