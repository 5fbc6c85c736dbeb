"""Posteriors of draws, from chains or from an approximation: of latents, and perhaps of the model itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..core import InputError, check_name
from ..core.internal import PRNGKeyArray, as_key, chosen_rows
from ..models import Lux
from ._posterior import AbstractPosterior, _positive, _probability
from ._stars import StarDensity, star_data

__all__ = ["SamplePosterior", "replace_leaves"]


@dataclass(frozen=True, eq=False)
class SamplePosterior(AbstractPosterior):
    """Draws of the latents, and of every leaf of the model that was inferred with them.

    Attributes
    ----------
    draws : (chain, draw, star, latent) array
    parameters : dict of str to (chain, draw, ...) array
        Leaves of the model by path, such as ``"decoders.flux.weight"``; empty where the decoders were known.
    stats : dict of str to (chain, draw) or (chain, draw, star) array
        Statistics of a sampler, by ArviZ's names: ``lp`` (log density), ``energy``, ``acceptance_rate``, ``diverging``,
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
        rows = chosen_rows(index, len(self), self.ids)
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
