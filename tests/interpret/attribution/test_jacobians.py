import jax
import jax.numpy as jnp
import numpy as np
import pytest

from luxjax.core import Batch, InputError, OutputData, unpack
from luxjax.interpret.attribution import (
    conditional_flux_jacobian,
    covariance_pattern,
    flux_jacobian,
    label_function,
    label_jacobian,
    mean_label_jacobian,
    predictor_jacobian,
)
from luxjax.models import Linear, Lux
from luxjax.prediction import transfer

from ...evidence.models import NAMES, PIXELS, STARS, D, small


def finite_difference(predict, flux, step=1e-4):
    """Central differences, (label, pixel)."""
    shifts = step * np.eye(len(flux))
    up, down = (jax.vmap(jax.jit(predict))(jnp.asarray(flux + s * shifts)) for s in (1, -1))
    return np.asarray(up - down).T / (2 * step)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["linear", "quadratic", "tanh"])
def test_closed_form_autodiff_and_finite_differences_agree(kind, rng):
    fitted, batch = small(kind, rng)
    found = np.stack([label_jacobian(fitted, batch, name).value for name in NAMES], axis=1)
    assert found.shape == (STARS, len(NAMES), PIXELS)
    assert np.all(found[:, :, 3] == 0)  # a bad pixel
    with jax.enable_x64(True):
        star = batch.stars(slice(3, 4))
        predict, flux = label_function(fitted, star), np.asarray(star["flux"].value[0])
        size = np.abs(found[3]).max(axis=1, keepdims=True)
        for forward in (True, False):
            traced = predictor_jacobian(predict, flux, forward=forward)
            assert np.all(np.abs(found[3] - traced) < 1e-9 * size)
        assert np.all(np.abs(found[3] - finite_difference(predict, flux)) < 1e-5 * size)


@pytest.mark.parametrize("kind", ["linear", pytest.param("quadratic", marks=pytest.mark.slow)])
def test_label_function_is_what_transfer_predicts(kind, rng):
    fitted, batch = small(kind, rng)
    expected = transfer(fitted, batch)
    with jax.enable_x64(True):
        predict = label_function(fitted, batch.stars(slice(2, 3)), ["eu_fe", "teff"])
        found = np.asarray(jax.jit(predict)(batch["flux"].value[2]))
        assert np.allclose(found, expected.value[2][[2, 0]], rtol=1e-9)


def test_linear_jacobian_is_the_dense_formula(rng):
    fitted, batch = small("linear", rng)
    w, a = (np.asarray(fitted.model[k].weight) for k in ("flux", "labels"))
    for n in range(STARS):
        ivar = np.asarray(batch["flux"].ivar[n])
        ivar = ivar / (1 + ivar * 0.05**2)
        dense = a @ np.linalg.inv((w.T * ivar) @ w + np.eye(D)) @ (w.T * ivar)
        error = label_jacobian(fitted, batch, "teff", block=2).value[n] - 300 * dense[0]
        # Inference keeps nearly empty Gram matrices positive definite by 1e-7 of their size; the prior is 1.
        assert np.abs(error).max() < 1e-5 * np.abs(300 * dense[0]).max()


def test_mean_jacobian_is_the_mean_of_the_stars(rng):
    fitted, batch = small("linear", rng)
    found = mean_label_jacobian(fitted, batch, ["eu_fe", "teff"], block=2)
    for k, name in enumerate(("eu_fe", "teff")):
        assert np.allclose(found[k], label_jacobian(fitted, batch, name).value.mean(0), rtol=1e-10)
    quadratic, batch = small("quadratic", rng)
    with pytest.raises(InputError, match="linear decoders"):
        mean_label_jacobian(quadratic, batch)


def test_flux_derivatives_are_the_regressions_of_the_population(rng):
    """On draws from the model, least squares of flux on the labels gives the same slopes."""
    fitted, _ = small("linear", rng)
    w, a = (np.asarray(fitted.model[k].weight) for k in ("flux", "labels"))
    y = a @ np.diag([1.0] * D) * np.array([[300.0], [0.2], [0.1]])
    joint = y @ y.T  # covariance of the labels for z ~ N(0, I)
    every = np.linalg.solve(joint, y @ w.T)  # multiple regression of flux on all labels
    for k, name in enumerate(NAMES):
        assert np.allclose(conditional_flux_jacobian(fitted, name).value, every[k])
        assert np.allclose(flux_jacobian(fitted, name).value, (w @ y[k]) / joint[k, k])
        assert np.allclose(covariance_pattern(fitted, name).value, w @ y[k])
    pair = np.linalg.solve(joint[:2, :2], y[:2] @ w.T)
    assert np.allclose(conditional_flux_jacobian(fitted, "teff", others=["fe_h"]).value, pair[0])


