"""`luxjax.fit`: of a model that is given, or of the stars alone."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

from jax.sharding import Mesh

from ..core import Batch, InputError, Progress
from ..core.internal import PRNGKeyArray
from ..data import Catalog
from ..fitted import FittedModel
from ..fitting import AbstractFitter
from ..fitting import fit as fit_model
from ..models import Lux
from ..readout import read_out
from ._train import train

if TYPE_CHECKING:
    from ..dataset import Dataset

__all__ = ["fit"]


@overload
def fit(
    model: Catalog,
    /,
    *,
    inputs: Sequence[str] = (),
    latents: int | Sequence[int] | None = None,
    readout: str | None = None,
    noise: str = "gaussian",
    folds: int = 5,
    key: PRNGKeyArray | int,
    progress: bool | Progress | None = None,
) -> FittedModel: ...


@overload
def fit(
    model: Lux,
    data: "Catalog | Batch | Dataset",
    fitter: AbstractFitter | None = None,
    *,
    inputs: Sequence[str] = (),
    readout: str | None = None,
    key: PRNGKeyArray | int,
    mesh: Mesh | None = None,
    progress: bool | Progress | None = None,
) -> FittedModel: ...


def fit(
    model,
    data=None,
    fitter=None,
    *,
    inputs=(),
    latents=None,
    readout=None,
    noise="gaussian",
    folds=5,
    key,
    mesh=None,
    progress=None,
):
    """Fit a model to stars with spectra and labels: ``fit(stars, key=1)``, or of a given kind, ``fit(model, stars, key=1)``.

    With stars alone the number of latents and the read-out of the labels are chosen, errors are calibrated on predictions of stars
    that were held out in folds, and the model is then fitted to all labelled stars: what ``luxjax fit`` does on the
    command line. `luxjax.training.train` gives the predictions of held-out stars too.

    Parameters
    ----------
    model : Lux or Catalog
        Which decoders and how many latents, as from ``Lux.linear(catalog.sizes, n_latents)``; or the stars.
    data : Catalog, Batch or Dataset, optional
        Training stars, for a given model: see `luxjax.fitting.fit`.
    fitter : AbstractFitter, optional
        Default: `luxjax.fitting.EM` for linear decoders.
    inputs : sequence of str
        The outputs that labels will be predicted from. Default: all that are no labels.
    latents : int or sequence of int, optional
        With stars alone; several: chosen among them. Default: what stars and pixels allow.
    readout : {"auto", "linear", "quadratic", "gp"}, optional
        How labels follow from the latents that the inputs alone give: see `luxjax.readout.read_out`. Default: ``"auto"`` with stars
        alone; none with a given model, whose labels are decoded as it says and fitted with the spectra.
    noise : {"gaussian", "student"}
        With stars alone: of the spectra (see `luxjax.training.train`).
    folds : int
        With stars alone.
    key : jax random key or int
    mesh : jax.sharding.Mesh, optional
        As for `luxjax.fitting.fit`.
    progress : bool or Progress, optional
        True shows progress on standard error.

    Returns
    -------
    FittedModel

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(120, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(stars, latents=2, key=1)
    >>> luxjax.transfer(fitted, stars).calibrated
    True
    """
    if data is None:
        if not isinstance(model, Catalog):
            raise InputError(
                f"fit takes stars, fit(catalog, key=1), or a model and stars, fit(model, catalog, key=1); given a {type(model).__name__}."
            )
        if fitter is not None or mesh is not None:
            raise InputError("a fitter or a mesh goes with a model: fit(model, catalog, fitter, key=1).")
        return train(
            model,
            inputs=inputs,
            latents=latents,
            readout=readout or "auto",
            noise=noise,
            folds=folds,
            baselines=(),
            key=key,
            progress=progress,
        ).fitted
    if latents is not None:
        raise InputError(
            "the number of latents is in the model; leave out latents, or fit(catalog, latents=...)."
        )
    found = fit_model(model, data, fitter, key=key, mesh=mesh, progress=progress)
    return found if readout is None else read_out(found, data, readout, inputs=inputs or None)
