"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._denoise import smooth_median, smooth_polynomial
from ._normalize import Normalized, continuum_pixels
from ._segments import segments

__all__ = [
    "Normalized",
    "continuum_pixels",
    "segments",
    "smooth_median",
    "smooth_polynomial",
]
