"""What every posterior answers: moments, quantiles, draws, densities and predictions."""

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats as scipy_stats

from ..core import Batch, Gaussian, InputError, check_name
from ..core.internal import PRNGKeyArray, as_key, join_names
from ..fitted import FittedModel
from ..models import Lux
from ._label_draws import DRAWS, label_draws, label_moments
from ._priors import Priors
from ._stars import StarDensity, star_data

__all__ = ["AbstractPosterior", "GaussianPosterior", "SamplePosterior", "decode", "unit_noise"]

ROUNDING = 1e-9  # eigenvalues this far below zero, in units of the largest, may be zero


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
        the model; then the model's calibration for the outputs that the stars were inferred from is applied. `predict` gives
        the raw draws.

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
        """The posterior of the stars chosen by a slice, integer array or boolean mask."""

    def _chosen(self, index) -> dict[str, Any]:
        """The fields that every posterior has, of these stars."""
        batch = None if self.batch is None else self.batch.stars(index)
        return {"ids": self.ids[index], "batch": batch}

    def noise(
        self, name: str, shape: tuple[int, int], scatter: np.ndarray | None = None, *, key: PRNGKeyArray | int
    ) -> np.ndarray:
        """Draws of the noise of one output, in the catalogue's units, (draw, star, out).

        Parameters
        ----------
        name : str
            The measurement errors are those of the batch, none where it does not hold this output.
        shape : (draw, star)
        scatter : (draw, out) or (1, out) array, optional
            Intrinsic scatter in the model's units; the model's own by default.
        """
        model = self.fitted.model
        scatter = np.asarray(model.scatter[name])[None] if scatter is None else scatter
        variance = scatter[:, None, :] ** 2 + self._error_variance(name)
        with jax.enable_x64(True):
            unit = np.asarray(unit_noise(as_key(key), (*shape, scatter.shape[1]), model.dof[name]))
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


@dataclass(frozen=True, eq=False)
class GaussianPosterior(AbstractPosterior):
    """A normal distribution for the latents of each star, the decoders being known.

    Attributes
    ----------
    gaussian : Gaussian
        Means and covariances, host arrays in double precision.
    loss : (step,) array
        Minus the evidence lower bound by step, averaged over stars, of a variational fit; empty for others.
    """

    gaussian: Gaussian
    loss: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def __repr__(self) -> str:
        return f"GaussianPosterior({self.method}: {len(self)} stars, {self.n_latents} latents)"

    @property
    def is_normal(self) -> bool:
        return True

    @property
    def mean(self) -> np.ndarray:
        return self.gaussian.mean  # type: ignore[return-value]

    @property
    def cov(self) -> np.ndarray:
        return self.gaussian.cov  # type: ignore[return-value]

    def select(self, index) -> "GaussianPosterior":
        rows = np.arange(len(self))[index].reshape(-1)
        return self.replace(**self._chosen(rows), gaussian=Gaussian(self.mean[rows], self.cov[rows]))  # type: ignore[arg-type]

    def quantile(self, q: float) -> np.ndarray:
        return self.mean + scipy_stats.norm.ppf(_probability(q)) * self.sd

    def sample(self, n: int, *, key: PRNGKeyArray | int) -> np.ndarray:
        self._need_definite(strictly=False)
        with jax.enable_x64(True):
            return np.asarray(self.gaussian.sample(_positive("draws", n), key=as_key(key)))

    def log_density(self, z: np.ndarray) -> np.ndarray:
        """Natural log of the normal density of each star at `z` (star, latent), normalised, (star,)."""
        self._need_definite(strictly=True)
        with jax.enable_x64(True):
            return np.asarray(jax.tree.map(jnp.asarray, self.gaussian).log_density(jnp.asarray(z)))

    @property
    def definiteness(self) -> np.ndarray:
        """Smallest over largest eigenvalue of each star's covariance, (star,): positive where it is positive definite."""
        finite = np.isfinite(self.cov).all((1, 2))
        values = np.linalg.eigvalsh(np.where(finite[:, None, None], self.cov, np.eye(self.n_latents)))
        return np.where(finite, values[:, 0] / np.maximum(np.abs(values).max(1), 1e-300), np.nan)

    def _need_definite(self, *, strictly: bool) -> None:
        """Raise unless all covariances are positive definite, or at least not negative but for rounding."""
        wrong = ~(self.definiteness > (0 if strictly else -ROUNDING))
        if wrong.any():
            raise InputError(
                f"the covariances of {wrong.sum()} of {len(self)} stars are not positive definite "
                f"({join_names(self.ids[wrong], 3)}), so they have no density and no draws; infer these stars again, with NUTS if "
                "Laplace or Variational gave this, or save the posterior again if it was changed."
            )

    def _draws_with_models(self, n: int, key: PRNGKeyArray) -> tuple[np.ndarray, list[Lux]]:
        return self.sample(n, key=key), [self.fitted.model]


