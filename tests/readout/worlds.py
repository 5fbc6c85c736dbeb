"""A small world whose labels are curved functions of its latents, with the decoder of its spectra known."""

import jax
import jax.numpy as jnp
import numpy as np

from luxjax.data import Catalog, LabelTable, Spectra
from luxjax.fitted import FittedModel, OutputInfo
from luxjax.models import Linear, Lux
from luxjax.readout._sample import Sample

PIXELS, LATENTS, FLUX_ERROR = 30, 3, 0.02
NAMES, UNITS = ("teff", "fe_h"), {"teff": "K"}
LOC, SPREAD = np.array([5000.0, 0.0]), np.array([300.0, 0.3])


def true_labels(z: np.ndarray) -> np.ndarray:
    """Two labels, quadratic in the latents, (star, label)."""
    curved = np.stack([z[:, 0] + 0.6 * z[:, 0] * z[:, 1], z[:, 1] - 0.5 * (z[:, 0] ** 2 - 1)], axis=1)
    return LOC + SPREAD * curved


def world(rng, n=160, *, label_error=0.05, missing=0.0) -> tuple[Catalog, FittedModel, np.ndarray]:
    """Stars, the model of their spectra, and their true labels; errors of the labels in units of their spread."""
    weight = 0.1 * np.random.default_rng(4).normal(size=(PIXELS, LATENTS)) * [3.0, 1.5, 0.7]
    z = rng.normal(size=(n, LATENTS))
    flux = 1 + z @ weight.T + FLUX_ERROR * rng.normal(size=(n, PIXELS))
    truth = true_labels(z)
    error = label_error * SPREAD * np.ones((n, 2))
    value = truth + error * rng.normal(size=truth.shape)
    value[rng.random(value.shape) < missing] = np.nan
    ids = [f"s{k}" for k in range(n)]
    spectra = Spectra(
        flux, np.full(flux.shape, FLUX_ERROR**-2), 5000.0 + np.arange(PIXELS), "air", ids, survey="toy"
    )
    catalog = Catalog({"flux": spectra, "labels": LabelTable(value, error, NAMES, ids, UNITS)})
    with jax.enable_x64(True):
        model = Lux({"flux": Linear(jnp.ones(PIXELS), jnp.asarray(weight))})
    return catalog, FittedModel(model, {}, {"flux": OutputInfo.of(spectra)}), truth


def sample(rng, n=60, n_latents=3, *, error=0.1, missing=0.0) -> Sample:
    """What a read-out learns from: two curved labels of unit spread, errors that differ from star to star."""
    z = rng.normal(size=(n, n_latents))
    truth = np.stack([np.sin(z[:, 0]) + 0.3 * z[:, 1], 0.5 * z[:, 1] + 0.4 * z[:, 0] * z[:, 1]], axis=1)
    stated = error * rng.uniform(0.5, 2.0, truth.shape)
    value = truth + stated * rng.normal(size=truth.shape)
    gone = rng.random(value.shape) < missing
    return Sample(z, np.where(gone, 0.0, value), np.where(gone, np.inf, stated**2))


def slopes(function, theta: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Central differences of a function of theta."""
    units = step * np.eye(len(theta))
    return np.array([(function(theta + u) - function(theta - u)) / (2 * step) for u in units])
