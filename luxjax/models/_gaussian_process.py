"""A Gaussian process as a decoder: labels as smooth functions of the latents, whose errors grow away from the training stars."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp

from ..core import InputError
from ..core.internal import Array, Float
from ._decoders import AbstractStoredDecoder

__all__ = ["GaussianProcess", "Kernels", "kernel_of"]


class Kernels(NamedTuple):
    """Covariance functions of each member and output.

    k(x, x') = constant + l + square l^2 + amplitude exp(-roughness |x - x'|^2 / 2),    l = sum_a relevance_a x_a x'_a,

    with the distance in the measure of the relevances too. They are variances: in squared units of the output.
    """

    constant: Float[Array, "member out"]
    relevance: Float[Array, "member out latent"]
    square: Float[Array, "member out"]
    amplitude: Float[Array, "member out"]
    roughness: Float[Array, "member out"]


class GaussianProcess(AbstractStoredDecoder):
    """Posterior mean of a Gaussian process in the latents, for every output; the average of several where there are members.

    With points x_i of the latents (the training stars, or fewer that stand for them) the mean is
    ``intercept + sum_i k(z, x_i) alpha_i`` and the variance ``k(z, z) - |root k(x, z)|^2`` (Rasmussen & Williams 2006,
    Gaussian Processes for Machine Learning, chapters 2 and 8). Members differ in their kernels, such as in how many latents these look
    at; means and variances are averaged over them.

    Parameters
    ----------
    intercept : (out,) array
    points : (point, latent) array
    kernels : Kernels
    alpha : (member, out, point) array
    root : (member, out, rank, point) array
        Square root of what the training stars take from the variance.
    """

    intercept: Float[Array, " out"]
    points: Float[Array, "point latent"]
    kernels: Kernels
    alpha: Float[Array, "member out point"]
    root: Float[Array, "member out rank point"]
    n_latents: int = eqx.field(static=True)

    def __init__(self, intercept, points, kernels: Kernels, alpha, root):
        self.intercept, self.points, self.kernels = intercept, points, kernels
        self.alpha, self.root, self.n_latents = alpha, root, points.shape[1]
        if eqx.is_array(alpha) and alpha.shape[1:] != (len(intercept), len(points)):
            raise InputError(
                f"a Gaussian process of {len(intercept)} outputs and {len(points)} points needs weights of the shape (member, "
                f"{len(intercept)}, {len(points)}); given {alpha.shape}."
            )

    def __call__(self, z):
        each = jnp.sum(self.alpha * kernel_of(self.kernels, self.points, z), axis=-1)
        return self.intercept + jnp.mean(each, axis=0)

    def jacobian(self, z):
        # In closed form: by automatic differentiation it would hold the derivative of every kernel by every latent.
        k, x, z = self.kernels, self.points, z[None, None]
        line = (k.relevance * z) @ x.T
        curved = self.alpha * (1 + 2 * k.square[..., None] * line)
        pull = self.alpha * k.roughness[..., None] * _smooth(k, x, z, line)
        each = k.relevance * ((curved + pull) @ x - jnp.sum(pull, axis=-1)[..., None] * z)
        return jnp.mean(each, axis=0)

    def variance(self, z):
        k = self.kernels
        line = jnp.sum(k.relevance * z[None, None] ** 2, axis=-1)
        prior = k.constant + line + k.square * line**2 + k.amplitude
        known = jnp.einsum("morp,mop->mor", self.root, kernel_of(k, self.points, z))
        return jnp.mean(jnp.maximum(prior - jnp.sum(known**2, axis=-1), 0.0), axis=0)

    def stored(self):
        arrays = {name: getattr(self, name) for name in ("intercept", "points", "alpha", "root")}
        return {}, arrays | self.kernels._asdict()

    @classmethod
    def restored(cls, settings, arrays, n_latents):
        kernels = Kernels(*(arrays[name] for name in Kernels._fields))
        return cls(arrays["intercept"], arrays["points"], kernels, arrays["alpha"], arrays["root"])


def kernel_of(
    k: Kernels, points: Float[Array, "point latent"], z: Float[Array, " latent"]
) -> Float[Array, "member out point"]:
    """Covariance of the outputs at `z` with those at every point."""
    z = z[None, None]
    line = (k.relevance * z) @ points.T
    return k.constant[..., None] + line + k.square[..., None] * line**2 + _smooth(k, points, z, line)


def _smooth(k: Kernels, points, z, line) -> Float[Array, "member out point"]:
    # |x - z|^2 in the measure of each kernel, without an array of all differences.
    square = jnp.sum(k.relevance * z**2, axis=-1)[..., None] + k.relevance @ (points**2).T - 2 * line
    return k.amplitude[..., None] * jnp.exp(-0.5 * k.roughness[..., None] * jnp.maximum(square, 0.0))
