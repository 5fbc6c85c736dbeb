"""PSIS leave-one-out cross-validation: expected log predictive density of each star.

A star that is left out has no posterior: its latents have to be integrated out. Importance sampling over draws
of them, which would go from each star's posterior all the way to the prior, fails for any informative spectrum.
"""

from dataclasses import dataclass

import jax
import numpy as np
from numpyro.diagnostics import effective_sample_size
from scipy.special import logsumexp

from ...core import InputError
from ...core.internal import join_names
from ...fitting import log_evidence
from .._draws import log_joint, log_units, marginal_likelihoods
from .._posterior import AbstractPosterior
from .._samples import SamplePosterior
from ._importance import k_threshold, pareto_smooth

__all__ = ["LOO", "loo"]

DRAWS = 2000


@dataclass(frozen=True, eq=False)
class LOO:
    """Expected log predictive density of stars left out, in nats; higher is better.

    Attributes
    ----------
    ids : (star,) array of str
    by_star : (star,) array
        Ln p(y of this star | data of the others), the densities of values in their own units.
    pareto_k : (star,) array
        How far to trust each; minus infinity where it is exact.
    n_draws : int
    """

    ids: np.ndarray
    by_star: np.ndarray
    pareto_k: np.ndarray
    n_draws: int

    @property
    def elpd(self) -> float:
        """The sum over stars."""
        return float(self.by_star.sum())

    @property
    def se(self) -> float:
        """Its standard error, from the spread over stars."""
        n = len(self.by_star)
        return float(np.sqrt(n) * self.by_star.std(ddof=1)) if n > 1 else float("nan")

    def __str__(self) -> str:
        said = f"LOO of {len(self.ids)} stars: elpd {self.elpd:.1f} +- {self.se:.1f} nats"
        bad = self.pareto_k > k_threshold(self.n_draws)
        if not bad.any():
            return said
        return (
            f"{said}; not to be trusted for {bad.sum()} stars ({join_names(self.ids[bad], 3)}), which the posterior depends on "
            "too much (Pareto k-hat above 0.7): refit without them."
        )


def loo(posterior: AbstractPosterior) -> LOO:
    """Leave-one-out predictive densities by star (Vehtari, Gelman & Gabry 2017, Stat. Comput. 27, 1413).

    With linear decoders or scatter inferred, the latents are integrated out in closed form for every draw of the model, and
    Pareto-smoothed weights turn draws of the posterior into draws of that without the star. With the model known, stars
    do not inform each other and the density is the star's evidence: in closed form for linear decoders, by importance
    sampling from the posterior's normal approximation for others.

    Parameters
    ----------
    posterior : GaussianPosterior or SamplePosterior
        With its data.

    Raises
    ------
    InputError
        If non-linear decoders were inferred, or the data are not there.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.posterior import infer, loo
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> found = loo(infer(fitted, stars, key=1))
    >>> found.by_star.shape, bool(found.elpd > 0)
    ((90,), True)
    """
    batch, model = posterior._need_batch(), posterior.fitted.model
    known = model.only(*(name for name in model.names if name in batch.names))
    closed = known.is_linear and known.is_gaussian and posterior.priors.standard_latents
    if isinstance(posterior, SamplePosterior) and posterior.parameters:
        if not closed:
            raise InputError(
                "leaving a star out needs its latents integrated out, which for inferred decoders is done for linear ones with "
                "Gaussian noise only; compare models with other decoders on held-out stars."
            )
        return _of_draws(posterior)
    if closed:
        return LOO(posterior.ids, log_evidence(posterior.fitted, batch), np.full(len(posterior), -np.inf), 0)
    return _of_stars(posterior)


def _of_draws(posterior: SamplePosterior) -> LOO:
    likelihood = marginal_likelihoods(posterior)
    ratio = -likelihood
    if "lq" in posterior.stats:  # draws from an approximation: weights to the posterior first
        ratio = ratio + (posterior.stats["lp"] - posterior.stats["lq"])[:, :, None]
        efficiency = np.ones(len(posterior))
    else:
        scaled = np.exp(likelihood - likelihood.max((0, 1)))
        n = likelihood.shape[0] * likelihood.shape[1]
        efficiency = np.clip(effective_sample_size(scaled) / n, 1 / n, 1)
    flat = likelihood.reshape(-1, len(posterior))
    log_weight, k = pareto_smooth(ratio.reshape(flat.shape), efficiency)
    return LOO(posterior.ids, logsumexp(log_weight + flat, axis=0), k, len(flat))


def _of_stars(posterior: AbstractPosterior) -> LOO:
    mean, root = posterior.mean, np.linalg.cholesky(posterior.cov)
    unit = np.asarray(jax.random.normal(jax.random.key(0), (DRAWS, *mean.shape)), float)
    z = mean + np.einsum("nij,snj->sni", root, unit)
    log_q = -0.5 * np.sum(unit**2 + np.log(2 * np.pi), axis=2) - np.log(np.einsum("nii->ni", root)).sum(1)
    ratio = log_joint(posterior, z, np.arange(len(posterior))) - log_q
    units = sum(log_units(posterior, posterior._need_batch()).values())
    return LOO(
        posterior.ids, logsumexp(ratio, axis=0) - np.log(DRAWS) - units, pareto_smooth(ratio)[1], DRAWS
    )
