"""Latents of stars with the decoders given: exact for linear decoders, Gauss-Newton for others.

A star's pixels enter only through sums the size of its features: with y - b = W phi(z) + noise and weights w,

    chi2(z) = phi' G phi - 2 phi' h + const,    G = sum_j w_j W_j W_j',    h = sum_j w_j (y_j - b_j) W_j,

so the large products are done once per star whatever the decoder, and the search for z never sees a pixel. Decoders that
are not linear in any weights have no such sums: each step of the search decodes all pixels, and differentiates them
forwards, once per latent.

Student-t noise is Gaussian noise once each value's weight is known, and the weight follows from its residual (`_robust`):
the same sums, some times over.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..core import Batch, OutputData, gemm, ridge_mean
from ..core.internal import Array, Float, is_definite, solve_ridge, solve_symmetric, total
from ..models import AbstractDecoder, AbstractFeatureDecoder, Lux
from ..models.internal import feature_jacobian
from ._decoders import in_type
from ._robust import Weights, curvature, expected_information, reweighted
from ._star_sums import Products, StarSums, effective_ivar, effective_ivars, linear_sums, star_sums

__all__ = [
    "LatentPosterior",
    "block_latent_mean",
    "latent_posterior",
    "mean_field",
]

GAUSS_NEWTON_STEPS = 40
REWEIGHTINGS = 20  # the error of each falls to about 2 / (nu + 3) of the last one's
FEW_REWEIGHTINGS = 8  # within a fit

FEW = 256  # values of a star; their sums cost little in double precision

PIXEL_STARS = 16  # stars whose Jacobians (pixel, latent) are held at a time


class LatentPosterior(NamedTuple):
    """Mean, covariance and ln det(precision) of each star's latents."""

    mean: Float[Array, "star latent"]
    cov: Float[Array, "star latent latent"]
    logdet: Float[Array, " star"]


class _FeatureTerm(NamedTuple):
    """What one output says of a star's latents, through the sums over its pixels."""

    decoder: AbstractFeatureDecoder
    sums: StarSums

    def energy(self, z):
        phi = self.decoder.features(z)
        return 0.5 * phi @ self.sums.gram @ phi - phi @ self.sums.rhs

    def derivatives(self, z):
        jac = feature_jacobian(self.decoder, z)
        gradient = jac.T @ (self.sums.gram @ self.decoder.features(z) - self.sums.rhs)
        return gradient, jac.T @ self.sums.gram @ jac


class _PixelTerm(NamedTuple):
    """What one output says of a star's latents, pixel by pixel, for decoders without features."""

    decoder: AbstractDecoder
    value: Float[Array, " out"]
    weight: Float[Array, " out"]

    def energy(self, z):
        residual = self.value - self._decoded(z)
        return 0.5 * jnp.sum((self.weight * residual**2).astype(jnp.float64))

    def derivatives(self, z):
        jac = jax.jacfwd(self._decoded)(z).astype(self.value.dtype)
        residual = self._decoded(z) - self.value
        gradient = gemm(self.weight * residual, jac)
        return gradient.astype(jnp.float64), gemm(jac.T * self.weight[None], jac).astype(jnp.float64)

    def _decoded(self, z):
        return in_type(self.decoder, self.value.dtype)(z.astype(self.value.dtype))


def latent_posterior(
    model: Lux,
    block: Batch,
    prior_precision: float = 1.0,
    start: Float[Array, "star latent"] | None = None,
    steps: int = GAUSS_NEWTON_STEPS,
    products: Products | None = None,
    noisy: bool = True,
) -> LatentPosterior:
    """Posterior of the latents of a block of stars, from whichever outputs the block holds.

    For linear decoders this is exact, N((B'WB + I)^-1 B'W (y - b), (B'WB + I)^-1); for others it is the maximum of the
    posterior, found in `steps` damped Gauss-Newton steps from `start` (default: the prior's mean), and the inverse
    of the Gauss-Newton Hessian there.

    With Student-t noise it is the maximum of the posterior too, found by reweighting, and the inverse of its Hessian
    there: the observed information. Where outliers would make that say less than the prior does, the expected information
    stands in for it.

    Passes over many blocks give the `weight_products` of linear decoders, which are then not made again for each, and say
    whether the model is `noisy`: see `effective_ivars`.
    """
    model = model.only(*block.names)
    weights = effective_ivars(model, block, noisy)
    found = _gaussian(model, block, weights, prior_precision, start, steps, products)
    if all(math.isinf(model.dof[k]) for k in block.names):
        return found

    def again(_, found):
        new = reweighted(model, block, weights, found.mean)
        return _gaussian(model, block, new, prior_precision, found.mean, steps, products)

    z = jax.lax.fori_loop(0, REWEIGHTINGS, again, found).mean
    observed = _information(model, block, curvature(model, block, weights, z), z)
    expected = _information(model, block, expected_information(model, weights), z)
    eye = prior_precision * jnp.eye(model.n_latents)
    telling = is_definite(observed + 1e-3 * eye[None])
    information = jnp.where(telling[:, None, None], observed, expected)
    return LatentPosterior(z, *solve_ridge(information, jnp.zeros_like(z), eye)[1:])


