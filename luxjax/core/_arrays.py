"""The vocabulary of array shapes used in signatures throughout the package.

Axis names are the field's: ``star``, ``pixel``, ``label``, ``latent``, ``feature`` (a decoder's design
column). ``out`` is the pixel or label axis of a named output, whichever it is.
"""

from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

__all__ = [
    "Array",
    "Bool",
    "Float",
    "Int",
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
