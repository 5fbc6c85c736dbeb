"""The posterior density of one star's latents, with the decoders given, for any decoder.

Whatever the method, this is the function that it approximates or samples:

    ln p(z, y) = ln p(z) + sum_j [ln(w_j / 2 pi) - w_j (y_j - f_j(z))^2] / 2,    w_j = ivar_j / (1 + ivar_j s_j^2).

For decoders linear in their weights the pixels enter through sums of the size of the features, made once per star. Outputs
with Student-t noise have t densities of squared scale 1 / w_j in place of the normal ones, pixel by pixel.
"""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln
from numpyro.distributions import Distribution

from ..core import Batch, InputError, OutputData
from ..core.internal import Array, Float, join_names
from ..fitted import FittedModel
from ..latents import star_sums
from ..latents.internal import effective_ivar
from ..models import AbstractFeatureDecoder, Lux
from ..models.internal import feature_jacobian

__all__ = [
    "FeatureStar",
    "Mode",
    "PixelStar",
    "StarDensity",
    "find_modes",
    "noise_density",
    "star_data",
    "used_outputs",
]

SEARCH_STEPS = 60


class FeatureStar(NamedTuple):
    """One output of a star as sums: chi2 = phi'G phi - 2 phi'h - 2 constant, with the noise's normalisation."""

    gram: Float[Array, "feature feature"]
    rhs: Float[Array, " feature"]
    constant: Float[Array, ""]


class PixelStar(NamedTuple):
    """One output of a star pixel by pixel, for other decoders and for Student-t noise."""

    value: Float[Array, " out"]
    weight: Float[Array, " out"]


class Mode(NamedTuple):
    """Where the posterior of a star peaks, and minus the second derivatives there."""

    z: Float[Array, "*star latent"]
    precision: Float[Array, "*star latent latent"]


def used_outputs(fitted: FittedModel, batch: Batch) -> Batch:
    """The outputs of stars that latents are inferred from: all but labels that are read out from the latents."""
    used = [name for name in batch.names if name not in fitted.read_outs]
    if not used:
        raise InputError(
            f"latents of this model are inferred from {join_names(fitted.names_of('input'))}, from which "
            f"{join_names(fitted.read_outs)} are read out; the data hold {join_names(batch.names)} alone: give stars with inputs."
        )
    return batch.only(*used)


@eqx.filter_jit
def star_data(model: Lux, block: Batch) -> dict[str, FeatureStar | PixelStar]:
    """What the latents of a block of stars depend on, by output; every array has a leading star axis."""
    data: dict[str, FeatureStar | PixelStar] = {}
    for name, m in block.outputs.items():
        value, ivar = m.value.astype(jnp.float64), m.ivar.astype(jnp.float64)
        weight = effective_ivar(ivar, model.scatter[name])
        decoder = model.decoders[name]
        if isinstance(decoder, AbstractFeatureDecoder) and math.isinf(model.dof[name]):
            sums = star_sums(decoder, OutputData(value, ivar), weight)
            chi2 = jnp.sum(weight * (value - decoder.intercept) ** 2, axis=1)
            data[name] = FeatureStar(sums.gram, sums.rhs, 0.5 * (log_weight(weight) - chi2))
        else:
            data[name] = PixelStar(value, weight)
    return data


def log_weight(weight: Float[Array, "*star out"]) -> Float[Array, "*star"]:
    """Sum over good pixels of ln(w / 2 pi)."""
    return jnp.sum(
        jnp.where(weight > 0, jnp.log(jnp.where(weight > 0, weight, 1) / (2 * jnp.pi)), 0), axis=-1
    )


