"""Explanations that have a closed form or a defining equation satisfy it, to rounding.

Derivatives of labels by flux are had in three ways: closed form (linear decoders) or the implicit function theorem (others),
forward-mode differentiation through the inference, and central differences of the same inference in double precision.
The three are compared for a linear model with the decoders of a bilinear world and a quadratic one with second-order terms
added, and the last two for a small neural network with random weights. Differences are relative to the largest derivative of the star and label.

Integrated gradients must add up to the difference of the predictions at spectrum and baseline (completeness); the residual
is relative to the sum of the absolute shares. Shapley values must add up to the prediction itself (additivity), for
wavelength windows independent and correlation-aware and for latents; the residual is relative to the spread of the label.
For windows the prediction is the exact posterior mean, from dense matrices; `transfer` differs from it by up to about 1e-6,
the price of keeping its small systems positive definite in single precision, and the difference is reported.

The mutual information gap must find what was planted. Latents are drawn, each label is one latent with 1% noise
(axis-aligned) or an equal mixture of all with random signs (entangled), and the mean of the null is subtracted.

    python validation/explanation_exactness.py [--smoke]
"""

import jax
import jax.numpy as jnp
import numpy as np
from claims import Claim

from luxjax.core import Batch
from luxjax.fitted import FittedModel, OutputInfo
from luxjax.interpret.attribution import (
    integrated_gradients,
    label_function,
    label_jacobian,
    latent_shapley,
    predictor_jacobian,
    window_shapley,
)
from luxjax.interpret.representation import Draws, mig, star_latents
from luxjax.models import Linear, Lux, Quadratic
from luxjax.prediction import transfer
from luxjax.simulation import bilinear

CLAIM = Claim(
    __file__,
    "Label Jacobians in closed form, by forward differentiation and by finite differences agree to 1e-5; integrated "
    "gradients add up to 1e-5 and Shapley values to 1e-6 of what they share out; the mutual information gap less its null "
    "is at least 0.8 for labels planted on single latents and at most 0.05 for labels spread evenly over all.",
    {
        "jacobian_linear": "<= 1e-5",
        "jacobian_quadratic": "<= 1e-5",
        "jacobian_network": "<= 1e-5",
        "completeness": "<= 1e-5",
        "additivity": "<= 1e-6",
        "mig_axis_aligned_least": ">= 0.8",
        "mig_entangled_most": "<= 0.05",
    },
    seed=50,
)
STEP = 1e-4  # of finite differences, in normalised flux


def differences(predict, flux) -> np.ndarray:
    """Central differences, (label, pixel), one pixel after another."""
    both = jax.jit(lambda k: (predict(flux.at[k].add(STEP)) - predict(flux.at[k].add(-STEP))) / (2 * STEP))
    return np.array([both(k) for k in range(len(flux))]).T


def apart(jacobians: list[np.ndarray]) -> float:
    """The largest disagreement of (label, pixel) arrays with the first, relative to each label's largest entry."""
    size = np.abs(jacobians[0]).max(axis=1, keepdims=True)
    return max(float(np.max(np.abs(j - jacobians[0]) / size)) for j in jacobians[1:])


def fitted_jacobians(fitted, stars, n: int) -> tuple[float, float]:
    """Disagreement of the Jacobians of the first stars, and the residual of integrated gradients from their mean."""
    names = fitted.info("labels").names
    exact = np.stack([label_jacobian(fitted, stars, name).value for name in names], axis=1)
    worst, incomplete = 0.0, 0.0
    mean = np.asarray(stars["flux"].value, float).mean(0)
    with jax.enable_x64(True):
        for k in range(n):
            predict = label_function(fitted, stars.stars(slice(k, k + 1)))
            flux = jnp.asarray(stars["flux"].value[k], jnp.float64)
            traced = predictor_jacobian(predict, flux, forward=True)
            worst = max(worst, apart([exact[k], traced, differences(predict, flux)]))
            incomplete = max(incomplete, residual(predict, flux, mean))
    return worst, incomplete


def residual(predict, flux, baseline) -> float:
    """Of completeness, relative to the sum of the absolute shares."""
    shares = integrated_gradients(predict, flux, baseline, n_steps=24)
    return float(np.max(np.abs(shares.residual) / np.abs(shares.value).sum(-1)))


def network(pixels: int, labels: int, rng):
    """A neural network with one hidden layer and random weights."""
    first, second = rng.normal(size=(32, pixels)) / np.sqrt(pixels), rng.normal(size=(labels, 32))
    return lambda flux: jnp.asarray(second) @ jnp.tanh(3 * jnp.asarray(first) @ flux)


