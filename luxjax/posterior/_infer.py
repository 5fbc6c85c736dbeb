"""The front door to posteriors: a model, data and a method in, a posterior out."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from ..core import Batch, InputError, check_name
from ..core.internal import PRNGKeyArray, as_key
from ..data import Catalog
from ..fitted import FittedModel
from ..models import Lux
from ._posterior import AbstractPosterior
from ._priors import Priors
from .methods._exact import Exact
from .methods._laplace import Laplace
from .methods._method import AbstractMethod, Problem, Progress

__all__ = ["infer"]

FREE = ("latents", "decoders", "scatter")


def infer(
    model: Lux | FittedModel,
    data: Catalog | Batch,
    method: AbstractMethod | None = None,
    *,
    key: PRNGKeyArray | int,
    free: Sequence[str] = ("latents",),
    priors: Priors | None = None,
    progress: Progress | None = None,
    block: int = 256,
) -> AbstractPosterior:
    """The posterior of the latents of stars, and of the model's decoders and scatter where these are free.

    Parameters
    ----------
    model : Lux or Fitted
        Known, but for what is `free`; there it is where the search starts.
    data : Catalog or Batch
        The stars. All outputs that the model shares with the data are used: to infer from spectra alone, give
        ``catalog.only("apogee")``.
    method : AbstractMethod, optional
        `Exact`, `Laplace`, `Variational` or `NUTS`; by default `Exact` for linear decoders with Gaussian noise and `Laplace`
        for others.
    key : jax random key or int
    free : sequence of str
        What is inferred: ``"latents"`` always; ``"decoders"`` and ``"scatter"`` for the posterior of the model itself, from
        its training stars.
    priors : Priors, optional
    progress : callable, optional
        Called with (task, done, total): stars, or transitions of a sampler.
    block : int
        Stars handled at a time where the decoders are known; bounds the memory.

    Returns
    -------
    GaussianPosterior or SamplePosterior
        Latents with the decoders taken as certain. Labels with the errors of `luxjax.transfer`, to which the decoders' own
        uncertainty and the model's calibration belong, are drawn by ``posterior.label_draws``.

    Raises
    ------
    InputError
        If the method does not suit the model, or the priors or `free` name something unknown.
    """
    fitted = model if isinstance(model, FittedModel) else FittedModel(model, {})
    priors = priors or Priors()
    priors.check(fitted.model)
    for name in free:
        check_name("part of the model to infer", name, FREE)
    if "latents" not in free:
        raise InputError(f"latents are never known, so they are always free; given free = {', '.join(free)}.")
    batch = fitted.batch(data)
    method = method or (Exact() if fitted.model.is_linear and fitted.model.is_gaussian else Laplace())
    asked = tuple(name for name in FREE if name in free)
    _check(fitted, batch, asked)
    ids = data.ids if isinstance(data, Catalog) else np.arange(batch.n_stars).astype(str)
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda x: jnp.asarray(x, jnp.float64) if _is_float(x) else x, fitted.model)
        problem = Problem(fitted.replace(model=wide), batch, ids, priors, asked, block, progress)
        run = method.latents if asked == ("latents",) else method.joint
        return run(problem, key=as_key(key))


def _is_float(x) -> bool:
    return hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jnp.floating)


def _check(fitted: FittedModel, batch: Batch, free: tuple[str, ...]) -> None:
    if batch.n_stars == 0:
        raise InputError("there are no stars to infer; give at least one.")
    if free == ("latents",):
        return
    missing = [name for name in fitted.model.names if name not in batch.names]
    if missing:
        raise InputError(
            f"decoders and scatter of {', '.join(missing)} cannot be inferred from data without it; give the training "
            "stars with all outputs."
        )
    if batch.n_stars <= fitted.model.n_latents:
        raise InputError(
            f"{batch.n_stars} stars cannot determine decoders of {fitted.model.n_latents} latents; give more stars "
            "(ten per latent is a start) or use fewer latents."
        )
