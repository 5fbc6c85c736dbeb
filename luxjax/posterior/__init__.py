"""Posteriors of latents, and of the model itself: exact, Laplace, variational and sampled."""

from ._exact import Exact
from ._infer import infer
from ._laplace import Laplace
from ._method import AbstractMethod
from ._nuts import NUTS
from ._posterior import AbstractPosterior, GaussianPosterior, SamplePosterior
from ._priors import Priors

__all__ = [
    "NUTS",
    "AbstractMethod",
    "AbstractPosterior",
    "Exact",
    "GaussianPosterior",
    "Laplace",
    "Priors",
    "SamplePosterior",
    "infer",
]
