"""Expectation maximisation: maximum marginal likelihood of linear decoders, latents integrated out.

Factor analysis (Rubin & Thayer 1982, Psychometrika 47, 69) with known, heteroscedastic noise and missing data,
in the parameter-expanded form (Liu, Rubin & Wu 1998, Biometrika 85, 755), which lets the latents' mean and
covariance float in the maximisation and folds them back into the decoders: plain EM stalls for hundreds of
cycles where this takes a few. Neither the likelihood nor its limit is changed by it.

Where noise is Student's t the expectation is over the precision of every value too (Lange, Little & Taylor 1989,
JASA 84, 881), taken as independent of the latents; the objective is then the variational bound of the likelihood.
"""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..core import Batch, InputError, Progress
from ..core.internal import AbstractStars, Array, Bool, Float, PRNGKeyArray, reporting
from ..latents import decoder_sums, improve_decoders, weight_products
from ..latents.internal import (
    DecoderSums,
    LatentPosterior,
    Products,
    effective_ivar,
    expected_residual,
    finish,
    information_share,
    latent_posterior,
    mean_field,
    minus_log_density,
    new_scatter,
    scatter_sums,
    sweep,
    tail_weight,
    with_label_rows,
)
from ..models import Linear, Lux
from ._checkpoint import Checkpoint, fit_identity
from ._fitter import AbstractFitter, FitResult
from ._start import Moments, count_values, moments_of, svd_start

__all__ = ["EM", "star_loss"]


class EM(AbstractFitter):
    """Expectation maximisation of a model with linear decoders.

    The objective is minus the log marginal likelihood of all measured values, in nats; it never rises. With Student-t
    noise (``Lux.dof``) it is an upper bound of that, and a cycle costs about nine times as much.

    Parameters
    ----------
    max_cycles : int
    tol : float
        Converged when a cycle gains less than this many nats per measured value.
    scatter : bool
        Learn the intrinsic scatter of every pixel and label.
    shrink : bool
        After convergence, shrink the rows of each decoder that has many towards zero by the empirical-Bayes
        ridge, which removes the excess variance of maximum likelihood where training stars are few.
    block : int, optional
        Stars handled at a time; bounds the working memory. Default: as many as fill 8 MiB.
    checkpoint : str, optional
        File that keeps the state after every cycle. A fit that was killed resumes there, to the identical result;
        one that ends removes it.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.fitting import EM
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, EM(max_cycles=5, scatter=False), key=1)
    >>> len(fitted.objective) <= 6, fitted.summary["fitter"]
    (True, 'EM')
    """

    max_cycles: int = 60
    tol: float = 1e-6
    scatter: bool = True
    shrink: bool = True
    block: int | None = None
    checkpoint: str | None = None
    shares_stars: ClassVar[bool] = True
    streams_stars: ClassVar[bool] = True
    never_rises: ClassVar[bool] = True
    fits_student_t: ClassVar[bool] = True

    @classmethod
    def suits(cls, model: Lux) -> bool:
        return model.is_linear

    def run(
        self, model: Lux, batch: AbstractStars, *, key: PRNGKeyArray, progress: bool | Progress | None = None
    ) -> FitResult:
        if not model.is_linear:
            raise InputError(
                "EM integrates over latents exactly and needs linear decoders; use ALS or Gradient for others."
            )
        moments = moments_of(batch)
        n_values = count_values(moments)
        checkpoint = Checkpoint(self.checkpoint, self._identity(model, batch, key, moments), batch)
        kept = checkpoint.read(model)
        model = svd_start(model, batch, key=key) if kept is None else kept[0]
        before, objective = (model.scatter, []) if kept is None else kept[1:]
        converged = False
        with reporting(progress, "fit") as tell:
            for cycle in range(len(objective), self.max_cycles):
                loss, *sums = self._sweep(model, batch)
                if objective and loss > objective[-1] and self.scatter:
                    model = model.replace(scatter=before)  # the scatter's step overshot
                    loss, *sums = self._sweep(model, batch)
                objective.append(loss)
                tell("cycles", cycle, self.max_cycles, objective=loss)
                if cycle and abs(objective[-2] - objective[-1]) < self.tol * n_values:
                    converged = True
                    break
                before = model.scatter
                model = _maximise(model, *sums)
                checkpoint.write(model, before, objective)
            else:
                _, *sums = self._sweep(model, batch)
        model, cov = finish(model, sums[0], shrink=self.shrink)
        if not model.is_gaussian:
            cov = {k: c / information_share(model.dof[k]) for k, c in cov.items()}
        cov = with_label_rows(model, cov, batch, self.block)
        checkpoint.done()
        message = "converged" if converged else f"stopped after {self.max_cycles} cycles without converging"
        return FitResult(model, cov, objective, converged, message)

    def _identity(
        self, model: Lux, batch: AbstractStars, key: PRNGKeyArray, moments: dict[str, Moments]
    ) -> dict:
        settings = {k: v for k, v in vars(self).items() if k not in ("checkpoint", "max_cycles")}
        return fit_identity(settings, model, batch, key, moments)

    def _sweep(self, model: Lux, batch: AbstractStars):
        products = weight_products(model, batch.names, batch.dtype)
        kernel = _pass_with_scatter if self.scatter else _pass_without
        return sweep(kernel, model, batch, self.block, products)


