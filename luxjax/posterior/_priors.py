"""Every prior of a model in one place: latents, decoder weights with shrinkage, intercepts, scatter.

Defaults, in the model's units (normalised flux; labels scaled to a spread near one):

===================  =======================================================================================
latents              Normal(0, 1): the model's own
weights              Normal(0, 1)
intercepts           Normal(0, 10)
other decoder leaves Normal(0, 1): layers of a network, say
scatter              HalfNormal(0.3)
shrinkage            none
===================  =======================================================================================

Normal(0, 1) is wide for the weights of a normalised spectrum, and with few stars that shows. With ``"shrinkage":
InverseGamma(a, b)`` the variance of each column of a decoder's weights is unknown and has this prior.
One variance per latent and output lets a latent that an output does not need be switched off in it, so that the number
of latents is learned, for all outputs or for some: automatic relevance determination by groups (Bishop 1999, Bayesian
PCA; Klami et al. 2015, IEEE TNNLS 26, 2136, group factor analysis). InverseGamma(1/2, t^2 / 2) makes a column a
multivariate Cauchy of scale t: weights well below t are off. The variances are integrated out analytically, which
leaves the sampler no funnel (`column_log_density`).
"""

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions import Distribution

from ..core import InputError, check_name
from ..core.internal import Array, Float, join_names
from ..models import AbstractFeatureDecoder, Lux

__all__ = ["Priors", "column_log_density", "leaf_paths"]

LATENTS, SHRINKAGE = "latents", "shrinkage"


def leaf_paths(model: Lux) -> dict[str, Array]:
    """The arrays of a model by path: ``"decoders.flux.weight"``, ``"scatter.labels"``, deeper ones likewise."""
    leaves = jax.tree_util.tree_flatten_with_path(model)[0]
    return {
        jax.tree_util.keystr(path, simple=True, separator="."): leaf
        for path, leaf in leaves
        if eqx.is_inexact_array(leaf)
    }


class Priors:
    """Priors by parameter path; parameters that are not named keep their default (see the head of this module).

    Parameters
    ----------
    overrides : mapping of str to numpyro distribution, optional
        Accepted names: ``"latents"``; ``"shrinkage"`` and ``"shrinkage.OUTPUT"`` (an ``InverseGamma`` of the variance of
        a column, or None for no shrinkage); and any leaf of the model, such as
        ``"decoders.flux.weight"``, ``"decoders.flux.intercept"`` or ``"scatter.labels"``. A prior is of one entry, or
        broadcasts to the leaf. A prior given for weights takes the place of shrinkage.

    Examples
    --------
    >>> import numpyro.distributions as dist
    >>> from luxjax.posterior import Priors
    >>> priors = Priors({"decoders.flux.weight": dist.Normal(0, 0.1), "scatter.labels": dist.HalfNormal(0.3)})
    >>> sorted(priors.overrides)
    ['decoders.flux.weight', 'scatter.labels']
    """

    def __init__(self, overrides: Mapping[str, Distribution | None] | None = None):
        self.overrides = dict(overrides or {})
        for name, prior in self.overrides.items():
            shrinks = name == SHRINKAGE or name.startswith(SHRINKAGE + ".")
            if shrinks and prior is not None and not isinstance(prior, dist.InverseGamma):
                raise InputError(
                    f"the prior '{name}' is of the variance of a column of weights, which is integrated out; it has to "
                    f"be an InverseGamma, or None for no shrinkage; given {type(prior).__name__}."
                )
            if not shrinks and not isinstance(prior, Distribution):
                raise InputError(
                    f"the prior '{name}' has to be a numpyro distribution, such as Normal(0, 1); given "
                    f"{type(prior).__name__}."
                )

    def __repr__(self) -> str:
        return f"Priors({join_names(self.overrides) or 'defaults'})"

    def check(self, model: Lux) -> None:
        """Raise `InputError` for a name that the model does not have."""
        accepted = [LATENTS, SHRINKAGE, *(f"{SHRINKAGE}.{k}" for k in model.names), *leaf_paths(model)]
        for name in self.overrides:
            check_name(
                "leaf or group for a prior", name, accepted, f"Name one of: {join_names(accepted, 40)}"
            )

    @property
    def latents(self) -> Distribution:
        return self.overrides.get(LATENTS) or dist.Normal(0.0, 1.0)

    @property
    def standard_latents(self) -> bool:
        """Whether the latents have their own prior, N(0, I), so that linear models can be integrated over them."""
        prior = self.latents
        return isinstance(prior, dist.Normal) and bool(jnp.all((prior.loc == 0) & (prior.scale == 1)))

    def shrinkage(self, model: Lux, path: str) -> dist.InverseGamma | None:
        """The prior of the variance of the columns of this leaf; None for leaves that do not shrink."""
        group, name, *rest = path.split(".")
        if path in self.overrides or group != "decoders" or rest != ["weight"]:
            return None
        if not isinstance(model.decoders[name], AbstractFeatureDecoder):
            return None
        return self.overrides.get(f"{SHRINKAGE}.{name}", self.overrides.get(SHRINKAGE))  # type: ignore[return-value]

    def without_shrinkage(self) -> "Priors":
        """The same priors, with Normal(0, 1) where weights shrink."""
        kept = {k: v for k, v in self.overrides.items() if k.split(".")[0] != SHRINKAGE}
        return Priors(kept)

    def leaf(self, path: str) -> Distribution:
        """The prior of every entry of this leaf, where it does not shrink."""
        given = self.overrides.get(path)
        if given is not None:
            return given
        if path.startswith("scatter."):
            return dist.HalfNormal(0.3)
        return dist.Normal(0.0, 10.0) if path.endswith(".intercept") else dist.Normal(0.0, 1.0)


def column_log_density(
    square: Float[Array, " column"], count: Float[Array, " column"], prior: dist.InverseGamma
) -> Float[Array, ""]:
    """Log density of columns of weights with their variances integrated out, up to a constant.

    The entries of a column are N(0, v) and v is InverseGamma(a, b); with p entries of squared norm q the integral over
    v is proportional to (b + q / 2)^-(a + p / 2), a multivariate t.
    """
    a, b = prior.concentration, prior.rate
    return -jnp.sum((a + 0.5 * count) * jnp.log(b + 0.5 * square))
