"""Log predictive density of stars that a model was not fitted to: the score that stops a fit by gradients."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..core import Batch
from ..core.internal import Array, PRNGKeyArray
from ..models import Lux
from ._blocks import blocks
from ._decoders import decoded
from ._posterior import latent_posterior
from ._star_sums import effective_ivar

__all__ = ["HeldOut", "held_out_stars"]

BLOCK = 128


def held_out_stars(n_stars: int, fraction: float, key: PRNGKeyArray) -> np.ndarray:
    """A random choice of stars, as a mask."""
    mask = np.zeros(n_stars, bool)
    mask[np.asarray(jax.random.permutation(key, n_stars))[: round(fraction * n_stars)]] = True
    return mask


class HeldOut:
    """Stars kept out of a fit, and the score of a model on them.

    Parameters
    ----------
    model : Lux
        For its number of latents.
    batch : Batch
        The stars.
    inputs : sequence of str
        The outputs that latents are inferred from. Default: those of the batch that are no labels, or its largest where all
        are.
    """

    def __init__(self, model: Lux, batch: Batch, inputs: Sequence[str] = ()):
        known = tuple(k for k in batch.names if k not in batch.labels)
        known = known or (max(batch.sizes, key=lambda k: batch.sizes[k]),)
        self.inputs = tuple(inputs or known)
        self.targets = tuple(k for k in batch.names if k not in self.inputs and k not in known)
        self.batch = batch

    def score(self, model: Lux) -> float:
        """Mean log predictive density of an observed label, its latents inferred from the inputs alone, in nats.

        The density is normal, with the label's error, its scatter and the spread of the latents. Without labels it is the
        log evidence of the inputs per value, in Laplace's approximation.
        """
        total, count = 0.0, 0.0
        for block, real, _ in blocks(self.batch, BLOCK):
            found = jax.block_until_ready(_score(model, block, real, self.inputs, self.targets))
            total, count = total + float(found[0]), count + float(found[1])
        return total / max(count, 1.0)


@eqx.filter_jit
def _score(model: Lux, block: Batch, real, inputs: tuple[str, ...], targets: tuple[str, ...]):
    posterior = latent_posterior(model, block.only(*inputs))
    if targets:
        parts = [_predictive(model, block, k, posterior) for k in targets]
    else:
        prior = -0.5 * jnp.sum(posterior.mean**2, axis=1) - 0.5 * posterior.logdet
        parts = [(prior, jnp.zeros(())), *(_fit(model, block, k, posterior.mean) for k in inputs)]
    return sum(jnp.sum(real.astype(p.dtype) * p) for p, _ in parts), sum(jnp.sum(c) for _, c in parts)


def _predictive(model: Lux, block: Batch, name: str, posterior) -> tuple[Array, Array]:
    decoder, ivar = model.decoders[name], block[name].ivar
    jac = jax.vmap(jax.jacfwd(decoder))(posterior.mean)
    spread = jnp.einsum("nli,nij,nlj->nl", jac, posterior.cov, jac)
    weight = effective_ivar(ivar, jnp.sqrt(model.scatter[name] ** 2 + spread))
    return _normal(block[name].value - jax.vmap(decoder)(posterior.mean), weight)


def _fit(model: Lux, block: Batch, name: str, z) -> tuple[Array, Array]:
    m = block[name]
    weight = effective_ivar(m.ivar, model.scatter[name])
    return _normal(m.value - decoded(model.decoders[name], z, m.value.dtype), weight)


def _normal(residual, weight) -> tuple[Array, Array]:
    """Log density of each star's measured values, and their number."""
    seen = weight > 0
    terms = jnp.where(seen, jnp.log(jnp.where(seen, weight, 1) / (2 * jnp.pi)) - weight * residual**2, 0)
    return 0.5 * jnp.sum(terms, axis=1), jnp.sum(seen, axis=1)
