"""Latents of a Lux model as features: where a spectrum lies among all spectra, with the error that its noise leaves."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ...core import InputError
from ...core.internal import PRNGKeyArray, join_names
from ...data import Catalog, Spectra
from ...fitted import FittedModel
from ...fitting import AbstractFitter, fit
from ...models import Lux
from ._at_rest import PIXELS, rest_spectra
from ._features import Features

__all__ = ["fit_latents", "latent_features"]


def fit_latents(
    spectra: Spectra,
    n_latents: int = 10,
    *,
    key: "PRNGKeyArray | int",
    wavelength: ArrayLike = PIXELS,
    redshift=None,
    fitter: AbstractFitter | None = None,
) -> FittedModel:
    """A linear Lux model of normalised spectra at rest, to be fitted to training stars only.

    Parameters
    ----------
    spectra : Spectra
        Spectra of training stars.
    n_latents : int
    key : JAX key or int
        Seeds the start of the fit.
    wavelength : (pixel,) array
        The grid at rest, Angstrom in vacuum; see `rest_spectra`.
    redshift : (star,) array, optional
        As in `extract_features`.
    fitter : AbstractFitter, optional
        As in `luxjax.fit`.
    """
    made, rows, _ = rest_spectra(spectra, wavelength, redshift=redshift)
    if len(rows) <= n_latents:
        raise InputError(
            f"{n_latents} latents cannot be learnt from {len(rows)} usable spectra; give more, or ask for fewer."
        )
    # rows are spectra: a star that was observed more than once is as many stars to the model
    catalog = Catalog({"spectra": made.replace(ids=np.arange(len(rows)).astype(str))})
    return fit(Lux.linear(catalog.sizes, n_latents), catalog, fitter, key=key)


def latent_features(fitted: FittedModel, spectra: Spectra, *, redshift=None) -> Features:
    """Posterior means of the latents given the spectra alone, as features ``latent_1``, ``latent_2``, ... with errors.

    Parameters
    ----------
    fitted : FittedModel
        From `fit_latents`, or any model with one output of spectra as `rest_spectra` makes them. Nothing here can tell which
        stars it was fitted to: they must not be among those that a classifier is evaluated on.
    spectra : Spectra
        As observed; they are brought to rest and to the grid of the model here.
    redshift : (star,) array, optional
        As in `extract_features`.
    """
    from ...posterior import infer  # samplers come with it, which nothing else here needs

    outputs = [name for name in fitted.model.names if fitted.info(name).is_spectra]
    info = fitted.info(outputs[0]) if len(outputs) == 1 else None
    if info is None or info.wavelength is None or info.medium != "vacuum":
        raise InputError(
            f"latents are found from one output of spectra in vacuum; this model's outputs are {join_names(fitted.model.names)}. "
            "Fit one with fit_latents."
        )
    made, rows, left_out = rest_spectra(spectra, info.wavelength, redshift=redshift)
    names = [f"latent_{k + 1}" for k in range(fitted.model.n_latents)]
    mean = sd = np.empty((0, len(names)))
    if len(rows):
        numbered = made.replace(ids=np.arange(len(rows)).astype(str))
        posterior = infer(fitted, Catalog({outputs[0]: numbered}), key=0)
        mean, sd = posterior.mean, posterior.sd
    return Features(
        pd.DataFrame(mean, columns=names),
        pd.DataFrame(sd, columns=names),
        dict.fromkeys(names, "latent"),
        made.ids,
        rows,
        left_out,
    )
