"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._decoders import feature_jacobian

__all__ = [
    "feature_jacobian",
]
