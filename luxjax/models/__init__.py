"""The model: decoders from latents to outputs, and the generative model that joins them."""

from ._decoders import AbstractDecoder, AbstractFeatureDecoder, Linear, Quadratic
from ._lux import Lux
from ._mlp import MLP, ModuleDecoder

__all__ = [
    "MLP",
    "AbstractDecoder",
    "AbstractFeatureDecoder",
    "Linear",
    "Lux",
    "ModuleDecoder",
    "Quadratic",
]
