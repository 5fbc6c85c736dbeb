"""Decoders: maps from one star's latent vector to one output. Batches are the caller's, by ``jax.vmap``."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..core import InputError, pairs, unpack
from ..core.internal import Array, Float, KeepsPrecision, n_pairs, pack

__all__ = [
    "AbstractDecoder",
    "AbstractFeatureDecoder",
    "AbstractStoredDecoder",
    "Linear",
    "ModuleDecoder",
    "Quadratic",
]


class AbstractDecoder(KeepsPrecision, eqx.Module):
    """Any equinox module that maps a latent vector (latent,) to an output vector (out,)."""

    n_latents: eqx.AbstractVar[int]

    @abstractmethod
    def __call__(self, z: Float[Array, " latent"]) -> Float[Array, " out"]:
        """The noise-free output of one star."""

    def jacobian(self, z: Float[Array, " latent"]) -> Float[Array, "out latent"]:
        """D output / d latents of one star."""
        return jax.jacfwd(self)(z)

    def variance(self, z: Float[Array, " latent"]) -> Float[Array, " out"]:
        """Variance of the output that finitely many training stars leave, as far as the decoder keeps it itself.

        Zero here: that of decoders which are linear in their weights is in ``FittedModel.weight_cov``.
        """
        return jnp.zeros_like(self(z))

    def change_basis(
        self, shift: Float[Array, " latent"], matrix: Float[Array, "latent latent"]
    ) -> "AbstractDecoder":
        """The same decoder in another basis of the latents: of u, where z = shift + matrix @ u."""
        return ModuleDecoder(self, self.n_latents, shift, matrix)


class ModuleDecoder(AbstractDecoder):
    """Any equinox module as a decoder: ``y = module(shift + matrix @ z)``.

    Parameters
    ----------
    module : callable equinox module
        From (latent,) to (out,). It should be smooth, and is best differentiated forwards.
    n_latents : int
    shift, matrix : (latent,) and (latent, latent) arrays, optional
        A change of basis of the latents. Default: none. Fits use it to bring the latents to N(0, I).

    Examples
    --------
    >>> import equinox as eqx
    >>> import jax
    >>> import jax.numpy as jnp
    >>> import luxjax
    >>> from luxjax.models import Linear, ModuleDecoder
    >>> network = eqx.nn.MLP(2, 40, 16, 1, activation=jax.nn.silu, key=jax.random.key(0))
    >>> model = luxjax.Lux({"flux": ModuleDecoder(network, 2), "labels": Linear.zeros(3, 2)})
    >>> model.n_latents, model["flux"](jnp.zeros(2)).shape
    (2, (40,))
    """

    module: Callable
    n_latents: int = eqx.field(static=True)
    shift: Float[Array, " latent"]
    matrix: Float[Array, "latent latent"]

    def __init__(self, module: Callable, n_latents: int, shift=None, matrix=None):
        self.module, self.n_latents = module, n_latents
        self.shift = jnp.zeros(n_latents) if shift is None else shift
        self.matrix = jnp.eye(n_latents) if matrix is None else matrix

    def __call__(self, z):
        # The basis is a convention, not a weight: no gradient moves it.
        shift, matrix = jax.lax.stop_gradient((self.shift, self.matrix))
        return self.module(shift + matrix @ z)

    def change_basis(self, shift, matrix):
        return ModuleDecoder(
            self.module, self.n_latents, self.shift + self.matrix @ shift, self.matrix @ matrix
        )


class AbstractFeatureDecoder(AbstractDecoder):
    """A decoder linear in its weights: ``intercept + weight @ features(z)``.

    Such decoders are fitted in closed form, whatever their features are: with the latents given, each pixel's
    row is one weighted ridge regression. The intercept is never penalised.
    """

    intercept: eqx.AbstractVar[Float[Array, " out"]]
    weight: eqx.AbstractVar[Float[Array, "out feature"]]
    learns_features: ClassVar[bool] = False
    """Whether the features themselves have weights, which no closed form finds."""
    degree: ClassVar[int | None] = None
    """Degree of the features as polynomials of the latents. None: no polynomials."""

    @abstractmethod
    def features(self, z: Float[Array, " latent"]) -> Float[Array, " feature"]:
        """Functions of the latents that the weights multiply, without the constant."""

    def __call__(self, z: Float[Array, " latent"]) -> Float[Array, " out"]:
        return self.intercept + self.weight @ self.features(z)


class AbstractStoredDecoder(AbstractDecoder):
    """A decoder that a saved model rebuilds from settings and arrays, without running code of the file."""

    @abstractmethod
    def stored(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Settings as JSON holds them, and arrays by name."""

    @classmethod
    @abstractmethod
    def restored(cls, settings: Mapping[str, Any], arrays: Mapping[str, Array], n_latents: int) -> Self:
        """The decoder of which `stored` gave these."""


def zeros(*shape: int) -> Array:
    """Zeros from the host: `jnp.zeros` compiles a program for every shape."""
    return jax.device_put(np.zeros(shape))


