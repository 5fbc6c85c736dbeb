"""Outputs of stars whose latents are known, and how they change with the latents: star by star, for any decoder.

A label that is read out from the latents by a curved function has another slope g_n = d label / d z at every star. With
latents that depend on pixels linearly, z_n = S_n h_n, the chain rule gives every derivative by pixels from it. The mean slope
on the straight way from the mean star, integral of g(t z_n) over t from 0 to 1, divides the label among parts of h_n exactly,
label(z_n) - label(0) = mean slope . S_n h_n: the Aumann-Shapley values (Aumann & Shapley 1974), which are the Shapley values for
linear and quadratic functions.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..core.internal import Array, Float
from ..models import AbstractDecoder, Linear

__all__ = ["decode_stars", "mean_slopes", "slopes"]

STARS = 256  # decoded at a time: each holds the kernels of all points of a Gaussian process
NODES = 5  # of the Gauss-Legendre quadrature; exact for polynomials of degree 10


@eqx.filter_jit
def decode_stars(decoder: AbstractDecoder, z: Float[Array, "star latent"]) -> Float[Array, "star out"]:
    """The output of every star, in the precision of the decoder."""
    return jax.lax.map(decoder, z, batch_size=STARS)


@eqx.filter_jit
def slopes(decoder: AbstractDecoder, z: Float[Array, "star latent"]) -> Float[Array, "star out latent"]:
    """D output / d latents at the latents of every star."""
    if isinstance(decoder, Linear):
        return jnp.broadcast_to(decoder.weight, (len(z), *decoder.weight.shape))
    return jax.lax.map(decoder.jacobian, z, batch_size=STARS)


@eqx.filter_jit
def mean_slopes(decoder: AbstractDecoder, z: Float[Array, "star latent"]) -> Float[Array, "star out latent"]:
    """The mean of d output / d latents on the straight way from the prior's mean to every star."""
    if isinstance(decoder, Linear):
        return slopes(decoder, z)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    parts = [w / 2 * slopes(decoder, (1 + t) / 2 * z) for t, w in zip(nodes, weights, strict=True)]
    return sum(parts[1:], parts[0])
