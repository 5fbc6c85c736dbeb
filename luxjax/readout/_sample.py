"""What a read-out learns from: the latents that the inputs alone give to the training stars, and their labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np

from ..core import Batch
from ..core.internal import AbstractStars
from ..latents import weight_products
from ..latents.internal import Products, blocks, latent_posterior
from ..models import Lux
from ..parallel.internal import STAR, shard_map_stars

__all__ = ["Found", "InputLatents", "Sample", "canonical_basis", "input_latents", "mean_log_error"]


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
    information : (latent,) array, optional
        What the inputs of a typical star tell of each latent, in units of its prior.
    """

    latents: np.ndarray
    value: np.ndarray
    variance: np.ndarray
    information: np.ndarray | None = None

    @property
    def n_labels(self) -> int:
        return self.value.shape[1]

    @property
    def known(self) -> np.ndarray:
        """Stars that have some label, (star,) bool."""
        return np.isfinite(self.variance).any(axis=1)

    def select(self, rows: np.ndarray) -> "Sample":
        """These stars of it."""
        return Sample(self.latents[rows], self.value[rows], self.variance[rows], self.information)

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
    stated_share : float
        How much processes that believe the stated errors count in the mean with those of one error for all stars; 1 where there are
        no others.
    """

    error_scale: float
    scatter: float
    residual: np.ndarray
    evidence: float
    effective: float
    stated_share: float = 1.0


def mean_log_error(found: Sequence[Found]) -> float:
    """How well labels are predicted by the other stars: the mean over labels of ln leave-one-out RMSE."""
    return float(np.mean([np.log(np.sqrt(np.mean(f.residual**2))) for f in found]))


class InputLatents(NamedTuple):
    """Posterior means (star, latent); averages over stars of the information on the latents and of their covariance."""

    mean: np.ndarray
    information: np.ndarray
    cov: np.ndarray


def input_latents(model: Lux, inputs: AbstractStars, block: int | None = None) -> InputLatents:
    """Latents of all stars from these outputs alone."""
    model = model.only(*inputs.names)
    products = weight_products(model, inputs.names, inputs.dtype)
    run = shard_map_stars(_posterior, STAR)
    eye = np.eye(model.n_latents)
    mean, information, cov = [], np.zeros_like(eye), np.zeros_like(eye)
    for part, _, where in blocks(inputs, block):
        n = where.stop - where.start
        found, spread = (np.asarray(x)[:n] for x in jax.block_until_ready(run(model, products, part)))
        mean.append(found)
        cov += spread.sum(axis=0)
        information += np.sum(np.linalg.inv(spread) - eye, axis=0)  # less that of the prior
    information, cov = (x / inputs.n_stars for x in inputs.all_reduce((information, cov)))
    return InputLatents(inputs.gathered(np.concatenate(mean)), information, cov)


def canonical_basis(information: np.ndarray) -> np.ndarray:
    """The rotation U, z = U u, to latents u of falling information in a typical star: what "the leading latents" means."""
    values, vectors = np.linalg.eigh(information)
    vectors = vectors[:, np.argsort(-values)]
    return vectors * np.where(vectors[np.abs(vectors).argmax(axis=0), np.arange(len(values))] < 0, -1.0, 1.0)


@eqx.filter_jit
def _posterior(model: Lux, products: Products | None, block: Batch):
    found = latent_posterior(model, block, products=products)
    return found.mean, found.cov
