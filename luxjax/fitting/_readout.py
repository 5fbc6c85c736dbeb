"""Label rows fitted anew to latents that the spectra alone determine, as they will be used.

The joint likelihood lets the labels of a training star help to place its latents. Where the model is true and
pixels outnumber stars that is information; on real spectra, whose covariance a few latents never quite describe, it
can become a way to store label noise in latents that new stars, seen without labels, will not have.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..core import Batch, InputError
from ..core.internal import AbstractStars, Array, join_names, pack
from ..latents.internal import blocks, is_telling, latent_posterior
from ..models import Linear, Lux
from ..parallel.internal import STAR, shard_map_stars

__all__ = ["readout", "readout_row"]

STEPS = 200


def readout(
    model: Lux, weight_cov: dict[str, Array], batch: AbstractStars, block: int | None
) -> tuple[Lux, dict[str, Array]]:
    """Every small output's rows by ridge regression on the latents inferred from the large outputs.

    An output is large if it has enough rows to shrink its own decoder; labels are small, spectra large.

    Returns
    -------
    model : Lux
    weight_cov : dict of str to (out, pair) array
    """
    large = [k for k, d in model.feature_decoders.items() if is_telling(d)]
    small = [k for k in model.names if k not in large]
    if not large or not small:
        sizes = {k: len(s) for k, s in model.scatter.items()}
        raise InputError(
            f"a readout needs one output with many pixels and one with few, for {model.n_latents} latents; these "
            f"have {join_names(f'{k} ({n})' for k, n in sizes.items())}; fit without it."
        )
    mean, cov = _latents(model, batch.only(*large), block)
    decoders, scatter, covs = dict(model.decoders), dict(model.scatter), dict(weight_cov)
    for name in small:
        y, ivar = (np.asarray(x, float) for x in (batch[name].value, batch[name].ivar))
        start = np.asarray(scatter[name], float)
        found = [readout_row(mean, cov, y[:, j], ivar[:, j], s) for j, s in enumerate(start)]
        rows, row_covs, s = (jnp.asarray(np.array(x)) for x in zip(*found, strict=True))
        decoders[name], scatter[name] = Linear(rows[:, 0], rows[:, 1:]), s
        covs[name] = pack(row_covs).astype(jnp.float32)
    return Lux(decoders, scatter), covs


def readout_row(
    mean: np.ndarray, cov: np.ndarray, y: np.ndarray, ivar: np.ndarray, scatter: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """One label as a linear function of latents known as N(mean, cov) from elsewhere.

    Given the spectrum, y is normal about ``row . [1, mean]`` with variance ``w' cov w + scatter^2 + 1 / ivar``, so
    that regression on posterior means is not attenuated (Berkson 1950, JASA 45, 164). The weights w have the prior
    N(0, t^2 I), the same in every rotation of the latents; t^2 maximises the evidence (MacKay 1992, Neural
    Computation 4, 415) and the scatter follows by Fisher scoring.

    Parameters
    ----------
    mean, cov : (star, latent) and (star, latent, latent) arrays
    y, ivar : (star,) arrays
        Zero inverse variance where the label is missing.
    scatter : float
        Where to start from.

    Returns
    -------
    row : (1 + latent,) array
        Intercept and weights.
    cov : (1 + latent, 1 + latent) array
        Posterior covariance of the row.
    scatter : float
    """
    seen = ivar > 0
    y, cov, noise = y[seen], cov[seen], 1 / ivar[seen]
    phi = np.column_stack([np.ones(len(y)), mean[seen]])
    n = phi.shape[1] - 1
    row, prior, variance = np.zeros(n + 1), 1.0, scatter**2
    for _ in range(STEPS):
        before = row
        total = np.einsum("i,nij,j->n", row[1:], cov, row[1:]) + variance + noise
        precision = phi.T @ (phi / total[:, None])
        precision[1:, 1:] += np.eye(n) / prior
        spread = np.linalg.inv(precision)
        row = spread @ (phi.T @ (y / total))
        determined = n - np.trace(spread[1:, 1:]) / prior
        prior = max(row[1:] @ row[1:] / max(determined, 1e-3), 1e-8)
        square = (y - phi @ row) ** 2 + np.einsum("ni,ij,nj->n", phi, spread, phi)
        variance = max(variance + np.sum((square - total) / total**2) / np.sum(total**-2), 0.0)
        if np.max(np.abs(row - before)) < 1e-9:
            break
    return row, spread, float(np.sqrt(variance))


def _latents(model: Lux, batch: AbstractStars, block: int | None) -> tuple[np.ndarray, np.ndarray]:
    parts = []
    for part, _, where in blocks(batch, block):
        found = jax.block_until_ready(shard_map_stars(_posterior, STAR)(model, part))
        parts.append([np.asarray(x)[: where.stop - where.start] for x in found])
    mean, cov = (np.concatenate(x) for x in zip(*parts, strict=True))
    return batch.gathered(mean), batch.gathered(cov)


@eqx.filter_jit
def _posterior(model: Lux, block: Batch):
    posterior = latent_posterior(model, block)
    return posterior.mean, posterior.cov