@pytest.mark.parametrize("kind", ["linear", "quadratic", "tanh"])
def test_conditional_step_moves_the_label_and_no_other(kind, rng):
    fitted, _ = small(kind, rng)
    z = 0.4 * rng.normal(size=(2, D))
    found = conditional_flux_jacobian(fitted, "fe_h", latents=z)
    assert found.value.shape == (2, PIXELS)
    with jax.enable_x64(True):
        for n in range(2):
            w, a = (np.asarray(jax.jacfwd(fitted.model[k])(jnp.asarray(z[n]))) for k in ("flux", "labels"))
            step = np.linalg.lstsq(w, found.value[n])[0]  # the latents' step behind the flux
            assert np.allclose(a @ step * [300, 0.2, 0.1], [0, 1, 0], atol=1e-8)
            others = np.linalg.svd(a)[2][len(NAMES) :]  # directions that move no label
            assert np.allclose(others @ step, 0, atol=1e-9)  # the shortest step has none of them


def draws(fitted, rng, n):
    """The fitted model with its decoder rows drawn from their covariance."""
    for _ in range(n):
        decoders = {}
        for name, d in fitted.model.decoders.items():
            root = np.linalg.cholesky(
                np.asarray(unpack(fitted.weight_cov[name], D + 1)) + 1e-18 * np.eye(D + 1)
            )
            error = np.einsum("oij,oj->oi", root, rng.normal(size=(len(root), D + 1)))
            decoders[name] = Linear(d.intercept + error[:, 0], d.weight + error[:, 1:])
        yield fitted.replace(model=Lux(decoders, fitted.model.scatter))


@pytest.mark.slow
def test_spread_is_that_of_drawn_decoders(rng):
    with jax.enable_x64(True):
        fitted, batch = small("linear", rng, weight_error=3e-3)
        star = batch.stars(slice(0, 1))
        functions = {
            "filter": lambda f, spread=False: label_jacobian(f, star, "fe_h", spread=spread),
            "conditional": lambda f, spread=False: conditional_flux_jacobian(f, "fe_h", spread=spread),
            "marginal": lambda f, spread=False: flux_jacobian(f, "fe_h", spread=spread),
            "pattern": lambda f, spread=False: covariance_pattern(f, "fe_h", spread=spread),
        }
        worlds = list(draws(fitted, rng, 100))
        for name, function in functions.items():
            sampled = np.array([function(world).value for world in worlds]).std(0).ravel()
            sd = function(fitted, spread=True).sd.ravel()
            seen = sampled > 0
            ratio = sd[seen] / sampled[seen]
            assert abs(ratio.mean() - 1) < 0.06, name  # 100 draws: 7% a pixel
            assert np.all(np.abs(ratio - 1) < 0.3), name


def test_any_callable_predictor(rng):
    weight = rng.normal(size=(2, PIXELS))
    flux = rng.normal(size=(3, PIXELS))
    found = predictor_jacobian(lambda f: jnp.asarray(weight) @ f**2, flux)
    assert np.allclose(found, 2 * weight * flux[:, None])
    assert predictor_jacobian(lambda f: f[0], flux[0]).shape == (PIXELS,)


def test_wrong_input_gets_a_sentence(rng):
    fitted, batch = small("linear", rng)
    with pytest.raises(InputError, match="no label 'mg_fe' .*teff"):
        label_jacobian(fitted, batch, "mg_fe")
    with pytest.raises(InputError, match="leave it out of others"):
        conditional_flux_jacobian(fitted, "teff", others=["teff"])
    with pytest.raises(InputError, match="one star; 5 were given"):
        label_function(fitted, batch)
    copy = Linear(
        fitted.model["labels"].intercept,
        fitted.model["labels"].weight.at[2].set(fitted.model["labels"].weight[0]),
    )
    twin = fitted.replace(model=Lux({"flux": fitted.model["flux"], "labels": copy}, fitted.model.scatter))
    with pytest.raises(InputError, match="do not move independently"):
        conditional_flux_jacobian(twin, "teff")
    with pytest.raises(InputError, match="decoder covariance"):
        flux_jacobian(fitted.replace(weight_cov={}), "teff", spread=True)


@pytest.mark.slow
def test_student_noise_lets_outliers_say_less(rng):
    fitted, batch = small("linear", rng)
    robust = fitted.replace(model=fitted.model.replace(dof={"flux": 4.0}))
    value, ivar = (np.asarray(x[0]) for x in (batch["flux"].value, batch["flux"].ivar))
    value = value + 1.0 * (np.arange(PIXELS) == 5)  # ten of its errors
    shifts = 1e-4 * np.eye(PIXELS)
    stars = np.concatenate([value + shifts, value - shifts, value[None]])
    with jax.enable_x64(True):
        data = Batch({"flux": OutputData(jnp.asarray(stars), jnp.tile(ivar, (len(stars), 1)))})
        labels = transfer(robust, data).value[:, 0]
        found, gauss = (
            label_jacobian(f, data.stars(slice(-1, None)), "teff").value[0] for f in (robust, fitted)
        )
    expected = (labels[:PIXELS] - labels[PIXELS:-1]) / 2e-4
    assert np.allclose(found, expected, atol=1e-4 * np.abs(expected).max())
    assert abs(found[5]) < 0.2 * abs(gauss[5])
