"""Intrinsic scatter of every pixel and label: how much the data vary beyond their stated errors."""

import equinox as eqx
import jax.numpy as jnp

from ..core import Array, Float
from ..models import Lux

__all__ = ["new_scatter", "scatter_sums"]


def scatter_sums(
    weight: Float[Array, "star out"], square: Float[Array, "star out"]
) -> tuple[Array, Array, Array]:
    """Sums over stars of w^2 r^2, w and w^2, with r^2 the (expected) squared residual; each (out,)."""

    def total(x):
        return jnp.sum(x, axis=0).astype(jnp.float64)

    return total(weight**2 * square), total(weight), total(weight**2)


@eqx.filter_jit
def new_scatter(model: Lux, sums) -> dict[str, Array]:
    """The Fisher scoring step for every scatter variance, from its `scatter_sums`.

    Means and variances of a normal are orthogonal in Fisher information, so this step is taken together with
    that of the decoders, from the same pass over the stars. It can overshoot; fits then keep the old scatter,
    with which the decoders' step alone cannot fail.
    """
    scatter = {}
    for name, (w2_square, w, w2) in sums.items():
        seen, variance = w > 0, model.scatter[name] ** 2
        step = (w2_square - w) / jnp.where(seen, w2, 1)
        scatter[name] = jnp.sqrt(jnp.where(seen, jnp.maximum(variance + step, 0), 0))
    return scatter
