"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._decoders import AbstractStoredDecoder, feature_jacobian
from ._gaussian_process import Kernels
from ._registry import DECODERS

__all__ = [
    "DECODERS",
    "AbstractStoredDecoder",
    "Kernels",
    "feature_jacobian",
]
