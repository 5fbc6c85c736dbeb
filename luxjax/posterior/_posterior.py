"""What every posterior answers: moments, quantiles, draws, densities and predictions."""

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..core import Batch, InputError
from ..core.internal import PRNGKeyArray, as_key
from ..fitted import FittedModel
from ..models import Lux
from ._label_draws import DRAWS, label_draws, label_moments
from ._priors import Priors

__all__ = ["AbstractPosterior", "decode", "unit_noise"]


@dataclass(frozen=True, eq=False)
class AbstractPosterior(ABC):
    """The posterior of the latents of stars, and perhaps of the model that they share.

    Attributes
    ----------
    fitted : FittedModel
        The model it was inferred with. Where decoders or scatter were inferred too, their starting point.
    ids : (star,) array of str
    method, settings : str, dict
        How it was found.
    priors : Priors
    batch : Batch or None
        What the stars were inferred from; None after `load_posterior` without data.
    """

    fitted: FittedModel
    ids: np.ndarray
    method: str
    settings: Mapping[str, Any]
    priors: Priors
    batch: Batch | None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def n_latents(self) -> int:
        return self.fitted.model.n_latents

    @property
    @abstractmethod
    def mean(self) -> np.ndarray:
        """Posterior means, (star, latent)."""

    @property
    @abstractmethod
    def cov(self) -> np.ndarray:
        """Posterior covariances, (star, latent, latent)."""

    @property
    def sd(self) -> np.ndarray:
        """Marginal standard deviations, (star, latent)."""
        return np.sqrt(np.diagonal(self.cov, axis1=1, axis2=2))

    @abstractmethod
    def quantile(self, q: float) -> np.ndarray:
        """Marginal quantiles of the latents, (star, latent)."""

    @abstractmethod
    def sample(self, n: int, *, key: PRNGKeyArray | int) -> np.ndarray:
        """`n` draws of all latents, (draw, star, latent)."""

    @abstractmethod
    def log_density(self, z: np.ndarray) -> np.ndarray:
        """Log posterior density of each star at `z` (star, latent), (star,)."""

    @abstractmethod
    def _draws_with_models(self, n: int, key: PRNGKeyArray) -> tuple[np.ndarray, list[Lux]]:
        """Draws of latents, and the model of each draw (one for all where the model is not inferred)."""

    def predict(self, name: str, n: int, *, key: PRNGKeyArray | int, noise: bool = False) -> np.ndarray:
        """Predictive draws of one output, in the catalogue's units, (draw, star, out).

        Parameters
        ----------
        name : str
            Any output that the model decodes, whether or not the stars had it.
        n : int
            Draws.
        noise : bool
            Whether to add noise: the intrinsic scatter, and the measurement errors of the batch where it holds this
            output. Without it these are draws of the noise-free output.
        """
        info = self.fitted.info(name)
        draw_key, noise_key = jax.random.split(as_key(key))
        with jax.enable_x64(True):
            z, models = self._draws_with_models(_positive("draws", n), draw_key)
            if len(models) == 1:
                values = np.asarray(decode(models[0].decoders[name], jnp.asarray(z)))
            else:
                pairs = zip(models, z, strict=True)
                values = np.stack([np.asarray(decode(m.decoders[name], jnp.asarray(x))) for m, x in pairs])
            values = values * info.scale + info.loc
            if noise:
                scatter = np.stack([np.asarray(m.scatter[name]) for m in models])
                values = values + self.noise(name, values.shape[:2], scatter, key=noise_key)
        return values

    def label_draws(self, n: int = DRAWS, *, key: PRNGKeyArray | int, calibrated: bool = True) -> np.ndarray:
        """Draws of the true labels of all stars, with the errors of `luxjax.transfer`, (draw, star, label).

        Drawn are the latents, the noise of the label decoder, learned from a finite training set, and the labels' scatter about
        the model; then the model's calibration for the outputs that the stars were inferred from is applied. Labels that are
        read out from the latents (`luxjax.readout`) are linearised at each star's posterior mean, as `luxjax.transfer` does.
        `predict` gives the raw draws.

        Parameters
        ----------
        n : int
            Draws.
        calibrated : bool
            Whether to apply the model's calibration, where it has one. With a `LuxWarning` where it has others only.
        """
        return label_draws(self, n, key=key, calibrated=calibrated)

    def label_moments(self, draws: np.ndarray, *, calibrated: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Means and errors of all labels, each (star, label): in closed form where there is one, else of these `label_draws`."""
        return label_moments(self, draws, calibrated=calibrated)

    @property
    def is_normal(self) -> bool:
        """Whether the latents of each star have a normal distribution."""
        return False

    def infers(self, path: str) -> bool:
        """Whether leaves of the model whose path begins so, such as ``"decoders."``, were inferred with the latents."""
        return False

    @abstractmethod
    def select(self, index):
        """The posterior of the stars chosen by a number, slice, integer array, boolean mask or identifiers."""

    def __getitem__(self, index):
        """The stars that `select` chooses."""
        return self.select(index)

    def __iter__(self):
        """One star after the other."""
        return (self.select(row) for row in range(len(self)))

    def _chosen(self, index) -> dict[str, Any]:
        """The fields that every posterior has, of these stars."""
        batch = None if self.batch is None else self.batch.stars(index)
        return {"ids": self.ids[index], "batch": batch}

    def noise(
        self, name: str, shape: tuple[int, int], scatter: np.ndarray | None = None, *, key: PRNGKeyArray | int
    ) -> np.ndarray:
        """Draws of the noise of one output, in the catalogue's units, (draw, star, out).

        The scatter of labels that are read out from the latents is correlated between them.

        Parameters
        ----------
        name : str
            The measurement errors are those of the batch, none where it does not hold this output.
        shape : (draw, star)
        scatter : (draw, out) or (1, out) array, optional
            Intrinsic scatter in the model's units. Default: the model's own.
        """
        model = self.fitted.model
        scatter = np.asarray(model.scatter[name])[None] if scatter is None else scatter
        variance = scatter[:, None, :] ** 2 + self._error_variance(name)
        with jax.enable_x64(True):
            unit = np.asarray(unit_noise(as_key(key), (*shape, scatter.shape[1]), model.dof[name]))
        if name in self.fitted.read_outs:  # never measured here, so all of the noise is scatter
            unit = unit @ np.linalg.cholesky(self.fitted.read_outs[name].correlation).T
        return np.sqrt(variance) * unit * self.fitted.info(name).scale

    def _error_variance(self, name: str) -> np.ndarray | float:
        if self.batch is None or name not in self.batch.names:
            return 0.0
        ivar = np.asarray(self.batch[name].ivar, float)
        return np.divide(1, ivar, out=np.zeros_like(ivar), where=ivar > 0)

    def _need_batch(self) -> Batch:
        if self.batch is None:
            raise InputError(
                "this needs the data that the stars were inferred from; give them: load_posterior(folder, data)."
            )
        return self.batch

    def replace(self, **changes: Any):
        """A copy with fields changed."""
        return dataclasses.replace(self, **changes)


@eqx.filter_jit
def decode(decoder, z):
    for _ in range(z.ndim - 1):
        decoder = jax.vmap(decoder)
    return decoder(z)


def unit_noise(key, shape: tuple[int, ...], dof: float):
    """Normal draws, or Student's t."""
    if math.isinf(dof):
        return jax.random.normal(key, shape, jnp.float64)
    return jax.random.t(key, dof, shape, jnp.float64)


def _positive(what: str, n: int) -> int:
    if n < 1:
        raise InputError(f"the number of {what} must be at least 1; given {n}.")
    return n


def _probability(q: float) -> float:
    if not 0 < q < 1:
        raise InputError(f"a quantile is asked by a probability between 0 and 1, such as 0.16; given {q}.")
    return q
