"""Expectation maximisation: maximum marginal likelihood of linear decoders, latents integrated out.

Factor analysis (Rubin & Thayer 1982, Psychometrika 47, 69) with known, heteroscedastic noise and missing data,
in the parameter-expanded form (Liu, Rubin & Wu 1998, Biometrika 85, 755), which lets the latents' mean and
covariance float in the maximisation and folds them back into the decoders: plain EM stalls for hundreds of
cycles where this takes a few. Neither the likelihood nor its limit is changed by it.
"""

import equinox as eqx
import jax.numpy as jnp

from ..core import Array, Batch, Float, InputError, PRNGKeyArray
from ..models import Linear, Lux
from ._blocks import sweep
from ._decoders import DecoderSums, decoder_sums, expected_residual, finish, solve_decoder
from ._fitter import AbstractFitter, FitResult, Progress
from ._latents import LatentPosterior, effective_ivar, latent_posterior
from ._scatter import new_scatter, scatter_sums
from ._start import svd_start

__all__ = ["EM"]


class EM(AbstractFitter):
    """Expectation maximisation of a model with linear decoders.

    The objective is minus the log marginal likelihood of all measured values, in nats; it never rises.

    Parameters
    ----------
    max_cycles : int
    tol : float
        Converged when a cycle gains less than this many nats per measured value.
    scatter : bool
        Learn the intrinsic scatter of every pixel and label: every other sweep takes a Fisher scoring step, or,
        should the likelihood fall, the multiplicative step of Zhou, Hu, Qiao & Lange (2019, J. Comput. Graph.
        Stat. 28, 350), which cannot lower it.
    shrink : bool
        After convergence, shrink the rows of each decoder that has many towards zero by the empirical-Bayes
        ridge, which removes the excess variance of maximum likelihood where training stars are few.
    block : int
        Stars handled at a time; bounds the working memory.
    """

    max_cycles: int = 60
    tol: float = 1e-6
    scatter: bool = True
    shrink: bool = True
    block: int = 512

    def run(
        self, model: Lux, batch: Batch, *, key: PRNGKeyArray, progress: Progress | None = None
    ) -> FitResult:
        if not model.is_linear:
            raise InputError(
                "EM integrates over latents exactly and needs linear decoders; use ALS for others."
            )
        model = svd_start(model, batch, key=key)
        n_values = sum(float(jnp.sum(m.ivar > 0)) for m in batch.outputs.values())
        objective: list[float] = []
        converged, careful = False, model.scatter
        for cycle in range(self.max_cycles):
            loss, sums, latents = sweep(_decoder_pass, model, batch, self.block)
            if objective and loss > objective[-1] and self.scatter:
                # The scoring step for the scatter overshot; the multiplicative one cannot.
                model = Lux(model.decoders, careful)
                loss, sums, latents = sweep(_decoder_pass, model, batch, self.block)
            objective.append(loss)
            if progress:
                progress(cycle, loss)
            if cycle and abs(objective[-2] - objective[-1]) < self.tol * n_values:
                converged = True
                break
            model = _maximise(model, sums, latents)
            if self.scatter:
                _, moments, _ = sweep(_scatter_pass, model, batch, self.block)
                bold, careful = new_scatter(model, moments)
                model = Lux(model.decoders, bold)
        if not converged:
            _, sums, _ = sweep(_decoder_pass, model, batch, self.block)
        model, cov = finish(model, sums, shrink=self.shrink)
        message = "converged" if converged else f"stopped after {self.max_cycles} cycles without converging"
        return FitResult(model, cov, objective, converged, message)


def _block_loss(
    model: Lux, block: Batch, posterior: LatentPosterior, weights, residuals
) -> Float[Array, " star"]:
    """Minus the log marginal likelihood of each star, constants included.

    From the residual at the posterior mean, chi2 + |z|^2, rather than as a difference of large sums.
    """
    loss = 0.5 * jnp.sum(posterior.mean**2, axis=1) + 0.5 * posterior.logdet
    for name in block.names:
        w, r = weights[name], residuals[name]
        noise = jnp.log(2 * jnp.pi / jnp.where(w > 0, w, 1))
        terms = jnp.where(w > 0, w * r**2 + noise, 0)
        loss = loss + 0.5 * jnp.sum(terms, axis=1).astype(jnp.float64)
    return loss


def _expect(model: Lux, block: Batch, spread: bool):
    weights = {k: effective_ivar(m.ivar, model.scatter[k]) for k, m in block.outputs.items()}
    posterior = latent_posterior(model, block)
    residuals, squares = {}, {}
    for name, m in block.outputs.items():
        cov = posterior.cov if spread else None
        residuals[name], squares[name] = expected_residual(model.decoders[name], m, posterior.mean, cov)
    return posterior, weights, squares, _block_loss(model, block, posterior, weights, residuals)


@eqx.filter_jit
def _decoder_pass(model: Lux, block: Batch, real: Float[Array, " star"]):
    posterior, weights, _, loss = _expect(model, block, spread=False)
    sums = {
        k: decoder_sums(model.decoders[k], m, weights[k], posterior.mean, posterior.cov)
        for k, m in block.outputs.items()
    }
    second = posterior.mean[:, :, None] * posterior.mean[:, None, :] + posterior.cov
    latents = (
        jnp.sum(real),
        jnp.sum(real[:, None] * posterior.mean, axis=0),
        jnp.sum(real[:, None, None] * second, axis=0),
    )
    return jnp.sum(real * loss), sums, latents


@eqx.filter_jit
def _scatter_pass(model: Lux, block: Batch, real: Float[Array, " star"]):
    _, weights, squares, loss = _expect(model, block, spread=True)
    sums = {k: scatter_sums(w, squares[k]) for k, w in weights.items()}
    return jnp.sum(real * loss), sums, jnp.sum(real)


@eqx.filter_jit
def _maximise(model: Lux, sums: dict[str, DecoderSums], latents) -> Lux:
    """New decoders, then the latents' mean and covariance folded into them."""
    n, first, second = latents
    mean = first / n
    root = jnp.linalg.cholesky(second / n - jnp.outer(mean, mean))
    decoders = {}
    for name, decoder in model.decoders.items():
        new, _ = solve_decoder(decoder, sums[name], jnp.zeros((model.n_latents,) * 2))
        decoders[name] = Linear(new.intercept + new.weight @ mean, new.weight @ root)
    return Lux(decoders, model.scatter)
