"""What a read-out learns from: the latents that the inputs alone give to the training stars, and their labels."""

from dataclasses import dataclass
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..core import Batch
from ..core.internal import AbstractStars
from ..latents import weight_products
from ..latents.internal import Products, blocks, effective_ivars, latent_posterior
from ..models import Lux
from ..parallel.internal import STAR, shard_map_stars

__all__ = ["Found", "InputLatents", "Sample", "canonical_basis", "input_latents", "label_spread"]


@dataclass(frozen=True, eq=False)
class Sample:
    """Training stars as every read-out sees them; labels in the model's units, of about unit spread.

    Attributes
    ----------
    latents : (star, latent) array
        Posterior means from the inputs alone, in the canonical basis: the best measured latents first.
    value : (star, label) array
    variance : (star, label) array
        Squared stated errors of the labels; infinite where a label is missing.
    """

    latents: np.ndarray
    value: np.ndarray
    variance: np.ndarray

    @property
    def n_labels(self) -> int:
        return self.value.shape[1]

    @property
    def known(self) -> np.ndarray:
        """Stars that have some label, (star,) bool."""
        return np.isfinite(self.variance).any(axis=1)

    def of(self, label: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Stars that have the label (star,) bool, and the label and its variance for these."""
        seen = np.isfinite(self.variance[:, label])
        return seen, self.value[seen, label], self.variance[seen, label]


class Found(NamedTuple):
    """One label as a read-out found it, in the units of the sample.

    Attributes
    ----------
    error_scale : float
        t: what the stated errors of the label have to be multiplied by, 1 at most.
    scatter : float
        s: scatter of the label about the read-out. A training star's label has the variance t^2 error^2 + s^2, which holds
        what the noise of its inputs does to it.
    residual : (star,) array
        Observed minus predicted label of each training star that has it, by the others (leave-one-out).
    evidence : float
        Log marginal likelihood of the label, in nats.
    effective : float
        Effective number of parameters.
    """

    error_scale: float
    scatter: float
    residual: np.ndarray
    evidence: float
    effective: float


class InputLatents(NamedTuple):
    """Posterior means (star, latent), and the information of a typical star on the latents (latent, latent)."""

    mean: np.ndarray
    information: np.ndarray


def input_latents(model: Lux, inputs: AbstractStars, block: int | None = None) -> InputLatents:
    """Latents of all stars from these outputs alone."""
    model = model.only(*inputs.names)
    products = weight_products(model, inputs.names, inputs.dtype)
    run = shard_map_stars(_posterior, STAR)
    mean, information = [], np.zeros((model.n_latents, model.n_latents))
    for part, _, where in blocks(inputs, block):
        n = where.stop - where.start
        found, known = (np.asarray(x)[:n] for x in jax.block_until_ready(run(model, products, part)))
        mean.append(found)
        information += known.sum(axis=0)
    return InputLatents(
        inputs.gathered(np.concatenate(mean)), inputs.all_reduce(information) / inputs.n_stars
    )


def label_spread(
    model: Lux, inputs: AbstractStars, slopes: np.ndarray, block: int | None = None
) -> np.ndarray:
    """Covariance of labels with these slopes (label, latent) by the noise of the inputs, the mean over stars (label, label)."""
    model = model.only(*inputs.names)
    products = weight_products(model, inputs.names, inputs.dtype)
    run = shard_map_stars(_spread, STAR)
    found = np.zeros((len(slopes), len(slopes)))
    for part, _, where in blocks(inputs, block):
        found += np.asarray(run(model, products, part, jnp.asarray(slopes)))[: where.stop - where.start].sum(
            axis=0
        )
    return inputs.all_reduce(found) / inputs.n_stars


def canonical_basis(information: np.ndarray) -> np.ndarray:
    """The rotation U, z = U u, to latents u of falling information in a typical star: what "the leading latents" means."""
    values, vectors = np.linalg.eigh(information)
    vectors = vectors[:, np.argsort(-values)]
    return vectors * np.where(vectors[np.abs(vectors).argmax(axis=0), np.arange(len(values))] < 0, -1.0, 1.0)


@eqx.filter_jit
def _posterior(model: Lux, products: Products | None, block: Batch):
    found = latent_posterior(model, block, products=products)
    weights = effective_ivars(model, block)
    rows = {k: model.decoders[k].jacobian(jnp.zeros(model.n_latents)).astype(block.dtype) for k in weights}
    known = sum(
        jnp.einsum("np,pa,pb->nab", w, rows[k], rows[k], optimize="optimal") for k, w in weights.items()
    )
    return found.mean, known


@eqx.filter_jit
def _spread(model: Lux, products: Products | None, block: Batch, slopes):
    cov = latent_posterior(model, block, products=products).cov
    return jnp.einsum("la,nab,mb->nlm", slopes, cov, slopes)
