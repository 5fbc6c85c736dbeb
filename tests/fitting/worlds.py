"""Toy surveys with known parameters for the fitting tests."""

import jax.numpy as jnp
import numpy as np

from luxjax.core import Batch, OutputData
from luxjax.models import Linear, Lux


def toy_survey(rng, n_stars=60, sizes=None, n_latents=2, missing=0.2, noise=0.3, dtype=np.float64):
    """A bilinear world small enough for dense references: (batch, true model, latents)."""
    sizes = sizes or {"flux": 9, "labels": 3}
    z = rng.normal(size=(n_stars, n_latents))
    decoders, outputs = {}, {}
    for name, size in sizes.items():
        w, b = rng.normal(size=(size, n_latents)), rng.normal(size=size)
        error = noise * rng.uniform(0.5, 1.5, (n_stars, size))
        value = z @ w.T + b + error * rng.normal(size=error.shape)
        ivar = np.where(rng.random(error.shape) < missing, 0, error**-2)
        decoders[name] = Linear(jnp.asarray(b), jnp.asarray(w))
        outputs[name] = OutputData.clean(value, ivar, dtype)
    return Batch(outputs, [k for k in sizes if k == "labels"]), Lux(decoders), z
