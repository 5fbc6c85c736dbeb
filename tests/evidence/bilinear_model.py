"""A model that is exactly right: the decoders of a bilinear world as they were drawn."""

import jax
import numpy as np

from luxjax.core.internal import pack
from luxjax.fitted import FittedModel, OutputInfo
from luxjax.models import Linear, Lux
from luxjax.simulation import Bilinear, bilinear

SIZES = {"flux": 60, "labels": 3}


def world(n_stars=300, n_latents=5, key=0, **changes) -> Bilinear:
    return bilinear(n_stars, SIZES, n_latents, key=key, scatter=0.02, bad_fraction=0.05, **changes)


def exact(made: Bilinear) -> FittedModel:
    """The model of the world, in the catalogue's own units."""
    with jax.enable_x64(True):
        decoders = {
            k: Linear(jax.numpy.asarray(made.intercepts[k]), jax.numpy.asarray(w))
            for k, w in made.weights.items()
        }
        weight_cov = {k: _covariances(made, k) for k in decoders}
        scatter = {k: jax.numpy.asarray(s) for k, s in made.scatter.items()}
        model = Lux(decoders, scatter)
    labels = made.catalog.labels()
    outputs = {
        "flux": OutputInfo.of(made.catalog.spectra("flux")),
        "labels": OutputInfo(np.zeros(3), np.ones(3), names=labels.names),
    }
    return FittedModel(model, weight_cov, outputs)


def _covariances(made: Bilinear, name: str):
    """Some covariance for each decoder row, not the same in every direction, as if learned from 1,000 stars."""
    size, n = made.weights[name].shape
    root = np.random.default_rng(3).normal(size=(size, n + 1, n + 1)) * made.scatter[name][0] / 30
    return pack(jax.numpy.asarray(root @ root.transpose(0, 2, 1)))
