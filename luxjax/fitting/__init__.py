"""Fitting, in closed form or by gradients, and the fitted model that every later step takes."""

from ._als import ALS
from ._blocks import blocks
from ._decoders import decoded, decoder_sums
from ._em import EM
from ._evidence import log_evidence
from ._finish import UNKNOWN
from ._fit import FitError, fit
from ._fitted import Fitted, OutputInfo
from ._fitter import AbstractFitter, FitResult
from ._given import fit_given_latents
from ._gradient import Gradient
from ._held_out import placing_outputs
from ._latents import latent_posterior
from ._mesh import STAR, SUM, Sharded, on_mesh, own_stars, placed, spread, star_mesh, together
from ._place import place
from ._processes import first_says, join_processes
from ._robust import minus_log_density, tail_weight
from ._star_sums import Products, effective_ivar, star_sums, weight_products
from ._store import fingerprint, load, save
from ._work import gram_bytes, gram_flops

__all__ = [
    "ALS",
    "EM",
    "STAR",
    "SUM",
    "UNKNOWN",
    "AbstractFitter",
    "FitError",
    "FitResult",
    "Fitted",
    "Gradient",
    "OutputInfo",
    "Products",
    "Sharded",
    "blocks",
    "decoded",
    "decoder_sums",
    "effective_ivar",
    "fingerprint",
    "first_says",
    "fit",
    "fit_given_latents",
    "gram_bytes",
    "gram_flops",
    "join_processes",
    "latent_posterior",
    "load",
    "log_evidence",
    "minus_log_density",
    "on_mesh",
    "own_stars",
    "place",
    "placed",
    "placing_outputs",
    "save",
    "spread",
    "star_mesh",
    "star_sums",
    "tail_weight",
    "together",
    "weight_products",
]