def noise_density(
    weight: Float[Array, " out"], residual: Float[Array, " out"], dof: float
) -> Float[Array, ""]:
    """Log density of the residuals of good pixels, normal or, with finite `dof`, Student's t."""
    square = weight * residual**2
    if math.isinf(dof):
        return 0.5 * (log_weight(weight) - jnp.sum(square))
    norm = gammaln((dof + 1) / 2) - gammaln(dof / 2) - 0.5 * jnp.log(dof / 2)
    return 0.5 * log_weight(weight) + jnp.sum(
        jnp.where(weight > 0, norm, 0) - 0.5 * (dof + 1) * jnp.log1p(square / dof)
    )


class StarDensity(eqx.Module):
    """ln p(z, y) of one star, whose data come from `star_data`.

    Parameters
    ----------
    model : Lux
    prior : numpyro distribution
        Prior of the latents, of each or of all.
    """

    model: Lux
    prior: Distribution

    def __call__(self, z: Float[Array, " latent"], star) -> Float[Array, ""]:
        return self.log_prior(z) + self.log_likelihood(z, star)

    def log_prior(self, z: Float[Array, " latent"]) -> Float[Array, ""]:
        return jnp.sum(self.prior.log_prob(z))

    def log_likelihood(self, z: Float[Array, " latent"], star) -> Float[Array, ""]:
        """Ln p(y | z), normalised over the measured values."""
        value = jnp.zeros(())
        for name, data in star.items():
            decoder = self.model.decoders[name]
            if isinstance(data, FeatureStar) and isinstance(decoder, AbstractFeatureDecoder):
                phi = decoder.features(z)
                value = value + data.constant + phi @ data.rhs - 0.5 * phi @ data.gram @ phi
            else:
                value = value + noise_density(data.weight, data.value - decoder(z), self.model.dof[name])
        return value

    def gauss_newton(self, z: Float[Array, " latent"], star) -> Float[Array, "latent latent"]:
        """Minus the Hessian of ln p(z, y) without the decoders' curvature: never indefinite for a normal prior.

        Student-t noise enters by the weights that its residuals give, (nu + 1) w / (nu + w r^2).
        """
        total = -jax.hessian(self.log_prior)(z)
        for name, data in star.items():
            decoder = self.model.decoders[name]
            if isinstance(data, FeatureStar) and isinstance(decoder, AbstractFeatureDecoder):
                jac = feature_jacobian(decoder, z)
                total = total + jac.T @ data.gram @ jac
            else:
                jac, weight, nu = jax.jacfwd(decoder)(z), data.weight, self.model.dof[name]
                if math.isfinite(nu):
                    weight = weight * (nu + 1) / (nu + weight * (data.value - decoder(z)) ** 2)
                total = total + (jac.T * weight) @ jac
        return total


@eqx.filter_jit
def find_modes(density: StarDensity, stars, start: Float[Array, "star latent"]) -> Mode:
    """The mode of every star's posterior and the precision there.

    Levenberg-Marquardt from `start`. The precision is the exact second derivative; where that is not positive definite
    (a flat or saddle-like end of the search), the Gauss-Newton form.
    """
    return jax.vmap(lambda star, z: _mode(density, star, z))(stars, start)


def _mode(density: StarDensity, star, z) -> Mode:
    eye = jnp.eye(len(z))

    def step(_, state):
        z, value, damping = state
        hessian = density.gauss_newton(z, star)
        damped = hessian + damping * jnp.diag(jnp.diagonal(hessian)) + 1e-12 * eye
        trial = z + jnp.linalg.solve(damped, jax.grad(density)(z, star))
        trial_value = density(trial, star)
        better = trial_value >= value
        damping = jnp.clip(jnp.where(better, damping / 5, damping * 4), 1e-12, 1e12)
        return jnp.where(better, trial, z), jnp.where(better, trial_value, value), damping

    state = (z, density(z, star), jnp.asarray(1e-3, z.dtype))
    z = jax.lax.fori_loop(0, SEARCH_STEPS, step, state)[0]
    exact = -jax.hessian(density)(z, star)
    lowest = jnp.linalg.eigvalsh(exact)[0]
    return Mode(z, jnp.where(lowest > 1e-6, exact, density.gauss_newton(z, star)))
