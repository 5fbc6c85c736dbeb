"""Checks of a saliency map: whether it depends on the model and the labels, and says what the predictor does.

Randomisation (Adebayo et al. 2018, NeurIPS, arXiv:1810.03292): a map that stays the same when the model's parameters
are shuffled, or when the model is refitted to shuffled labels, shows the data and not what was learned.
Faithfulness (Yeh et al. 2019, NeurIPS, arXiv:1901.09392): infidelity and sensitivity, with the spectrum's own noise as
the perturbation.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import spearmanr

from ...core import InputError, check_name
from ...core.internal import Array, PRNGKeyArray, as_key
from ...data import Catalog, LabelTable
from ...fitted import FittedModel

__all__ = [
    "Infidelity",
    "Randomization",
    "infidelity",
    "label_randomization",
    "max_sensitivity",
    "parameter_randomization",
    "randomize",
]


class Randomization(NamedTuple):
    """How alike a saliency is before and after randomisation.

    similarity : mean Spearman correlation of ``|saliency|`` with that of the randomised models
    draws : (draw,) array, one per randomised model
    null : (draw (draw - 1) / 2,) array, the same among the randomised models: alike for no reason of learning
    """

    similarity: float
    draws: np.ndarray
    null: np.ndarray

    @property
    def passed(self) -> bool:
        """Whether the saliency is no more like the randomised ones than these are among themselves (97.5%)."""
        return bool(self.similarity <= max(np.quantile(self.null, 0.975), 0.0))


class Infidelity(NamedTuple):
    """Infidelity, its standard error, and the variance of the predictor's response to the same noise.

    value / response is 0 for a perfect attribution and 1 for one that says that no pixel matters.
    """

    value: float
    error: float
    response: float


def randomize(fitted: FittedModel, outputs: Sequence[str], *, seed: int) -> FittedModel:
    """The model with every parameter of these outputs' decoders shuffled among the places of its array."""
    rng = np.random.default_rng(seed)

    def shuffled(leaf):
        if not eqx.is_inexact_array(leaf):
            return leaf
        return jnp.asarray(rng.permutation(np.asarray(leaf).ravel()).reshape(leaf.shape))

    for name in outputs:
        check_name("output", name, fitted.model.names)
    with jax.enable_x64(True):
        decoders = {
            name: jax.tree.map(shuffled, d) if name in outputs else d
            for name, d in fitted.model.decoders.items()
        }
    return fitted.replace(model=fitted.model.replace(decoders))


def parameter_randomization(
    saliency: Callable[[FittedModel], np.ndarray],
    fitted: FittedModel,
    outputs: Sequence[str] | None = None,
    *,
    seed: int,
    n: int = 10,
) -> Randomization:
    """Test whether the saliency changes when the model's parameters are shuffled. It must.

    Parameters
    ----------
    saliency : callable
        From a model to its saliency, any shape: ``lambda f: label_jacobian(f, stars, "eu_fe").value``.
    fitted : FittedModel
    outputs : sequence of str, optional
        The decoders to shuffle, one after another being the cascade of the paper. Default: all.
    seed, n : int
        Random seed, and number of the randomised models, at least 2.
    """
    outputs = fitted.model.names if outputs is None else outputs
    return _compare(
        saliency(fitted), [saliency(randomize(fitted, outputs, seed=seed + k)) for k in range(_two(n))]
    )


def label_randomization(
    saliency: Callable[[Catalog], np.ndarray],
    train: Catalog,
    labels: str = "labels",
    *,
    seed: int,
    n: int = 4,
) -> Randomization:
    """Test whether the saliency changes when the model is fitted to labels shuffled among the stars. It must.

    Parameters
    ----------
    saliency : callable
        From training stars to the saliency of the model fitted to them; called n + 1 times.
    train : Catalog
    labels : str
        The output whose rows are shuffled.
    seed, n : int
        Random seed, and number of the shuffled fits, at least 2.
    """
    table = train[labels]
    if not isinstance(table, LabelTable):
        raise InputError(f"output '{labels}' holds spectra; name the output with the labels.")
    rng = np.random.default_rng(seed)
    shuffled = []
    for _ in range(_two(n)):
        order = rng.permutation(len(table))
        dealt = dataclasses.replace(table, value=table.value[order], error=table.error[order])
        shuffled.append(saliency(Catalog({**train.outputs, labels: dealt}, train.table)))
    return _compare(saliency(train), shuffled)


