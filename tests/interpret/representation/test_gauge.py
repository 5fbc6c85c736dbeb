import jax
import jax.numpy as jnp
import numpy as np
import pytest

from luxjax.core import InputError, unpack
from luxjax.core.internal import pack
from luxjax.fitted import FittedModel
from luxjax.interpret.representation import canonical_gauge, label_subspace_angles, random_rotation, rotate
from luxjax.interpret.representation._gauge import over_rotations
from luxjax.models import AbstractDecoder, Lux, Quadratic
from luxjax.prediction import transfer

from ...evidence.bilinear_model import exact, world


@pytest.fixture(scope="module")
def made():
    return world()


@pytest.fixture(scope="module")
def model(made):
    return exact(made)


def _same(first, second, rotation, rtol=2e-5):
    assert np.allclose(second.value, first.value, rtol=rtol, atol=1e-5)
    assert np.allclose(second.cov, first.cov, rtol=1e-3, atol=1e-8)
    assert np.allclose(second.latents.mean, np.asarray(first.latents.mean) @ rotation.T, atol=1e-4)


def test_a_rotated_model_predicts_the_same_labels_and_errors(made, model):
    rotation = random_rotation(5, seed=1)
    _same(transfer(model, made.catalog), transfer(rotate(model, rotation), made.catalog), rotation)
    assert not np.allclose(rotation, np.eye(5), atol=0.1)


def test_weights_rotated_backwards_would_be_seen(made, model):
    rotation = random_rotation(5, seed=1)
    backwards = transfer(rotate(model, rotation.T), made.catalog)
    assert not np.allclose(
        backwards.latents.mean, np.asarray(transfer(model, made.catalog).latents.mean) @ rotation.T, atol=0.1
    )


def test_a_rotated_quadratic_model_is_the_same_function_with_the_same_weight_covariance(rng):
    n, size, n_features = 3, 4, 9
    root = rng.normal(size=(size, n_features + 1, n_features + 1))
    cov = root @ root.transpose(0, 2, 1)
    with jax.enable_x64(True):
        decoder = Quadratic(jnp.asarray(rng.normal(size=size)), jnp.asarray(rng.normal(size=(size, 9))), n)
        model = FittedModel(Lux({"flux": decoder}), {"flux": pack(jnp.asarray(cov))})
        rotation = random_rotation(n, seed=4)
        turned = rotate(model, rotation)
        new = turned.model.feature_decoders["flux"]
        new_cov = np.asarray(unpack(turned.weight_cov["flux"], n_features + 1))
        for z in rng.normal(size=(5, n)):
            assert np.allclose(new(jnp.asarray(rotation @ z)), decoder(jnp.asarray(z)), rtol=1e-10)
            phi = np.append(1, np.asarray(decoder.features(jnp.asarray(z))))
            psi = np.append(1, np.asarray(new.features(jnp.asarray(rotation @ z))))
            assert np.allclose(psi @ new_cov @ psi, phi @ cov @ phi, rtol=1e-10)


def test_products_of_leading_latents_become_products_of_all(rng):
    n, leading, n_features = 3, 2, 6
    root = rng.normal(size=(1, n_features + 1, n_features + 1))
    with jax.enable_x64(True):
        decoder = Quadratic(jnp.zeros(1), jnp.asarray(rng.normal(size=(1, n_features))), n, leading)
        packed = pack(jnp.asarray(root @ root.transpose(0, 2, 1)))
        rotation = random_rotation(n, seed=4)
        turned = rotate(FittedModel(Lux({"labels": decoder}), {"labels": packed}), rotation)
        new = turned.model.decoders["labels"]
        before, after = (
            np.asarray(unpack(c, k)[0]) for c, k in ((packed, 7), (turned.weight_cov["labels"], 10))
        )
        for z in rng.normal(size=(5, n)):
            there = jnp.asarray(rotation @ z)
            assert np.allclose(new(there), decoder(jnp.asarray(z)), rtol=1e-10)
            phi, turned_phi = (
                np.append(1, f) for f in (decoder.features(jnp.asarray(z)), new.features(there))
            )
            assert np.isclose(turned_phi @ after @ turned_phi, phi @ before @ phi, rtol=1e-10)


