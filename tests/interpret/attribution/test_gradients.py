import jax
import jax.numpy as jnp
import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.interpret.attribution import expected_gradients, integrated_gradients, label_function

from ...evidence.models import NAMES, PIXELS, small


def test_linear_map_is_gradient_times_difference(rng):
    weight, x, b = rng.normal(size=(2, 7)), rng.normal(size=7), rng.normal(size=7)
    found = integrated_gradients(lambda f: jnp.asarray(weight) @ f, x, b, n_steps=1)
    assert np.allclose(found.value, weight * (x - b))
    assert np.allclose(found.change, weight @ (x - b))
    assert np.allclose(found.residual, 0, atol=1e-12)


def test_polynomial_shares_have_their_closed_form(rng):
    """f = x0^2 x1: along the straight path the shares are those of the integrals done by hand."""
    x, b = np.array([2.0, 3.0, 1.0]), np.array([0.0, 0.0, 1.0])
    found = integrated_gradients(lambda f: f[0] ** 2 * f[1], x, b, n_steps=2)
    # dx0: integral of 2 (2t)(3t) x 2 = 8; dx1: integral of (2t)^2 x 3 = 4; the third pixel does not differ
    assert np.allclose(found.value, [8, 4, 0])
    assert np.isclose(found.change, 12)


@pytest.mark.slow
def test_completeness_through_the_inference_of_a_network_like_decoder(rng):
    fitted, batch = small("quadratic", rng)
    predict = label_function(fitted, batch.stars(slice(0, 1)), ["teff", "eu_fe"])
    stars = np.asarray(batch["flux"].value)
    flux, mean = stars[0], stars.mean(0)
    found = integrated_gradients(predict, flux, mean, n_steps=24)
    assert found.value.shape == (2, PIXELS)
    assert np.all(np.abs(found.residual) < 1e-4 * np.abs(found.change))
    assert np.all(found.value[:, 3] == 0)  # a bad pixel
    coarse = integrated_gradients(predict, flux, mean, n_steps=1)
    assert np.all(np.abs(coarse.residual) > np.abs(found.residual))


def test_expected_gradients_are_the_mean_over_baselines(rng):
    def predict(f):
        return jnp.sum(jnp.tanh(f) ** 2)

    x, stars = rng.normal(size=5), rng.normal(size=(12, 5))
    found = expected_gradients(predict, x, stars)
    each = np.array([integrated_gradients(predict, x, b, n_steps=8).value for b in stars])
    assert np.allclose(found.value, each.mean(0))
    assert np.allclose(found.error, each.std(0, ddof=1) / np.sqrt(12))
    with jax.enable_x64(True):
        assert np.isclose(found.change, predict(x) - np.mean([predict(b) for b in stars]))
    assert abs(found.residual) < 1e-4


def test_wrong_input_gets_a_sentence(rng):
    assert len(NAMES) == 3
    with pytest.raises(InputError, match="7 pixels and the baseline 6"):
        integrated_gradients(jnp.sum, np.ones(7), np.ones(6))
    with pytest.raises(InputError, match="1 values that are not finite"):
        integrated_gradients(jnp.sum, np.array([1, np.nan]), np.ones(2))
    with pytest.raises(InputError, match="two or more finite"):
        expected_gradients(jnp.sum, np.ones(3), np.ones((1, 3)))
