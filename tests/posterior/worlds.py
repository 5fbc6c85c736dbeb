"""Small models with known decoders, and their data, shared by the tests of posteriors."""

import jax
import jax.numpy as jnp
import numpy as np

from luxjax.core import Batch, OutputData
from luxjax.models import AbstractDecoder, Linear, Lux, Quadratic
from luxjax.simulation import bilinear


class Saturating(AbstractDecoder):
    """tanh(b + B z): a decoder that is not linear in its weights."""

    weight: jax.Array
    intercept: jax.Array
    n_latents: int = 2

    def __call__(self, z):
        return jnp.tanh(self.intercept + self.weight @ z)


def linear_world(n_stars=6, n_latents=3, **options):
    """A linear model in double precision, its batch and the world they come from."""
    world = bilinear(n_stars, {"flux": 40, "labels": 3}, n_latents, key=4, scatter=0.02, snr=30, **options)
    with jax.enable_x64(True):
        decoders = {
            k: Linear(jnp.asarray(world.intercepts[k]), jnp.asarray(w)) for k, w in world.weights.items()
        }
        model = Lux(decoders, {k: jnp.asarray(s) for k, s in world.scatter.items()})
    return model, world.catalog.batch(), world


def curved_model(kind="quadratic", n_out=12, curvature=0.3):
    """A model of two latents whose decoder is quadratic, or saturates."""
    rng = np.random.default_rng(8)
    with jax.enable_x64(True):
        first, intercept = jnp.asarray(rng.normal(size=(n_out, 2))), jnp.asarray(rng.normal(size=n_out))
        if kind == "quadratic":
            second = jnp.asarray(curvature * rng.normal(size=(n_out, 3)))
            return Lux({"flux": Quadratic(intercept, jnp.concatenate([first, second], 1), 2)})
        return Lux({"flux": Saturating(0.5 * first, 0.3 * intercept)})


def observe(model, n_stars=4, sigma=0.3, seed=0):
    """Stars drawn from a model with noise of one size; every seventh value is bad."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n_stars, model.n_latents))
    with jax.enable_x64(True):
        clean = np.asarray(jax.vmap(model.decoders["flux"])(jnp.asarray(z)))
    ivar = np.full(clean.shape, sigma**-2.0)
    ivar.flat[::7] = 0
    return Batch({"flux": OutputData.clean(clean + sigma * rng.normal(size=clean.shape), ivar)}), z