def star_loss(block: Batch, posterior: LatentPosterior, weights, residuals) -> Float[Array, " star"]:
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


def _robust_loss(model: Lux, posterior: LatentPosterior, weights, squares) -> Float[Array, " star"]:
    """Minus the variational bound of each star: expected log densities, and the latents' divergence from their prior."""
    trace = jnp.trace(posterior.cov, axis1=1, axis2=2)
    loss = 0.5 * (jnp.sum(posterior.mean**2, axis=1) + trace - model.n_latents + posterior.logdet)
    for name, w in weights.items():
        terms = minus_log_density(model.dof[name], w, squares[name])
        loss = loss + jnp.sum(terms, axis=1).astype(jnp.float64)
    return loss


def _pass(model: Lux, block: Batch, real: Bool[Array, " star"], products: Products, scatter: bool):
    """Expectation over the latents of a block: its loss and every sum that the maximisation needs."""
    plain = {k: effective_ivar(m.ivar, model.scatter[k]) for k, m in block.outputs.items()}
    robust = not model.is_gaussian
    if robust:
        posterior, weights = mean_field(model, block, products)
    else:
        posterior, weights = latent_posterior(model, block, products=products), plain
    spread = posterior.cov if scatter or robust else None
    residuals, squares, sums, spreads = {}, {}, {}, {}
    for name, m in block.outputs.items():
        decoder, w = model.feature_decoders[name], weights[name]
        residuals[name], squares[name] = expected_residual(decoder, m, posterior.mean, spread, products[name])
        sums[name] = decoder_sums(decoder, m, w, posterior.mean, posterior.cov)
        if scatter:
            factor = tail_weight(model.dof[name], plain[name] * squares[name]) if robust else 1.0
            spreads[name] = scatter_sums(
                plain[name], factor * squares[name], squares[name] - residuals[name] ** 2
            )
    loss = (
        _robust_loss(model, posterior, plain, squares)
        if robust
        else star_loss(block, posterior, plain, residuals)
    )
    second = posterior.mean[:, :, None] * posterior.mean[:, None, :] + posterior.cov
    n, real = jnp.sum(real), real.astype(loss.dtype)
    latents = (
        n,
        jnp.sum(real[:, None] * posterior.mean, axis=0),
        jnp.sum(real[:, None, None] * second, axis=0),
    )
    return jnp.sum(real * loss), sums, latents, spreads


@eqx.filter_jit
def _pass_with_scatter(model: Lux, block: Batch, real, products: Products):
    return _pass(model, block, real, products, scatter=True)


@eqx.filter_jit
def _pass_without(model: Lux, block: Batch, real, products: Products):
    return _pass(model, block, real, products, scatter=False)


def _maximise(model: Lux, sums: dict[str, DecoderSums], latents, spreads) -> Lux:
    """New decoders and scatter, then the latents' mean and covariance folded into the decoders."""
    scatter = new_scatter(model, spreads) if spreads else model.scatter
    return _fold(improve_decoders(model, sums)[0], latents).replace(scatter=scatter)


def _fold(model: Lux, latents) -> Lux:
    n, first, second = (np.asarray(x) for x in latents)  # small: by NumPy there is nothing to compile
    mean = first / n
    root = np.linalg.cholesky(second / n - np.outer(mean, mean))
    decoders = {}
    for name, decoder in model.feature_decoders.items():
        weight = np.asarray(decoder.weight)
        intercept = np.asarray(decoder.intercept) + weight @ mean
        decoders[name] = Linear(jax.device_put(intercept), jax.device_put(weight @ root))
    return model.replace(decoders)
