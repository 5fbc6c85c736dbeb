"""A Gaussian process as a decoder: labels as smooth functions of the latents, whose errors grow away from the training stars."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp

from ..core import InputError
from ..core.internal import Array, Float
from ._decoders import AbstractStoredDecoder

__all__ = ["GaussianProcess", "Kernels", "kernel_of"]


class Kernels(NamedTuple):
    """Covariance functions, for each member and output:

    k(x, x') = constant + sum_a linear_a x_a x'_a + amplitude exp(-sum_a roughness_a (x_a - x'_a)^2 / 2)
    """

    constant: Float[Array, "member out"]
    linear: Float[Array, "member out latent"]
    amplitude: Float[Array, "member out"]
    roughness: Float[Array, "member out latent"]


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
        Of what the training stars take from the variance.
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
        k, x = self.kernels, self.points
        pull = self.alpha * _smooth(k, x, z)
        each = k.linear * (self.alpha @ x) - k.roughness * (jnp.sum(pull, axis=-1)[..., None] * z - pull @ x)
        return jnp.mean(each, axis=0)

    def variance(self, z):
        k = self.kernels
        prior = k.constant + jnp.sum(k.linear * z**2, axis=-1) + k.amplitude
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
    return k.constant[..., None] + (k.linear * z) @ points.T + _smooth(k, points, z)


def _smooth(k: Kernels, points, z) -> Float[Array, "member out point"]:
    # |x - z|^2 in the measure of each kernel, without an array of all differences.
    rough = k.roughness
    square = jnp.sum(rough * z**2, axis=-1)[..., None] + rough @ (points**2).T - 2 * ((rough * z) @ points.T)
    return k.amplitude[..., None] * jnp.exp(-0.5 * jnp.maximum(square, 0.0))
