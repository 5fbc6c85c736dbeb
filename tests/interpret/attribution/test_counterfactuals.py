import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from luxjax.core import InputError
from luxjax.interpret.attribution import conditional_flux_jacobian, counterfactual, label_jacobian, recourse
from luxjax.interpret.attribution._recourse import smallest_change
from luxjax.interpret.representation import star_latents

from ...evidence.models import NAMES, PIXELS, STARS, D, small

SCALE = np.array([300.0, 0.2, 0.1])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["linear", "quadratic"])
def test_one_label_changes_and_the_others_stay(kind, rng):
    fitted, batch = small(kind, rng)
    found = counterfactual(fitted, batch, "fe_h", 0.003)
    before = star_latents(fitted, batch).mean
    with jax.enable_x64(True):
        labels = [
            np.array([fitted.model["labels"](z) for z in jnp.asarray(x)]) for x in (before, found.latents)
        ]
        after = np.array([fitted.model["flux"](z) for z in jnp.asarray(found.latents)])
    assert np.allclose((labels[1] - labels[0]) * SCALE, [0, 0.003, 0], atol=1e-9)
    assert np.allclose(found.after, after)
    assert np.allclose(found.difference, found.after - found.before)
    assert found.flux_sd.shape == (STARS, PIXELS)


@pytest.mark.slow
def test_linear_difference_is_the_conditional_jacobian_with_its_interval(rng):
    fitted, batch = small("linear", rng)
    found = counterfactual(fitted, batch, "eu_fe", -0.2, others=["fe_h"])
    slope = conditional_flux_jacobian(fitted, "eu_fe", others=["fe_h"], spread=True)
    assert np.allclose(found.difference, -0.2 * slope.value)
    assert np.allclose(found.difference_sd, 0.2 * slope.sd)
    low, high = found.interval()
    assert np.allclose(high - low, 2 * 1.96 * 0.2 * slope.sd)
    s = star_latents(fitted, batch).cov[2]
    w = np.asarray(fitted.model["flux"].weight)
    assert np.allclose(found.flux_sd[2], np.sqrt(np.einsum("pi,ij,pj->p", w, s, w)))


@pytest.mark.slow
def test_the_step_is_the_shortest_that_does_it(rng):
    """Against a general constrained optimiser, quadratic decoders."""
    fitted, batch = small("quadratic", rng)
    star = batch.stars(slice(1, 2))
    found = counterfactual(fitted, star, "teff", 6.0)
    z = star_latents(fitted, star).mean[0]
    w, b = (np.asarray(x) for x in (fitted.model["labels"].weight, fitted.model["labels"].intercept))
    i, j = np.triu_indices(D)

    def labels(z):
        return b + w @ np.append(z, z[i] * z[j])

    goal = labels(z) + np.array([6.0 / 300, 0, 0])
    best = minimize(
        lambda d: d @ d,
        1e-3 * np.ones(D),
        method="SLSQP",
        tol=1e-12,
        constraints={"type": "eq", "fun": lambda d: labels(z + d) - goal},
    )
    assert np.linalg.norm(found.latents[0] - z) == pytest.approx(np.linalg.norm(best.x), rel=1e-4)


def test_recourse_is_the_constrained_minimum(rng):
    fitted, batch = small("linear", rng)
    star = batch.stars(slice(0, 1))
    found = recourse(fitted, star, "teff", 50.0, others=["fe_h"])
    k = np.array([label_jacobian(fitted, star, n).value[0] for n in ("teff", "fe_h")])
    ivar = np.asarray(star["flux"].ivar[0])
    seen = ivar > 0
    noise = 1 / ivar[seen] + 0.05**2
    # Lagrange: df = N K'(K N K')^-1 t, length t'(K N K')^-1 t
    middle = np.linalg.inv((k[:, seen] * noise) @ k[:, seen].T)
    assert np.allclose(found.flux_change[seen], noise * (k[:, seen].T @ middle @ [50, 0]))
    assert found.sigmas == pytest.approx(np.sqrt([50, 0] @ middle @ [50, 0]))
    assert np.allclose(found.reached, [50, 0], atol=1e-9)
    assert found.flux_change[3] == 0  # a bad pixel
    free = recourse(fitted, star, "teff", 50.0)
    assert free.sigmas < found.sigmas
    assert recourse(fitted, star, "teff", -100.0).sigmas == pytest.approx(2 * free.sigmas)


def test_recourse_reaches_its_goal_through_a_decoder_that_is_not_linear(rng):
    fitted, batch = small("quadratic", rng)
    star = batch.stars(slice(0, 1))
    found = recourse(fitted, star, "fe_h", 0.02, others=["teff"])
    assert np.allclose(found.reached, [0.02, 0], atol=1e-6)
    assert found.flux_change[3] == 0


def test_smallest_change_of_any_predictor(rng):
    """The nearest point of a sphere to a point within it lies along the radius."""
    x = np.array([0.3, 0.4])
    found = smallest_change(lambda f: jnp.sum(f**2)[None], x, np.ones(2), [0.75])
    assert np.allclose(x + found.flux_change, x * 2)
    assert found.sigmas == pytest.approx(0.5)
    with pytest.raises(InputError, match="shape \\(1,\\); changes of \\(2,\\)"):
        smallest_change(lambda f: f[:1], x, np.ones(2), [1.0, 0.0])
    with pytest.raises(InputError, match="no spectrum was found"):
        smallest_change(lambda f: f[:1] ** 2 + 1, x, np.ones(2), [-5.0], steps=4)
    with pytest.raises(InputError, match="do not answer"):
        smallest_change(lambda f: 0 * f[:1], x, np.ones(2), [1.0])
    assert len(NAMES) == 3
