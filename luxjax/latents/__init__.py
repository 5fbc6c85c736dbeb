"""Latents of stars with the decoders given: posteriors, sums over stars, noise."""

from ._decoders import decoder_sums
from ._place import latent_mean
from ._rows import improve_decoders
from ._star_sums import star_sums, weight_products
from ._work import gram_bytes, gram_flops

__all__ = [
    "decoder_sums",
    "gram_bytes",
    "gram_flops",
    "improve_decoders",
    "latent_mean",
    "star_sums",
    "weight_products",
]
