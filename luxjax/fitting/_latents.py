"""Latents of stars with the decoders given: exact for linear decoders, Gauss-Newton for other features.

A star's pixels enter only through sums the size of its features: with y - b = W phi(z) + noise and weights w,

    chi2(z) = phi' G phi - 2 phi' h + const,    G = sum_j w_j W_j W_j',    h = sum_j w_j (y_j - b_j) W_j,

so the large products are done once per star whatever the decoder, and the search for z never sees a pixel.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..core import Array, Batch, Float, Measured, gemm, pairs, solve_ridge, total, unpack
from ..models import FeatureDecoder, Lux, feature_jacobian

__all__ = ["LatentPosterior", "StarSums", "effective_ivar", "latent_posterior", "star_sums"]

GAUSS_NEWTON_STEPS = 40


class StarSums(NamedTuple):
    """G and h of one output for every star of a block, in double precision."""

    gram: Float[Array, "star feature feature"]
    rhs: Float[Array, "star feature"]


class LatentPosterior(NamedTuple):
    """Mean, covariance and ln det(precision) of each star's latents."""

    mean: Float[Array, "star latent"]
    cov: Float[Array, "star latent latent"]
    logdet: Float[Array, " star"]


def effective_ivar(ivar: Float[Array, "star out"], scatter: Float[Array, " out"]) -> Float[Array, "star out"]:
    """Inverse of (measurement variance + scatter^2); zero stays zero, which 1/(1/ivar + s^2) would not allow."""
    return ivar / (1 + ivar * scatter.astype(ivar.dtype) ** 2)


def star_sums(decoder: FeatureDecoder, measured: Measured, weight: Float[Array, "star out"]) -> StarSums:
    """The sums over pixels that the latents of each star depend on."""
    dtype = measured.value.dtype
    w = decoder.weight.astype(dtype)
    offset = measured.value - decoder.intercept.astype(dtype)
    gram = gemm(weight, pairs(w)).astype(jnp.float64)
    rhs = gemm(weight * offset, w).astype(jnp.float64)
    return StarSums(unpack(gram, w.shape[1]), rhs)


def latent_posterior(
    model: Lux, block: Batch, prior_precision: float = 1.0, start: Float[Array, "star latent"] | None = None
) -> LatentPosterior:
    """Posterior of the latents of a block of stars, from whichever outputs the block holds.

    For linear decoders this is exact, N((B'WB + I)^-1 B'W (y - b), (B'WB + I)^-1); for other features it is
    the maximum of the posterior and the inverse of the Gauss-Newton Hessian there.
    """
    decoders = [model.feature_decoders[name] for name in block.names]
    sums = [
        star_sums(d, block.outputs[name], effective_ivar(block.outputs[name].ivar, model.scatter[name]))
        for name, d in zip(block.names, decoders, strict=True)
    ]
    eye = prior_precision * jnp.eye(model.n_latents, dtype=jnp.float64)
    if model.is_linear:
        gram, rhs = total(s.gram for s in sums), total(s.rhs for s in sums)
        return LatentPosterior(*solve_ridge(gram, rhs, eye))
    if start is None:
        start = jnp.zeros((block.n_stars, model.n_latents), jnp.float64)
    return jax.vmap(lambda s, z: _gauss_newton(decoders, s, eye, z))(sums, start)


def _gauss_newton(decoders, sums, prior, z):
    """Levenberg-Marquardt on the posterior of one star; a step that does not help is damped, never taken."""

    def energy(z):
        value = 0.5 * z @ prior @ z
        for decoder, s in zip(decoders, sums, strict=True):
            phi = decoder.features(z)
            value = value + 0.5 * phi @ s.gram @ phi - phi @ s.rhs
        return value

    def derivatives(z):
        gradient, hessian = prior @ z, prior
        for decoder, s in zip(decoders, sums, strict=True):
            jac = feature_jacobian(decoder, z)
            gradient = gradient + jac.T @ (s.gram @ decoder.features(z) - s.rhs)
            hessian = hessian + jac.T @ s.gram @ jac
        return gradient, hessian

    def step(_, state):
        z, value, damping = state
        gradient, hessian = derivatives(z)
        damped = hessian + damping * jnp.diag(jnp.diagonal(hessian))
        trial = z - jnp.linalg.solve(damped, gradient)
        trial_value = energy(trial)
        better = trial_value <= value
        damping = jnp.clip(jnp.where(better, damping / 5, damping * 4), 1e-12, 1e12)
        return jnp.where(better, trial, z), jnp.where(better, trial_value, value), damping

    z = z.astype(jnp.float64)
    z, _, _ = jax.lax.fori_loop(0, GAUSS_NEWTON_STEPS, step, (z, energy(z), jnp.float64(1e-3)))
    _, hessian = derivatives(z)
    _, cov, logdet = solve_ridge(hessian, jnp.zeros_like(z), jnp.zeros_like(prior))
    return LatentPosterior(z, cov, logdet)
