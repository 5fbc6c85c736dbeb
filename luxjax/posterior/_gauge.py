"""One rotation of the latents for all chains: rows of the decoders that form a lower triangle.

z -> Rz with B -> BR' leaves everything observable unchanged, so chains that were free to turn could not be compared, and
would mix badly. Every matrix B of full rank has exactly one rotation in which chosen rows, the anchors, form a lower
triangle with a positive diagonal (Geweke & Zhou 1996, Rev. Financ. Stud. 9, 557). Which rows are chosen matters for how
well the posterior is determined, hence a pivoted QR factorisation of the fitted rows in units of their noise.

The prior has to know of it. If all entries of B are normal and independent, then in this gauge the entries below the
diagonal still are and diagonal entry i (from 0, of D) has a chi distribution with D - i degrees of freedom: density
~ L_ii^(D - 1 - i) exp(-L_ii^2 / 2). With that factor the prior of B B', and of all that is observable, does not
depend on the choice of anchors (Leung & Drton 2016, Bayesian Analysis 11, 1105).
"""

import jax
import jax.numpy as jnp
import numpy as np
from scipy.linalg import qr

from ..core import Batch, InputError
from ..latents.internal import effective_ivar
from ..models import AbstractFeatureDecoder, Linear, Lux, Quadratic

__all__ = ["anchors", "turn_to_anchors"]


def anchors(model: Lux, batch: Batch) -> tuple[tuple[str, int], ...]:
    """The rows that fix the rotation, as (output, index), most informative first; none where a decoder has no rows.

    Parameters
    ----------
    model : Lux
        Fitted. Linear decoders offer the rows of their weights, quadratic ones those of the linear part.
    batch : Batch
        Whose errors say how well each row is known.
    """
    if not all(isinstance(d, (Linear, Quadratic)) for d in model.decoders.values()):
        return ()
    n, rows, names = model.n_latents, [], []
    for name, decoder in model.feature_decoders.items():
        information = jnp.sum(effective_ivar(batch[name].ivar, model.scatter[name]), axis=0)
        rows.append(np.asarray(decoder.weight)[:, :n] * np.sqrt(np.asarray(information))[:, None])
        names += [(name, j) for j in range(len(rows[-1]))]
    if len(names) < n:
        raise InputError(
            f"a model with {len(names)} pixels and labels cannot determine {n} latents; use fewer latents."
        )
    order = qr(np.concatenate(rows).T, mode="r", pivoting=True)[-1]
    return tuple(names[i] for i in order[:n])


def turn_to_anchors(model: Lux, gauge: tuple[tuple[str, int], ...]) -> Lux:
    """The same model with latents rotated (and mirrored) so that the anchors form a lower triangle."""
    rows = np.array([np.asarray(model.feature_decoders[k].weight)[j, : model.n_latents] for k, j in gauge])
    q, upper = np.linalg.qr(rows.T)
    q = q * np.where(np.diag(upper) < 0, -1.0, 1.0)
    return model.replace({k: _turn(d, q) for k, d in model.feature_decoders.items()})


def _turn(decoder: AbstractFeatureDecoder, q: np.ndarray) -> AbstractFeatureDecoder:
    """The decoder of z' = Q'z. Its features are a linear map of the old ones, found from a few points."""
    n = len(q)
    points = np.random.default_rng(0).normal(size=(4 * decoder.weight.shape[1] + 4, n))
    new = np.asarray(jax.vmap(decoder.features)(jnp.asarray(points)))
    old = np.asarray(jax.vmap(decoder.features)(jnp.asarray(points @ q.T)))
    weight = decoder.weight @ jnp.asarray(np.linalg.lstsq(new, old, rcond=None)[0]).T
    if isinstance(decoder, Quadratic):
        return Quadratic(decoder.intercept, weight, n)
    return Linear(decoder.intercept, weight)