def test_rotations_that_are_none_are_refused(model):
    with pytest.raises(InputError, match="not orthonormal"):
        rotate(model, 2 * np.eye(5))
    with pytest.raises(InputError, match=r"shape \(5, 5\)"):
        rotate(model, np.eye(4))


class Curve(AbstractDecoder):
    n_latents: int = 5

    def __call__(self, z):
        return jnp.tanh(z)


def test_other_decoders_say_what_to_do(model):
    with pytest.raises(InputError, match="Curve"):
        rotate(model.replace(model=Lux({"flux": Curve()})), np.eye(5))


def test_random_rotations_are_uniform():
    draws = np.stack([random_rotation(3, seed=s) for s in range(600)])
    assert np.allclose(draws @ draws.transpose(0, 2, 1), np.eye(3), atol=1e-12)
    assert np.allclose(draws.mean(0), 0, atol=0.1)
    assert np.allclose((draws**2).mean(0), 1 / 3, atol=0.04)
    assert {random_rotation(1, seed=s).item() for s in range(8)} == {-1.0, 1.0}


def test_the_canonical_gauge_diagonalises_the_information(made, model):
    rotation = canonical_gauge(model, made.catalog)
    turned = rotate(model, rotation)
    ivar = made.catalog.spectra("flux").ivar
    s = np.asarray(model.model.scatter["flux"])
    weight = np.mean(ivar / (1 + ivar * s**2), axis=0)
    b = np.asarray(turned.model["flux"].weight, float)
    information = b.T @ (weight[:, None] * b)
    diagonal = np.diag(information)
    assert np.all(np.diff(diagonal) < 0)
    assert np.allclose(information, np.diag(diagonal), atol=1e-4 * diagonal.max())
    a = np.asarray(turned.model["labels"].weight)
    assert np.all(a[np.abs(a).argmax(0), range(5)] > 0)


def test_every_gauge_leads_to_the_same_canonical_one(made, model):
    canonical = rotate(model, canonical_gauge(model, made.catalog))
    elsewhere = rotate(model, random_rotation(5, seed=9))
    again = rotate(elsewhere, canonical_gauge(elsewhere, made.catalog))
    for name in model.model.names:
        assert np.allclose(again.model[name].weight, canonical.model[name].weight, atol=2e-4)


def test_statistics_over_rotations(rng):
    z = rng.normal(size=(50, 4))
    lengths = over_rotations(lambda x: np.linalg.norm(x, axis=1), z, n=3, seed=0)
    assert np.allclose(lengths, np.linalg.norm(z, axis=1))
    first = over_rotations(lambda x: float(np.abs(x[:, 0]).max()), z, n=20, seed=0)
    assert first.shape == (20,)
    assert first.std() > 0.01


def test_label_patterns_are_the_same_in_every_gauge_and_others_in_another_world(made, model):
    angles = label_subspace_angles(model, rotate(model, random_rotation(5, seed=2)), "flux")
    assert np.allclose(angles, np.zeros(3), atol=1e-6)
    stranger = label_subspace_angles(model, exact(world(key=5)), "flux")
    assert stranger.min() > 0.8


def test_angle_between_known_planes():
    made = world(n_latents=2)
    first = exact(made)
    b = np.zeros((60, 2))
    b[0, 0] = b[1, 1] = 1
    planes = []
    for angle in (0.0, 0.3):
        a = np.array([[np.cos(angle), np.sin(angle)], [1, 0], [0, 1]])
        decoders = {
            "flux": type(first.model["flux"])(jnp.zeros(60), jnp.asarray(b)),
            "labels": type(first.model["flux"])(jnp.zeros(3), jnp.asarray(a)),
        }
        planes.append(first.replace(model=Lux(decoders)))
    name = first.info("labels").names[0]
    assert np.allclose(label_subspace_angles(*planes, "flux", [name]), [0.3], atol=1e-6)