def check_shapes(kind: str, intercept, weight, n_features: int) -> None:
    if eqx.is_array(weight) and weight.shape != (intercept.shape[0], n_features):
        raise InputError(
            f"a {kind} decoder of {intercept.shape[0]} outputs needs weights of shape "
            f"({intercept.shape[0]}, {n_features}); given {weight.shape}."
        )


class Linear(AbstractFeatureDecoder, AbstractStoredDecoder):
    """``y = intercept + weight @ z``: the decoder of Lux (Horta et al. 2025, AJ 169, 314).

    Parameters
    ----------
    intercept : (out,) array
    weight : (out, latent) array

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from luxjax.models import Linear
    >>> decoder = Linear(jnp.array([1.0, 1.0]), jnp.array([[0.1, 0.0], [0.0, 0.2]]))
    >>> print(decoder(jnp.array([1.0, -1.0])))
    [1.1 0.8]
    """

    intercept: Float[Array, " out"]
    weight: Float[Array, "out latent"]
    n_latents: int = eqx.field(static=True)
    degree: ClassVar[int | None] = 1

    def __init__(self, intercept, weight):
        self.intercept, self.weight = intercept, weight
        self.n_latents = weight.shape[1]
        check_shapes("linear", intercept, weight, self.n_latents)

    @classmethod
    def zeros(cls, size: int, n_latents: int) -> "Linear":
        """A decoder not fitted yet."""
        return cls(zeros(size), zeros(size, n_latents))

    def features(self, z):
        return z

    def change_basis(self, shift, matrix):
        return Linear(self.intercept + self.weight @ shift, self.weight @ matrix)

    def stored(self):
        return {}, {"intercept": self.intercept, "weight": self.weight}

    @classmethod
    def restored(cls, settings, arrays, n_latents):
        return cls(arrays["intercept"], arrays["weight"])


class Quadratic(AbstractFeatureDecoder, AbstractStoredDecoder):
    """All terms to second order: ``y = intercept + weight @ [z, z_a z_b (a <= b)]``.

    With labels in place of latents this is the model of The Cannon (Ness et al. 2015, ApJ 808, 16).

    Parameters
    ----------
    intercept : (out,) array
    weight : (out, latent + leading (leading + 1) / 2) array
    n_latents : int
    leading : int, optional
        The first latents, of which there are products. Default: all.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from luxjax.models import Quadratic
    >>> decoder = Quadratic(jnp.zeros(1), jnp.array([[1.0, 0.0, 0.0, 0.0, 2.0]]), 2)  # y = z_1 + 2 z_2^2
    >>> print(decoder(jnp.array([1.0, 3.0])))
    [19.]
    """

    intercept: Float[Array, " out"]
    weight: Float[Array, "out feature"]
    n_latents: int = eqx.field(static=True)
    leading: int = eqx.field(static=True)
    degree: ClassVar[int | None] = 2

    def __init__(self, intercept, weight, n_latents: int, leading: int | None = None):
        self.intercept, self.weight, self.n_latents = intercept, weight, n_latents
        self.leading = n_latents if leading is None else leading
        check_shapes("quadratic", intercept, weight, n_latents + n_pairs(self.leading))

    @classmethod
    def zeros(cls, size: int, n_latents: int) -> "Quadratic":
        """A decoder not fitted yet."""
        return cls(zeros(size), zeros(size, n_latents + n_pairs(n_latents)), n_latents)

    def features(self, z):
        return jnp.concatenate([z, pairs(z[: self.leading])])

    def change_basis(self, shift, matrix):
        n, m = self.n_latents, self.leading
        linear, off = self.weight[:, :n], 1 - 0.5 * (1 - pack(jnp.eye(m)))
        form = unpack(self.weight[:, n:] * off[None], m)  # z' form z holds both z_a z_b and z_b z_a
        form = jnp.pad(form, ((0, 0), (0, n - m), (0, n - m)))  # other bases mix all latents
        off = 1 - 0.5 * (1 - pack(jnp.eye(n)))
        intercept = self.intercept + linear @ shift + jnp.einsum("a,oab,b->o", shift, form, shift)
        linear = linear @ matrix + 2 * jnp.einsum("a,oab,bc->oc", shift, form, matrix)
        form = jnp.einsum("ac,oab,bd->ocd", matrix, form, matrix)
        return Quadratic(intercept, jnp.concatenate([linear, pack(form) / off[None]], axis=1), n)

    def stored(self):
        return {"leading": self.leading}, {"intercept": self.intercept, "weight": self.weight}

    @classmethod
    def restored(cls, settings, arrays, n_latents):
        return cls(arrays["intercept"], arrays["weight"], n_latents, settings.get("leading", n_latents))


def feature_jacobian(
    decoder: AbstractFeatureDecoder, z: Float[Array, " latent"]
) -> Float[Array, "feature latent"]:
    """D features / d latents of one star."""
    return jax.jacfwd(decoder.features)(z)
