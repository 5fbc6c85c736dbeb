"""Pixels before any model: air and vacuum, Doppler shifts, grids, resolution, errors, continua and repeat visits.

Masked pixels (``ivar == 0``) stay masked through every step, and whatever value stands there changes nothing.
"""

from ._broaden import broaden
from ._combine import combine
from ._continuum import ContinuumPolynomial, ContinuumQuantile
from ._denoise import reject_cosmic_rays
from ._doppler import doppler_shift, to_rest
from ._medium import air_to_vacuum, to_medium, vacuum_to_air
from ._normalize import normalize
from ._resample import bin_edges, resample
from ._scatter import error_from_scatter
from ._velocity import measure_velocity

__all__ = [
    "ContinuumPolynomial",
    "ContinuumQuantile",
    "air_to_vacuum",
    "bin_edges",
    "broaden",
    "combine",
    "doppler_shift",
    "error_from_scatter",
    "measure_velocity",
    "normalize",
    "reject_cosmic_rays",
    "resample",
    "to_medium",
    "to_rest",
    "vacuum_to_air",
]
