"""Fitting, in closed form or by gradients, and the fitted model that every later step takes."""

from ._als import ALS
from ._em import EM
from ._evidence import log_evidence
from ._fit import FitError, fit
from ._fitter import AbstractFitter, FitResult
from .gradient._gradient import Gradient

__all__ = [
    "ALS",
    "EM",
    "AbstractFitter",
    "FitError",
    "FitResult",
    "Gradient",
    "fit",
    "log_evidence",
]
