"""Steps of gradient descent on the joint objective, the latents of each mini-batch moved to their mode before it."""

import math
import time
from contextlib import closing
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from ...core import Progress
from ...core.internal import Array
from ...latents.internal import HeldOut
from ...models import Lux
from .._checkpoint import Checkpoint
from ._minibatches import Minibatch, Minibatches
from ._objective import Objective, Params

__all__ = ["Course", "Descended", "Rules", "begun", "cosine_adam", "descend"]

Tree = TypeVar("Tree")

RATE = 0.01
CHECKPOINT_S = 60.0  # at least this many seconds between two checkpoints
STILL = 0.02  # nats per label that held-out stars gain in the second half of the steps of a fit that has not converged


@lru_cache
def cosine_adam(steps: int) -> optax.GradientTransformation:
    """One object for all fits of as many steps, so that each step is compiled once for all of them."""
    return optax.adam(optax.cosine_decay_schedule(RATE, steps))


class State(NamedTuple):
    """What a step changes."""

    params: Params
    optimizer: optax.OptState
    latents: Array


class Course(NamedTuple):
    """A descent so far: all that is needed to go on, arrays throughout."""

    state: State
    best: Params
    best_score: Array
    best_step: Array
    halfway: Array
    waited: Array
    step: Array


class Rules(NamedTuple):
    """How a descent runs and what ends it.

    Attributes
    ----------
    optimizer : optax.GradientTransformationExtraArgs
    steps, lesson : int
        At most this many; in the first `lesson` of them latents stay where they are.
    check, patience : int
        Steps between two checks; checks without a better score.
    tol : float
        Least fall of the objective between checks, as a fraction, where no stars are held out.
    """

    optimizer: optax.GradientTransformationExtraArgs
    steps: int
    lesson: int
    check: int
    patience: int
    tol: float


class Descended(NamedTuple):
    """The end of a descent; `stopped` where it ended before its last step, `words` say why.

    It was `improving` where its steps ended while held-out stars were still predicted better and better.
    """

    params: Params
    objective: list[float]
    stopped: bool
    words: str
    improving: bool = False


def begun(params: Params, optimizer: optax.GradientTransformationExtraArgs, latents: Array) -> Course:
    """A descent before its first step."""
    zero, nothing = jnp.zeros((), jnp.int32), jnp.asarray(-math.inf)
    state = _copy(
        State(params, optimizer.init(params), latents)
    )  # an optimiser may remember the parameters themselves
    return Course(state, _copy(params), nothing, zero, nothing, zero, zero)


def descend(
    rules: Rules,
    objective: Objective,
    stars: Minibatches,
    judges: HeldOut | None,
    course: Course,
    history: list[float],
    *,
    kept: tuple[Checkpoint, Any],
    tell: Progress,
) -> Descended:
    """Go on with a descent until its steps are taken, held-out stars or the objective say stop, or it diverges.

    Parameters
    ----------
    kept : (Checkpoint, pytree)
        Where the course is kept, and what is kept with it.
    tell : Progress
    """
    state = course.state
    best = _Best(course.best, float(course.best_score), int(course.best_step), float(course.halfway))
    waited, written = int(course.waited), time.monotonic()
    values: list[Array] = []
    score = (lambda p: judges.score(_model(objective, p))) if judges else None
    if score and not rules.lesson and not history:
        best = best.or_better(state.params, score(state.params), 0)
    with closing(stars.after(int(course.step))) as parts:
        for step in range(int(course.step) + 1, rules.steps + 1):
            state, value = _step((objective, rules.optimizer, next(parts), step > rules.lesson), state)
            values.append(value)
            if step % rules.check and step < rules.steps:
                continue
            history.append(float(values[-1] if stars.whole else np.mean([float(v) for v in values])))
            values = []
            tell("steps", step - 1, rules.steps, objective=history[-1])
            if not math.isfinite(history[-1]):
                break
            if step > rules.lesson and score:
                before, best = best, best.or_better(state.params, score(state.params), step)
                waited = waited + 1 if best is before else 0
                if 2 * step <= rules.steps:
                    best = best._replace(halfway=best.score)
                if waited >= rules.patience:
                    words = f"converged: {best.words}, {step} were taken"
                    return Descended(best.params, history, True, words)
            elif step > rules.lesson and stars.whole and _settled(history, rules.tol):
                return Descended(state.params, history, True, f"converged in {step} steps")
            if time.monotonic() - written >= CHECKPOINT_S:
                now = (
                    jnp.asarray(best.score),
                    jnp.asarray(best.step, jnp.int32),
                    jnp.asarray(best.halfway),
                    *(jnp.asarray(k, jnp.int32) for k in (waited, step)),
                )
                kept[0].write((kept[1], Course(state, best.params, *now)), {}, history)
                written = time.monotonic()
    words = f"took all {rules.steps} steps"
    if not score:
        return Descended(state.params, history, False, words)
    improving = best.score - best.halfway > STILL
    more = f", {best.score - best.halfway:.4f} better than halfway" if improving else ""
    return Descended(best.params, history, False, f"{words}: {best.words}{more}", improving)


@eqx.filter_jit(donate="all-except-first")
def _step(fixed: tuple[Objective, Any, Minibatch, bool], state: State) -> tuple[State, Array]:
    """Latents of these stars to their mode, then one step of the optimiser: compiled once, its memory used again."""
    objective, optimizer, stars, moving = fixed
    start = state.latents[stars.rows]

    def best(params):
        z = objective.place(params, stars, start) if moving else start
        return objective.value(params, stars, z), z

    (value, z), gradient = jax.value_and_grad(best, has_aux=True)(state.params)
    updates, memory = optimizer.update(
        gradient, state.optimizer, state.params, value=value, grad=gradient, value_fn=lambda p: best(p)[0]
    )
    latents = state.latents.at[stars.rows].set(z, mode="drop")
    return State(optax.apply_updates(state.params, updates), memory, latents), value


@eqx.filter_jit
def _model(objective: Objective, params: Params) -> Lux:
    return objective.model(params)


@eqx.filter_jit
def _copy(tree: Tree) -> Tree:
    """Every array copied: the next step takes over the memory of its state."""
    return jax.tree.map(jnp.copy, tree)


def _settled(history: list[float], tol: float) -> bool:
    return len(history) > 1 and abs(history[-2] - history[-1]) < tol * abs(history[-1])


class _Best(NamedTuple):
    params: Params
    score: float
    step: int
    halfway: float  # the best score in the first half of the steps

    def or_better(self, params: Params, score: float, step: int) -> "_Best":
        return _Best(_copy(params), score, step, self.halfway) if score > self.score else self

    @property
    def words(self) -> str:
        return f"held-out stars were predicted best at step {self.step} ({self.score:.4f} nats)"
