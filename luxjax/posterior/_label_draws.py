"""Labels of stars whose latents were inferred, with the errors that `luxjax.transfer` states for the same stars."""

import math
import warnings
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..core import LuxWarning
from ..core.internal import PRNGKeyArray, as_key, join_names
from ..fitted import Calibration
from ..latents.internal import decoder_variance
from ..models import AbstractFeatureDecoder, Linear

if TYPE_CHECKING:
    from ._posterior import AbstractPosterior

__all__ = ["DRAWS", "label_draws", "label_moments"]

DRAWS = 2000


def label_draws(
    posterior: "AbstractPosterior", n: int = DRAWS, *, key: PRNGKeyArray | int, calibrated: bool = True
) -> np.ndarray:
    """Draws of the true labels of all stars, (draw, star, label); see `AbstractPosterior.label_draws`."""
    name, keys = posterior.fitted.label_output(), jax.random.split(as_key(key), 3)
    unmeasured = posterior.replace(batch=None)  # the noise of a measured label is not part of the star
    draws = unmeasured.predict(name, n, key=keys[0], noise=True)
    draws = draws + np.sqrt(_decoder_noise(posterior, name)) * np.asarray(
        jax.random.normal(keys[1], draws.shape)
    )
    calibration = _calibration(posterior, name) if calibrated else None
    if calibration is None:
        return draws
    centre = draws.mean(0)
    added = np.sqrt(calibration.added(_distance(posterior)))
    unit = np.asarray(jax.random.normal(keys[2], draws.shape))
    return centre + np.sqrt(calibration.scale) * (draws - centre) + added * unit


def label_moments(
    posterior: "AbstractPosterior", draws: np.ndarray, *, calibrated: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Means and errors of all labels, each (star, label); see `AbstractPosterior.label_moments`."""
    name, model = posterior.fitted.label_output(), posterior.fitted.model
    decoder, info = model.decoders[name], posterior.fitted.info(name)
    if not (posterior.is_normal and isinstance(decoder, Linear) and math.isinf(model.dof[name])):
        return draws.mean(0), draws.std(0)
    weight, intercept, scatter = (
        np.asarray(x, float) for x in (decoder.weight, decoder.intercept, model.scatter[name])
    )
    mean = (posterior.mean @ weight.T + intercept) * info.scale + info.loc
    cov = np.einsum("li,nij,mj->nlm", weight, posterior.cov, weight) * info.scale[:, None] * info.scale
    own = _decoder_noise(posterior, name) + (scatter * info.scale) ** 2
    cov = cov + own[:, :, None] * np.eye(len(scatter))
    calibration = _calibration(posterior, name) if calibrated else None
    if calibration is not None:
        cov = calibration.covariance(cov, _distance(posterior))
    return mean, np.sqrt(np.diagonal(cov, axis1=1, axis2=2))


def _distance(posterior: "AbstractPosterior") -> np.ndarray:
    """Latent distance of every star, as in `luxjax.prediction.Prediction`."""
    return np.sqrt(np.mean(posterior.mean**2, axis=1))


def _decoder_noise(posterior: "AbstractPosterior", name: str) -> np.ndarray:
    """Variance of each star's labels that the decoder's own uncertainty brings, where the draws do not hold it already."""
    fitted = posterior.fitted
    decoder, info = fitted.model.decoders[name], fitted.info(name)
    known = name in fitted.weight_cov and isinstance(decoder, AbstractFeatureDecoder)
    if not known or posterior.infers(f"decoders.{name}."):
        return np.zeros((len(posterior), len(info.scale)))
    with jax.enable_x64(True):
        found = _variance(
            decoder, fitted.weight_cov[name], jnp.asarray(posterior.mean), jnp.asarray(posterior.cov)
        )
    return np.asarray(found) * info.scale**2


@eqx.filter_jit
def _variance(decoder, packed_cov, mean, cov):
    return decoder_variance(decoder, packed_cov.astype(jnp.float64), mean, cov)


def _calibration(posterior: "AbstractPosterior", name: str) -> Calibration | None:
    """The model's calibration of labels from what these stars were inferred from; a warning where it has others only."""
    fitted = posterior.fitted
    names = fitted.info(name).names
    inputs = () if posterior.batch is None else posterior.batch.names
    found = None if posterior.infers("decoders.") else fitted.calibration(names, inputs)
    if found is None and any(c.names == names for c in fitted.calibrations):
        warnings.warn(
            "errors of labels are not calibrated: the model's calibration was learned from "
            f"{' and '.join(sorted({join_names(c.inputs) for c in fitted.calibrations}))} with its decoders known, and these "
            f"stars were inferred from {join_names(inputs) or 'other data'}.",
            LuxWarning,
            stacklevel=4,
        )
    return found
