"""Student-t noise: how much each value is believed, as its residual decides.

Noise of nu degrees of freedom and squared scale v = 1/w is N(0, v/u) with u drawn from Gamma(nu/2, nu/2). Given the residual r
its expected value is (nu + 1) / (nu + w r^2), so the latents are found by weighted least squares with weights w u, again
and again: an expectation-maximisation whose fixed points are those of the t posterior itself (Lange, Little & Taylor
1989, JASA 84, 881). Outputs of Gaussian noise keep their weights.
"""

import math

import jax.numpy as jnp
from jax.scipy.special import gammaln

from ..core import Batch
from ..core.internal import Array, Float
from ..models import AbstractFeatureDecoder, Lux
from ._decoders import decoded, expected_residual

__all__ = [
    "Weights",
    "curvature",
    "expected_information",
    "information_share",
    "minus_log_density",
    "reweighted",
    "tail_weight",
]

Weights = dict[str, Array]
"""Inverse variance of every value of a block, (star, out), by output."""


def tail_weight(dof: float, scaled: Float[Array, "star out"]) -> Float[Array, "star out"]:
    """E[u]: the factor of a value's weight, from its w r^2; 1 for Gaussian noise."""
    return jnp.ones_like(scaled) if math.isinf(dof) else (dof + 1) / (dof + scaled)


def reweighted(model: Lux, block: Batch, weights: Weights, z, cov=None) -> Weights:
    """The weights times their expected factors at latents z, or, for linear decoders, over latents N(z, cov)."""
    return {k: w * tail_weight(model.dof[k], s) for k, w, s in _scaled(model, block, weights, z, cov)}


def curvature(model: Lux, block: Batch, weights: Weights, z) -> Weights:
    """Minus the second derivative of the log density by the noise-free value: negative beyond r^2 = nu / w."""
    out = {}
    for name, w, scaled in _scaled(model, block, weights, z, None):
        nu = model.dof[name]
        out[name] = w if math.isinf(nu) else w * (nu + 1) * (nu - scaled) / (nu + scaled) ** 2
    return out


def expected_information(model: Lux, weights: Weights) -> Weights:
    """The mean of `curvature` over the noise, w (nu + 1) / (nu + 3)."""
    return {k: w * information_share(model.dof[k]) for k, w in weights.items()}


def information_share(dof: float) -> float:
    """What a value of Student-t noise tells of its location, as a fraction of what its weight says on average."""
    return 1.0 if math.isinf(dof) else (dof + 1) / (dof + 3)


def minus_log_density(
    dof: float, weight: Float[Array, "*star out"], square: Float[Array, "*star out"]
) -> Float[Array, "*star out"]:
    """-ln p(r) with r^2 given by `square`; zero where the weight is.

    With the expected square in its place it is the value's part of the variational bound, u at its best.
    """
    seen = weight > 0
    noise = jnp.log(2 * jnp.pi / jnp.where(seen, weight, 1))
    if math.isinf(dof):
        return jnp.where(seen, 0.5 * (weight * square + noise), 0)
    level = gammaln(dof / 2) - gammaln((dof + 1) / 2) + 0.5 * math.log(dof / 2)
    return jnp.where(seen, level + 0.5 * noise + (dof + 1) / 2 * jnp.log1p(weight * square / dof), 0)


def _scaled(model: Lux, block: Batch, weights: Weights, z, cov):
    """Name, weight and w r^2 of every output, the squares averaged over the spread of the latents where it is given."""
    for name, m in block.outputs.items():
        decoder = model.decoders[name]
        if math.isinf(model.dof[name]):
            square = jnp.zeros_like(m.value)
        elif cov is not None and isinstance(decoder, AbstractFeatureDecoder):
            square = expected_residual(decoder, m, z, cov)[1]
        else:
            square = (m.value - decoded(decoder, z, m.value.dtype)) ** 2
        yield name, weights[name], weights[name] * square
