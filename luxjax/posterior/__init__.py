"""Posteriors of latents, and of the model itself: exact, Laplace, variational and sampled."""

from ._calibration import RankTest, rank_test, ranks, tarp_ranks
from ._exact import Exact
from ._gauge import anchors
from ._infer import infer
from ._laplace import Laplace
from ._method import AbstractMethod
from ._nuts import NUTS
from ._posterior import AbstractPosterior, GaussianPosterior, SamplePosterior
from ._priors import Priors
from ._store import load_posterior, save_posterior
from ._variational import Variational

__all__ = [
    "NUTS",
    "AbstractMethod",
    "AbstractPosterior",
    "Exact",
    "GaussianPosterior",
    "Laplace",
    "Priors",
    "RankTest",
    "SamplePosterior",
    "Variational",
    "anchors",
    "infer",
    "load_posterior",
    "rank_test",
    "ranks",
    "save_posterior",
    "tarp_ranks",
]
