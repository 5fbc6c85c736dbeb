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
from ..fitted.internal import calibration_by_rows
from ..latents.internal import decode_stars, decoder_variance, slopes
from ..models import AbstractFeatureDecoder, Linear

if TYPE_CHECKING:
    from ._posterior import AbstractPosterior

__all__ = ["DRAWS", "label_draws", "label_moments"]

DRAWS = 2000
STARS = 256  # at a time


def label_draws(
    posterior: "AbstractPosterior", n: int = DRAWS, *, key: PRNGKeyArray | int, calibrated: bool = True
) -> np.ndarray:
    """Draws of the true labels of all stars, (draw, star, label); see `AbstractPosterior.label_draws`."""
    name, keys = posterior.fitted.label_output(), jax.random.split(as_key(key), 3)
    unmeasured = posterior.replace(batch=None)  # the noise of a measured label is not part of the star
    if name in posterior.fitted.read_outs:
        draws = _linearised_draws(unmeasured, name, n, keys[0])
    else:
        draws = unmeasured.predict(name, n, key=keys[0], noise=True)
    draws = draws + np.sqrt(_decoder_noise(posterior, name)) * np.asarray(
        jax.random.normal(keys[1], draws.shape)
    )
    groups = _calibrations(posterior, name) if calibrated else []
    if not groups:
        return draws
    centre, distance = draws.mean(0), _distance(posterior)
    unit = np.asarray(jax.random.normal(keys[2], draws.shape))
    scale, added = np.ones(centre.shape), np.zeros(centre.shape)
    for rows, calibration in groups:
        scale[rows], added[rows] = calibration.scale, calibration.added(distance[rows])
    return centre + np.sqrt(scale) * (draws - centre) + np.sqrt(added) * unit


def label_moments(
    posterior: "AbstractPosterior", draws: np.ndarray, *, calibrated: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Means and errors of all labels, each (star, label); see `AbstractPosterior.label_moments`."""
    name, model = posterior.fitted.label_output(), posterior.fitted.model
    info = posterior.fitted.info(name)
    # To first order in the spread of the latents, which for linear decoders is all there is.
    first_order = isinstance(model.decoders[name], Linear) or name in posterior.fitted.read_outs
    if not (posterior.is_normal and first_order and math.isinf(model.dof[name])):
        return draws.mean(0), draws.std(0)
    scatter = np.asarray(model.scatter[name], float)
    mean, slope = _first_order(posterior, name)
    cov = slope @ posterior.cov @ np.swapaxes(slope, 1, 2)
    own = _decoder_noise(posterior, name) + (scatter * info.scale) ** 2
    cov = cov + own[:, :, None] * np.eye(len(scatter))
    for rows, calibration in _calibrations(posterior, name) if calibrated else ():
        cov[rows] = calibration.covariance(cov[rows], _distance(posterior)[rows])
    return mean, np.sqrt(np.diagonal(cov, axis1=1, axis2=2))


def _first_order(posterior: "AbstractPosterior", name: str) -> tuple[np.ndarray, np.ndarray]:
    """Labels at each star's posterior mean (star, label), and their slopes there (star, label, latent); in their own units."""
    decoder, info = posterior.fitted.model.decoders[name], posterior.fitted.info(name)
    with jax.enable_x64(True):
        z = jnp.asarray(posterior.mean)
        value, slope = (np.asarray(of(decoder, z), float) for of in (decode_stars, slopes))
    return value * info.scale + info.loc, slope * info.scale[:, None]


def _linearised_draws(posterior: "AbstractPosterior", name: str, n: int, key: PRNGKeyArray) -> np.ndarray:
    """Draws of labels about the posterior means of the latents, with scatter, (draw, star, label)."""
    draw_key, noise_key = jax.random.split(key)
    mean, slope = _first_order(posterior, name)
    off = posterior.sample(n, key=draw_key) - posterior.mean
    moved = np.swapaxes(np.swapaxes(off, 0, 1) @ np.swapaxes(slope, 1, 2), 0, 1)
    return mean + moved + posterior.noise(name, moved.shape[:2], key=noise_key)


def _distance(posterior: "AbstractPosterior") -> np.ndarray:
    """Latent distance of every star, as in `luxjax.prediction.Prediction`."""
    return np.sqrt(np.mean(posterior.mean**2, axis=1))


def _decoder_noise(posterior: "AbstractPosterior", name: str) -> np.ndarray:
    """Variance of each star's labels that the decoder's own uncertainty brings, where the draws do not hold it already."""
    fitted = posterior.fitted
    decoder, info = fitted.model.decoders[name], fitted.info(name)
    if posterior.infers(f"decoders.{name}."):
        return np.zeros((len(posterior), len(info.scale)))
    rows = fitted.weight_cov.get(name) if isinstance(decoder, AbstractFeatureDecoder) else None
    mean, cov = posterior.mean, posterior.cov
    with jax.enable_x64(True):
        parts = [slice(k, k + STARS) for k in range(0, len(mean), STARS)]
        found = [_variance(decoder, rows, jnp.asarray(mean[p]), jnp.asarray(cov[p])) for p in parts]
    return np.concatenate([np.asarray(x) for x in found]) * info.scale**2


@eqx.filter_jit
def _variance(decoder, packed_cov, mean, cov):
    own = jax.vmap(decoder.variance)(mean)
    if packed_cov is None:
        return own
    return own + decoder_variance(decoder, packed_cov.astype(jnp.float64), mean, cov)


def _calibrations(posterior: "AbstractPosterior", name: str) -> list[tuple[np.ndarray, Calibration]]:
    """Rows of stars with the model's calibration of labels from what these have; none, and a warning, where it has others only."""
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
    if found is None:
        return []
    outputs = {} if posterior.batch is None else posterior.batch.outputs
    present = [(np.asarray(m.ivar) > 0).any(axis=1) for m in outputs.values()]
    stars = np.stack(present, axis=1) if present else np.zeros((len(posterior), 0), bool)
    return calibration_by_rows(found, fitted.calibrations, inputs, stars)
