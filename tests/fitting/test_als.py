import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from luxjax.core import Batch, InputError, LuxWarning, OutputData
from luxjax.fitting import ALS, EM, fit
from luxjax.models import Lux
from luxjax.prediction import transfer

from .worlds import toy_survey


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def joint_objective(batch, decoders, z, strength, latent_strength):
    """J written out: half chi-square and the priors."""
    total = 0.5 * latent_strength * jnp.sum(z**2)
    for name, (intercept, weight) in decoders.items():
        m = batch[name]
        residual = m.value - intercept - z @ weight.T
        total = total + 0.5 * jnp.sum(m.ivar * residual**2) + 0.5 * strength[name] * jnp.sum(weight**2)
    return total


def quasi_newton(batch, n_latents, strength, latent_strength, rng):
    """The joint minimum of J by L-BFGS over everything at once: slow, simple, and not ours."""
    shapes = {k: ((m.size,), (m.size, n_latents)) for k, m in batch.outputs.items()}

    def unpack(x):
        decoders, at = {}, 0
        for name, (one, two) in shapes.items():
            b, at = x[at : at + one[0]], at + one[0]
            w, at = x[at : at + two[0] * two[1]].reshape(two), at + two[0] * two[1]
            decoders[name] = (b, w)
        return decoders, x[at:].reshape(batch.n_stars, n_latents)

    value = jax.jit(
        jax.value_and_grad(lambda x: joint_objective(batch, *unpack(x), strength, latent_strength))
    )
    n = sum(m.size * (1 + n_latents) for m in batch.outputs.values()) + batch.n_stars * n_latents
    found = minimize(
        lambda x: [np.asarray(v, float) for v in value(x)],
        0.3 * rng.normal(size=n),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 20000, "maxfun": 40000, "ftol": 1e-15, "gtol": 1e-7},
    )
    return found.fun


@pytest.mark.slow
def test_it_ends_at_the_minimum_that_quasi_newton_finds(rng):
    batch, _, _ = toy_survey(rng, n_stars=40)
    strength = {"flux": 2.0, "labels": 0.5}
    fitter = ALS(regularization=strength, latent_regularization=0.7, tol=1e-12, max_cycles=2000)
    fitted = fit(Lux.linear(batch.sizes, 2), batch, fitter, key=0)
    reference = min(quasi_newton(batch, 2, strength, 0.7, rng) for _ in range(3))
    assert fitted.objective[-1] == pytest.approx(reference, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("scatter", [False, True])
@pytest.mark.parametrize("kind", ["linear", "quadratic"])
def test_objective_never_rises(rng, scatter, kind):
    batch, _, _ = toy_survey(rng, n_stars=80, sizes={"flux": 30, "labels": 3})
    fitter = ALS(scatter=scatter, max_cycles=6, tol=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LuxWarning)
        fitted = fit(getattr(Lux, kind)(batch.sizes, 2), batch, fitter, key=0)
    assert np.all(np.diff(fitted.objective) <= 1e-7 * np.abs(fitted.objective[:-1]))


@pytest.mark.long
def test_balancing_saves_cycles(rng):
    batch, _, _ = toy_survey(rng, n_stars=200, sizes={"flux": 100, "labels": 3}, n_latents=4)
    with_it, without = (
        fit(Lux.linear(batch.sizes, 4), batch, ALS(balance=b, tol=1e-8, max_cycles=3000), key=0).objective
        for b in (True, False)
    )
    assert with_it[-1] <= without[-1] * (1 + 1e-6)
    assert len(with_it) < len(without) / 3


@pytest.mark.long
def test_a_curved_world_needs_the_quadratic_decoder(rng):
    batch, _, z = toy_survey(rng, n_stars=200, sizes={"flux": 40, "labels": 2}, missing=0, noise=0.05)
    m = batch["flux"]
    curve = rng.normal(size=(40,))
    bent = m.value + 0.3 * jnp.asarray(z[:, :1] * z[:, 1:]) * curve
    batch = Batch({"flux": OutputData(bent, m.ivar), "labels": batch["labels"]}, batch.labels)
    linear = fit(Lux.linear(batch.sizes, 2), batch, ALS(tol=1e-4), key=0)
    curved = fit(Lux.quadratic(batch.sizes, 2), batch, ALS(tol=1e-4), key=0)
    n_values = 200 * 42
    assert 2 * linear.objective[-1] > 3 * n_values
    assert 2 * curved.objective[-1] < 1.2 * n_values


@pytest.mark.slow
def test_both_fitters_agree_where_noise_is_small(rng):
    batch, _, _ = toy_survey(rng, n_stars=300, noise=0.05, missing=0)
    values = [
        transfer(
            fit(Lux.linear(batch.sizes, 2), batch, f, key=0), batch, inputs=["flux"], labels="labels"
        ).value
        for f in (EM(), ALS(regularization=1e-3))
    ]
    assert np.allclose(values[0], values[1], atol=0.01)


def test_unknown_output_to_regularise_is_named(rng):
    batch, _, _ = toy_survey(rng)
    with pytest.raises(InputError, match="no output to regularise 'fluks'.*Did you mean 'flux'"):
        fit(Lux.linear(batch.sizes, 2), batch, ALS(regularization={"fluks": 1.0}), key=0)
