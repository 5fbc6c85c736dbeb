"""Alternating least squares: the joint maximum of latents and decoders, one ridge regression after another.

The objective is J = half the chi-square (with half the sum of ln variance where scatter is learned)
+ lambda_z |Z|^2 / 2 + sum_k lambda_k |W_k|^2 / 2. Each step solves for one factor exactly, so J never rises.
"""

from collections.abc import Mapping
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from ..core import Batch, InputError, Progress, check_name
from ..core.internal import AbstractStars, Array, PRNGKeyArray, reporting
from ..latents import decoder_sums, improve_decoders, weight_products
from ..latents.internal import (
    block_latent_mean,
    blocks,
    effective_ivars,
    expected_residual,
    finish,
    has_scatter,
    latent_posterior,
    new_scatter,
    scatter_sums,
    summed,
    with_label_rows,
)
from ..models import Lux
from ..parallel.internal import STAR, SUM
from ..parallel.internal import shard_map_stars as on_devices
from ._basis import LatentMoments, balanced, unit_moments, whitened
from ._checkpoint import Checkpoint, fit_identity
from ._fitter import AbstractFitter, FitResult
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
    intercept : bool
        Whether decoders have an intercept. Without, they decode values as they are: subtract the mean beforehand.
    balance : bool
        Centre and balance the latents of linear decoders after each cycle. The priors on both factors leave
        a direction that alternation barely descends; balancing steps along it at once.
    block : int, optional
        Stars handled at a time; bounds the working memory. Default: as many as fill 8 MiB.
    checkpoint : str, optional
        File that keeps the state after every cycle, for decoders that are not linear with the latents of all stars. A fit
        that was killed resumes there, to the identical result; one that ends removes it.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.fitting import ALS
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, ALS(max_cycles=20), key=1)
    >>> bool(fitted.objective[-1] < fitted.objective[0])
    True
    """

    regularization: float | Mapping[str, float] = 1.0
    latent_regularization: float = 1.0
    max_cycles: int = 60
    tol: float = 1e-7
    scatter: bool = False
    intercept: bool = True
    balance: bool = True
    block: int | None = None
    checkpoint: str | None = None
    shares_stars: ClassVar[bool] = True
    streams_stars: ClassVar[bool] = True
    never_rises: ClassVar[bool] = True

    @classmethod
    def suits(cls, model: Lux) -> bool:
        return model.is_closed_form

    def run(
        self, model: Lux, batch: AbstractStars, *, key: PRNGKeyArray, progress: bool | Progress | None = None
    ) -> FitResult:
        if not model.is_closed_form:
            raise InputError(
                "ALS needs decoders that are linear in their weights (Linear, Quadratic); use Gradient for others."
            )
        strength = strengths(self.regularization, model)
        moments = unit_moments(model, batch.n_stars)
        latents = None if model.is_linear else _no_latents(model, batch)
        checkpoint = Checkpoint(self.checkpoint, self._identity(model, batch, key, strength), batch)
        kept = checkpoint.read((model, moments, _of_all(latents, batch)), model.scatter)
        if kept is None:
            model = self._started(model, batch, moments, strength, key)
            before, objective = model.scatter, list[float]()
        else:
            (model, moments, latents), before, objective = kept
            latents = _own(latents, batch)
        converged = False
        with reporting(progress, "fit") as tell:
            for cycle in range(len(objective), self.max_cycles):
                loss, sums = self._sweep(model, batch, latents, strength)
                if objective and loss > objective[-1] and self.scatter:
                    model = Lux(model.decoders, before)  # the scatter's step overshot
                    loss, sums = self._sweep(model, batch, latents, strength)
                if not objective:
                    tell("cycles", 0, self.max_cycles, objective=loss)
                before = model.scatter
                model, gain = self._maximise(model, sums, strength)
                objective.append(loss - gain)
                tell("cycles", cycle + 1, self.max_cycles, objective=objective[-1])
                moments = sums[2]
                del sums  # as large as a block: none of it while the next is made
                if self.balance and model.is_linear:
                    model, moments = self._balance(model, moments, strength)
                if cycle and objective[-2] - objective[-1] < self.tol * abs(objective[-1]):
                    converged = True
                    break
                if self.checkpoint:
                    checkpoint.write((model, moments, _of_all(latents, batch)), before, objective)
        if model.is_linear:
            model = whitened(model, moments, self.intercept)
        sums = self._sweep(model, batch, latents, strength, spread=True, prior=1.0)[1][0]
        _, cov = finish(model, sums, shrink=False, intercept=self.intercept)
        del sums
        cov = with_label_rows(model, cov, batch, self.block)
        checkpoint.done()
        message = "converged" if converged else f"stopped after {self.max_cycles} cycles without converging"
        return FitResult(model, cov, objective, converged, message)

    def _started(
        self, model: Lux, batch: AbstractStars, moments, strength: dict[str, float], key: PRNGKeyArray
    ) -> Lux:
        model = svd_start(model, batch, key=key)
        model = model if self.intercept else _without_intercepts(model)
        return self._balance(model, moments, strength)[0] if self.balance and model.is_linear else model

    def _identity(
        self, model: Lux, batch: AbstractStars, key: PRNGKeyArray, strength: dict[str, float]
    ) -> dict:
        """What decides the course of a fit; of a dataset its checksums say enough, and it need not be read for that."""
        if self.checkpoint is None:
            return {}
        settings = {k: v for k, v in vars(self).items() if k not in ("checkpoint", "max_cycles")}
        moments = {} if batch.fingerprint else moments_of(batch)
        return fit_identity(settings | {"regularization": strength}, model, batch, key, moments)

    def _sweep(self, model, batch, latents, strength, *, spread: bool = False, prior: float | None = None):
        """One pass: J at the best latents of every star, and the sums there.

        The latents found are put in `latents`, if given: where decoders are not linear the next search starts from them.
        """
        prior = self.latent_regularization if prior is None else prior
        noisy = self.scatter or has_scatter(model)
        run = on_devices(_pass, (SUM, SUM, STAR))
        products = weight_products(model, batch.names, batch.dtype)
        shared = batch.everywhere((model, products))

        def of_block(block, real, where):
            start = None if latents is None else _placed(latents[where], len(real), batch)
            loss, sums, z = run(*shared, block, real, start, prior, noisy, spread)
            if latents is not None:
                latents[where] = np.asarray(z)[: where.stop - where.start]
            return loss, sums

        loss, sums = batch.all_reduce(summed(of_block(*b) for b in blocks(batch, self.block)))
        squares = {k: np.square(np.asarray(d.weight)).sum() for k, d in model.feature_decoders.items()}
        return float(loss) + 0.5 * sum(strength[k] * float(x) for k, x in squares.items()), sums

    def _maximise(self, model: Lux, sums, strength: dict[str, float]) -> tuple[Lux, float]:
        """The best decoders for these latents, by how much they lower J, and the next scatter."""
        priors = {k: strength[k] * np.eye(d.weight.shape[1]) for k, d in model.feature_decoders.items()}
        better, gain = improve_decoders(model, sums[0], priors, self.intercept)
        return Lux(better.decoders, new_scatter(model, sums[1]) if self.scatter else model.scatter), gain

    def _balance(self, model: Lux, moments: LatentMoments, strength: dict[str, float]):
        return balanced(model, moments, strength, self.latent_regularization, self.intercept)


def strengths(regularization: float | Mapping[str, float], model: Lux) -> dict[str, float]:
    """The ridge of every output, from one number or from numbers by output (1 where left out)."""
    if not isinstance(regularization, Mapping):
        return dict.fromkeys(model.names, float(regularization))
    for name in regularization:
        check_name("output to regularise", name, model.names)
    return {name: float(regularization.get(name, 1.0)) for name in model.names}


@eqx.filter_jit
def _pass(model: Lux, products, block: Batch, real, start, prior: float, noisy: bool, spread: bool):
    """J of a block, the sums of the maximisation, and the latents; without covariances unless `spread`."""
    weights = effective_ivars(model, block, noisy)
    cov = None
    if spread or not model.is_linear:
        z, cov, _ = latent_posterior(model, block, prior, start, products=products, noisy=noisy)
    else:
        z = block_latent_mean(model, block, weights, prior, products)
    loss = 0.5 * prior * jnp.sum(z**2, axis=1)
    sums, spreads = {}, {}
    for name, m in block.outputs.items():
        decoder, w = model.feature_decoders[name], weights[name]
        _, square = expected_residual(decoder, m, z, None)
        terms = w * square
        if noisy:
            # ln(variance) relative to the stated variance: zero without scatter, where J is a plain chi-square.
            scatter = model.scatter[name].astype(m.ivar.dtype)
            terms = terms + jnp.where(m.ivar > 0, jnp.log1p(m.ivar * scatter**2), 0)
            spreads[name] = scatter_sums(w, square)
        loss = loss + 0.5 * jnp.sum(terms, axis=1).astype(jnp.float64)
        sums[name] = decoder_sums(decoder, m, w, z, cov if spread else None)
    moments = LatentMoments(jnp.sum(real), real @ z, (z * real[:, None]).T @ z)
    return jnp.sum(real * loss), (sums, spreads, moments), z


def _no_latents(model: Lux, batch: AbstractStars) -> np.ndarray:
    """Where the first search for the latents of this process's stars begins."""
    return np.zeros((batch.own.stop - batch.own.start, model.n_latents))


def _of_all(latents: np.ndarray | None, batch: AbstractStars) -> Array | None:
    """The latents of the stars of all processes, as a checkpoint keeps them."""
    return None if latents is None else jnp.asarray(batch.gathered(latents))


def _own(latents: Array | None, batch: AbstractStars) -> np.ndarray | None:
    """Those of the stars of this process."""
    return None if latents is None else np.array(np.asarray(latents)[batch.own])


def _placed(rows: np.ndarray, n: int, batch: AbstractStars) -> Array:
    return batch.device_put(np.pad(rows, ((0, n - len(rows)), (0, 0))))


def _without_intercepts(model: Lux) -> Lux:
    return model.replace(
        {
            k: eqx.tree_at(lambda d: d.intercept, d, jnp.zeros_like(d.intercept))
            for k, d in model.feature_decoders.items()
        }
    )
