"""Decoders with learned features: a linear part plus a small network."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from ..core import InputError, check_name
from ..core.internal import Array, Float, PRNGKeyArray
from ._decoders import AbstractFeatureDecoder, AbstractStoredDecoder, check_shapes, zeros

__all__ = ["ACTIVATIONS", "MLP"]

# Smooth ones only: latents are found by following derivatives. tanh saturates, so that far from the training stars an
# MLP decoder runs on as a straight line.
ACTIVATIONS: dict[str, Callable] = {"tanh": jnp.tanh, "gelu": jax.nn.gelu, "silu": jax.nn.silu}


class MLP(AbstractFeatureDecoder, AbstractStoredDecoder):
    """``y = intercept + weight @ [z, h(z)]``: a linear decoder plus a multilayer perceptron h.

    The linear part makes it a linear decoder as long as the weights of h are zero, as they are before a fit. Its last
    layer is linear in its weights whatever h is, so that latents are found, and the last layer's own uncertainty is
    known, just as for the decoders that are fitted in closed form.

    Parameters
    ----------
    intercept : (out,) array
    weight : (out, latent + width) array
    layers : tuple of equinox.nn.Linear
        The hidden layers: latents to width, then width to width.
    activation : {"tanh", "gelu", "silu"}

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import luxjax
    >>> model = luxjax.Lux.mlp({"flux": 40, "labels": 3}, 2, width=8, key=1)
    >>> decode, z = model["flux"], jnp.array([1.0, -1.0])
    >>> bool(jnp.allclose(decode(2 * z) - decode(0 * z), 2 * (decode(z) - decode(0 * z)), atol=1e-5))  # linear at first
    True
    """

    intercept: Float[Array, " out"]
    weight: Float[Array, "out feature"]
    layers: tuple[eqx.nn.Linear, ...]
    n_latents: int = eqx.field(static=True)
    activation: str = eqx.field(static=True)
    learns_features: ClassVar[bool] = True

    def __init__(self, intercept, weight, layers, activation: str = "tanh"):
        check_name("activation", activation, ACTIVATIONS)
        self.intercept, self.weight, self.layers = intercept, weight, tuple(layers)
        self.n_latents, self.activation = int(self.layers[0].in_features), activation
        check_shapes("MLP", intercept, weight, self.n_latents + int(self.layers[-1].out_features))

    @classmethod
    def zeros(
        cls,
        size: int,
        n_latents: int,
        *,
        key: PRNGKeyArray,
        width: int = 32,
        depth: int = 2,
        activation: str = "tanh",
    ) -> "MLP":
        """A decoder not fitted yet: `depth` hidden layers of `width` units drawn at random, and zero weights on them."""
        if width < 1 or depth < 1:
            raise InputError(
                f"an MLP decoder of width {width} and depth {depth} was asked for; both must be at least 1."
            )
        layers = eqx.nn.MLP(n_latents, width, width, depth - 1, key=key).layers
        return cls(zeros(size), zeros(size, n_latents + width), layers, activation)

    def features(self, z):
        h = z
        for layer in self.layers:
            h = ACTIVATIONS[self.activation](layer(h))
        return jnp.concatenate([z, h])

    def change_basis(self, shift, matrix):
        first, n = self.layers[0], self.n_latents
        moved = eqx.tree_at(
            lambda layer: (layer.weight, layer.bias),
            first,
            (first.weight @ matrix, first.bias + first.weight @ shift),
        )
        linear, rest = self.weight[:, :n], self.weight[:, n:]
        return MLP(
            self.intercept + linear @ shift,
            jnp.concatenate([linear @ matrix, rest], axis=1),
            (moved, *self.layers[1:]),
            self.activation,
        )

    def stored(self):
        arrays: dict[str, Any] = {"intercept": self.intercept, "weight": self.weight}
        for k, layer in enumerate(self.layers):
            arrays |= {f"layer{k}/weight": layer.weight, f"layer{k}/bias": layer.bias}
        return {"layers": len(self.layers), "activation": self.activation}, arrays

    @classmethod
    def restored(cls, settings: Mapping[str, Any], arrays: Mapping[str, Array], n_latents: int) -> "MLP":
        layers = []
        for k in range(settings["layers"]):
            weight, bias = arrays[f"layer{k}/weight"], arrays[f"layer{k}/bias"]
            empty = eqx.filter_eval_shape(eqx.nn.Linear, *weight.shape[::-1], key=jax.random.key(0))
            layers.append(eqx.tree_at(lambda layer: (layer.weight, layer.bias), empty, (weight, bias)))
        return cls(arrays["intercept"], arrays["weight"], layers, settings["activation"])
