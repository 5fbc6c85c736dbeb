"""Alternating least squares: the joint maximum of latents and decoders, one ridge regression after another.

The objective is J = half the chi-square (with half the sum of ln variance where scatter is learned)
+ lambda_z |Z|^2 / 2 + sum_k lambda_k |W_k|^2 / 2. Each step solves for one factor exactly, so J never rises.
"""

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp

from ..core import Array, Batch, Float, InputError, PRNGKeyArray, check_name
from ..models import Linear, Lux
from ._blocks import blocks
from ._decoders import decoder_sums, expected_residual, finish, solve_decoders
from ._fitter import AbstractFitter, FitResult, Progress
from ._label_rows import with_label_rows
from ._latents import effective_ivar, latent_posterior
from ._scatter import new_scatter, scatter_sums
from ._start import moments_of, svd_start

__all__ = ["ALS", "strengths"]


class ALS(AbstractFitter):
    """Alternating least squares of a model whose decoders are linear in their weights.

    Parameters
    ----------
    regularization : float or mapping of str to float
        lambda_k, the prior precision of decoder weights, for all outputs or by output.
    latent_regularization : float
        lambda_z, the prior precision of the latents.
    max_cycles : int
    tol : float
        Converged when a cycle lowers J by less than this fraction of it.
    scatter : bool
        Learn the intrinsic scatter of every pixel and label.
    balance : bool
        Centre and balance the latents of linear decoders after each cycle. The priors on both factors leave
        a direction that alternation barely descends; balancing steps along it at once.
    block : int
        Stars handled at a time; bounds the working memory.
    """

    regularization: float | Mapping[str, float] = 1.0
    latent_regularization: float = 1.0
    max_cycles: int = 60
    tol: float = 1e-7
    scatter: bool = False
    balance: bool = True
    block: int = 512

    def run(
        self, model: Lux, batch: Batch, *, key: PRNGKeyArray, progress: Progress | None = None
    ) -> FitResult:
        if not model.is_closed_form:
            raise InputError(
                "ALS needs decoders that are linear in their weights (Linear, Quadratic); use Gradient for others."
            )
        strength = strengths(self.regularization, model)
        model = svd_start(model, batch, moments_of(batch), key=key)
        latents = jnp.zeros((batch.n_stars, model.n_latents))
        objective: list[float] = []
        converged, before = False, model.scatter
        for cycle in range(self.max_cycles):
            loss, sums, latents = self._sweep(model, batch, latents, strength)
            if objective and loss > objective[-1] and self.scatter:
                model = Lux(model.decoders, before)  # the scatter's step overshot
                loss, sums, latents = self._sweep(model, batch, latents, strength)
            objective.append(loss)
            if progress:
                progress(cycle, loss)
            if cycle and objective[-2] - objective[-1] < self.tol * abs(objective[-1]):
                converged = True
                break
            before = model.scatter
            model = _maximise(model, sums, strength, self.scatter)
            if self.balance and model.is_linear:
                model, latents = _balance(model, latents, sums[2], strength, self.latent_regularization)
        if model.is_linear:
            model, latents = _whiten(model, latents)
        _, (sums, _, _), _ = self._sweep(model, batch, latents, strength, spread=True, prior=1.0)
        _, cov = finish(model, sums, shrink=False)
        cov = with_label_rows(model, cov, batch, self.block)
        message = "converged" if converged else f"stopped after {self.max_cycles} cycles without converging"
        return FitResult(model, cov, objective, converged, message)

    def _sweep(self, model, batch, latents, strength, *, spread: bool = False, prior: float | None = None):
        """One pass: J at the best latents of every star, the sums there, and those latents."""
        prior = self.latent_regularization if prior is None else prior
        parts: list = []
        found = []
        for block, real, where in blocks(batch, self.block):
            short = len(real) - (where.stop - where.start)
            start = jnp.pad(latents[where], ((0, short), (0, 0)))
            *part, z = _pass(model, block, real, start, prior, spread)
            part = jax.block_until_ready(part)
            parts = [jax.tree.map(jnp.add, parts[0], part) if parts else part]
            found.append(z[: len(real) - short])
        loss, sums = parts[0]
        for name, decoder in model.feature_decoders.items():
            loss = loss + 0.5 * strength[name] * jnp.sum(decoder.weight**2)
        return float(loss), sums, jnp.concatenate(found)


