"""Posteriors of latents, and of the model itself: exact, Laplace, variational and sampled."""

from ._arviz import to_arviz
from ._gaussian import GaussianPosterior
from ._infer import infer
from ._posterior import AbstractPosterior
from ._priors import Priors
from ._samples import SamplePosterior
from ._store import load_posterior, save_posterior
from .calibration._prior_ranks import prior_ranks
from .calibration._ranks import rank_test, ranks, tarp_ranks
from .checks._chains import chain_stats, e_bfmi
from .checks._diagnose import diagnose
from .checks._diagnosis import Diagnosis
from .checks._loo import loo
from .methods._exact import Exact
from .methods._laplace import Laplace
from .methods._method import AbstractMethod
from .methods._nuts import NUTS
from .methods._variational import Variational

__all__ = [
    "NUTS",
    "AbstractMethod",
    "AbstractPosterior",
    "Diagnosis",
    "Exact",
    "GaussianPosterior",
    "Laplace",
    "Priors",
    "SamplePosterior",
    "Variational",
    "chain_stats",
    "diagnose",
    "e_bfmi",
    "infer",
    "load_posterior",
    "loo",
    "prior_ranks",
    "rank_test",
    "ranks",
    "save_posterior",
    "tarp_ranks",
    "to_arviz",
]
