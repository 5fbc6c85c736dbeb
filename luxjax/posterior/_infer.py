"""The front door to posteriors: a model, data and a method in, a posterior out."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from ..core import Batch, InputError, Progress, check_name
from ..core.internal import PRNGKeyArray, as_key, join_names, reporting
from ..data import Catalog
from ..fitted import FittedModel
from ..models import Lux
from ._posterior import AbstractPosterior
from ._priors import Priors
from ._stars import used_outputs
from .methods._exact import Exact
from .methods._laplace import Laplace
from .methods._method import AbstractMethod, Problem
from .methods._registry import METHODS

__all__ = ["infer"]

FREE = ("latents", "decoders", "scatter")


def infer(
    model: Lux | FittedModel,
    data: Catalog | Batch,
    method: AbstractMethod | str | None = None,
    *,
    key: PRNGKeyArray | int,
    sample: Sequence[str] = ("latents",),
    priors: Priors | None = None,
    progress: bool | Progress | None = None,
    block: int = 256,
) -> AbstractPosterior:
    """The posterior of the latents of stars, and of the model's decoders and scatter where these are sampled.

    Parameters
    ----------
    model : Lux or FittedModel
        Known, but for what is in `sample`; there it is where the search starts.
    data : Catalog or Batch
        The stars. All outputs that the model shares with the data are used: to infer from spectra alone, give
        ``catalog.only("apogee")``. Labels that are read out from the latents (`luxjax.readout`) are not looked at.
    method : AbstractMethod or str, optional
        `Exact`, `Laplace`, `Variational` or `NUTS`, or the name of one with its default settings, in small letters:
        ``"exact"``, ``"laplace"``, ``"variational"``, ``"nuts"``. Default: `Exact` where the outputs used have linear decoders and Gaussian
        noise, `Laplace` for others.
    key : jax random key or int
    sample : sequence of str
        What is inferred: ``"latents"`` always; ``"decoders"`` and ``"scatter"`` for the posterior of the model itself, from
        its training stars.
    priors : Priors, optional
    progress : bool or Progress, optional
        True shows stars, and transitions of a sampler, on standard error; a function is called with them.
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
        If the method does not suit the model, or the priors or `sample` name something unknown.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> posterior = luxjax.infer(fitted, stars.only("flux"), key=2)
    >>> type(posterior).__name__
    'GaussianPosterior'
    """
    fitted = model if isinstance(model, FittedModel) else FittedModel(model, {})
    priors = priors or Priors()
    priors.check(fitted.model)
    for name in sample:
        check_name("part of the model to infer", name, FREE)
    if "latents" not in sample:
        raise InputError(
            f"latents are never known, so they are always inferred; given sample = {', '.join(sample)}: add 'latents'."
        )
    if isinstance(method, str):
        check_name("method", method.lower(), METHODS)
        method = METHODS[method.lower()]()
    elif method is not None and not isinstance(method, AbstractMethod):
        raise InputError(
            f"method is a {type(method).__name__}; give a method such as luxjax.posterior.NUTS(), or its name: "
            f"{join_names(METHODS)}."
        )
    batch = used_outputs(fitted, fitted.batch(data))
    known = fitted.model.only(*batch.names)
    method = method or (Exact() if known.is_linear and known.is_gaussian else Laplace())
    asked = tuple(name for name in FREE if name in sample)
    _check(fitted, batch, asked)
    with jax.enable_x64(True), reporting(progress, "infer") as tell:
        wide = jax.tree.map(lambda x: jnp.asarray(x, jnp.float64) if _is_float(x) else x, fitted.model)
        problem = Problem(fitted.replace(model=wide), batch, data.ids, priors, asked, block, tell)
        run = method.latents if asked == ("latents",) else method.joint
        return run(problem, key=as_key(key))


def _is_float(x) -> bool:
    return hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jnp.floating)


def _check(fitted: FittedModel, batch: Batch, free: tuple[str, ...]) -> None:
    if batch.n_stars == 0:
        raise InputError("there are no stars to infer; give at least one.")
    if free == ("latents",):
        return
    if fitted.read_outs:
        raise InputError(
            f"{join_names(fitted.read_outs)} of this model are read out from latents that its inputs alone give, so they are no "
            "part of a joint posterior of decoders or scatter; sample the latents alone, or fit the labels with the spectra."
        )
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
