"""Independent methods of inference find the same posterior where it is known, and what each misses where it is not.

Linear decoders. With decoders and noise known, the latents z and the data y of a star are jointly normal, and the
conditional of z given y is computed here densely, with the full covariance of y and in plain NumPy. Against it:

- closed forms (Exact, Laplace): to rounding;
- full-rank variational inference: means within 0.05 posterior standard deviations, the error of a mean of 400 draws, and
  variances within 5%;
- NUTS: every mean within its Monte-Carlo error, |difference| < q sd / sqrt(ESS) with q the normal quantile of a chance of 1%
  shared by all star-latent pairs (Bonferroni), ESS the effective sample size of the draws, and variances within 5%.

Mean-field variational inference is shown beside them: its variances are the conditional ones, 1 / precision_ii, and so too
small wherever latents are correlated (Turner & Sahani 2011).

Quadratic decoders. There is no closed form; two long NUTS runs with different keys, each of four chains, must agree with one
another in the same sense, and their variances within 10%. Laplace's and the variational approximations are compared with them,
without threshold: their error is not numerical but in what they are.

    python validation/posterior_agreement.py [--smoke]
"""

import jax
import jax.numpy as jnp
import numpy as np
from claims import Claim
from numpyro.diagnostics import effective_sample_size
from scipy.stats import norm

from luxjax.core import Batch, OutputData
from luxjax.models import Linear, Lux, Quadratic
from luxjax.posterior import NUTS, Exact, Laplace, Variational, infer
from luxjax.simulation import bilinear

ALPHA = 0.01
CLAIM = Claim(
    __file__,
    "With linear decoders and known noise, Exact, Laplace, full-rank variational and NUTS posteriors have the means of the "
    "dense joint Gaussian to within Monte-Carlo error and its variances within 5%; with quadratic decoders two independent NUTS "
    "runs agree in the same sense, variances within 10%.",
    {
        "closed_form_mean_shift": "< 1e-3",
        "closed_form_variance_error": "< 1e-3",
        "full_rank_mean_shift": "< 0.05",
        "full_rank_variance_error": "< 0.05",
        "nuts_means_outside": "== 0",
        "nuts_variance_error": "< 0.05",
        "quadratic_means_outside": "== 0",
        "quadratic_variance_error": "< 0.1",
        "largest_r_hat": "< 1.01",
    },
    seed=51,
    smoke_threshold={
        "closed_form_mean_shift": "< 1e-3",
        "closed_form_variance_error": "< 1e-3",
        "full_rank_mean_shift": "< 0.1",
        "full_rank_variance_error": "< 0.1",
        "nuts_means_outside": "== 0",
        "nuts_variance_error": "< 0.3",
    },
)


def linear_world(n_stars: int):
    """A linear model with the true decoders, and stars of low S/N, half of whose labels are missing."""
    sizes = {"flux": 60, "labels": 4}
    options = {
        "snr": 15.0,
        "label_error": 0.3,
        "scatter": 0.02,
        "bad_fraction": 0.05,
        "missing_fraction": 0.5,
    }
    world = bilinear(n_stars, sizes, 4, key=CLAIM.seed, **options)
    with jax.enable_x64(True):
        rows = {k: Linear(jnp.asarray(world.intercepts[k]), jnp.asarray(w)) for k, w in world.weights.items()}
        return Lux(rows, {k: jnp.asarray(s) for k, s in world.scatter.items()}), world.catalog.batch()


def quadratic_world(n_stars: int):
    """A quadratic model of two latents, with noise as large as its curvature."""
    rng, n_out, sigma = np.random.default_rng(CLAIM.seed), 10, 0.7
    weight = np.concatenate([rng.normal(size=(n_out, 2)), 0.3 * rng.normal(size=(n_out, 3))], axis=1)
    z = rng.normal(size=(n_stars, 2))
    with jax.enable_x64(True):
        model = Lux({"flux": Quadratic(jnp.zeros(n_out), jnp.asarray(weight), 2)})
        clean = np.asarray(jax.vmap(model["flux"])(jnp.asarray(z)))
    value = clean + sigma * rng.normal(size=clean.shape)
    return model, Batch({"flux": OutputData.clean(value, np.full(value.shape, sigma**-2.0))})