def exact_labels(fitted, stars) -> np.ndarray:
    """Posterior mean of the labels of a linear model, star by star with dense matrices, (star, label)."""
    w, b, a, c = (
        np.asarray(x, float)
        for k in ("flux", "labels")
        for x in (fitted.model[k].weight, fitted.model[k].intercept)
    )
    out = []
    for flux, ivar in zip(
        *(np.asarray(x, float) for x in (stars["flux"].value, stars["flux"].ivar)), strict=True
    ):
        weight = ivar / (1 + ivar * np.asarray(fitted.model.scatter["flux"], float) ** 2)
        out.append(
            c + a @ np.linalg.solve((w.T * weight) @ w + np.eye(w.shape[1]), (w.T * weight) @ (flux - b))
        )
    return np.array(out) * fitted.info("labels").scale + fitted.info("labels").loc


def additivity(fitted, stars) -> tuple[float, float]:
    """Largest residual of Shapley values from the prediction, and of `transfer` from it, over the label's spread."""
    exact, z = exact_labels(fitted, stars), star_latents(fitted, stars).mean
    whole = transfer(fitted, stars).value
    found = [window_shapley(fitted, stars, 6, correlated=c).prediction - exact for c in (False, True)]
    found.append(latent_shapley(fitted, z).prediction - whole)
    spread = exact.std(0)
    return max(float(np.max(np.abs(f) / spread)) for f in found), float(
        np.max(np.abs(whole - exact) / spread)
    )


def planted(n: int, rng) -> tuple[float, float]:
    """The least MIG of axis-aligned labels and the greatest of entangled ones, less their nulls."""
    z = rng.normal(size=(n, 8))
    signs = rng.choice([-1, 1], (8, 4)) / np.sqrt(8)
    codes = (z[:, :4], z @ signs)
    noisy = [y + 0.01 * rng.normal(size=y.shape) for y in codes]
    scores = [
        mig(z, {f"label_{j}": y[:, j] for j in range(4)}, draws=Draws(null=20, halves=2, rotations=1), seed=1)
        for y in noisy
    ]
    return float(scores[0].excess[:4].min()), float(scores[1].excess[:4].max())


def models(pixels: int, key: int) -> tuple[FittedModel, FittedModel, Batch]:
    """A linear model with the decoders of a bilinear world, one with second-order terms added, and stars of the world."""
    rng, sizes = np.random.default_rng(key), {"flux": pixels, "labels": 3}
    world = bilinear(20, sizes, 4, key=key, bad_fraction=0.01)
    labels = OutputInfo(
        np.array([4800.0, -0.2, 0.1]), np.array([300.0, 0.2, 0.05]), names=("teff", "fe_h", "eu_fe")
    )
    outputs = {"flux": OutputInfo.of(world.catalog["flux"]), "labels": labels}
    linear, quadratic = {}, {}
    for name, weight in world.weights.items():
        second = 0.1 * np.std(weight) * rng.normal(size=(len(weight), 10))
        b, w = jnp.asarray(world.intercepts[name]), jnp.asarray(weight)
        linear[name] = Linear(b, w)
        quadratic[name] = Quadratic(b, jnp.asarray(np.hstack([weight, second])), 4)
    scatter = {"flux": jnp.full(pixels, 0.003), "labels": jnp.zeros(3)}
    first, second = (FittedModel(Lux(decoders, scatter), {}, outputs) for decoders in (linear, quadratic))
    return first, second, first.batch(world.catalog, "flux", dtype=np.float64)


def measure(args) -> dict:
    pixels, n_stars, n_mig = (30, 1, 1000) if args.smoke else (400, 4, 10_000)
    rng = np.random.default_rng(CLAIM.seed)
    with jax.enable_x64(True):
        linear, quadratic, stars = models(pixels, CLAIM.seed)
        net, flux = network(pixels, 3, rng), stars["flux"].value[0]
        traced = [predictor_jacobian(net, flux, forward=f) for f in (False, True)]
        mean = np.asarray(stars["flux"].value).mean(0)
        found = [fitted_jacobians(f, stars, n_stars) for f in (linear, quadratic)]
        incomplete = max(*(f[1] for f in found), residual(net, flux, mean))
        adds, stabilised = additivity(linear, stars)
        net_apart = apart([*traced, differences(net, flux)])
    aligned, entangled = planted(n_mig, rng)
    return {
        "jacobian_linear": found[0][0],
        "jacobian_quadratic": found[1][0],
        "jacobian_network": net_apart,
        "completeness": incomplete,
        "additivity": adds,
        "mig_axis_aligned_least": aligned,
        "mig_entangled_most": entangled,
        "transfer_from_exact": stabilised,
        "sizes": {"pixels": pixels, "stars": n_stars, "mig_stars": n_mig},
    }


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure))
