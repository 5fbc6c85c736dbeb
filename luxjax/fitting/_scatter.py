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
    return tuple(jnp.sum(x, axis=0).astype(jnp.float64) for x in (weight**2 * square, weight, weight**2))


@eqx.filter_jit
def new_scatter(model: Lux, sums) -> tuple[dict[str, Array], dict[str, Array]]:
    """Two updates of the scatter of every output from its `scatter_sums`.

    The first is the Fisher scoring step for the variance, fast but able to overshoot. The second is the
    multiplicative step of Zhou, Hu, Qiao & Lange (2019, J. Comput. Graph. Stat. 28, 350), which never lowers
    the likelihood, to fall back on.
    """
    scoring, multiplicative = {}, {}
    for name, (w2_square, w, w2) in sums.items():
        seen, variance = w > 0, model.scatter[name] ** 2
        step = (w2_square - w) / jnp.where(seen, w2, 1)
        scoring[name] = jnp.sqrt(jnp.where(seen, jnp.maximum(variance + step, 0), 0))
        ratio = jnp.sqrt(w2_square / jnp.where(seen, w, 1))
        multiplicative[name] = jnp.sqrt(jnp.where(seen, variance * ratio, 0))
    return scoring, multiplicative
