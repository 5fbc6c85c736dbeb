"""The model: decoders from latents to outputs, and the generative model that joins them."""

from ._decoders import AbstractDecoder, FeatureDecoder, Linear, Quadratic, feature_jacobian
from ._lux import Lux

__all__ = ["AbstractDecoder", "FeatureDecoder", "Linear", "Lux", "Quadratic", "feature_jacobian"]
