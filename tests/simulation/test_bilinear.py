import jax
import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.simulation import bilinear


def test_noise_is_what_the_errors_say():
    world = bilinear(400, {"flux": 300, "labels": 4}, 5, key=jax.random.key(1), scatter={"labels": 0.1})
    flux, labels = world.catalog.spectra("flux"), world.catalog.labels()
    pull = (flux.flux - world.noise_free("flux")) * np.sqrt(flux.ivar)
    assert abs(pull.std() - 1) < 0.01
    assert abs(pull.mean()) < 0.01
    scale = np.sqrt(labels.error**2 + 0.1**2)
    assert abs(((labels.value - world.noise_free("labels")) / scale).std() - 1) < 0.06


@pytest.mark.parametrize("scatter", [0.0, 0.3, 0.6])
def test_signal_to_noise_differs_between_stars_as_asked(scatter):
    world = bilinear(3000, {"flux": 30, "labels": 1}, 2, key=6, snr=80, snr_scatter=scatter)
    level = np.log(world.catalog.spectra("flux").ivar).mean(axis=1) / 2
    assert abs(level.std() - scatter) < 0.02
    assert abs(np.median(level) - np.log(80)) < 0.06


def test_latents_and_labels_are_standard():
    world = bilinear(4000, {"labels": 6}, 5, key=2)
    assert np.allclose(np.cov(world.latents.T), np.eye(5), atol=0.1)
    assert np.allclose(world.noise_free("labels").std(axis=0), 1, atol=0.06)


def test_spectra_look_like_lines_and_weights_are_sparse():
    world = bilinear(50, {"flux": 1024, "labels": 5}, 8, key=3)
    clean = world.noise_free("flux")
    assert 0.3 < np.median(clean) < 1.05
    assert (np.abs(world.weights["flux"]) < 1e-3).mean() > 0.5


def test_lost_data_carry_no_weight():
    world = bilinear(
        200, {"a": 50, "b": 40, "x": 3}, 2, key=4, labels=("x",), bad_fraction=0.1, missing_fraction=0.3
    )
    assert abs((world.catalog.spectra("a").ivar == 0).mean() - 0.1) < 0.02
    assert abs(np.isnan(world.catalog.labels("x").value).mean() - 0.3) < 0.06
    batch = world.catalog.batch()
    assert all(np.isfinite(m.value).all() for m in batch.outputs.values())
    assert float(batch["a"].value.max()) < 10


def test_key_decides_everything():
    first, again, other = (
        bilinear(5, {"flux": 20}, 2, labels=(), key=k) for k in (jax.random.key(5),) * 2 + (6,)
    )
    assert np.array_equal(first.catalog.spectra("flux").flux, again.catalog.spectra("flux").flux)
    assert not np.allclose(first.catalog.spectra("flux").flux, other.catalog.spectra("flux").flux)


@pytest.mark.parametrize(
    "wrong", [{"n_stars": 0}, {"snr": 0}, {"bad_fraction": 1.0}, {"labels": ("nothing",)}, {"key": "seed"}]
)
def test_wrong_input_gets_a_sentence(wrong):
    with pytest.raises(InputError, match=r"give|Give"):
        bilinear(**{"n_stars": 5, "key": 0, **wrong})


def test_more_stars_of_a_world():
    sizes = {"flux": 40, "labels": 3}
    world = bilinear(300, sizes, 4, key=1, scatter=0.02)
    more = bilinear(200, key=2, like=world, first=301, snr=1e4)
    assert more.catalog.ids[0] == "sim-000301"
    assert not set(more.catalog.ids) & set(world.catalog.ids)
    for name in sizes:
        np.testing.assert_array_equal(more.weights[name], world.weights[name])
    assert not np.allclose(more.latents, world.latents[:200])
    residual = more.catalog.spectra("flux").flux - more.noise_free("flux")
    assert abs(residual.std() - 0.02) < 0.001
