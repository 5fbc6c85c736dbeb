"""Latents with known decoders: every method against the dense joint Gaussian, or against integration on a grid."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from luxjax.core import Batch, InputError, OutputData
from luxjax.posterior import NUTS, Exact, Laplace, infer

from .worlds import curved_model, linear_world, observe

SHORT = NUTS(chains=2, warmup=200, draws=500)


def dense_posterior(model, batch, star):
    """Conditional of z given y from the joint normal of (z, y), with the full covariance of y."""
    n, rows, offsets, variances, values = model.n_latents, [], [], [], []
    for name, m in batch.outputs.items():
        good = np.asarray(m.ivar[star]) > 0
        rows.append(np.asarray(model.decoders[name].weight)[good])
        offsets.append(np.asarray(model.decoders[name].intercept)[good])
        variances.append(
            1 / np.asarray(m.ivar[star], float)[good] + np.asarray(model.scatter[name])[good] ** 2
        )
        values.append(np.asarray(m.value[star], float)[good])
    b, y = np.concatenate(rows), np.concatenate(values) - np.concatenate(offsets)
    gain = b.T @ np.linalg.inv(b @ b.T + np.diag(np.concatenate(variances)))
    return gain @ y, np.eye(n) - gain @ b


@pytest.fixture(scope="module")
def linear():
    return linear_world(bad_fraction=0.1, missing_fraction=0.2)


@pytest.fixture(scope="module")
def sampled(linear):
    model, batch, _ = linear
    return infer(model, batch, SHORT, key=3)


@pytest.mark.parametrize("method", [Exact(), Laplace(), Laplace(rank=3)])
def test_closed_forms_are_the_dense_joint_gaussian(linear, method):
    model, batch, _ = linear
    found = infer(model, batch, method, key=0, block=4)
    for star in range(batch.n_stars):
        mean, cov = dense_posterior(model, batch, star)
        np.testing.assert_allclose(found.mean[star], mean, rtol=0, atol=2e-5)
        np.testing.assert_allclose(found.cov[star], cov, rtol=1e-4, atol=1e-8)


@pytest.mark.slow
def test_sampler_finds_the_dense_joint_gaussian(linear, sampled):
    model, batch, _ = linear
    assert sampled.stats["diverging"].sum() == 0
    assert sampled.split_r_hat()["latents"].max() < 1.02
    for star in range(batch.n_stars):
        mean, cov = dense_posterior(model, batch, star)
        np.testing.assert_allclose((sampled.mean[star] - mean) / np.sqrt(np.diag(cov)), 0, atol=0.15)
        whitened = np.linalg.solve(np.linalg.cholesky(cov), (sampled.pooled[:, star] - mean).T)
        np.testing.assert_allclose(np.cov(whitened), np.eye(3), atol=0.2)


@pytest.mark.slow
def test_sampling_is_reproducible_and_follows_the_key(linear, sampled):
    model, batch, _ = linear
    np.testing.assert_array_equal(infer(model, batch, SHORT, key=3).draws, sampled.draws)
    assert np.abs(infer(model, batch, SHORT, key=4).draws - sampled.draws).max() > 0.01


def grid_moments(model, batch, star, sigma):
    """Posterior mean and covariance of two latents by summing over a fine grid."""
    axis = np.linspace(-4, 4, 321)
    z = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    with jax.enable_x64(True):
        f = np.asarray(jax.vmap(model.decoders["flux"])(jnp.asarray(z)))
    good = np.asarray(batch["flux"].ivar[star]) > 0
    y = np.asarray(batch["flux"].value[star], float)
    log_p = -0.5 * (z**2).sum(1) - 0.5 * (((y - f)[:, good] / sigma) ** 2).sum(1)
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    mean = p @ z
    return mean, (z - mean).T @ ((z - mean) * p[:, None])


@pytest.mark.slow
@pytest.mark.parametrize("kind", [pytest.param("quadratic", marks=pytest.mark.long), "saturating"])
def test_sampler_finds_the_moments_of_a_curved_decoder(kind):
    model, sigma = curved_model(kind), 0.8
    batch, _ = observe(model, 3, sigma)
    found = infer(model, batch, NUTS(chains=2, warmup=300, draws=1500), key=1)
    for star in range(3):
        mean, cov = grid_moments(model, batch, star, sigma)
        sd = np.sqrt(np.diag(cov))
        np.testing.assert_allclose((found.mean[star] - mean) / sd, 0, atol=0.12)
        np.testing.assert_allclose(found.cov[star] / np.outer(sd, sd), cov / np.outer(sd, sd), atol=0.15)


@pytest.mark.slow
def test_student_noise_has_the_mode_and_curvature_of_the_t_density():
    """With a gross outlier in the data; the reference is SciPy's density on a grid and its differences."""
    model = curved_model().replace(dof={"flux": 4.0})
    batch, _ = observe(model, 2, 0.3)
    wild = batch["flux"].value.at[0, 3].add(5.0)
    batch = Batch({"flux": OutputData(wild, batch["flux"].ivar)})
    found = infer(model, batch, Laplace(), key=0)

    def log_p(star, z):
        with jax.enable_x64(True):
            f = np.asarray(model.decoders["flux"](jnp.asarray(z)))
        good = np.asarray(batch["flux"].ivar[star]) > 0
        r = np.asarray(batch["flux"].value[star], float)[good] - f[good]
        return stats.t(4, scale=0.3).logpdf(r).sum() + stats.norm.logpdf(z).sum()

    h = 1e-3
    for star in range(2):
        z, eye = found.mean[star], h * np.eye(2)
        hessian = [
            [
                (
                    log_p(star, z + a + b)
                    - log_p(star, z + a - b)
                    - log_p(star, z - a + b)
                    + log_p(star, z - a - b)
                )
                / (4 * h * h)
                for b in eye
            ]
            for a in eye
        ]
        np.testing.assert_allclose(np.linalg.inv(-np.array(hessian)), found.cov[star], rtol=1e-3, atol=1e-6)
        assert all(log_p(star, z + s * a) < log_p(star, z) for a in eye for s in (30, -30))
    tails = linear_world()[0].replace(dof={"labels": 5.0})
    assert infer(tails, linear_world()[1], key=0).method == "Laplace"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["quadratic", "saturating"])
