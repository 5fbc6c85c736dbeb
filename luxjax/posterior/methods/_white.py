"""Densities in coordinates eps in which they are nearly isotropic: x = centre + root(eps)."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp

from ...core.internal import Array, Float
from .._stars import StarDensity
from ._roots import DenseRoot, LowRankRoot

__all__ = ["White", "WhiteStar"]


class WhiteStar(eqx.Module):
    """The density of one star's latents; the star, its centre and its root come with every call."""

    density: StarDensity
    adapt_mass: bool = False
    together: bool = True

    def __call__(self, eps: Float[Array, " dim"], lane) -> Float[Array, ""]:
        star, centre, root = lane
        return self.density(centre + root @ eps, star)


class White(eqx.Module):
    """A density of all parameters at once, with its own centre and root."""

    density: Callable[[Array], Array]
    centre: Float[Array, " dim"]
    root: DenseRoot | LowRankRoot
    adapt_mass: bool = True
    together: bool = False

    def __call__(self, eps: Float[Array, " dim"], lane=None) -> Float[Array, ""]:
        return self.density(self.centre + self.root(eps))

    @eqx.filter_jit
    def map(self, eps: Float[Array, "chain draw dim"]) -> Float[Array, "chain draw dim"]:
        """Draws of eps as draws of x."""
        return jax.vmap(jax.vmap(lambda e: self.centre + self.root(e)))(eps)

    @eqx.filter_jit
    def log_densities(self, eps: Float[Array, "chain draw dim"]) -> Float[Array, "chain draw"]:
        """The density at each draw of eps."""
        flat = jax.lax.map(self, jnp.reshape(eps, (-1, eps.shape[-1])))
        return flat.reshape(eps.shape[:-1])
