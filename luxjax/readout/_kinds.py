"""What every read-out is, and those that are polynomials. A new one is a class in a new file, and one line in the registry."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from ..core.internal import Array, pack
from ..models import AbstractDecoder, Linear, Quadratic
from ..system.internal import in_threads
from ._noise import learn_noise
from ._polynomial import Design, as_monomials, regress
from ._sample import Found, Sample

__all__ = ["AbstractReadOut", "PolynomialReadOut"]

ROUNDS = 3


class AbstractReadOut(ABC):
    """A Bayesian regression of labels on the latents that the inputs alone give."""

    @abstractmethod
    def fit(self, sample: Sample) -> tuple[AbstractDecoder, Array | None, list[Found]]:
        """The decoder of all labels, the packed covariances of its rows where it is linear in them, and what was found of each."""

    def suits(self, sample: Sample) -> bool:
        """Whether it is a candidate for these stars where the kind is chosen by leave-one-out residuals."""
        return True


@dataclass(frozen=True)
class PolynomialReadOut(AbstractReadOut):
    """Linear in the latents, or with the products of the leading ones."""

    leading: int = 0

    def fit(self, sample: Sample) -> tuple[AbstractDecoder, Array | None, list[Found]]:
        n = sample.latents.shape[1]
        design = Design(n, min(self.leading, n))
        rows, covs, found = zip(
            *in_threads(lambda j: self._label(design, sample, j), range(sample.n_labels)), strict=True
        )
        row = jnp.asarray(np.array(rows))
        decoder: AbstractDecoder = (
            Quadratic(row[:, 0], row[:, 1:], n, design.leading)
            if design.leading
            else Linear(row[:, 0], row[:, 1:])
        )
        return decoder, jnp.asarray(pack(np.array(covs))), list(found)  # type: ignore[arg-type]  # NumPy's, as it takes too

    def suits(self, sample: Sample) -> bool:
        # With as many terms as stars the residuals of stars left out flatter it: the scales of the terms have seen these stars.
        n = sample.latents.shape[1]
        return not self.leading or Design(n, min(self.leading, n)).n_features <= int(sample.known.sum())

    def _label(self, design: Design, sample: Sample, j: int) -> tuple[np.ndarray, np.ndarray, Found]:
        seen, y, variance = sample.of(j)
        z, t, s, scales = sample.latents[seen], 1.0, 0.0, None
        for step in range(ROUNDS):
            noise = np.maximum(t**2 * variance + s**2, 1e-8 * np.var(y) + 1e-300)
            found, scales = regress(design, z, y, noise, scales)
            residual, leverage = _in_sample(design, found, z, y, noise)
            if step + 1 < ROUNDS:
                t, s = learn_noise(residual**2 / (1 - leverage), variance)
        row, cov = as_monomials(design, found)
        return row, cov, Found(t, s, residual / (1 - leverage), found.evidence, found.effective)


def _in_sample(design: Design, found, z, y, noise) -> tuple[np.ndarray, np.ndarray]:
    """Residuals and leverages of the training stars, some at a time."""
    residual, leverage = np.empty(len(y)), np.empty(len(y))
    for k in range(0, len(y), 4096):
        part = slice(k, k + 4096)
        x = design(z[part]) - found.mean_x
        residual[part] = y[part] - found.mean_y - x @ found.weight
        leverage[part] = (np.sum((x @ found.cov) * x, axis=1) + found.mean_variance) / noise[part]
    return residual, np.minimum(leverage, 0.99)
