"""Simulation-based calibration of a method of inference, the model being known."""

import jax
import jax.numpy as jnp
import numpy as np

from ...core import Progress
from ...core.internal import PRNGKeyArray, as_key
from ...data import Catalog
from ...fitted import FittedModel
from .._infer import infer
from .._posterior import decode
from ..methods._method import AbstractMethod
from ._prior_draws import prior_draws
from ._ranks import ranks

__all__ = ["prior_ranks"]


def prior_ranks(
    fitted: FittedModel,
    like: Catalog,
    method: AbstractMethod,
    *,
    key: PRNGKeyArray | int,
    draws: int = 99,
    progress: bool | Progress | None = None,
) -> np.ndarray:
    """Ranks of true labels among draws of their posteriors, for stars that the model itself makes.

    Uniform on 0 ... `draws` if the method is right (Talts et al. 2018, arXiv:1804.06788); `luxjax.posterior.rank_test`
    tests it. The labels are the noise-free ones that the latents decode to.

    Parameters
    ----------
    fitted : FittedModel
    like : Catalog
        One star is drawn for each of these, with its errors and bad pixels; labels are left out.
    method : AbstractMethod
    key : jax random key or int
    draws : int
        Number of draws of each posterior.
    progress : bool or Progress, optional
        As for `infer`.

    Returns
    -------
    (star, label) int array

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.posterior import Exact, prior_ranks, rank_test
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> found = prior_ranks(fitted, stars, Exact(), key=1, draws=99)
    >>> found.shape, int(found.min()) >= 0, int(found.max()) <= 99
    ((90, 3), True, True)
    """
    output = fitted.label_output()
    star_key, key, draw_key = jax.random.split(as_key(key), 3)
    spectra = like.only(*(k for k in like.outputs if k in fitted.model.names and k != output))
    z, batch = prior_draws(fitted, spectra, key=star_key)
    posterior = infer(fitted, batch, method, key=key, progress=progress)
    info, decoder = fitted.info(output), fitted.model[output]
    with jax.enable_x64(True):
        truth = np.asarray(decode(decoder, jnp.asarray(z))) * info.scale + info.loc
    return ranks(posterior.predict(output, draws, key=draw_key), truth)
