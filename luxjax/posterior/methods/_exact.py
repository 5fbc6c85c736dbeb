"""The closed form: linear decoders, known noise, normal latents."""

import math

import equinox as eqx
import jax
import numpy as np

from ...core import Gaussian, InputError
from ...core.internal import PRNGKeyArray
from ...latents.internal import latent_posterior
from ...models import Linear
from .._gaussian import GaussianPosterior
from ._method import AbstractMethod, Problem

__all__ = ["Exact"]


class Exact(AbstractMethod):
    """The exact posterior of a linear-Gaussian model: N(S B'W (y - b), S) with S = (B'WB + I)^-1, for each star.

    For linear decoders of the outputs that the latents are inferred from, known decoders and scatter, Gaussian noise and the
    latents' own prior. Everything else is measured against it.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.posterior import Exact, infer
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> posterior = infer(fitted, stars, Exact(), key=1)
    >>> bool((posterior.gaussian.cov[:, 0, 0] < 1).all())  # the spectra tell more than the prior N(0, 1)
    True
    """

    def latents(self, problem: Problem, *, key: PRNGKeyArray) -> GaussianPosterior:
        model = problem.fitted.model
        others = [name for name in problem.batch.names if not isinstance(model.decoders[name], Linear)]
        if others:
            raise InputError(
                f"Exact needs linear decoders and the model's {', '.join(others)} are not; use Laplace, Variational or "
                "NUTS."
            )
        heavy = [name for name in problem.batch.names if math.isfinite(model.dof[name])]
        if heavy:
            raise InputError(
                f"Exact needs Gaussian noise and that of {', '.join(heavy)} is Student's t; use Laplace, Variational or NUTS."
            )
        if not problem.priors.standard_latents:
            raise InputError(
                "Exact needs the latents' own prior, Normal(0, 1); use Laplace, Variational or NUTS."
            )
        mean, cov = [], []
        for block, n in problem.blocks():
            found = _posterior(model, block)
            mean.append(np.asarray(found.mean)[:n])
            cov.append(np.asarray(found.cov)[:n])
        return GaussianPosterior(
            **problem.common(self),
            gaussian=Gaussian(np.concatenate(mean), np.concatenate(cov)),  # type: ignore[arg-type]
        )


@eqx.filter_jit
def _posterior(model, block):
    wide = jax.tree.map(lambda x: x.astype(float), block)
    return latent_posterior(model, wide)
