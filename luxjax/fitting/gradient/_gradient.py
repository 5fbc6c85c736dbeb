"""Gradient descent on the joint posterior, for decoders that no closed form fits.

The objective is that of `ALS`, J = half the chi-square (with half the sum of ln variance where scatter is learned)
+ lambda_z |Z|^2 / 2 + sum_k lambda_k |W_k|^2 / 2, here minimised over the weights theta by any optax optimiser. The latents
form a table with a row for each star; before each step the rows of its mini-batch move to the posterior mode of the present
decoders, from where they were. By the envelope theorem dJ/dtheta at these latents is the gradient of min_Z J, which is far
better conditioned than a joint descent: latents and weights are only determined up to a linear map between them.
"""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import optax

from ...core import InputError, Progress, check_name
from ...core.internal import AbstractStars, PRNGKeyArray, reporting
from ...latents import latent_mean
from ...latents.internal import HeldOut, held_out_stars
from ...models import AbstractFeatureDecoder, Lux
from .._als import strengths
from .._checkpoint import Checkpoint, fit_identity
from .._em import EM
from .._fitter import AbstractFitter, FitResult
from .._start import Moments, moments_of, with_linear_part
from ._descent import Course, Rules, begun, cosine_adam, descend
from ._finish import finish_on
from ._minibatches import Minibatches
from ._objective import Objective, Params

__all__ = ["Gradient"]

# Of the steps, in which decoders that cannot start as linear ones learn to decode given latents.
LESSON = 0.25
JUDGES = 2048  # held-out stars of a dataset at most: they are kept in memory and looked at often


