"""Intrinsic scatter of every pixel and label: how much the data vary beyond their stated errors."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from ..core.internal import Array, Float
from ..models import Lux

__all__ = ["has_scatter", "new_scatter", "scatter_sums"]


def has_scatter(model: Lux) -> bool:
    """Whether any pixel or label has some; without, inverse variances are as they are stated."""
    return any(bool(np.any(np.asarray(s) > 0)) for s in model.scatter.values())


LEAST_TOLD = 0.2  # of its weight, by a value about its own scatter: bounds the step


def scatter_sums(
    weight: Float[Array, "star out"],
    square: Float[Array, "star out"],
    spread: Float[Array, "star out"] | float = 0.0,
) -> tuple[Array, Array, Array]:
    """Sums over stars of w^2 r^2, w and w^2 (1 - w q)^2, each (out,).

    r^2 is the (expected) squared residual, and q the part of it that the spread of the latents makes. A label helps to
    place its own star; with that taken back its variance about what all other values say is 1 / (w (1 - w q)), and the last
    sum is the information about a variance added to it. Without the factor, fits of labels far more precise than the
    latents creep (the missing information of expectation maximisation; Liu & Rubin 1994, Biometrika 81, 633).
    """

    def total(x):
        return jnp.sum(x, axis=0).astype(jnp.float64)

    told = jnp.maximum(1 - weight * spread, LEAST_TOLD)
    return total(weight**2 * square), total(weight), total((weight * told) ** 2)


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
