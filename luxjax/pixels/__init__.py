"""Pixels before any model: air and vacuum, Doppler shifts, grids, continua and repeat visits.

Masked pixels (``ivar == 0``) stay masked through every step, and whatever value stands there changes nothing.
"""

from ._combine import combine
from ._continuum import ContinuumPolynomial, ContinuumQuantile
from ._denoise import reject_cosmic_rays, smooth_median, smooth_polynomial
from ._doppler import doppler_shift, to_rest
from ._medium import air_to_vacuum, to_medium, vacuum_to_air
from ._normalize import Normalized, continuum_pixels, normalize
from ._resample import bin_edges, resample
from ._segments import segments

__all__ = [
    "ContinuumPolynomial",
    "ContinuumQuantile",
    "Normalized",
    "air_to_vacuum",
    "bin_edges",
    "combine",
    "continuum_pixels",
    "doppler_shift",
    "normalize",
    "reject_cosmic_rays",
    "resample",
    "segments",
    "smooth_median",
    "smooth_polynomial",
    "to_medium",
    "to_rest",
    "vacuum_to_air",
]
