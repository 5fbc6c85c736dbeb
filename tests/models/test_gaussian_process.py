"""The Gaussian process as a decoder, against its formulas in NumPy and automatic differentiation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.fitted import FittedModel, load, save
from luxjax.models import GaussianProcess, Linear, Lux
from luxjax.models.internal import Kernels

MEMBERS, OUT, POINTS, LATENTS, RANK = 2, 3, 11, 4, 5


@pytest.fixture
def decoder(rng):
    """All of it drawn at random, in double precision; the root small enough that variances are positive."""
    positive = lambda *shape: jnp.asarray(rng.uniform(0.1, 1.0, (MEMBERS, OUT, *shape)))  # noqa: E731
    with jax.enable_x64(True):
        kernels = Kernels(positive(), positive(LATENTS), positive(), positive(), positive())
        yield GaussianProcess(
            jnp.asarray(rng.normal(size=OUT)),
            jnp.asarray(rng.normal(size=(POINTS, LATENTS))),
            kernels,
            jnp.asarray(rng.normal(size=(MEMBERS, OUT, POINTS))),
            jnp.asarray(0.02 * rng.normal(size=(MEMBERS, OUT, RANK, POINTS))),
        )


def written_out(d: GaussianProcess, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance, a member, an output and a point at a time."""
    k = jax.tree.map(np.asarray, d.kernels)

    def covariance(m, o, x):
        line = np.sum(k.relevance[m, o] * x * z)
        smooth = np.exp(-0.5 * k.roughness[m, o] * np.sum(k.relevance[m, o] * (x - z) ** 2))
        return k.constant[m, o] + line + k.square[m, o] * line**2 + k.amplitude[m, o] * smooth

    mean, variance = np.zeros((MEMBERS, OUT)), np.zeros((MEMBERS, OUT))
    for m in range(MEMBERS):
        for o in range(OUT):
            cross = np.array([covariance(m, o, x) for x in np.asarray(d.points)])
            mean[m, o] = np.asarray(d.intercept)[o] + np.asarray(d.alpha)[m, o] @ cross
            variance[m, o] = covariance(m, o, z) - np.sum((np.asarray(d.root)[m, o] @ cross) ** 2)
    return mean, variance


def test_mean_and_variance_are_averages_over_members(decoder, rng):
    z = rng.normal(size=(4, LATENTS))
    found, spread = jax.jit(jax.vmap(lambda x: (decoder(x), decoder.variance(x))))(z)
    for k in range(4):
        mean, variance = written_out(decoder, z[k])
        assert (variance > 0).all()
        np.testing.assert_allclose(found[k], mean.mean(axis=0), rtol=1e-10)
        np.testing.assert_allclose(spread[k], variance.mean(axis=0), rtol=1e-10)


def test_variance_is_never_negative(decoder, rng):
    known = jax.tree.map(lambda x: x, decoder)
    object.__setattr__(known, "root", 100 * decoder.root)
    np.testing.assert_array_equal(known.variance(jnp.asarray(rng.normal(size=LATENTS))), 0)


def test_jacobian_is_that_of_automatic_differentiation(decoder, rng):
    z = rng.normal(size=(3, LATENTS))
    found, slow = jax.jit(jax.vmap(lambda x: (decoder.jacobian(x), jax.jacfwd(decoder)(x))))(z)
    assert found.shape == (3, OUT, LATENTS)
    np.testing.assert_allclose(found, slow, rtol=1e-9, atol=1e-11)


def test_another_basis_is_the_same_function(decoder, rng):
    shift, matrix = jnp.asarray(rng.normal(size=LATENTS)), jnp.asarray(rng.normal(size=(LATENTS, LATENTS)))
    changed, u = decoder.change_basis(shift, matrix), jnp.asarray(rng.normal(size=LATENTS))
    np.testing.assert_allclose(changed(u), decoder(shift + matrix @ u), rtol=1e-9)


def test_it_comes_back_from_disk_bit_for_bit(decoder, tmp_path):
    model = Lux({"flux": Linear(jnp.zeros(6), jnp.ones((6, LATENTS))), "labels": decoder})
    again = load(save(FittedModel(model, {}), tmp_path / "m")).model["labels"]
    assert jax.tree.structure(again) == jax.tree.structure(decoder)
    for one, other in zip(jax.tree.leaves(again), jax.tree.leaves(decoder), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_weights_of_another_shape_are_refused(decoder):
    with pytest.raises(InputError, match=r"of 3 outputs and 11 points needs weights of the shape"):
        GaussianProcess(
            decoder.intercept, decoder.points, decoder.kernels, decoder.alpha[..., :-1], decoder.root
        )
