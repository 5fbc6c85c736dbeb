"""Where a joint density peaks, and how sharply: the centre and the scale of Laplace's approximation and of samplers."""

import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize

from ..core import LuxWarning
from ..core.internal import Array, Float
from ..latents.internal import effective_ivar
from ._joint import JointDensity, joint_density
from .methods._method import Problem
from .methods._roots import DenseRoot, LowRankRoot, lanczos_root

__all__ = ["diagonal_root", "laplace_root", "posterior_mode", "unshrunk_mode"]

DENSE = 1500  # above this many parameters curvature is kept as a diagonal and a few directions
LANCZOS = 60
FLATTEST = 1e-3  # curvature taken where there is less: no prior here is that wide


def unshrunk_mode(problem: Problem) -> tuple[JointDensity, Float[Array, " dim"]]:
    """The density with Normal(0, 1) where weights shrink, and its mode.

    With its variance integrated out a column's density peaks at zero, far from where most of the probability is, so
    the mode of a shrinking density says nothing. This one gives samplers their centre and scale.
    """
    density, start = joint_density(problem, problem.priors.without_shrinkage())
    return density, posterior_mode(density, start)


def posterior_mode(density: JointDensity, start: Float[Array, " dim"]) -> Float[Array, " dim"]:
    """Where the density peaks, by L-BFGS in units of the curvature's diagonal at the start."""
    scale = np.asarray(diagonal_root(density, start).scale)

    def loss(u):
        value, gradient = _value_and_gradient(density, jnp.asarray(u * scale))
        return -float(value), -np.asarray(gradient) * scale

    options = {"maxiter": 2000, "maxcor": 30, "ftol": 1e-13, "gtol": 1e-5}
    found = minimize(loss, np.asarray(start) / scale, jac=True, method="L-BFGS-B", options=options)
    return jnp.asarray(found.x * scale)


@eqx.filter_jit
def _value_and_gradient(density, x):
    return jax.value_and_grad(density)(x)


def _curvature_times(density, x, v):
    """Minus the Hessian times a vector."""
    return -jax.jvp(jax.grad(density), (x,), (v,))[1]


@eqx.filter_jit
def _precision(density, x):
    eye = jnp.eye(len(x), dtype=x.dtype)
    return jax.lax.map(lambda v: _curvature_times(density, x, v), eye)


@eqx.filter_jit
def _diagonal(density, x):
    def entry(i):
        return _curvature_times(density, x, jnp.zeros_like(x).at[i].set(1.0))[i]

    return jax.lax.map(entry, jnp.arange(len(x)))


def _curvature(density: JointDensity, x: Float[Array, " dim"]) -> tuple[Array, Array]:
    """Minus the Hessian's diagonal and what `_least_curvature` adds to it.

    Of the whole matrix where that fits: it is wanted elsewhere, and compiled once.
    """
    found = jnp.diagonal(_precision(density, x)) if len(x) <= DENSE else _diagonal(density, x)
    return found, jnp.maximum(_least_curvature(density, x) - found, 0)


@eqx.filter_jit
def _least_curvature(density: JointDensity, x: Float[Array, " dim"]) -> Float[Array, " dim"]:
    """Curvature that says how far a density reaches where the second derivative does not: in scatter near zero.

    In s^2 the density is nearly normal, of standard deviation sigma = (sum_n w_n^2 / 2)^-1/2. If it peaks at s = 0 it goes like
    exp(-s^4 / 2 sigma^2), flat at the peak but of variance 0.48 sigma, hence 2 / sigma.
    """
    least, values = jnp.full(len(x), FLATTEST), density.values(x)
    for leaf in density.leaves:
        if leaf.signed:
            weight = effective_ivar(density.batch[leaf.path.split(".")[1]].ivar, values[leaf.path])
            reach = jnp.sqrt(2 * jnp.sum(weight**2, axis=0))
            least = least.at[leaf.begin : leaf.end].max(reach[leaf.index])
    return least


def diagonal_root(density: JointDensity, centre: Float[Array, " dim"]) -> LowRankRoot:
    """Conditional standard deviations alone."""
    found, more = _curvature(density, centre)
    return LowRankRoot((found + more) ** -0.5, jnp.zeros((len(centre), 0)), jnp.zeros(0))


def laplace_root(
    density: JointDensity, centre: Float[Array, " dim"], rank: int | None = None
) -> DenseRoot | LowRankRoot:
    """The root of Laplace's covariance at `centre`; of low rank where asked, or where there are too many parameters."""
    dim = len(centre)
    if rank is None and dim <= DENSE:
        precision = np.asarray(_precision(density, centre))
        least = np.asarray(_least_curvature(density, centre))
        precision = precision + np.diag(np.maximum(least - np.diagonal(precision), 0))
        values, vectors = np.linalg.eigh(0.5 * (precision + precision.T))
        if values[0] < FLATTEST:
            warnings.warn(
                "the joint posterior has directions that neither the data nor the priors determine; their standard "
                "deviation is taken as 30. Use fewer latents, more stars or narrower priors.",
                LuxWarning,
                stacklevel=2,
            )
        return DenseRoot(jnp.asarray(vectors * np.maximum(values, FLATTEST) ** -0.5))
    rank = min(LANCZOS if rank is None else rank, dim)
    found, more = _curvature(density, centre)
    return _lanczos(density, centre, found + more, more, rank)


@eqx.filter_jit
def _lanczos(density, centre, diagonal, more, rank: int):
    return lanczos_root(lambda v: _curvature_times(density, centre, v) + more * v, diagonal, rank)