def test_laplace_is_at_the_mode_with_its_curvature(kind):
    model, sigma = curved_model(kind), 0.1
    batch, _ = observe(model, 3, sigma)
    found = infer(model, batch, Laplace(), key=0)
    for star in range(3):
        mean, cov = grid_moments(model, batch, star, sigma)
        np.testing.assert_allclose((found.mean[star] - mean) / np.sqrt(np.diag(cov)), 0, atol=0.15)
        np.testing.assert_allclose(found.cov[star], cov, rtol=0.15, atol=2e-4)


def test_low_rank_laplace_keeps_the_diagonal_of_the_precision(linear):
    model, batch, _ = linear
    full = np.linalg.inv(infer(model, batch, Laplace(), key=0).cov)
    none = infer(model, batch, Laplace(rank=0), key=0).cov
    np.testing.assert_allclose(none, np.eye(3) / np.diagonal(full, axis1=1, axis2=2)[:, None], atol=1e-10)
    errors = [
        np.abs(infer(model, batch, Laplace(rank=r), key=0).cov - np.linalg.inv(full)).sum() for r in range(4)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-8


def test_densities_agree_up_to_their_normalisation(linear, sampled):
    model, batch, _world = linear
    exact = infer(model, batch, Exact(), key=0)
    a, b = exact.mean + 0.1, exact.mean - 0.2 * exact.sd
    difference = exact.log_density(a) - exact.log_density(b)
    np.testing.assert_allclose(sampled.log_density(a) - sampled.log_density(b), difference, atol=1e-4)
    reference = [
        stats.multivariate_normal(m, c).logpdf(x) for m, c, x in zip(exact.mean, exact.cov, a, strict=True)
    ]
    np.testing.assert_allclose(exact.log_density(a), reference, rtol=1e-6)


def test_quantiles_and_draws(linear, sampled):
    model, batch, _ = linear
    exact = infer(model, batch, Exact(), key=0)
    np.testing.assert_allclose(exact.quantile(0.975), exact.mean + 1.95996 * exact.sd, atol=1e-5)
    np.testing.assert_allclose((sampled.quantile(0.16) - exact.quantile(0.16)) / exact.sd, 0, atol=0.25)
    assert exact.sample(2000, key=1).shape == (2000, 6, 3)
    np.testing.assert_allclose(exact.sample(4000, key=1).std(0) / exact.sd, 1, atol=0.06)
    every = sampled.sample(1000, key=0)[:, 0, 0]  # each draw once
    np.testing.assert_array_equal(np.sort(every), np.sort(sampled.pooled[:, 0, 0]))
    assert sampled.sample(1500, key=0).shape == (1500, 6, 3)


def test_predictions_carry_the_latents_spread_and_the_noise(linear):
    model, batch, world = linear
    exact = infer(model, batch.only("flux"), Exact(), key=0)
    b = world.weights["labels"]
    clean = exact.predict("labels", 4000, key=0)
    expected = np.einsum("la,nab,lb->nl", b, exact.cov, b)
    np.testing.assert_allclose(clean.mean(0), world.intercepts["labels"] + exact.mean @ b.T, atol=0.05)
    np.testing.assert_allclose(clean.var(0), expected, rtol=0.12)
    noisy = exact.predict("labels", 4000, key=0, noise=True)
    np.testing.assert_allclose(noisy.var(0), expected + 0.02**2, rtol=0.12)
    ivar = np.asarray(batch["flux"].ivar, float)
    error = np.divide(1, ivar, where=ivar > 0, out=np.zeros_like(ivar))
    w = world.weights["flux"]
    spread = np.einsum("la,nab,lb->nl", w, exact.cov, w)
    again = exact.predict("flux", 4000, key=2, noise=True)
    np.testing.assert_allclose(again.var(0), spread + error + 0.02**2, rtol=0.15)


def test_bad_input_gets_a_sentence(linear, sampled):
    model, batch, _ = linear
    curved = curved_model()
    data, _ = observe(curved)

    def said(match, *arguments, **options):
        with pytest.raises(InputError, match=match):
            infer(*arguments, **({"key": 0} | options))

    said("Exact needs linear decoders and the model's flux are not; use Laplace", curved, data, Exact())
    said("Exact needs Gaussian noise and that of labels", model.replace(dof={"labels": 5.0}), batch, Exact())
    said("latents are never known", model, batch, sample=("scatter",))
    said(
        "no part of the model to infer 'decoder'.*Did you mean 'decoders'",
        model,
        batch,
        sample=("latents", "decoder"),
    )
    said("Exact infers latents with known decoders", model, batch, Exact(), sample=("latents", "scatter"))
    said(
        "3 stars cannot determine decoders of 3",
        model,
        batch.stars(slice(3)),
        SHORT,
        sample=("latents", "decoders"),
    )
    said("labels cannot be inferred", model, batch.only("flux"), SHORT, sample=("latents", "decoders"))
    for bad in (lambda: NUTS(chains=0), lambda: NUTS(warmup=3), lambda: Laplace(rank=-1)):
        with pytest.raises(InputError, match="must be at least"):
            bad()
    with pytest.raises(InputError, match="probability between 0 and 1"):
        sampled.quantile(16)
    one = sampled.replace(draws=sampled.draws[:1])
    with pytest.raises(InputError, match="only one; sample with NUTS"):
        one.split_r_hat()
    with pytest.raises(InputError, match="load_posterior"):
        sampled.replace(batch=None).log_density(sampled.mean)
