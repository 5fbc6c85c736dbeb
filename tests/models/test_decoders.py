import jax
import jax.numpy as jnp
import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.models import Linear, Lux, Quadratic
from luxjax.models.internal import feature_jacobian


def test_linear_decoder_is_an_affine_map(rng):
    a, b, z = rng.normal(size=(5, 3)), rng.normal(size=5), rng.normal(size=3)
    assert np.allclose(Linear(jnp.asarray(b), jnp.asarray(a))(jnp.asarray(z)), a @ z + b, rtol=1e-5)


def test_quadratic_decoder_is_the_full_second_order_polynomial(rng):
    z = rng.normal(size=2)
    w = rng.normal(size=(3, 5))
    slow = w @ np.array([z[0], z[1], z[0] ** 2, z[0] * z[1], z[1] ** 2]) + 2.0
    assert np.allclose(Quadratic(jnp.full(3, 2.0), jnp.asarray(w), 2)(jnp.asarray(z)), slow, rtol=1e-5)


def test_feature_jacobian_is_the_finite_difference(rng):
    with jax.enable_x64(True):
        decoder, z, step = Quadratic.zeros(1, 3), rng.normal(size=3), 1e-6
        slow = np.column_stack(
            [
                (decoder.features(z + step * e) - decoder.features(z - step * e)) / (2 * step)
                for e in np.eye(3)
            ]
        )
        assert np.allclose(feature_jacobian(decoder, jnp.asarray(z)), slow, atol=1e-8)


def test_a_model_knows_its_shape():
    model = Lux.linear({"flux": 7, "labels": 2}, 3)
    assert (model.n_latents, model.names, model.is_linear, model.has_features) == (
        3,
        ("flux", "labels"),
        True,
        True,
    )
    assert {k: v.shape for k, v in model(jnp.zeros(3)).items()} == {"flux": (7,), "labels": (2,)}
    assert {k: v.shape for k, v in model.scatter.items()} == {"flux": (7,), "labels": (2,)}
    assert not Lux.quadratic({"flux": 7}, 2).is_linear


def test_bad_models_are_refused():
    with pytest.raises(InputError, match="share its latents"):
        Lux({"a": Linear.zeros(3, 2), "b": Linear.zeros(3, 4)})
    with pytest.raises(InputError, match="at least 1"):
        Lux.linear({"a": 3}, 0)
    with pytest.raises(InputError, match=r"shape \(3, 5\)"):
        Quadratic(jnp.zeros(3), jnp.zeros((3, 4)), 2)
    with pytest.raises(InputError, match="no output for the scatter 'fluks'.*Did you mean 'flux'"):
        Lux({"flux": Linear.zeros(3, 2)}, {"fluks": jnp.zeros(3)})
    with pytest.raises(InputError, match="no output 'x'"):
        Lux.linear({"a": 3}, 1)["x"]
