"""The joint objective of any decoders as a function of their weights, with the latents at their best."""

from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from ...core import Batch, gemm
from ...core.internal import Array, Float, total
from ...latents.internal import decoded, effective_ivar, latent_posterior
from ...models import AbstractDecoder, AbstractFeatureDecoder, Lux, ModuleDecoder
from .._start import Moments
from ._minibatches import Minibatch

__all__ = ["Objective", "Params"]

SEARCH = 3  # damped Gauss-Newton steps of the latents for each step of the decoders; they start where they ended before
LEAST_SCATTER = 0.03  # of a pixel's noise: the least where ln(scatter) begins, so that it can still grow


class Params(NamedTuple):
    """What is optimised: decoder arrays in units of their scale, and ln(scatter), empty where it is not learned."""

    decoders: Any
    log_scatter: dict[str, Array]

    @classmethod
    def like(cls, model: Lux, learn_scatter: bool) -> "Params":
        """Parameters of this structure; their values mean nothing."""
        return cls(eqx.filter(model.decoders, eqx.is_inexact_array), model.scatter if learn_scatter else {})


class Objective(eqx.Module):
    """J = half the chi-square, half the sum of ln(variance) and the ridge penalties, over stars that come in mini-batches."""

    scale: Any
    fixed: Any
    scatter: dict[str, Array]
    n_stars: int
    strengths: dict[str, float]
    prior: float
    half: bool

    @classmethod
    def of(
        cls,
        model: Lux,
        moments: dict[str, Moments],
        n_stars: int,
        strengths: dict[str, float],
        prior: float,
        learn_scatter: bool,
        half: bool = False,
    ) -> tuple["Objective", Params]:
        """The objective over stars of these sums, and the model as the point to start from."""
        scale, params = _point(model, moments, n_stars, learn_scatter)
        fixed = eqx.filter(model.decoders, eqx.is_inexact_array, inverse=True)
        return cls(scale, fixed, model.scatter, n_stars, strengths, prior, half), params

    def model(self, params: Params) -> Lux:
        """The model at this point."""
        arrays = jax.tree.map(jnp.multiply, params.decoders, self.scale)
        scatter = {k: jnp.exp(s) for k, s in params.log_scatter.items()} or self.scatter
        return Lux(eqx.combine(arrays, self.fixed), scatter)

    def place(self, params: Params, stars: Minibatch, latents):
        """Latents of these stars, (block, star, latent), moved towards their posterior mode; held fixed from there."""
        model = self.model(jax.lax.stop_gradient(params))

        def of_block(part):
            at, z = part
            return latent_posterior(model, stars.held.stars(at), self.prior, z, SEARCH).mean

        return jax.lax.stop_gradient(jax.lax.map(of_block, (stars.at, latents)))

    def value(self, params: Params, stars: Minibatch, latents) -> Float[Array, ""]:
        """J, with these stars standing for all."""
        model = self.model(params)
        real = stars.rows < self.n_stars

        @jax.checkpoint  # the pixels of one block at a time, on the way back too
        def of_block(value, part):
            at, real, z = part
            losses = _star_losses(model, stars.held.stars(at), z, self.prior, self.half)
            return value + jnp.sum(real.astype(losses.dtype) * losses), None

        loss, _ = jax.lax.scan(of_block, jnp.zeros(()), (stars.at, real, latents))
        ridge = total(s * _squares(model.decoders[k]) for k, s in self.strengths.items())
        return loss * self.n_stars / jnp.sum(real) + 0.5 * ridge


def _star_losses(model: Lux, block: Batch, z, prior: float, half: bool) -> Float[Array, " star"]:
    loss = 0.5 * prior * jnp.sum(z**2, axis=1)
    for name, m in block.outputs.items():
        scatter = model.scatter[name].astype(m.ivar.dtype)
        decode = _decoded_half if half else decoded
        residual = m.value - decode(model.decoders[name], z, m.value.dtype)
        terms = effective_ivar(m.ivar, scatter) * residual**2 + jnp.log1p(m.ivar * scatter**2)
        loss = loss + 0.5 * jnp.sum(terms, axis=1).astype(jnp.float64)
    return loss


def _decoded_half(decoder: AbstractDecoder, z, dtype) -> Float[Array, "star out"]:
    """As `decoded`, but with half-precision products on the way back."""
    if not isinstance(decoder, AbstractFeatureDecoder):
        return decoded(decoder, z, dtype)
    phi = jax.vmap(decoder.features)(z).astype(dtype)
    return decoder.intercept.astype(dtype) + _half_backwards(phi, decoder.weight.astype(dtype).T)


@jax.custom_vjp
def _half_backwards(a: Array, b: Array) -> Array:
    """The product of two matrices, whose gradients are products of bfloat16 factors summed in the type of a and b."""
    return gemm(a, b)


def _forwards(a: Array, b: Array):
    return gemm(a, b), (a, b)


def _backwards(factors, slope: Array):
    a, b = (x.astype(jnp.bfloat16) for x in factors)
    product = partial(jnp.matmul, preferred_element_type=jnp.float32)
    half = slope.astype(jnp.bfloat16)
    return product(half, b.T).astype(slope.dtype), product(a.T, half).astype(slope.dtype)


_half_backwards.defvjp(_forwards, _backwards)


def _squares(decoder: AbstractDecoder) -> Array:
    """Sum of squared weights, intercepts and biases left out."""
    weights = decoder.module if isinstance(decoder, ModuleDecoder) else decoder
    arrays = jax.tree.leaves(eqx.filter(weights, eqx.is_inexact_array))
    return total([jnp.zeros(()), *(jnp.sum(x**2) for x in arrays if x.ndim > 1)])


@eqx.filter_jit
def _point(model: Lux, moments: dict[str, Moments], n_stars: int, learn_scatter: bool) -> tuple[Any, Params]:
    """The scale of every array of the decoders, and the model in units of it."""
    arrays = eqx.filter(model.decoders, eqx.is_inexact_array)
    noise = _noise(model, moments, n_stars)
    scale = {k: _scale(arrays[k], noise[k]) for k in model.names}
    logs = {k: jnp.log(jnp.maximum(s, LEAST_SCATTER * noise[k])) for k, s in model.scatter.items()}
    return scale, Params(jax.tree.map(jnp.divide, arrays, scale), logs if learn_scatter else {})


def _scale(arrays: AbstractDecoder, noise: Array) -> AbstractDecoder:
    """One for each array, but the noise of its pixel for a row of a last layer: steps mean the same for all pixels."""
    ones = jax.tree.map(jnp.ones_like, arrays)
    if not isinstance(arrays, AbstractFeatureDecoder):
        return ones
    rows = noise, jnp.broadcast_to(noise[:, None], arrays.weight.shape)
    return eqx.tree_at(lambda d: (d.intercept, d.weight), ones, rows)


def _noise(model: Lux, moments: dict[str, Moments], n_stars: int) -> dict[str, Array]:
    """Typical standard deviation of each pixel or label, errors and scatter together; 1 where nothing was measured."""
    level = {name: sums.weight / n_stars for name, sums in moments.items()}
    return {
        k: jnp.sqrt(jnp.where(w > 0, 1 / jnp.where(w > 0, w, 1) + model.scatter[k] ** 2, 1))
        for k, w in level.items()
    }