@dataclass(frozen=True, eq=False)
class SamplePosterior(AbstractPosterior):
    """Draws of the latents, and of every leaf of the model that was inferred with them.

    Attributes
    ----------
    draws : (chain, draw, star, latent) array
    parameters : dict of str to (chain, draw, ...) array
        Leaves of the model by path, such as ``"decoders.flux.weight"``; empty where the decoders were known.
    stats : dict of str to (chain, draw) or (chain, draw, star) array
        Of a sampler, by ArviZ's names: ``lp`` (log density), ``energy``, ``acceptance_rate``, ``diverging``,
        ``n_steps``, ``tree_depth``, ``step_size``. With known decoders stars are sampled apart, and each has its own.
        Of draws from an approximation: ``lp`` and ``lq``, the log densities of posterior and approximation up to
        constants; of a variational one also ``loss`` (step,), minus the evidence lower bound.
    gauge : tuple of (str, int)
        The outputs' rows that fix the rotation of the latents, as (output, row); empty where the
        decoders were known, or are of a kind that has no such rows: then compare predictions, not latents.
    """

    draws: np.ndarray
    parameters: Mapping[str, np.ndarray] = field(default_factory=dict)
    stats: Mapping[str, np.ndarray] = field(default_factory=dict)
    gauge: tuple[tuple[str, int], ...] = ()

    def __repr__(self) -> str:
        chains, draws = self.draws.shape[:2]
        inferred = f", {len(self.parameters)} leaves of the model" if self.parameters else ""
        return f"SamplePosterior({self.method}: {chains} x {draws} draws of {len(self)} stars{inferred})"

    def infers(self, path: str) -> bool:
        return any(name.startswith(path) for name in self.parameters)

    @property
    def n_chains(self) -> int:
        return self.draws.shape[0]

    @property
    def n_draws(self) -> int:
        """Draws per chain."""
        return self.draws.shape[1]

    @property
    def pooled(self) -> np.ndarray:
        """The draws of all chains one after another, (chain x draw, star, latent)."""
        return self.draws.reshape(-1, *self.draws.shape[2:])

    @property
    def mean(self) -> np.ndarray:
        return self.draws.mean((0, 1))

    @property
    def cov(self) -> np.ndarray:
        centred = self.pooled - self.mean
        return np.einsum("sni,snj->nij", centred, centred) / (len(centred) - 1)

    def select(self, index) -> "SamplePosterior":
        rows = np.arange(len(self))[index].reshape(-1)
        stats = {k: v[:, :, rows] if np.ndim(v) == 3 else v for k, v in self.stats.items()}
        return self.replace(**self._chosen(rows), draws=self.draws[:, :, rows], stats=stats)

    def quantile(self, q: float) -> np.ndarray:
        return np.quantile(self.pooled, _probability(q), axis=0)

    def sample(self, n: int, *, key: PRNGKeyArray | int) -> np.ndarray:
        """`n` of the draws, each once while there are enough of them, (draw, star, latent)."""
        return self.pooled[self._pick(n, as_key(key))]

    def log_density(self, z: np.ndarray) -> np.ndarray:
        """Ln p(z, data) of each star at `z` (star, latent): the log posterior density up to a constant per star.

        For known decoders only; with inferred ones the stars share them and have no density apart.
        """
        if self.parameters:
            raise InputError(
                "decoders or scatter were inferred too, so the latents alone have no density in closed form; the "
                'sampler\'s own is stats["lp"].'
            )
        batch, model = self._need_batch(), self.fitted.model
        with jax.enable_x64(True):
            return np.asarray(
                _log_density(StarDensity(model, self.priors.latents), star_data(model, batch), jnp.asarray(z))
            )

    def model_at(self, chain: int, draw: int) -> Lux:
        """The model of one draw."""
        paths = list(self.parameters)
        with jax.enable_x64(True):
            values = {path: jnp.asarray(self.parameters[path][chain, draw]) for path in paths}
        return replace_leaves(self.fitted.model, values)

    def split_r_hat(self) -> dict[str, np.ndarray]:
        """Split R-hat of the latents (star, latent) and of every inferred leaf (Gelman et al. 2013, BDA3, eq. 11.4)."""
        from numpyro.diagnostics import split_gelman_rubin

        if self.n_chains < 2:
            raise InputError("R-hat compares chains and there is only one; sample with NUTS(chains=4).")
        if self.n_draws < 4:
            raise InputError(f"R-hat needs at least 4 draws per chain; there are {self.n_draws}.")
        with np.errstate(invalid="ignore", divide="ignore"):  # entries that the gauge fixes do not vary
            return {k: split_gelman_rubin(v) for k, v in {"latents": self.draws, **self.parameters}.items()}

    def _pick(self, n: int, key: PRNGKeyArray) -> np.ndarray:
        total = self.n_chains * self.n_draws
        return np.asarray(jax.random.choice(key, total, (_positive("draws", n),), replace=n > total))

    def _draws_with_models(self, n: int, key: PRNGKeyArray) -> tuple[np.ndarray, list[Lux]]:
        picked = self._pick(n, key)
        if not self.parameters:
            return self.pooled[picked], [self.fitted.model]
        models = [self.model_at(*divmod(int(i), self.n_draws)) for i in picked]
        return self.pooled[picked], models


@eqx.filter_jit
def _log_density(density: StarDensity, stars, z):
    return jax.vmap(density)(z, stars)


def replace_leaves(model: Lux, values: Mapping[str, Any]) -> Lux:
    """The model with the leaves at these paths replaced."""
    leaves, tree = jax.tree_util.tree_flatten_with_path(model)
    names = [jax.tree_util.keystr(path, simple=True, separator=".") for path, _ in leaves]
    for path in values:
        check_name("leaf of the model", path, names)
    return jax.tree_util.tree_unflatten(
        tree, [values.get(name, leaf) for name, (_, leaf) in zip(names, leaves, strict=True)]
    )
