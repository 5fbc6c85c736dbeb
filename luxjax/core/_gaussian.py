"""Multivariate normal distributions, one per star."""

import equinox as eqx
import jax
import jax.numpy as jnp

from ._arrays import Array, Float, PRNGKeyArray
from ._pickled import KeepsPrecision

__all__ = ["Gaussian"]


class Gaussian(KeepsPrecision, eqx.Module):
    """A normal distribution for each star.

    Parameters
    ----------
    mean : (star, dim) array
    cov : (star, dim, dim) array
        Symmetric, positive semi-definite.

    Examples
    --------
    >>> import numpy as np
    >>> import jax.numpy as jnp
    >>> from luxjax.core import Gaussian
    >>> latents = Gaussian(jnp.zeros((1, 2)), jnp.array([[[4.0, 0.0], [0.0, 9.0]]]))
    >>> print(latents.sd)
    [[2. 3.]]
    """

    mean: Float[Array, "star dim"]
    cov: Float[Array, "star dim dim"]

    @property
    def sd(self) -> Float[Array, "star dim"]:
        """Marginal standard deviations."""
        return jnp.sqrt(jnp.diagonal(self.cov, axis1=-2, axis2=-1))

    def linear(
        self, matrix: Float[Array, "out dim"], shift: Float[Array, " out"] | float = 0.0
    ) -> "Gaussian":
        """The distribution of ``matrix @ x + shift``."""
        mean = self.mean @ matrix.T + shift
        return Gaussian(mean, jnp.einsum("ia,nab,jb->nij", matrix, self.cov, matrix))

    def sample(self, n_draws: int, *, key: PRNGKeyArray) -> Float[Array, "draw star dim"]:
        """Independent draws for every star (by eigenvectors, so that a singular covariance is welcome)."""
        values, vectors = jnp.linalg.eigh(self.cov)
        root = vectors * jnp.sqrt(jnp.maximum(values, 0))[..., None, :]
        normal = jax.random.normal(key, (n_draws, *self.mean.shape), self.mean.dtype)
        return self.mean[None] + jnp.einsum("nij,snj->sni", root, normal)

    def log_density(self, x: Float[Array, "star dim"]) -> Float[Array, " star"]:
        """Natural log of the density at `x`, (star,)."""
        chol = jnp.linalg.cholesky(self.cov)
        z = jax.scipy.linalg.solve_triangular(chol, (x - self.mean)[..., None], lower=True)[..., 0]
        logdet = jnp.sum(jnp.log(jnp.diagonal(chol, axis1=-2, axis2=-1)), axis=-1)
        return -0.5 * jnp.sum(z**2, axis=-1) - logdet - 0.5 * x.shape[-1] * jnp.log(2 * jnp.pi)
