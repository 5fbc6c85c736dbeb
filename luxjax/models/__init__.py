"""The model: decoders from latents to outputs, and the generative model that joins them."""

from ._decoders import AbstractDecoder, AbstractFeatureDecoder, Linear, ModuleDecoder, Quadratic
from ._gaussian_process import GaussianProcess
from ._lux import Lux
from ._mlp import MLP

__all__ = [
    "MLP",
    "AbstractDecoder",
    "AbstractFeatureDecoder",
    "GaussianProcess",
    "Linear",
    "Lux",
    "ModuleDecoder",
    "Quadratic",
]