def _two(n: int) -> int:
    if n < 2:
        raise InputError(f"{n} randomised models have no spread; ask for at least 2.")
    return n


def _compare(true: np.ndarray, others: list[np.ndarray]) -> Randomization:
    flat = [np.abs(np.asarray(x, float)).ravel() for x in (true, *others)]
    draws = np.array([_alike(flat[0], x) for x in flat[1:]])
    null = np.array([_alike(a, b) for k, a in enumerate(flat[1:]) for b in flat[k + 2 :]])
    return Randomization(float(draws.mean()), draws, null)


def _alike(a: np.ndarray, b: np.ndarray) -> float:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(spearmanr(a, b).statistic)


def infidelity(
    predictor: Callable[[Array], Array], flux, sd, attribution, *, key: PRNGKeyArray | int, n: int = 500
) -> Infidelity:
    """Infidelity: how badly the attribution predicts the answer to noise (Yeh et al. 2019, their equation 1).

    The mean over noise I of (I . attribution - (f(x) - f(x - I)))^2, I normal with the spectrum's own errors.

    Parameters
    ----------
    predictor : callable
        Flux (pixel,) to one label.
    flux, sd : (pixel,) arrays
        The spectrum and its errors; 0 for pixels that are left alone.
    attribution : (pixel,) array
        Per unit of flux, as a Jacobian is; divide integrated gradients by (flux - baseline).
    key, n
        Of and number of noise draws.
    """
    with jax.enable_x64(True):
        x, phi = jnp.asarray(flux, jnp.float64), jnp.asarray(attribution, jnp.float64)
        noise = jnp.asarray(sd, jnp.float64) * jax.random.normal(as_key(key), (n, len(x)), jnp.float64)
        after = jax.jit(lambda noise: jax.lax.map(lambda i: predictor(x - i), noise))(noise)
        response = np.asarray(predictor(x) - after)
        predicted = np.asarray(noise @ phi)
    if response.ndim != 1:
        raise InputError(
            f"infidelity is of one label; the predictor returns {response.shape[1:]}: take one of them."
        )
    square = (predicted - response) ** 2
    return Infidelity(
        float(square.mean()), float(square.std(ddof=1) / np.sqrt(n)), float(np.mean(response**2))
    )


def max_sensitivity(
    attribution: Callable[[np.ndarray], np.ndarray], flux, sd, *, seed: int, radius: float = 1.0, n: int = 20
) -> float:
    """Sensitivity: how much an attribution can change within the noise (Yeh et al. 2019, their definition 2), by sampling.

    The largest ``|phi(x + e) - phi(x)| / |phi(x)|`` over `n` draws of e, uniform within `radius` errors of each pixel: a
    lower bound of the maximum, zero for linear predictors.

    Parameters
    ----------
    attribution : callable
        From a spectrum (pixel,) to its attribution (pixel,).
    flux, sd : (pixel,) arrays
    seed : int
        Random seed of the draws.
    radius : float
        Largest change of a pixel, in its errors.
    n : int
        Number of draws.

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.interpret.attribution import max_sensitivity
    >>> flux, error = np.array([1.0, 0.8]), np.array([0.01, 0.01])
    >>> max_sensitivity(lambda flux: np.array([2.0, -1.0]), flux, error, seed=1)  # a linear predictor
    0.0
    """
    rng, x = np.random.default_rng(seed), np.asarray(flux, float)
    phi = np.asarray(attribution(x), float)
    size = float(np.linalg.norm(phi))
    if size == 0:
        raise InputError("the attribution is zero everywhere, so its relative change has no meaning.")
    moved = (attribution(x + radius * np.asarray(sd) * rng.uniform(-1, 1, len(x))) for _ in range(n))
    return max(float(np.linalg.norm(np.asarray(m, float) - phi)) for m in moved) / size
