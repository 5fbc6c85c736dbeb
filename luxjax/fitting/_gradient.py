"""Gradient descent on the joint posterior, for decoders that no closed form fits.

The objective is that of `ALS`, J = half the chi-square (with half the sum of ln variance where scatter is learned)
+ lambda_z |Z|^2 / 2 + sum_k lambda_k |W_k|^2 / 2, here minimised over the weights theta by any optax optimiser. The latents
form a table with a row for each star; before each step the rows of its mini-batch move to the posterior mode of the present
decoders, from where they were. By the envelope theorem dJ/dtheta at these latents is the gradient of min_Z J, which is far
better conditioned than a joint descent: latents and weights are only determined up to a linear map between them.
"""

import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from ..core import Array, Batch, InputError, PRNGKeyArray, check_name
from ..models import FeatureDecoder, Lux
from ._als import strengths
from ._em import EM
from ._finish import finish_on, place
from ._fitter import AbstractFitter, FitResult, Progress
from ._held_out import HeldOut, held_out_stars
from ._objective import Objective, Params
from ._start import with_linear_part

__all__ = ["Gradient"]

RATE = 0.01
LESSON = (
    0.25  # of the steps, in which decoders that cannot start as linear ones learn to decode given latents
)


class Gradient(AbstractFitter):
    """Gradient descent of a model with any decoders, from the closed-form linear fit.

    It begins where `EM` ends for linear decoders: an `MLP` decoder at first *is* that linear decoder. Modules of your own
    (`Wrapped`) first learn to decode the linear fit's latents, for a quarter of the steps. Held-out stars, which neither
    the linear fit nor the descent has seen, decide where to stop: after every `check` steps their latents are inferred
    from the spectra alone, and the score is the mean log predictive density of a label of theirs, in nats. The best
    model seen is kept. At last the latents of all stars are brought to zero mean and unit covariance, as their N(0, I)
    prior says, and the last layer of each decoder that has one is solved for in closed form, with the covariance of its
    rows. That covariance takes the hidden layers as known.

    Parameters
    ----------
    optimizer : optax.GradientTransformation, optional
        Anything of optax, with its schedule: ``optax.adam(optax.cosine_decay_schedule(3e-3, 2000))``, or ``optax.lbfgs()``
        for full batches. Rows of last layers are counted in units of their pixel's noise, so that a rate of 0.01 means a
        hundredth of it. By default Adam with a rate of 0.01 that falls to zero along a cosine.
    steps : int
        At most this many.
    batch_size : int or None
        Stars of a mini-batch, drawn anew in each epoch; None for all stars in every step.
    regularization : float or mapping of str to float
        lambda_k, the prior precision of decoder weights (biases and intercepts have none), for all outputs or by output.
    latent_regularization : float
        lambda_z, the prior precision of the latents.
    scatter : bool
        Learn the intrinsic scatter of every pixel and label.
    held_out : float
        Fraction of the stars kept out to judge by; 0 for none.
    check : int
        Steps between two looks at the objective and at the held-out stars.
    patience : int
        Stop after this many checks without a better score.
    tol : float
        Without held-out stars: stop when J falls by less than this fraction of it between checks (full batches only).
    shrink : bool
        As in `EM`: shrink the rows of the last layers by the empirical-Bayes ridge.
    inputs : tuple of str
        The outputs that latents of held-out stars are inferred from; by default those with at least four values for each
        latent.
    block : int
        Stars handled at a time; bounds the working memory.
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

    def run(
        self, model: Lux, batch: Batch, *, key: PRNGKeyArray, progress: Progress | None = None
    ) -> FitResult:
        self._check(model)
        ridge = strengths(self.regularization, model)
        start_key, split_key, order_key = jax.random.split(key, 3)
        held = held_out_stars(batch.n_stars, self.held_out, split_key)
        train = batch.stars(~held) if held.any() else batch
        judges = HeldOut(model, batch.stars(held), self.inputs) if held.any() else None
        linear = EM(scatter=self.scatter, tol=1e-5, block=self.block)
        start = linear.run(Lux.linear(batch.sizes, model.n_latents), train, key=start_key).model
        latents = place(start, train, self.block).mean
        objective, params = Objective.of(
            _started(model, start, self.scatter), train, ridge, self.latent_regularization, self.scatter
        )
        done = self._descend(objective, params, latents, judges, order_key, progress)
        found, cov = finish_on(objective.model(done.params), batch, shrink=self.shrink, block=self.block)
        return FitResult(found, cov, done.objective, done.converged, done.message)

    def _check(self, model: Lux) -> None:
        for name in self.inputs:
            check_name("output to infer latents from", name, model.names)
        if not 0 <= self.held_out < 0.9:
            raise InputError(f"held_out is {self.held_out}; give a fraction from 0 up to 0.9.")
        if min(self.steps, self.check, self.patience, self.batch_size or 1) < 1:
            raise InputError("steps, check, patience and batch_size must be at least 1.")

    def _descend(self, objective: Objective, params: Params, latents, judges, key, progress) -> "_Descent":
        optimizer = optax.with_extra_args_support(self.optimizer or _default(self.steps))
        whole = self.batch_size is None or self.batch_size >= len(latents)
        rows = _rows(len(latents), None if whole else self.batch_size, self.block, key)
        state = _State(params, optimizer.init(params), latents)
        lesson = 0 if objective.model(params).has_features else round(LESSON * self.steps)
        best, waited, history = _Best(params, -math.inf, 0), 0, []
        if judges and not lesson:
            best = best.or_better(params, judges.score(objective.model(params)), 0)
        values: list[Array] = []
        for step in range(1, self.steps + 1):
            state, value = _step(objective, optimizer, state, next(rows), step > lesson)
            values.append(value)
            if step % self.check and step < self.steps:
                continue
            history.append(float(values[-1] if whole else np.mean([float(v) for v in values])))
            values = []
            if progress:
                progress(step - 1, history[-1])
            if not math.isfinite(history[-1]):
                break
            if step <= lesson:
                continue
            if judges is None:
                best = _Best(state.params, 0.0, step)
                if (
                    whole
                    and len(history) > 1
                    and abs(history[-2] - history[-1]) < self.tol * abs(history[-1])
                ):
                    return _Descent(state.params, history, True, f"converged in {step} steps")
                continue
            before, best = (
                best,
                best.or_better(state.params, judges.score(objective.model(state.params)), step),
            )
            waited = waited + 1 if best is before else 0
            if waited >= self.patience:
                return _Descent(best.params, history, True, f"converged: {best.words}, {step} were taken")
        words = f"took all {self.steps} steps" + (f": {best.words}" if judges else "")
        return _Descent(best.params, history, self.optimizer is None, words)


@lru_cache
def _default(steps: int) -> optax.GradientTransformation:
    """One object for all fits of as many steps, so that each step is compiled once for all of them."""
    return optax.adam(optax.cosine_decay_schedule(RATE, steps))


class _State(NamedTuple):
    params: Params
    optimizer: optax.OptState
    latents: Array


class _Descent(NamedTuple):
    params: Params
    objective: list[float]
    converged: bool
    message: str


class _Best(NamedTuple):
    params: Params
    score: float
    step: int

    def or_better(self, params: Params, score: float, step: int) -> "_Best":
        return _Best(params, score, step) if score > self.score else self

    @property
    def words(self) -> str:
        return f"held-out stars were predicted best at step {self.step} ({self.score:.4f} nats)"


@eqx.filter_jit
def _step(objective: Objective, optimizer, state: _State, rows, moving: bool):
    """Latents of these rows to their mode, then one step of the optimiser: compiled once for all steps."""
    start = state.latents[rows]

    def best(params):
        z = objective.place(params, rows, start) if moving else start
        return objective.value(params, rows, z), z

    (value, z), gradient = jax.value_and_grad(best, has_aux=True)(state.params)
    updates, memory = optimizer.update(
        gradient, state.optimizer, state.params, value=value, grad=gradient, value_fn=lambda p: best(p)[0]
    )
    latents = state.latents.at[rows].set(z, mode="drop")
    return _State(optax.apply_updates(state.params, updates), memory, latents), value


def _rows(n: int, size: int | None, block: int, key: PRNGKeyArray) -> Iterator[Array]:
    """Mini-batches without end as (block, star) indices, filled up with n, which is no star; an epoch's rest is left."""
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    taken = size or n
    n_blocks = -(-taken // block)
    shape = (n_blocks, -(-taken // n_blocks))
    while True:
        order = rng.permutation(n) if size else np.arange(n)
        for begin in range(0, n - taken + 1, taken):
            chosen = np.full(math.prod(shape), n)
            chosen[:taken] = order[begin : begin + taken]
            yield jnp.asarray(chosen.reshape(shape))


def _started(model: Lux, linear: Lux, learn_scatter: bool) -> Lux:
    """The model with the linear fit in place of its linear parts; decoders without one stay as they are."""
    decoders = {
        k: with_linear_part(d, linear.feature_decoders[k].intercept, linear.feature_decoders[k].weight)
        if isinstance(d, FeatureDecoder)
        else d
        for k, d in model.decoders.items()
    }
    return Lux(decoders, linear.scatter if learn_scatter else model.scatter)
