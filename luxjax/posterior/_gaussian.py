"""Posteriors that are normal distributions, one for each star."""

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats as scipy_stats

from ..core import Gaussian, InputError
from ..core.internal import PRNGKeyArray, as_key, chosen_rows, join_names
from ..models import Lux
from ._posterior import AbstractPosterior, _positive, _probability

__all__ = ["GaussianPosterior"]

ROUNDING = 1e-9  # eigenvalues this far below zero, in units of the largest, may be zero


@dataclass(frozen=True, eq=False)
class GaussianPosterior(AbstractPosterior):
    """A normal distribution for the latents of each star, the decoders being known.

    Attributes
    ----------
    gaussian : Gaussian
        Means and covariances, host arrays in double precision.
    loss : (step,) array
        Minus the evidence lower bound by step, averaged over stars, of a variational fit; empty for others.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.posterior import infer
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> posterior = infer(fitted, stars, key=1)
    >>> posterior.method, posterior.gaussian.mean.shape
    ('Exact', (90, 2))
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
        rows = chosen_rows(index, len(self), self.ids)
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
