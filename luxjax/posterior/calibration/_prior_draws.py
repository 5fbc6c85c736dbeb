"""Stars that the model itself makes: the data that a calibrated posterior must be right about."""

import jax
import jax.numpy as jnp
import numpy as np

from ...core import Batch, OutputData
from ...core.internal import PRNGKeyArray, as_key
from ...data import Catalog
from ...fitted import FittedModel
from ...latents.internal import effective_ivar
from ...models import Lux
from .._posterior import decode, unit_noise

__all__ = ["prior_draws"]


def prior_draws(
    model: Lux | FittedModel, like: Catalog | Batch, *, key: PRNGKeyArray | int
) -> tuple[np.ndarray, Batch]:
    """Latents from their prior N(0, I), and data that the model makes of them.

    With them the calibration of any method can be checked: see `luxjax.posterior.ranks`.

    Parameters
    ----------
    model : Lux or FittedModel
    like : Catalog or Batch
        One star is drawn for each of these, with its errors and its bad pixels; outputs that the model lacks are left out.
    key : jax random key or int

    Returns
    -------
    latents : (star, latent) array
    batch : Batch
        In the model's units.
    """
    fitted = model if isinstance(model, FittedModel) else FittedModel(model, {})
    batch = fitted.batch(like)
    z_key, noise_key = jax.random.split(as_key(key))
    with jax.enable_x64(True):
        z = jax.random.normal(z_key, (batch.n_stars, fitted.model.n_latents), jnp.float64)
        outputs = {}
        for i, (name, m) in enumerate(batch.outputs.items()):
            weight = effective_ivar(m.ivar, fitted.model.scatter[name])
            noise = unit_noise(jax.random.fold_in(noise_key, i), weight.shape, fitted.model.dof[name])
            sd = jnp.where(weight > 0, weight, 1) ** -0.5
            value = decode(fitted.model.decoders[name], z) + sd * noise
            outputs[name] = OutputData(jnp.where(m.ivar > 0, value, 0).astype(m.value.dtype), m.ivar)
    return np.asarray(z), Batch(outputs, batch.labels)
