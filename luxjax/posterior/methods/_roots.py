"""Square roots of covariance matrices, dense or of low rank: x = centre + root(eps) with eps ~ N(0, I).

They serve twice: to draw from a Gaussian approximation, and to sample in coordinates in which the posterior is nearly
isotropic, which is what makes Hamiltonian trajectories short.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular

from ...core.internal import Array, Float

__all__ = ["DenseRoot", "LowRankRoot", "dense_root", "lanczos_root", "low_rank_cov"]


class DenseRoot(eqx.Module):
    """root(eps) = A eps with A A' the covariance."""

    matrix: Float[Array, "dim dim"]

    def __call__(self, eps: Float[Array, " dim"]) -> Float[Array, " dim"]:
        return self.matrix @ eps


class LowRankRoot(eqx.Module):
    """Diagonal but for a few directions: A = S (I + V diag(c - 1) V') with orthonormal V; the covariance is A A'.

    Parameters
    ----------
    scale : (dim,) array
        S: standard deviations where no direction says otherwise.
    basis : (dim, rank) array
        V, in units of S.
    stretch : (rank,) array
        c: standard deviation along each direction, in units of S.
    """

    scale: Float[Array, " dim"]
    basis: Float[Array, "dim rank"]
    stretch: Float[Array, " rank"]

    def __call__(self, eps: Float[Array, " dim"]) -> Float[Array, " dim"]:
        return self.scale * (eps + self.basis @ ((self.stretch - 1) * (self.basis.T @ eps)))


def dense_root(precision: Float[Array, "dim dim"]) -> Float[Array, "dim dim"]:
    """A with A A' = precision^-1: the inverse transposed Cholesky factor."""
    chol = jnp.linalg.cholesky(precision)
    return solve_triangular(chol, jnp.eye(len(precision), dtype=precision.dtype), lower=True).T


def low_rank_cov(precision: Float[Array, "dim dim"], rank: int) -> Float[Array, "dim dim"]:
    """The covariance of `LowRankRoot` with the `rank` directions in which the precision differs most from its diagonal.

    With D the diagonal, D^-1/2 P D^-1/2 = sum_i l_i v_i v_i'; the directions of largest |ln l| are kept and the others
    take l = 1. At full rank this is P^-1.
    """
    scale = 1 / jnp.sqrt(jnp.diagonal(precision))
    values, vectors = jnp.linalg.eigh(precision * scale[:, None] * scale)
    order = jnp.argsort(-jnp.abs(jnp.log(values)))[:rank]
    root = jax.vmap(LowRankRoot(scale, vectors[:, order], values[order] ** -0.5), out_axes=1)(
        jnp.eye(len(scale), dtype=scale.dtype)
    )
    return root @ root.T


def lanczos_root(
    times: Callable[[Float[Array, " dim"]], Float[Array, " dim"]], diagonal: Float[Array, " dim"], rank: int
) -> LowRankRoot:
    """A `LowRankRoot` from products with the precision alone, for when it is too large to be written down.

    Lanczos' iteration with full reorthogonalisation on D^-1/2 P D^-1/2 finds its largest and smallest eigenvalues
    first, those that differ most from one: the best and the worst determined directions.

    Parameters
    ----------
    times : callable
        P v.
    diagonal : (dim,) array
        D, of P.
    rank : int
        Iterations, and directions kept.
    """
    dim, scale = len(diagonal), diagonal**-0.5

    def step(carry, i):
        basis, v = carry
        basis = basis.at[i].set(v)
        w = scale * times(scale * v)
        alpha = v @ w
        for _ in range(2):
            w = w - basis.T @ (basis @ w)
        beta = jnp.linalg.norm(w)
        return (basis, w / jnp.maximum(beta, 1e-12)), (alpha, beta)

    first = jax.random.normal(jax.random.key(0), (dim,), diagonal.dtype)
    start = (jnp.zeros((rank, dim), diagonal.dtype), first / jnp.linalg.norm(first))
    (basis, _), (alpha, beta) = jax.lax.scan(step, start, jnp.arange(rank))
    values, vectors = jnp.linalg.eigh(jnp.diag(alpha) + jnp.diag(beta[:-1], 1) + jnp.diag(beta[:-1], -1))
    return LowRankRoot(scale, basis.T @ vectors, jnp.maximum(values, 1e-6) ** -0.5)