def dense(model: Lux, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of z given y for every star, from the joint normal of (z, y)."""
    means, covs = [], []
    for star in range(batch.n_stars):
        rows, variance, y = [], [], []
        for name, m in batch.outputs.items():
            good = np.asarray(m.ivar[star]) > 0
            rows.append(np.asarray(model[name].weight)[good])
            variance.append(
                1 / np.asarray(m.ivar[star], float)[good] + np.asarray(model.scatter[name])[good] ** 2
            )
            y.append(np.asarray(m.value[star], float)[good] - np.asarray(model[name].intercept)[good])
        b = np.concatenate(rows)
        gain = np.linalg.solve(b @ b.T + np.diag(np.concatenate(variance)), b).T
        means.append(gain @ np.concatenate(y))
        covs.append(np.eye(b.shape[1]) - gain @ b)
    return np.array(means), np.array(covs)


def compare(found, mean: np.ndarray, variance: np.ndarray) -> dict:
    """Shift of the means in standard deviations, and ratio of the variances, over stars and latents."""
    shift, ratio = np.abs(found.mean - mean) / np.sqrt(variance), found.sd**2 / variance
    return {
        "mean_shift_largest": shift.max(),
        "mean_shift_median": np.median(shift),
        "variance_error": np.abs(ratio - 1).max(),
        "variance_ratio_smallest": ratio.min(),
        "variance_ratio_median": np.median(ratio),
        "variance_ratio_largest": ratio.max(),
    }


def monte_carlo_z(found, other_mean, other=None) -> np.ndarray:
    """Difference of means over its Monte-Carlo error, (star, latent); the other mean may have one too."""
    variance = sum(p.sd**2 / effective_sample_size(p.draws) for p in (found, other) if p is not None)
    return (found.mean - other_mean) / np.sqrt(variance)


def outside(z: np.ndarray) -> int:
    """How many leave the family-wise band."""
    return int(np.sum(np.abs(z) > norm.isf(ALPHA / z.size / 2)))


def linear(n_stars: int, nuts: NUTS, steps: int) -> tuple[dict, float]:
    model, batch = linear_world(n_stars)
    mean, cov = dense(model, batch)
    variance = np.diagonal(cov, axis1=1, axis2=2)
    methods = {
        "exact": Exact(),
        "laplace": Laplace(),
        "full_rank": Variational("full_rank", steps=steps),
        "low_rank": Variational("low_rank", rank=2, steps=steps),
        "mean_field": Variational("mean_field", steps=steps),
        "nuts": nuts,
    }
    found = {k: infer(model, batch, method, key=CLAIM.seed) for k, method in methods.items()}
    out = {k: compare(p, mean, variance) for k, p in found.items()}
    z = monte_carlo_z(found["nuts"], mean)
    out["nuts"] |= {"largest_z": np.abs(z).max(), "rms_z": np.sqrt(np.mean(z**2)), "outside": outside(z)}
    conditional = 1 / np.diagonal(np.linalg.inv(cov), axis1=1, axis2=2)
    out["mean_field"]["over_conditional_variance"] = np.median(found["mean_field"].sd ** 2 / conditional)
    out["nuts"]["divergences"] = int(found["nuts"].stats["diverging"].sum())
    return out, float(found["nuts"].split_r_hat()["latents"].max())


def quadratic(n_stars: int, nuts: NUTS, steps: int) -> tuple[dict, float]:
    model, batch = quadratic_world(n_stars)
    one, two = (infer(model, batch, nuts, key=CLAIM.seed + k) for k in (1, 2))
    z = monte_carlo_z(one, two.mean, two)
    out = {"nuts": compare(one, two.mean, two.sd**2) | {"outside": outside(z), "largest_z": np.abs(z).max()}}
    mean, variance = 0.5 * (one.mean + two.mean), 0.5 * (one.sd**2 + two.sd**2)
    methods = {
        "laplace": Laplace(),
        "full_rank": Variational(steps=steps),
        "mean_field": Variational("mean_field"),
    }
    for name, method in methods.items():
        out[name] = compare(infer(model, batch, method, key=CLAIM.seed), mean, variance)
    out["nuts"]["divergences"] = int(sum(p.stats["diverging"].sum() for p in (one, two)))
    return out, max(float(p.split_r_hat()["latents"].max()) for p in (one, two))


def measure(args) -> dict:
    nuts, steps = (NUTS(2, 150, 500), 1000) if args.smoke else (NUTS(4, 500, 4000), 2000)
    found, r_hat = linear(4 if args.smoke else 16, nuts, steps)
    closed = [found[k] for k in ("exact", "laplace")]
    measured = {
        "closed_form_mean_shift": max(c["mean_shift_largest"] for c in closed),
        "closed_form_variance_error": max(c["variance_error"] for c in closed),
        "full_rank_mean_shift": found["full_rank"]["mean_shift_largest"],
        "full_rank_variance_error": found["full_rank"]["variance_error"],
        "nuts_means_outside": found["nuts"]["outside"],
        "nuts_variance_error": found["nuts"]["variance_error"],
        "linear": found,
    }
    if args.smoke:
        return measured
    curved, curved_r_hat = quadratic(8, nuts, steps)
    return measured | {
        "quadratic_means_outside": curved["nuts"]["outside"],
        "quadratic_variance_error": curved["nuts"]["variance_error"],
        "largest_r_hat": max(r_hat, curved_r_hat),
        "quadratic": curved,
    }


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure))
