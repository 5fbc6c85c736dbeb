"""Fitting, in closed form or by gradients, and the fitted model that every later step takes."""

from ._als import ALS
from ._blocks import blocks
from ._decoders import decoded
from ._em import EM
from ._evidence import log_evidence
from ._finish import UNKNOWN
from ._fit import FitError, fit
from ._fitted import Fitted, OutputInfo
from ._fitter import AbstractFitter, FitResult
from ._given import fit_given_latents
from ._gradient import Gradient
from ._held_out import placing_outputs
from ._latents import effective_ivar, latent_posterior, star_sums
from ._robust import minus_log_density, tail_weight
from ._store import load, save

__all__ = [
    "ALS",
    "EM",
    "UNKNOWN",
    "AbstractFitter",
    "FitError",
    "FitResult",
    "Fitted",
    "Gradient",
    "OutputInfo",
    "blocks",
    "decoded",
    "effective_ivar",
    "fit",
    "fit_given_latents",
    "latent_posterior",
    "load",
    "log_evidence",
    "minus_log_density",
    "placing_outputs",
    "save",
    "star_sums",
    "tail_weight",
]
