"""Posteriors of latents, and of the model itself: exact, Laplace, variational and sampled."""

import warnings

with warnings.catch_warnings():
    # In notebooks without ipywidgets tqdm warns of its progress bars, of which none is ever shown here.
    warnings.filterwarnings("ignore", message="IProgress not found")
    import numpyro  # noqa: F401

from ._arviz import to_arviz
from ._calibration import RankTest, rank_test, ranks, tarp_ranks
from ._chains import ChainStats, chain_stats, e_bfmi
from ._diagnose import diagnose
from ._diagnosis import Diagnosis, Finding
from ._exact import Exact
from ._gauge import anchors
from ._infer import infer
from ._laplace import Laplace
from ._loo import LOO, loo
from ._method import AbstractMethod
from ._nuts import NUTS
from ._posterior import AbstractPosterior, GaussianPosterior, SamplePosterior
from ._prior_draws import prior_draws
from ._prior_ranks import prior_ranks
from ._priors import Priors
from ._quantities import Quantities, judged_quantities
from ._store import load_posterior, save_posterior
from ._variational import Variational

__all__ = [
    "LOO",
    "NUTS",
    "AbstractMethod",
    "AbstractPosterior",
    "ChainStats",
    "Diagnosis",
    "Exact",
    "Finding",
    "GaussianPosterior",
    "Laplace",
    "Priors",
    "Quantities",
    "RankTest",
    "SamplePosterior",
    "Variational",
    "anchors",
    "chain_stats",
    "diagnose",
    "e_bfmi",
    "infer",
    "judged_quantities",
    "load_posterior",
    "loo",
    "prior_draws",
    "prior_ranks",
    "rank_test",
    "ranks",
    "save_posterior",
    "tarp_ranks",
    "to_arviz",
]
