"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._flux_errors import flux_error_scales
from ._given import fit_given_latents
from .gradient._finish import UNKNOWN

__all__ = [
    "UNKNOWN",
    "fit_given_latents",
    "flux_error_scales",
]
