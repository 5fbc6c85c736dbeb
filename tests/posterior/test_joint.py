"""Decoders, scatter and latents together: the density, its gauge, its curvature and its sampler."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import stats

from luxjax.core import Batch, InputError, OutputData
from luxjax.fitted import FittedModel
from luxjax.fitting import ALS, fit
from luxjax.models import Linear, Lux
from luxjax.posterior import NUTS, Laplace, Priors, Variational, infer, load_posterior, save_posterior
from luxjax.posterior._gauge import anchors, turn_to_anchors
from luxjax.posterior._joint import _ridge, joint_density
from luxjax.posterior.methods._method import Problem
from luxjax.posterior.methods._roots import lanczos_root
from luxjax.simulation import bilinear

from .worlds import curved_model, linear_world, observe

ALL = ("latents", "decoders", "scatter")
SHRINKAGE = Priors({"shrinkage": dist.InverseGamma(0.5, 0.5e-4)})


@pytest.fixture(scope="module")
def world():
    return bilinear(60, {"flux": 8, "labels": 3}, 2, key=5, snr=60, scatter=0.02, missing_fraction=0.1)


@pytest.fixture(scope="module")
def fitted(world):
    """One latent more than the truth has."""
    return fit(Lux.linear({"flux": 8, "labels": 3}, 3), world.catalog, ALS(max_cycles=200, tol=1e-5), key=0)


@pytest.fixture(scope="module")
def known():
    """A model that needs no fitting, and stars with gaps."""
    model, batch, _ = linear_world(n_stars=20, bad_fraction=0.1, missing_fraction=0.2)
    return model, batch


@pytest.fixture(scope="module")
def sampled(fitted, world):
    nuts = NUTS(chains=2, warmup=300, draws=300)
    told = []
    found = infer(
        fitted, world.catalog, nuts, key=1, sample=ALL, priors=SHRINKAGE, progress=lambda *a: told.append(a)
    )
    assert told[0] == ("transitions", 50, 600)
    assert told[-1] == ("transitions", 600, 600)
    return found


def problem(model, batch, free=ALL, priors=None) -> Problem:
    ids = np.arange(batch.n_stars).astype(str)
    return Problem(
        model if isinstance(model, FittedModel) else FittedModel(model, {}),
        batch,
        ids,
        priors or Priors(),
        free,
    )


def rows(posterior):
    """B of both outputs in every draw, (chain x draw, out, latent)."""
    both = [posterior.parameters[f"decoders.{k}.weight"] for k in ("flux", "labels")]
    return np.concatenate(both, axis=2).reshape(-1, 11, 3)


@pytest.mark.slow
def test_density_is_the_dense_marginal_likelihood_times_the_priors(known):
    """Differences between two points, against a loop over stars with the full covariance of their data."""
    model, batch = known
    with jax.enable_x64(True):
        density, x = joint_density(problem(model, batch))
        other = x + 0.05 * jax.random.normal(jax.random.key(1), x.shape)
        value = eqx.filter_jit(lambda density, x: density(x))
        difference = float(value(density, other) - value(density, x))
        expected = _reference(density, other, batch) - _reference(density, x, batch)
    assert np.isclose(difference, expected, rtol=1e-6, atol=1e-5)


def _reference(density, x, batch: Batch) -> float:
    values = {k: np.asarray(v) for k, v in density.values(x).items()}
    total = 0.0
    for star in range(batch.n_stars):
        parts = []
        for name, m in batch.outputs.items():
            good = np.asarray(m.ivar[star]) > 0
            variance = 1 / np.asarray(m.ivar[star], float)[good] + values[f"scatter.{name}"][good] ** 2
            offset = np.asarray(m.value[star], float)[good] - values[f"decoders.{name}.intercept"][good]
            parts.append((values[f"decoders.{name}.weight"][good], variance, offset))
        b, variance, y = (np.concatenate(p) for p in zip(*parts, strict=True))
        total += stats.multivariate_normal(np.zeros(len(y)), b @ b.T + np.diag(variance)).logpdf(y)
    diagonal = {(k, j): i for i, (k, j) in enumerate(density.gauge)}
    for name in batch.names:
        total += stats.norm(0, 10).logpdf(values[f"decoders.{name}.intercept"]).sum()
        s = values[f"scatter.{name}"]
        total += stats.halfnorm(0, 0.3).logpdf(s).sum()
        for j, row in enumerate(values[f"decoders.{name}.weight"]):
            i = diagonal.get((name, j), 3)
            total += stats.norm.logpdf(row[:i]).sum()
            if i < 3:  # the diagonal of a triangle made from normal entries has a chi distribution
                total += stats.chi(3 - i).logpdf(row[i]) + np.log(row[i])
    return float(total)


def test_gauge_prior_is_that_of_a_rotated_normal_matrix(rng):
    """Diagonal entry i of the triangle of D rows is chi with D - i degrees of freedom, the rest normal."""
    upper = np.linalg.qr(rng.normal(size=(20_000, 3, 3)).transpose(0, 2, 1))[1]
    lower = np.abs(np.diagonal(upper, axis1=1, axis2=2))
    for i in range(3):
        assert stats.kstest(lower[:, i], stats.chi(3 - i).cdf).pvalue > 0.01


@pytest.mark.slow
def test_turning_changes_nothing_observable(known):
    curved = curved_model()
    data, _ = observe(curved)
    with jax.enable_x64(True):
        for model, b in (known, (curved, data)):
            gauge = anchors(model, b)
            turned = turn_to_anchors(model, gauge)
            n = model.n_latents
            triangle = np.array([np.asarray(turned.decoders[k].weight)[j, :n] for k, j in gauge])
            np.testing.assert_allclose(triangle, np.tril(triangle), atol=1e-12)
            assert (np.diag(triangle) > 0).all()
            old = np.array([np.asarray(model.decoders[k].weight)[j, :n] for k, j in gauge])
            r = np.linalg.solve(triangle, old)  # z' = R z
            np.testing.assert_allclose(r @ r.T, np.eye(n), atol=1e-10)
            z = jnp.asarray(np.random.default_rng(0).normal(size=n))
            for k in model.names:
                np.testing.assert_allclose(
                    turned.decoders[k](jnp.asarray(r) @ z), model.decoders[k](z), atol=1e-10
                )


@pytest.mark.slow
def test_ridge_derivatives_are_finite_differences(rng):
    with jax.enable_x64(True):
        a = rng.normal(size=(2, 5, 3))
        gram, rhs = jnp.asarray(np.einsum("nki,nkj->nij", a, a)), jnp.asarray(rng.normal(size=(2, 3)))
        d_gram = jnp.asarray(np.einsum("nki,nkj->nij", a[::-1], a[::-1]))

        @jax.jit
        def f(t):
            mean, inverse, log_det = _ridge(gram + t * d_gram, rhs * (1 + t))
            return jnp.sum(rhs * mean) + jnp.sum(inverse**2) + jnp.sum(log_det)

        h = 1e-4
        first = (f(h) - f(-h)) / (2 * h)
        second = (f(h) - 2 * f(0.0) + f(-h)) / h**2
        assert np.isclose(jax.jit(jax.grad(f))(0.0), first, rtol=1e-5)
        assert np.isclose(jax.jit(jax.grad(jax.grad(f)))(0.0), second, rtol=1e-4)
        assert np.isclose(_ridge(gram, rhs)[2][0], np.linalg.slogdet(np.eye(3) + gram[0])[1], rtol=1e-6)


@pytest.mark.slow
def test_lanczos_root_at_full_rank_is_the_inverse(rng):
    a = rng.normal(size=(12, 12))
    precision = a @ a.T + np.diag(np.geomspace(0.1, 100, 12))
    with jax.enable_x64(True):
        p = jnp.asarray(precision)
        full = lanczos_root(lambda v: p @ v, jnp.diagonal(p), 12)
        root = np.asarray(jax.vmap(full, out_axes=1)(jnp.eye(12)))
        np.testing.assert_allclose(root @ root.T, np.linalg.inv(precision), rtol=1e-6, atol=1e-9)
        one = lanczos_root(lambda v: p @ v, jnp.diagonal(p), 1)
        assert one.basis.shape == (12, 1)


@pytest.mark.slow
def test_latents_are_drawn_from_their_conditional(known):
    model, batch = known
    with jax.enable_x64(True):
        density, x = joint_density(problem(model, batch))
        draw = eqx.filter_jit(lambda density, x, keys: jax.vmap(lambda k: density.latents(x, k))(keys))
        z = np.asarray(draw(density, x, jax.random.split(jax.random.key(0), 4000)))
    exact = infer(density.model, batch, key=0)
    np.testing.assert_allclose((z.mean(0) - exact.mean) / exact.sd, 0, atol=0.06)
    np.testing.assert_allclose(z.std(0) / exact.sd, 1, atol=0.06)


@pytest.mark.long
def test_chains_agree_in_their_gauge(sampled):
    assert sampled.stats["diverging"].sum() <= 2
    assert len(sampled.gauge) == 3
    for i, (name, row) in enumerate(sampled.gauge):
        weights = sampled.parameters[f"decoders.{name}.weight"][:, :, row]
        assert (weights[..., i] > 0).all()
        assert (weights[..., i + 1 :] == 0).all()
    r_hat = sampled.split_r_hat()
    assert set(r_hat) == {"latents", *sampled.parameters}
    assert max(np.nanmax(v) for v in r_hat.values()) < 1.1


@pytest.mark.long
def test_sampler_recovers_what_is_observable(sampled, fitted, world):
    b = rows(sampled)
    found = np.einsum("sia,sja->sij", b, b)
    scale = np.concatenate([np.ones(8), 1 / fitted.info("labels").scale])
    truth = np.concatenate([world.weights["flux"], world.weights["labels"]]) * scale[:, None]
    z = (found.mean(0) - truth @ truth.T) / found.std(0)
    assert np.sqrt(np.mean(z**2)) < 1.6
    assert np.abs(z).max() < 4.5
    assert (sampled.parameters["scatter.flux"] > 0).all()


@pytest.mark.long
def test_shrinkage_switches_the_superfluous_latent_off(sampled):
    size = np.sqrt((rows(sampled)[:, 8:] ** 2).mean((0, 1)))  # of the labels, whose weights are near one
    assert size[:2].min() > 0.25
    assert size[2] < 0.05


@pytest.mark.long
def test_predictions_and_models_of_draws(sampled, world, fitted):
    labels = sampled.predict("labels", 50, key=0)
    assert labels.shape == (50, 60, 3)
    truth, spread = world.noise_free("labels"), labels.std(0)
    assert np.sqrt(np.mean(((labels.mean(0) - truth) / spread) ** 2)) < 1.6
    model = sampled.model_at(1, 7)
    np.testing.assert_array_equal(model["flux"].weight, sampled.parameters["decoders.flux.weight"][1, 7])
    with pytest.raises(InputError, match="no density in closed form"):
        sampled.log_density(sampled.mean)


@pytest.mark.long
def test_saved_posteriors_come_back(sampled, world, fitted, tmp_path):
    back = load_posterior(save_posterior(sampled, tmp_path / "a"), world.catalog)
    save_posterior(back, tmp_path / "a")  # takes the place of its earlier self
    np.testing.assert_array_equal(back.draws, sampled.draws)
    assert set(back.parameters) == set(sampled.parameters)
    np.testing.assert_array_equal(back.stats["energy"], sampled.stats["energy"])
    assert back.gauge == sampled.gauge
    assert back.settings == sampled.settings
    np.testing.assert_array_equal(back.predict("labels", 5, key=1), sampled.predict("labels", 5, key=1))
    priors = Priors({"latents": dist.Normal(0.0, 2.0)})
    one = infer(fitted, world.catalog, Laplace(), key=0, priors=priors)
    again = load_posterior(save_posterior(one, tmp_path / "b"))
    np.testing.assert_array_equal(again.cov, one.cov)
    assert again.batch is None
    assert float(again.priors.latents.scale) == 2
    with pytest.raises(InputError, match="hold other stars"):
        load_posterior(tmp_path / "b", world.catalog.select(slice(3)))
    strange = one.replace(priors=Priors({"latents": dist.SoftLaplace(0.0, 1.0)}))
    with pytest.raises(InputError, match="SoftLaplace, which cannot be saved; savable: Normal"):
        save_posterior(strange, tmp_path / "c")


@pytest.mark.long
def test_laplace_and_variational_resemble_the_sampler(fitted, world):
    """With many stars and few parameters the posterior is nearly normal; scatter known, intercepts tell."""
    free = ("latents", "decoders")
    laplace = infer(fitted, world.catalog, Laplace(draws=2000), key=0, sample=free)
    low = infer(fitted, world.catalog, Laplace(rank=30, draws=2000), key=0, sample=free)
    guide = infer(fitted, world.catalog, Variational("mean_field", steps=500), key=0, sample=free)
    name = "decoders.labels.intercept"
    # The intercept's variance: that of the mean of the labels, whose own spread is about one.
    expected = np.sqrt(np.diag(np.cov(world.noise_free("labels").T)) / 60) / fitted.info("labels").scale
    for found, low_bound in ((laplace, 0.6), (low, 0.6)):
        assert found.draws.shape == (1, 2000, 60, 3)
        ratio = found.parameters[name].std((0, 1)) / expected
        assert (ratio > low_bound).all()
        assert (ratio < 1.6).all()
    assert (guide.parameters[name].std((0, 1)) < laplace.parameters[name].std((0, 1))).all()
    assert "scatter.flux" not in laplace.parameters


def test_laplace_refuses_shrinkage(known):
    with pytest.raises(InputError, match="use Variational or NUTS"):
        infer(*known, Laplace(), key=0, sample=ALL, priors=SHRINKAGE)


@pytest.mark.slow
def test_scatter_near_zero_is_as_wide_as_its_posterior():
    """Known noise of one size, decoders and latents known: the posterior of one scatter is a one-dimensional integral."""
    n, sigma = 50, 0.1
    residual = np.random.default_rng(3).normal(size=n)
    residual *= sigma / np.sqrt(
        np.mean(residual**2)
    )  # the scatter's likelihood peaks at zero, and is flat there
    model = Lux({"flux": Linear(jnp.zeros(1), jnp.zeros((1, 1)))})
    batch = Batch({"flux": OutputData.clean(residual[:, None], np.full((n, 1), sigma**-2.0))})
    grid = np.linspace(0, 0.5, 4001)
    variance = sigma**2 + grid**2
    log_p = -0.5 * (n * np.log(variance) + np.sum(residual**2) / variance) + stats.halfnorm(0, 0.3).logpdf(
        grid
    )
    p = np.exp(log_p - log_p.max())
    expected = np.sqrt(np.sum(p * grid**2) / p.sum())
    found = infer(model, batch, Laplace(draws=4000), key=0, sample=("latents", "scatter"))
    assert np.isclose(np.sqrt(np.mean(found.parameters["scatter.flux"] ** 2)), expected, rtol=0.15)


@pytest.mark.slow
def test_curved_decoders_keep_the_latents_in_the_vector():
    model = curved_model(n_out=6)
    batch, _ = observe(model, 30, 0.1)
    with jax.enable_x64(True):
        density, x = joint_density(problem(model, batch, ("latents", "scatter")))
        assert not density.collapsed
        assert len(x) == 6 + 2 * 30
        assert density.gauge == ()
        flat = eqx.filter_jit(eqx.filter_grad(lambda x, density: density(x)))(x, density)[6:]
        np.testing.assert_allclose(flat, 0, atol=0.5)  # it starts at the mode of the latents
    assert len(anchors(model, batch)) == 2
