"""The spectra that a model expects of stars whose latents are known."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..core import Gaussian, InputError, pairs
from ..core.internal import quadratic_form
from ..data import Spectra
from ..fitted import FittedModel
from ..fitting.internal import UNKNOWN
from ..latents.internal import decoder_variance
from ..models import AbstractDecoder, AbstractFeatureDecoder
from ..models.internal import feature_jacobian
from ._prediction import Prediction

__all__ = ["predict_spectra"]


def predict_spectra(fitted: FittedModel, prediction: Prediction, name: str) -> Spectra:
    """The spectra of output `name` that the model expects for the latents of a prediction.

    Together with ``transfer(..., inputs=["labels"])`` this gives spectra from labels. The inverse variance is
    that of the noise-free spectrum: posterior spread of the latents and the decoder's own, as far as it is known (see
    `transfer`). Pixels that no training star had get none.

    Parameters
    ----------
    fitted : FittedModel
    prediction : Prediction
        Its latents are decoded.
    name : str
        Output of the model that holds spectra.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.prediction import predict_spectra
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> from_labels = luxjax.transfer(fitted, stars, inputs=["labels"])
    >>> expected = predict_spectra(fitted, from_labels, "flux")
    >>> bool(abs(expected.flux - stars.spectra("flux").flux).mean() < 0.02)
    True
    """
    info = fitted.info(name)
    if info.wavelength is None or info.medium is None:
        raise InputError(
            f"output '{name}' holds labels or has no wavelengths; spectra can be predicted for others."
        )
    decoder = fitted.model[name]
    with jax.enable_x64(True):
        kernel = _spectra if isinstance(decoder, AbstractFeatureDecoder) else _spectra_of_module
        flux, variance = kernel(decoder, fitted.weight_cov.get(name), prediction.latents)
        scatter = np.asarray(fitted.model.scatter[name])
        variance = np.asarray(variance) + scatter**2
    with np.errstate(divide="ignore"):
        ivar = np.where(variance > 0, 1 / variance, 0)
    # Pixels that no training star had (gaps between detectors): the decoder knows nothing there.
    if isinstance(decoder, AbstractFeatureDecoder):
        ivar[:, ~np.any(np.column_stack([decoder.intercept, decoder.weight]), axis=1)] = 0
    ivar[:, scatter >= UNKNOWN] = 0
    scale = info.scale
    if np.all(scale == 1):
        flux, ivar = np.asarray(flux, np.float32), ivar.astype(np.float32)
    else:  # in the unit of the training spectra
        flux, ivar = np.asarray(flux, np.float64) * scale, ivar / scale / scale
    return Spectra(
        flux,
        ivar,
        info.wavelength,
        info.medium,
        prediction.ids,
        survey=info.survey,
        frame=info.frame or "rest",
        normalized=not info.flux_unit,
        flux_unit=info.flux_unit,
        resolution=info.resolution,
        history=("predicted by the model",),
        scale=float(scale[0]),
    )


@eqx.filter_jit
def _spectra(decoder, packed_cov, latents: Gaussian):
    z, cov = jnp.asarray(latents.mean), jnp.asarray(latents.cov)
    flux = jax.vmap(decoder)(z)
    jac = jax.vmap(lambda x: feature_jacobian(decoder, x))(z)
    spread = quadratic_form(jnp.einsum("nfi,nij,ngj->nfg", jac, cov, jac), pairs(decoder.weight))
    own = 0.0 if packed_cov is None else decoder_variance(decoder, packed_cov.astype(jnp.float64), z, cov)
    return flux, spread + own


@eqx.filter_jit
def _spectra_of_module(decoder: AbstractDecoder, _, latents: Gaussian):
    def of_star(star):
        z, cov = star
        jac = jax.jacfwd(decoder)(z)
        return decoder(z), jnp.einsum("pi,ij,pj->p", jac, cov, jac)

    # Few stars at a time: their Jacobians (pixel, latent) would fill memory.
    stars = jnp.asarray(latents.mean), jnp.asarray(latents.cov)
    return jax.lax.map(of_star, stars, batch_size=16)
