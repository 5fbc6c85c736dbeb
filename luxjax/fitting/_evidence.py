"""Log evidence of stars under a fitted linear model: their latents are integrated out."""

import equinox as eqx
import jax
import numpy as np

from ..core import Batch, InputError
from ..data import Catalog
from ..fitted import FittedModel
from ..latents.internal import blocks, effective_ivar, expected_residual, latent_posterior
from ..models import Lux
from ._em import star_loss

__all__ = ["log_evidence"]


def log_evidence(fitted: FittedModel, data: Catalog | Batch, *, block: int = 512) -> np.ndarray:
    """Log marginal likelihood of each star, in nats: ln N(y; b, B B' + diag(1/ivar + scatter^2)) of its measured values.

    Of training stars it says how well they are fitted, of others how well the model describes stars; more latents always
    help the former and, past the right number, harm the latter (Stone 1974, JRSS B 36, 111).

    Parameters
    ----------
    fitted : FittedModel
        With linear decoders and Gaussian noise.
    data : Catalog or Batch
        Stars with some of the model's outputs; the density is of all those they have, labels in their own units.
    block : int
        Stars handled at a time. Default: 512.

    Returns
    -------
    (star,) array

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.fitting import log_evidence
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> log_evidence(fitted, stars).shape
    (90,)
    >>> bool(log_evidence(fitted, stars).mean() > 100)  # nats for 43 values of small errors
    True
    """
    batch = fitted.batch(data)
    model = fitted.model.only(*batch.names)
    if not (model.is_linear and model.is_gaussian):
        raise InputError(
            "latents can be integrated out in closed form only for linear decoders and Gaussian noise."
        )
    found = []
    with jax.enable_x64(True):
        for part, _, where in blocks(batch, block):
            loss = np.asarray(jax.block_until_ready(_losses(model, part)))
            found.append(-loss[: where.stop - where.start])
    # The model sees labels in units of their spread.
    units = sum(np.asarray(m.ivar > 0) @ np.log(fitted.info(k).scale) for k, m in batch.outputs.items())
    return np.concatenate(found) - units


@eqx.filter_jit
def _losses(model: Lux, block: Batch):
    posterior = latent_posterior(model, block)
    weights = {k: effective_ivar(m.ivar, model.scatter[k]) for k, m in block.outputs.items()}
    residuals = {
        k: expected_residual(model.feature_decoders[k], m, posterior.mean, None)[0]
        for k, m in block.outputs.items()
    }
    return star_loss(block, posterior, weights, residuals)
