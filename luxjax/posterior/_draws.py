"""What draws of a posterior say of outputs and data: decoded values, and likelihoods with or without the latents."""

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..core import Batch, InputError
from ..latents.internal import effective_ivar
from ..models import Lux
from ._joint import log_marginals
from ._posterior import AbstractPosterior
from ._samples import SamplePosterior, replace_leaves
from ._stars import StarDensity, noise_density, star_data

__all__ = ["decode_draws", "log_joint", "log_likelihoods", "log_units", "marginal_likelihoods"]

BLOCK = 256  # stars worked on at a time, for memory

Leaves = Mapping[str, np.ndarray]


def decode_draws(
    posterior: AbstractPosterior, name: str, z: np.ndarray, leaves: Leaves, columns: np.ndarray | None = None
) -> np.ndarray:
    """The noise-free output of every draw, in the catalogue's units.

    Parameters
    ----------
    name : str
        Output.
    z : (chain, draw, star, latent) array
    leaves : mapping of str to (chain, draw, ...) array
        Leaves of the model that go with each draw; empty where it is known.
    columns : int array, optional
        Which pixels or labels. Default: all.

    Returns
    -------
    (chain, draw, star, out) array
    """
    info, model = posterior.fitted.info(name), posterior.fitted.model
    columns = np.arange(len(model.scatter[name])) if columns is None else np.asarray(columns)
    with jax.enable_x64(True):
        found = np.asarray(_decode_each(model, name, _flat(leaves), _flat(z), jnp.asarray(columns)))
    return found.reshape(*z.shape[:3], -1) * info.scale[columns] + info.loc[columns]


@eqx.filter_jit
def _decode_each(model: Lux, name: str, leaves, z, columns):
    def one(x):
        return jax.vmap(replace_leaves(model, x[0]).decoders[name])(x[1])[:, columns]

    return jax.lax.map(one, (leaves, z))


def log_likelihoods(posterior: AbstractPosterior, z: np.ndarray, leaves: Leaves) -> dict[str, np.ndarray]:
    """Ln p(y | z, model) of every draw, star and output, (chain, draw, star); densities of values in their own units."""
    batch = posterior._need_batch()
    with jax.enable_x64(True):
        found = jax.tree.map(
            np.asarray, _likelihood_each(posterior.fitted.model, _wide(batch), _flat(leaves), _flat(z))
        )
    units = log_units(posterior, batch)
    return {name: v.reshape(*z.shape[:3]) - units[name] for name, v in found.items()}


@eqx.filter_jit
def _likelihood_each(model: Lux, batch: Batch, leaves, z):
    def one(x):
        drawn = replace_leaves(model, x[0])
        found = {}
        for name, m in batch.outputs.items():
            weight = effective_ivar(m.ivar, drawn.scatter[name])
            residual = m.value - jax.vmap(drawn.decoders[name])(x[1])
            found[name] = jax.vmap(lambda w, r, dof=drawn.dof[name]: noise_density(w, r, dof))(
                weight, residual
            )
        return found

    return jax.lax.map(one, (leaves, z))


def marginal_likelihoods(posterior: SamplePosterior) -> np.ndarray:
    """Ln p(y | model) of every draw and star with the latents integrated out, (chain, draw, star).

    For linear decoders, Gaussian noise and latents of prior N(0, I), where the integral is known.
    """
    batch, model = posterior._need_batch(), posterior.fitted.model
    if not (model.is_linear and model.is_gaussian and posterior.priors.standard_latents):
        raise InputError(
            "latents can be integrated out for linear decoders, Gaussian noise and latents of prior Normal(0, 1) only."
        )
    with jax.enable_x64(True):
        found = np.asarray(_marginal_each(model, _wide(batch), _flat(posterior.parameters)))
    return found.reshape(*posterior.draws.shape[:3]) - sum(log_units(posterior, batch).values())


@eqx.filter_jit
def _marginal_each(model: Lux, batch: Batch, leaves):
    return jax.lax.map(lambda x: log_marginals(star_data(replace_leaves(model, x), batch)), leaves)


def log_joint(posterior: AbstractPosterior, z: np.ndarray, stars: np.ndarray) -> np.ndarray:
    """Ln p(z, y) with the model known, in its scaled units.

    Parameters
    ----------
    z : (draw, star, latent) array
    stars : (star,) int array
        Which stars of the posterior these are.

    Returns
    -------
    (draw, star) array
    """
    batch = posterior._need_batch()
    density = StarDensity(posterior.fitted.model, posterior.priors.latents)
    found = []
    with jax.enable_x64(True):
        for i in range(0, len(stars), BLOCK):
            data = star_data(posterior.fitted.model, _wide(batch.stars(stars[i : i + BLOCK])))
            found.append(np.asarray(_density_each(density, data, jnp.asarray(z[:, i : i + BLOCK]))))
    return np.concatenate(found, axis=1)


@eqx.filter_jit
def _density_each(density: StarDensity, data, z):
    return jax.lax.map(lambda one: jax.vmap(density)(one, data), z)


def _flat(tree):
    """Chains one after another."""
    return jax.tree.map(
        lambda a: jnp.asarray(a).reshape(-1, *a.shape[2:]), dict(tree) if isinstance(tree, Mapping) else tree
    )


def _wide(batch: Batch) -> Batch:
    return jax.tree.map(lambda a: a.astype(jnp.float64), batch)


def log_units(posterior: AbstractPosterior, batch: Batch) -> dict[str, np.ndarray]:
    """Log of the scale of all measured values of a star, by output: the model sees labels in units of their spread."""
    info = posterior.fitted.info
    return {k: np.asarray(m.ivar > 0) @ np.log(info(k).scale) for k, m in batch.outputs.items()}
