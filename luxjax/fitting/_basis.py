"""The basis of the latents of linear decoders: free to choose, for predictions do not change with it.

All of it follows from the moments of the latents and the weights, and is small: NumPy does it, and nothing is compiled.
"""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import numpy as np

from ..core.internal import Array, Float
from ..models import Linear, Lux

__all__ = ["LatentMoments", "balanced", "unit_moments", "whitened"]


class LatentMoments(NamedTuple):
    """Number of stars, and the sums of their latents and of the products of these."""

    n: Float[Array, ""]
    first: Float[Array, " latent"]
    second: Float[Array, "latent latent"]


def unit_moments(model: Lux, n_stars: int) -> LatentMoments:
    """Those of latents of zero mean and unit covariance, as a start has them."""
    return _put(float(n_stars), np.zeros(model.n_latents), n_stars * np.eye(model.n_latents))


def balanced(
    model: Lux, moments: LatentMoments, strength: Mapping[str, float], latent_strength: float, centre: bool
) -> tuple[Lux, LatentMoments]:
    """Centre the latents, then the basis of least priors: lambda_z Z'Z = sum_k lambda_k W_k'W_k.

    With Z = Q_z R_z and W = Q_w R_w (both weighted by the root of their lambda), the singular values of R_z R_w' are
    shared equally between the two factors.
    """
    n, mean, square = _centred(moments, centre)
    weights = {k: np.asarray(model.feature_decoders[k].weight) for k in strength}
    root_z = _root(latent_strength * square)
    root_w = _root(sum(s * weights[k].T @ weights[k] for k, s in strength.items()))
    u, values, _ = np.linalg.svd(root_z @ root_w.T)
    turn = np.linalg.solve(root_z, u * np.sqrt(values))
    first = np.asarray(moments.first) - n * mean
    return _in_basis(model, mean, turn), _put(n, first @ turn, turn.T @ square @ turn)


def whitened(model: Lux, moments: LatentMoments, centre: bool) -> Lux:
    """The model in the basis where the latents have zero mean and unit covariance, as their N(0, I) prior says."""
    n, mean, square = _centred(moments, centre)
    return _in_basis(model, mean, np.linalg.inv(_root(square / n)))


def _centred(moments: LatentMoments, centre: bool) -> tuple[float, np.ndarray, np.ndarray]:
    """Number of stars, the mean of their latents (zero unless asked for) and the sum of squares about it."""
    n, first, second = (np.asarray(x) for x in moments)
    mean = first / n if centre else np.zeros_like(first)
    return float(n), mean, second - n * np.outer(mean, mean)


def _root(matrix: np.ndarray) -> np.ndarray:
    """Upper triangular R with R'R = matrix, kept invertible where the matrix is singular."""
    floor = 1e-14 * np.trace(matrix) / len(matrix)
    return np.linalg.cholesky(matrix + floor * np.eye(len(matrix))).T


def _in_basis(model: Lux, mean: np.ndarray, turn: np.ndarray) -> Lux:
    """The decoders for latents (z - mean) @ turn, with every prediction as it was."""
    back, decoders = np.linalg.inv(turn).T, {}
    for name, decoder in model.feature_decoders.items():
        intercept, weight = np.asarray(decoder.intercept), np.asarray(decoder.weight)
        decoders[name] = Linear(jax.device_put(intercept + weight @ mean), jax.device_put(weight @ back))
    return Lux(decoders, model.scatter)


def _put(*moments) -> LatentMoments:
    return LatentMoments(*(jax.device_put(np.asarray(x)) for x in moments))
