"""The vocabulary of array shapes used in signatures throughout the package.

Axis names are the field's: ``star``, ``pixel``, ``label``, ``latent``, ``feature`` (a decoder's design
column). ``out`` is the pixel or label axis of a named output, whichever it is.

Functions on arrays take those of JAX and those of NumPy, and give JAX's; at run time, where tests check annotations,
`Array` is therefore either.
"""

from typing import TYPE_CHECKING

import jax
import numpy as np
from jaxtyping import Bool, Float, Int, Key, PRNGKeyArray

if TYPE_CHECKING:
    from jaxtyping import Array
else:
    Array = jax.Array | np.ndarray

__all__ = [
    "Array",
    "Bool",
    "Float",
    "Int",
    "Key",
    "LatentCov",
    "Latents",
    "OutputVector",
    "OutputWeights",
    "PRNGKeyArray",
    "StarOutput",
]

StarOutput = Float[Array, "star out"]
OutputVector = Float[Array, " out"]
OutputWeights = Float[Array, "out feature"]
Latents = Float[Array, "star latent"]
LatentCov = Float[Array, "star latent latent"]