class Gradient(AbstractFitter):
    """Gradient descent of a model with any decoders, from the closed-form linear fit.

    Stars of a `Dataset` are read again in every epoch, ahead of their use; the memory is that of half a gibibyte of stars
    and of the latents and held-out stars, of which there are at most 2,048 then.

    It begins where `EM` ends for linear decoders: an `MLP` decoder at first *is* that linear decoder. Modules of your own
    (`ModuleDecoder`) first learn to decode the linear fit's latents, for a quarter of the steps. Held-out stars, which neither
    the linear fit nor the descent has seen, decide where to stop: after every `check` steps their latents are inferred
    from the spectra alone, and the score is the mean log predictive density of a label of theirs, in nats. The best
    model seen is kept. In the end the latents of all stars are brought to zero mean and unit covariance, as their N(0, I)
    prior says, and the last layer of each decoder that has one is solved for in closed form, with the covariance of its
    rows. That covariance takes the hidden layers as known.

    Parameters
    ----------
    optimizer : optax.GradientTransformation, optional
        Anything of optax, with its schedule: ``optax.adam(optax.cosine_decay_schedule(3e-3, 2000))``, or ``optax.lbfgs()``
        for full batches. Rows of last layers are counted in units of their pixel's noise, so that a rate of 0.01 means a
        hundredth of it. Default: Adam with a rate of 0.01 that falls to zero along a cosine.
    steps : int
        At most this many. Where they end while held-out stars are still predicted better (by 0.02 nats per label in the
        second half of the steps), the fit has not converged, and a `LuxWarning` says so.
    batch_size : int or None
        Stars of a mini-batch, every star once in each epoch; None for all stars in every step.
    regularization : float or mapping of str to float
        lambda_k, the prior precision of decoder weights (biases and intercepts have none), for all outputs or by output.
    latent_regularization : float
        lambda_z, the prior precision of the latents.
    scatter : bool
        Learn the intrinsic scatter of every pixel and label.
    held_out : float
        Fraction of the stars held out to stop by; 0 for none.
    check : int
        Steps between two looks at the objective and at the held-out stars.
    patience : int
        Stop after this many checks without a better score.
    tol : float
        Without held-out stars: stop when J falls by less than this fraction of it between checks (full batches only).
    shrink : bool
        As in `EM`: shrink the rows of the last layers by the empirical-Bayes ridge.
    inputs : tuple of str
        The outputs that latents of held-out stars are inferred from. Default: those with at least four values for each
        latent.
    block : int
        Stars handled at a time; bounds the working memory: what the way back needs of a block's pixels is computed again
        there (`jax.checkpoint`) instead of being kept for all blocks.
    half_gradients : bool
        Form the gradients of last layers from bfloat16 factors, with single-precision sums. The objective, the latents and
        the score stay in full precision; gradients are off by some 0.3%, far less than by the choice of a mini-batch. For
        accelerators whose bfloat16 products are faster, and mini-batches; not for ``optax.lbfgs()`` or to squeeze the
        last digits out of a full-batch fit. It makes CPUs slower.
    checkpoint : str, optional
        File that keeps the state at a check about every minute. A fit that was killed resumes there, to the identical
        result, given the same optimiser; one that ends removes it.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.fitting import ALS, EM, Gradient
    >>> linear, network = luxjax.Lux.linear({"flux": 40}, 2), luxjax.Lux.mlp({"flux": 40}, 2, width=4, key=1)
    >>> [(fitter.__name__, fitter.suits(linear), fitter.suits(network)) for fitter in (ALS, EM, Gradient)]
    [('ALS', True, False), ('EM', True, False), ('Gradient', True, True)]
    """

    optimizer: optax.GradientTransformation | None = None
    steps: int = 1000
    batch_size: int | None = 256
    regularization: float | Mapping[str, float] = 1.0
    latent_regularization: float = 1.0
    scatter: bool = True
    held_out: float = 0.1
    check: int = 25
    patience: int = 8
    tol: float = 1e-7
    shrink: bool = True
    inputs: tuple[str, ...] = ()
    block: int = 512
    half_gradients: bool = False
    checkpoint: str | None = None
    streams_stars: ClassVar[bool] = True

    @classmethod
    def suits(cls, model: Lux) -> bool:
        return True

    def run(
        self, model: Lux, batch: AbstractStars, *, key: PRNGKeyArray, progress: bool | Progress | None = None
    ) -> FitResult:
        self._check(model)
        start_key, split_key, order_key = jax.random.split(key, 3)
        held = held_out_stars(batch.n_stars, self._share(batch), split_key)
        train = batch.stars(~held) if held.any() else batch
        judges = HeldOut(model, batch.stars(held).in_memory(), self.inputs) if held.any() else None
        stars = Minibatches(train, self.batch_size, self.block, order_key)
        rules = self._rules(model)
        moments = moments_of(train)
        checkpoint = Checkpoint(self.checkpoint, self._identity(model, train, key, moments), train)
        empty = Lux.linear(batch.sizes, model.n_latents)
        kept = checkpoint.read((empty, self._like(model, rules)), {})
        if kept is None:
            file = self.checkpoint and f"{self.checkpoint}.start"
            linear = EM(scatter=self.scatter, tol=1e-5, block=self.block, checkpoint=file)
            start = linear.run(empty, train, key=start_key).model
        else:
            start = kept[0][0]
        objective, params = Objective.of(
            _started(model, start, self.scatter),
            moments,
            train.n_stars,
            strengths(self.regularization, model),
            self.latent_regularization,
            self.scatter,
            self.half_gradients,
        )
        if kept is None:
            course = begun(params, rules.optimizer, latent_mean(start, train, self.block))
            history: list[float] = []
            checkpoint.write((start, course), {}, history)
        else:
            (_, course), _, history = kept
        with reporting(progress, "descend") as tell:
            done = descend(
                rules, objective, stars, judges, course, history, kept=(checkpoint, start), tell=tell
            )
        found, cov = finish_on(objective.model(done.params), batch, shrink=self.shrink, block=self.block)
        checkpoint.done()
        # Without a stated schedule, that all steps were taken was the plan, unless they were too few.
        planned = self.optimizer is None and math.isfinite(done.objective[-1]) and not done.improving
        converged = done.stopped or planned
        return FitResult(found, cov, done.objective, converged, done.words)

    def _check(self, model: Lux) -> None:
        for name in self.inputs:
            check_name("output to infer latents from", name, model.names)
        if not 0 <= self.held_out < 0.9:
            raise InputError(f"held_out is {self.held_out}; give a fraction from 0 up to 0.9.")
        if min(self.steps, self.check, self.patience, self.batch_size or 1) < 1:
            raise InputError("steps, check, patience and batch_size must be at least 1.")

    def _share(self, batch: AbstractStars) -> float:
        return self.held_out if batch.is_in_memory else min(self.held_out, JUDGES / batch.n_stars)

    def _rules(self, model: Lux) -> Rules:
        lesson = 0 if model.has_features else round(LESSON * self.steps)
        optimizer = optax.with_extra_args_support(self.optimizer or cosine_adam(self.steps))
        return Rules(optimizer, self.steps, lesson, self.check, self.patience, self.tol)

    def _like(self, model: Lux, rules: Rules) -> Course:
        """A course of the structure that this fit's has."""
        return begun(Params.like(model, self.scatter), rules.optimizer, jnp.zeros((1, model.n_latents)))

    def _identity(
        self, model: Lux, train: AbstractStars, key: PRNGKeyArray, moments: dict[str, Moments]
    ) -> dict[str, Any]:
        """What decides the course of the descent; the optimiser is made of functions, which cannot be told apart."""
        settings = {k: str(v) for k, v in vars(self).items() if k not in ("checkpoint", "optimizer")}
        weights = [f"{float(jnp.sum(jnp.abs(x))):.6g}" for x in jax.tree.leaves(Params.like(model, True))]
        return fit_identity(settings, model, train, key, moments) | {"weights": weights}


def _started(model: Lux, linear: Lux, learn_scatter: bool) -> Lux:
    """The model with the linear fit in place of its linear parts; decoders without one stay as they are."""
    decoders = {
        k: with_linear_part(d, linear.feature_decoders[k].intercept, linear.feature_decoders[k].weight)
        if isinstance(d, AbstractFeatureDecoder)
        else d
        for k, d in model.decoders.items()
    }
    return Lux(decoders, linear.scatter if learn_scatter else model.scatter)
