"""Decoders with the latents given: what they decode, and the sums over stars that their rows depend on.

The sums are everything a fit needs to know of the stars, so they are taken block by block and could as well
come from disk or from other machines. `_rows` solves for the decoders.
"""

from typing import NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp

from ..core import OutputData, gemm, pairs
from ..core.internal import Array, Float, pack, quadratic_form
from ..models import AbstractDecoder, AbstractFeatureDecoder, Linear, Lux

__all__ = [
    "DecoderSums",
    "decoded",
    "decoder_sums",
    "design_moments",
    "expected_residual",
    "in_type",
]

Model = TypeVar("Model", AbstractDecoder, Lux)


class DecoderSums(NamedTuple):
    """Sums over stars of w phi phi' (packed) and w (y - b) phi, phi = [1, features], for every pixel."""

    gram: Float[Array, "out pair"]
    rhs: Float[Array, "out feature1"]


def decoder_sums(
    decoder: AbstractFeatureDecoder,
    measured: OutputData,
    weight: Float[Array, "star out"],
    mean: Float[Array, "star latent"],
    cov: Float[Array, "star latent latent"] | None,
) -> DecoderSums:
    """One block's sums, with the spread of the latents where `cov` is given (exact for linear decoders).

    In the precision of the products; `sweep` adds blocks up in double precision.
    """
    dtype = measured.value.dtype
    if cov is None:
        phi = _design(decoder, mean).astype(dtype)
        products = pairs(phi)
    else:
        phi, second = design_moments(decoder, mean, cov)
        products = pack(second).astype(dtype)
    offset = measured.value - decoder.intercept[None].astype(dtype)
    gram = gemm(weight.T, products)
    # Twice as fast on CPU as the other way round, which XLA would make of it without the barrier.
    rhs = jax.lax.optimization_barrier(gemm(phi.astype(dtype).T, weight * offset)).T
    return DecoderSums(gram, rhs)


def _design(decoder: AbstractFeatureDecoder, mean) -> Float[Array, "star feature1"]:
    features = jax.vmap(decoder.features)(mean)
    return jnp.concatenate([jnp.ones((len(mean), 1), features.dtype), features], axis=1)


def design_moments(decoder: AbstractFeatureDecoder, mean, cov) -> tuple[Array, Array]:
    """E[phi] and E[phi phi'] of each star, phi = [1, features(z)], features linearised for the spread of z."""
    phi = _design(decoder, mean)
    second = phi[:, :, None] * phi[:, None, :]
    if cov is not None:
        if not isinstance(decoder, Linear):
            jac = jax.vmap(jax.jacfwd(decoder.features))(mean)
            cov = jnp.einsum("nfi,nij,ngj->nfg", jac, cov, jac)
        second = second.at[:, 1:, 1:].add(cov)
    return phi, second


def in_type(model: Model, dtype) -> Model:
    """A decoder or model with its arrays in this floating type."""
    # What has it already is left alone: every shape that is converted is a program to compile.
    return jax.tree.map(
        lambda x: x.astype(dtype) if eqx.is_inexact_array(x) and x.dtype != dtype else x, model
    )


def decoded(decoder: AbstractDecoder, z: Float[Array, "star latent"], dtype) -> Float[Array, "star out"]:
    """The output of every star, the pixels in `dtype`."""
    if isinstance(decoder, AbstractFeatureDecoder):
        phi = jax.vmap(decoder.features)(z).astype(dtype)
        return decoder.intercept[None].astype(dtype) + gemm(phi, decoder.weight.astype(dtype).T)
    return jax.vmap(in_type(decoder, dtype))(z.astype(dtype))


def expected_residual(
    decoder: AbstractFeatureDecoder,
    measured: OutputData,
    mean: Array,
    cov: Array | None,
    products: Float[Array, "out pair"] | None = None,
) -> tuple[Array, Array]:
    """Residual at the mean latents, and the expected square of the residual over their spread, (star, out).

    With `weight_products` where they are given.
    """
    dtype = measured.value.dtype
    phi = jax.vmap(decoder.features)(mean).astype(dtype)
    weight = decoder.weight.astype(dtype)
    residual = measured.value - decoder.intercept[None].astype(dtype) - gemm(phi, weight.T)
    if cov is None:
        return residual, residual**2
    if not isinstance(decoder, Linear):
        jac = jax.vmap(jax.jacfwd(decoder.features))(mean)
        cov = jnp.einsum("nfi,nij,ngj->nfg", jac, cov, jac)
    products = pairs(weight) if products is None else products
    return residual, residual**2 + quadratic_form(cov.astype(dtype), products)
