"""The model: decoders from latents to outputs, and the generative model that joins them."""

from ._decoders import AbstractDecoder, FeatureDecoder, Linear, Quadratic, feature_jacobian
from ._lux import Lux
from ._mlp import MLP, Wrapped

__all__ = [
    "MLP",
    "AbstractDecoder",
    "FeatureDecoder",
    "Linear",
    "Lux",
    "Quadratic",
    "Wrapped",
    "feature_jacobian",
]
