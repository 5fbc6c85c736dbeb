"""Diagnosis of a posterior: checks by kind of posterior, each with a threshold fixed beforehand and advice in words."""

import numpy as np
from scipy.stats import chi2

from .._gaussian import GaussianPosterior
from .._posterior import AbstractPosterior
from .._samples import SamplePosterior
from ._checks_chains import chain_findings
from ._checks_gaussian import approximation_findings, gaussian_findings
from ._diagnosis import Diagnosis, Finding, finding
from ._quantities import star_name

__all__ = ["diagnose"]

FAR = 1e-6  # chance that a star of the prior's lies farther out


def diagnose(posterior: AbstractPosterior) -> Diagnosis:
    """Check a posterior: what is wrong with it, and what to do about it.

    Chains of a sampler: rank-normalised R-hat below 1.01 and at least 400 effective draws in bulk and tails
    (Vehtari et al. 2021), no divergences, E-BFMI above 0.3, trajectories not cut off. Normal distributions: covariances
    positive definite; the importance ratios of the density to the approximation have a Pareto k-hat below 0.7
    (Yao et al. 2018, ICML), and the means and standard deviations that these weights give agree with the
    approximation's. Draws from a variational or Laplace approximation of everything at once: k-hat, and scatter away from
    its boundary at zero. All: stars with data, and latents that the prior does not find absurd.

    Parameters
    ----------
    posterior : GaussianPosterior or SamplePosterior

    Returns
    -------
    Diagnosis
        ``print`` it; its ``ok`` and ``findings`` are for programs. The same posterior always gets the same diagnosis.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.posterior import diagnose, infer
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> found = diagnose(infer(fitted, stars, key=1))
    >>> found.ok
    True
    """
    if isinstance(posterior, GaussianPosterior):
        findings = gaussian_findings(posterior)
    elif isinstance(posterior, SamplePosterior) and "lq" in posterior.stats:
        findings = approximation_findings(posterior)
    elif isinstance(posterior, SamplePosterior):
        findings = chain_findings(posterior)
    else:
        findings = []
    return Diagnosis(_subject(posterior), tuple(findings + _star_findings(posterior)))


def _subject(posterior: AbstractPosterior) -> str:
    stars = f"{len(posterior)} star" + "s" * (len(posterior) != 1)
    if isinstance(posterior, SamplePosterior):
        chains = f"{posterior.n_chains} chain" + "s" * (posterior.n_chains != 1)
        free = posterior.settings.get("free", ())
        return f"{posterior.method}, {chains} of {posterior.n_draws} draws of {' and '.join(free)}, {stars}"
    return f"{posterior.method}, {stars}, {posterior.n_latents} latents"


def _star_findings(posterior: AbstractPosterior) -> list[Finding]:
    """Whether the stars have data at all, and lie where the prior expects stars."""
    found, n = [], len(posterior)
    if posterior.batch is not None:
        good = sum(np.asarray(m.ivar > 0).sum(1) for m in posterior.batch.outputs.values())
        empty = np.flatnonzero(good == 0)
        where = star_name(posterior, int(empty[0])) if len(empty) else ""
        advice = "Stars without a good pixel or label have the prior for a posterior; leave them out."
        found.append(finding("stars without data", len(empty) == 0, len(empty), "= 0", where, advice))
    if posterior.priors.standard_latents and "decoders" not in posterior.settings.get("free", ()):
        distance = np.sqrt(np.sum(posterior.mean**2, axis=1))
        limit = float(np.sqrt(chi2.isf(FAR, posterior.n_latents)))
        far = int(np.argmax(distance))
        advice = (
            f"{np.sum(distance >= limit)} of {n} stars lie farther out in latent space than one training star in a million: "
            "unlike those, or badly reduced. Look at their spectra before their labels are used."
        )
        name = "distance from the mean star"
        found.append(
            finding(
                name,
                distance[far] < limit,
                distance[far],
                f"< {limit:.1f}",
                star_name(posterior, far),
                advice,
            )
        )
    return found
