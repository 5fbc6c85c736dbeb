"""What every kind of decoder promises by being registered: shape, basis, derivative, and that it comes back from disk."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from luxjax.fitted import FittedModel, load, save
from luxjax.models import AbstractFeatureDecoder, GaussianProcess, Lux
from luxjax.models.internal import DECODERS, Kernels, feature_jacobian

SIZE, LATENTS = 5, 3


def process(rng) -> GaussianProcess:
    """Two members on four points, with kernels that are covariances: positive."""

    def drawn(*shape: int):
        return jnp.asarray(rng.uniform(0.2, 1.0, size=shape))

    kernels = Kernels(drawn(2, SIZE), drawn(2, SIZE, LATENTS), drawn(2, SIZE), drawn(2, SIZE), drawn(2, SIZE))
    return GaussianProcess(drawn(SIZE), drawn(4, LATENTS), kernels, drawn(2, SIZE, 4), drawn(2, SIZE, 3, 4))


@pytest.fixture(params=DECODERS)
def decoder(request, rng):
    """A decoder of the kind whose weights are all drawn at random, in double precision."""
    kind = DECODERS[request.param]
    if not issubclass(kind, AbstractFeatureDecoder):
        with jax.enable_x64(True):
            yield process(rng)
        return
    options = {"key": jax.random.key(0)} if "key" in inspect.signature(kind.zeros).parameters else {}
    with jax.enable_x64(True):
        empty = kind.zeros(SIZE, LATENTS, **options)
        np.testing.assert_array_equal(empty(jnp.ones(LATENTS)), np.zeros(SIZE))  # before a fit
        yield jax.tree.map(lambda x: jnp.asarray(0.5 * rng.normal(size=x.shape)), empty)


def test_one_star_in_one_output_out(decoder, rng):
    z = jnp.asarray(rng.normal(size=(4, LATENTS)))
    assert decoder.n_latents == LATENTS
    assert decoder(z[0]).shape == (SIZE,)
    assert decoder.variance(z[0]).shape == (SIZE,)
    np.testing.assert_allclose(jax.vmap(decoder)(z)[2], decoder(z[2]), rtol=1e-12)
    if isinstance(decoder, AbstractFeatureDecoder):
        assert decoder.weight.shape == (SIZE, *decoder.features(z[0]).shape)
        assert np.array_equal(decoder.features(z[0])[:LATENTS], z[0])  # every start relies on it
        np.testing.assert_allclose(decoder(z[1]), decoder.intercept + decoder.weight @ decoder.features(z[1]))


def test_another_basis_is_the_same_function(decoder, rng):
    shift, matrix = jnp.asarray(rng.normal(size=LATENTS)), jnp.asarray(rng.normal(size=(LATENTS, LATENTS)))
    changed = decoder.change_basis(shift, matrix)
    if isinstance(decoder, AbstractFeatureDecoder):
        assert type(changed) is type(decoder)
    for u in jnp.asarray(rng.normal(size=(3, LATENTS))):
        np.testing.assert_allclose(changed(u), decoder(shift + matrix @ u), rtol=1e-9, atol=1e-12)


def test_its_derivative_is_the_finite_difference(decoder, rng):
    z, step = jnp.asarray(rng.normal(size=LATENTS)), 1e-6
    slow = [(decoder(z + step * e) - decoder(z - step * e)) / (2 * step) for e in np.eye(LATENTS)]
    np.testing.assert_allclose(jax.jacfwd(decoder)(z), np.transpose(slow), atol=1e-8)
    np.testing.assert_allclose(decoder.jacobian(z), np.transpose(slow), atol=1e-8)
    if isinstance(decoder, AbstractFeatureDecoder):
        by_features = decoder.weight @ feature_jacobian(decoder, z)
        np.testing.assert_allclose(by_features, np.transpose(slow), atol=1e-8)


def test_its_features_have_the_degree_that_it_states(decoder, rng):
    if not isinstance(decoder, AbstractFeatureDecoder) or decoder.degree is None:
        pytest.skip("its features are no polynomials")
    z, step = jnp.asarray(rng.normal(size=LATENTS)), jnp.asarray(rng.normal(size=LATENTS))
    steps = np.stack([decoder.features(z + k * step) for k in range(decoder.degree + 2)])
    scale = np.abs(steps).max()
    assert np.abs(np.diff(steps, n=decoder.degree + 1, axis=0)).max() < 1e-10 * scale
    assert np.abs(np.diff(steps, n=decoder.degree, axis=0)).max() > 1e-3 * scale


def test_it_comes_back_from_disk_bit_for_bit(decoder, tmp_path):
    again = load(save(FittedModel(Lux({"flux": decoder}), {}), tmp_path / "m")).model["flux"]
    assert jax.tree.structure(again) == jax.tree.structure(decoder)
    for one, other in zip(jax.tree.leaves(again), jax.tree.leaves(decoder), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