def block_latent_mean(
    model: Lux,
    block: Batch,
    weights: Weights,
    prior_precision: float = 1.0,
    products: Products | None = None,
) -> Float[Array, "star latent"]:
    """The means of `latent_posterior` for linear decoders and Gaussian noise of these inverse variances, at half the cost."""
    gram, rhs = linear_sums(model.only(*block.names), block, weights, products)
    return ridge_mean(gram, rhs, prior_precision * jnp.eye(model.n_latents, dtype=jnp.float64))


def mean_field(model: Lux, block: Batch, products: Products | None = None) -> tuple[LatentPosterior, Weights]:
    """Latents of linear decoders and precisions of Student-t noise, each given the expectation of the other.

    The product of the two is the variational posterior that fits maximise a bound of the likelihood with. For
    Gaussian noise it is the exact posterior.

    Returns
    -------
    posterior : LatentPosterior
        Given the weights: narrower than that of `latent_posterior`, which knows that they were guessed.
    weights : dict of str to (star, out) array
        Expected inverse variances.
    """
    plain = {k: effective_ivar(m.ivar, model.scatter[k]) for k, m in block.outputs.items()}

    def given(weights):
        return _gaussian(model, block, weights, 1.0, products=products)

    def again(_, found):
        return given(reweighted(model, block, plain, found.mean, found.cov))

    found = jax.lax.fori_loop(0, FEW_REWEIGHTINGS, again, given(plain))
    return found, reweighted(model, block, plain, found.mean, found.cov)


def _gaussian(
    model: Lux,
    block: Batch,
    weights: Weights,
    prior_precision: float,
    start=None,
    steps=GAUSS_NEWTON_STEPS,
    products: Products | None = None,
) -> LatentPosterior:
    """The posterior for noise of these inverse variances."""
    eye = prior_precision * jnp.eye(model.n_latents, dtype=jnp.float64)
    if model.is_linear:
        return LatentPosterior(*solve_ridge(*linear_sums(model, block, weights, products), eye))
    if start is None:
        start = jnp.zeros((block.n_stars, model.n_latents), jnp.float64)
    return _each_star(model, block, weights, start, lambda terms, z: _gauss_newton(terms, eye, z, steps))


def _information(model: Lux, block: Batch, weights: Weights, z) -> Float[Array, "star latent latent"]:
    """J' W J of every star."""
    return _each_star(
        model, block, weights, z, lambda terms, z: total(term.derivatives(z)[1] for term in terms)
    )


def _each_star(model: Lux, block: Batch, weights: Weights, z, function: Callable):
    """``function(terms, z)`` of every star, with what each output says of its latents."""
    features = {k: d for k in block.names if isinstance(d := model.decoders[k], AbstractFeatureDecoder)}
    others = {k: d for k, d in model.decoders.items() if k in block.names and k not in features}
    sums = [star_sums(d, *_precise(block.outputs[k], weights[k])) for k, d in features.items()]
    pixels = [(block.outputs[k].value, weights[k]) for k in others]

    def of_star(star):
        sums, pixels, z = star
        terms: list = [_FeatureTerm(d, s) for d, s in zip(features.values(), sums, strict=True)]
        terms += [_PixelTerm(d, *p) for d, p in zip(others.values(), pixels, strict=True)]
        return function(terms, z)

    if not others:
        return jax.vmap(of_star)((sums, pixels, z))
    return jax.lax.map(of_star, (sums, pixels, z), batch_size=PIXEL_STARS)


def _precise(measured: OutputData, weight: Float[Array, "star out"]) -> tuple[OutputData, Array]:
    """Few values, such as labels, in double precision.

    Where a label is far more precise than anything else, the rounding of single-precision sums is larger than what the rest
    says; the curve that the search goes down then has no bottom.
    """
    if measured.size > FEW:
        return measured, weight
    wide = (x.astype(jnp.float64) for x in (measured.value, measured.ivar))
    return OutputData(*wide), weight.astype(jnp.float64)


def _gauss_newton(terms: Sequence[_FeatureTerm | _PixelTerm], prior, z, steps: int):
    """Levenberg-Marquardt on the posterior of one star; a step that does not help is damped, never taken."""
    # Near the minimum, energies summed over single-precision pixels differ by rounding alone, while gradients still point the way.
    rounding = 8 * max(
        (jnp.finfo(t.value.dtype).eps for t in terms if isinstance(t, _PixelTerm)), default=0.0
    )

    def energy(z):
        value = 0.5 * z @ prior @ z
        for term in terms:
            value = value + term.energy(z)
        return value

    def derivatives(z):
        gradient, hessian = prior @ z, prior
        for term in terms:
            more_gradient, more_hessian = term.derivatives(z)
            gradient, hessian = gradient + more_gradient, hessian + more_hessian
        return gradient, hessian

    def step(_, state):
        z, value, damping = state
        gradient, hessian = derivatives(z)
        damped = hessian + damping * jnp.diag(jnp.diagonal(hessian))
        trial = z - solve_symmetric(damped, gradient)
        trial_value = energy(trial)
        better = trial_value <= value + rounding * jnp.abs(value)
        damping = jnp.clip(jnp.where(better, damping / 5, damping * 4), 1e-12, 1e12)
        return jnp.where(better, trial, z), jnp.where(better, trial_value, value), damping

    z = z.astype(jnp.float64)
    z, _, _ = jax.lax.fori_loop(0, steps, step, (z, energy(z), jnp.float64(1e-3)))
    _, hessian = derivatives(z)
    _, cov, logdet = solve_ridge(hessian, jnp.zeros_like(z), jnp.zeros_like(prior))
    return LatentPosterior(z, cov, logdet)