def strengths(regularization: float | Mapping[str, float], model: Lux) -> dict[str, float]:
    """The ridge of every output, from one number or from numbers by output (1 where left out)."""
    if not isinstance(regularization, Mapping):
        return dict.fromkeys(model.names, float(regularization))
    for name in regularization:
        check_name("output to regularise", name, model.names)
    return {name: float(regularization.get(name, 1.0)) for name in model.names}


@eqx.filter_jit
def _pass(model: Lux, block: Batch, real, start, prior: float, spread: bool):
    posterior = latent_posterior(model, block, prior, start)
    z = posterior.mean
    loss = 0.5 * prior * jnp.sum(z**2, axis=1)
    sums, spreads = {}, {}
    for name, m in block.outputs.items():
        decoder, scatter = model.feature_decoders[name], model.scatter[name].astype(m.ivar.dtype)
        w = effective_ivar(m.ivar, scatter)
        _, square = expected_residual(decoder, m, z, None)
        # ln(variance) relative to the stated variance: zero without scatter, where J is a plain chi-square.
        terms = w * square + jnp.where(m.ivar > 0, jnp.log1p(m.ivar * scatter**2), 0)
        loss = loss + 0.5 * jnp.sum(terms, axis=1).astype(jnp.float64)
        sums[name] = decoder_sums(decoder, m, w, z, posterior.cov if spread else None)
        spreads[name] = scatter_sums(w, square)
    moments = (jnp.sum(real), real @ z, (z * real[:, None]).T @ z)
    return jnp.sum(real * loss), (sums, spreads, moments), z


def _maximise(model: Lux, sums, strength: dict[str, float], scatter: bool) -> Lux:
    priors = {k: strength[k] * jnp.eye(d.weight.shape[1]) for k, d in model.feature_decoders.items()}
    return Lux(
        solve_decoders(model, sums[0], priors)[0].decoders,
        new_scatter(model, sums[1]) if scatter else model.scatter,
    )


@eqx.filter_jit
def _balance(model: Lux, latents, moments, strength, latent_strength: float):
    """Centre the latents, then the basis of least priors: lambda_z Z'Z = sum_k lambda_k W_k'W_k.

    Predictions do not change. With Z = Q_z R_z and W = Q_w R_w (both weighted by the root of their lambda),
    the singular values of R_z R_w' are shared equally between the two factors.
    """
    n, first, second = moments
    mean = first / n
    square = second - n * jnp.outer(mean, mean)
    weights = sum(
        s * model.feature_decoders[k].weight.T @ model.feature_decoders[k].weight for k, s in strength.items()
    )
    root_z = _root(latent_strength * square)
    root_w = _root(weights)
    u, values, _ = jnp.linalg.svd(root_z @ root_w.T)
    turn = jnp.linalg.solve(root_z, u * jnp.sqrt(values))
    return _change_basis(model, latents, mean, turn)


def _root(matrix: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """Upper triangular R with R'R = matrix, kept invertible where the matrix is singular."""
    floor = 1e-14 * jnp.trace(matrix) / len(matrix)
    return jnp.linalg.cholesky(matrix + floor * jnp.eye(len(matrix))).T


def _change_basis(model: Lux, latents, mean, turn):
    """Z -> (z - mean) @ turn, with the decoders changed so that every prediction stays."""
    back = jnp.linalg.inv(turn)
    decoders = {
        k: Linear(d.intercept + d.weight @ mean, d.weight @ back.T) for k, d in model.feature_decoders.items()
    }
    return Lux(decoders, model.scatter), (latents - mean) @ turn


@eqx.filter_jit
def _whiten(model: Lux, latents):
    """The basis in which the latents have zero mean and unit covariance, as their N(0, I) prior says."""
    mean = jnp.mean(latents, axis=0)
    centred = latents - mean
    root = _root(centred.T @ centred / len(latents))
    return _change_basis(model, latents, mean, jnp.linalg.inv(root))
