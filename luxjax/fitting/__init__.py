"""Fitting in closed form, and the fitted model that every later step takes."""

from ._als import ALS
from ._blocks import blocks
from ._em import EM
from ._fit import FitError, fit
from ._fitted import Fitted, OutputInfo
from ._fitter import AbstractFitter, FitResult
from ._given import fit_given_latents
from ._latents import effective_ivar, latent_posterior, star_sums
from ._store import load, save

__all__ = [
    "ALS",
    "EM",
    "AbstractFitter",
    "FitError",
    "FitResult",
    "Fitted",
    "OutputInfo",
    "blocks",
    "effective_ivar",
    "fit",
    "fit_given_latents",
    "latent_posterior",
    "load",
    "save",
    "star_sums",
]
