import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from luxjax.core import Batch, OutputData
from luxjax.latents import latent_mean, weight_products
from luxjax.latents.internal import blocks, effective_ivar, latent_posterior
from luxjax.models import Lux, ModuleDecoder, Quadratic

from ..fitting.worlds import toy_survey


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def test_linear_posterior_is_the_conditional_of_the_dense_joint_gaussian(rng):
    batch, model, _ = toy_survey(rng, n_stars=5)
    model = Lux(model.decoders, {"flux": jnp.full(9, 0.2), "labels": jnp.full(3, 0.1)})
    got = latent_posterior(model, batch)
    for n in range(5):
        seen = np.concatenate([np.asarray(batch[k].ivar[n]) > 0 for k in batch.names])
        y = np.concatenate([np.asarray(batch[k].value[n]) for k in batch.names])[seen]
        ivar = np.concatenate([np.asarray(batch[k].ivar[n]) for k in batch.names])[seen]
        s = np.concatenate([np.asarray(model.scatter[k]) for k in batch.names])[seen]
        w = np.concatenate([np.asarray(model.decoders[k].weight) for k in batch.names])[seen]
        b = np.concatenate([np.asarray(model.decoders[k].intercept) for k in batch.names])[seen]
        joint = w @ w.T + np.diag(1 / ivar + s**2)
        assert np.allclose(got.mean[n], w.T @ np.linalg.solve(joint, y - b), rtol=1e-6)
        assert np.allclose(got.cov[n], np.eye(2) - w.T @ np.linalg.solve(joint, w), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("scatter", [0.0, 0.3])
@pytest.mark.parametrize("dof", [np.inf, 3.0])
def test_products_made_once_change_no_posterior(rng, scatter, dof):
    batch, model, _ = toy_survey(rng, n_stars=5)
    model = model.replace(
        scatter={k: jnp.full(d.weight.shape[0], scatter) for k, d in model.feature_decoders.items()},
        dof={"flux": dof},
    )
    products = weight_products(model, batch.names, batch.dtype)
    plain = latent_posterior(model, batch)
    # The columns of zeros give the product another shape, and CPUs other orders of summation: the last digits may differ.
    for found, expected in zip(latent_posterior(model, batch, products=products), plain, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(latent_mean(model, batch), plain.mean, rtol=1e-5, atol=1e-9)
    wrong = {k: 2 * p for k, p in products.items()}
    assert not np.allclose(latent_posterior(model, batch, products=wrong).mean, plain.mean)


@pytest.mark.slow
@pytest.mark.parametrize("n_stars", [30, 64, 128, 150])
def test_every_star_is_placed_whatever_the_blocks(rng, n_stars):
    batch, model, _ = toy_survey(rng, n_stars=n_stars)
    found = [where for _, _, where in blocks(batch, 64, overlap=True)]
    assert {k for where in found for k in range(where.start, where.stop)} == set(range(n_stars))
    np.testing.assert_allclose(
        latent_mean(model, batch, block=64), latent_posterior(model, batch).mean, rtol=1e-5, atol=1e-9
    )


def test_scatter_enters_as_added_variance_and_never_revives_a_bad_pixel():
    ivar, s = jnp.array([[4.0, 0.0, 1.0]]), jnp.array([0.5, 3.0, 0.0])
    assert np.allclose(effective_ivar(ivar, s), [[1 / (1 / 4 + 0.25), 0, 1]])


def test_a_star_without_data_keeps_the_prior():
    model = Lux.linear({"flux": 4}, 2)
    empty = Batch({"flux": OutputData.clean(np.zeros((1, 4)), np.zeros((1, 4)))})
    got = latent_posterior(model, empty)
    assert np.allclose(got.mean, 0)
    assert np.allclose(got.cov, np.eye(2), rtol=1e-6)


@pytest.mark.slow
def test_quadratic_latents_are_found_where_scipy_finds_them(rng):
    w, b = rng.normal(size=(12, 5)), rng.normal(size=12)
    w[:, 2:] *= 0.15
    decoder = Quadratic(jnp.asarray(b), jnp.asarray(w), 2)
    truth = rng.normal(size=(6, 2))
    clean = np.stack([np.asarray(decoder(jnp.asarray(z))) for z in truth])
    ivar = np.full(clean.shape, 25.0)
    batch = Batch({"flux": OutputData.clean(clean + 0.2 * rng.normal(size=clean.shape), ivar, np.float64)})
    got = latent_posterior(Lux({"flux": decoder}), batch)
    for n in range(6):
        y = np.asarray(batch["flux"].value[n])

        def loss(z, y=y):
            return 0.5 * np.sum(25 * (y - np.asarray(decoder(jnp.asarray(z)))) ** 2) + 0.5 * z @ z

        best = min((minimize(loss, z0) for z0 in (np.zeros(2), truth[n])), key=lambda r: r.fun)
        assert loss(np.asarray(got.mean[n])) <= best.fun + 1e-6


@pytest.mark.slow
def test_pixel_by_pixel_search_ends_where_the_sums_over_pixels_do(rng):
    batch, model, _ = toy_survey(rng, n_stars=20)
    scatter = {"flux": jnp.full(9, 0.2), "labels": jnp.full(3, 0.1)}
    exact = latent_posterior(Lux(model.decoders, scatter), batch)
    whole = Lux({k: ModuleDecoder(d, 2) for k, d in model.decoders.items()}, scatter)
    for mixed in (whole, Lux({**whole.decoders, "labels": model["labels"]}, scatter)):
        got = latent_posterior(mixed, batch)
        assert np.allclose(got.mean, exact.mean, atol=1e-5)
        assert np.allclose(got.cov, exact.cov, rtol=1e-5, atol=1e-9)
        assert np.allclose(got.logdet, exact.logdet, rtol=1e-6)


@pytest.mark.slow
def test_few_steps_begin_at_the_start(rng):
    batch, model, _ = toy_survey(rng, n_stars=3)
    whole = Lux({k: ModuleDecoder(d, 2) for k, d in model.decoders.items()})
    start = jnp.asarray(rng.normal(size=(3, 2)))
    assert np.array_equal(latent_posterior(whole, batch, 1.0, start, steps=0).mean, start)
