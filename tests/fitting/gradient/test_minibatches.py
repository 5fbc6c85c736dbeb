import dataclasses
import itertools

import jax
import numpy as np
import pytest

from luxjax.core import Batch, InputError, OutputData
from luxjax.data import Catalog, LabelTable, Spectra
from luxjax.dataset import Dataset, open_dataset
from luxjax.dataset._streamed import Streamed
from luxjax.fitted import FittedModel, OutputInfo
from luxjax.fitting import Gradient, fit
from luxjax.fitting.gradient import _descent, _minibatches
from luxjax.fitting.gradient._minibatches import Minibatches
from luxjax.models import Lux

N, PIXELS = 150, 24
KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def catalog():
    rng = np.random.default_rng(8)
    z = rng.normal(size=(N, 2))
    bent = np.column_stack([np.tanh(z[:, 0]), z[:, 1] * (1 + 0.4 * z[:, 0])])
    flux = 1 + 0.1 * bent @ rng.normal(size=(2, PIXELS)) + rng.normal(0, 0.02, (N, PIXELS))
    ivar = np.where(rng.uniform(size=flux.shape) < 0.1, 0, 1 / 0.02**2)
    ids = [f"s{n}" for n in range(N)]
    spectra = Spectra(flux.astype("f4"), ivar.astype("f4"), 5000.0 + np.arange(PIXELS), "air", ids)
    return Catalog({"spectra": spectra, "labels": LabelTable(5000 + 300 * z[:, :1], 30.0, ("teff",), ids)})


@pytest.fixture(scope="module")
def dataset(catalog, tmp_path_factory):
    dataset = Dataset.create(tmp_path_factory.mktemp("stars") / "d", catalog.outputs, chunk=4, shard=16)
    dataset.append(catalog)
    return open_dataset(dataset.location.address)


@pytest.fixture
def small_windows(monkeypatch):
    """Windows of 46 stars."""
    monkeypatch.setattr(_minibatches, "WINDOW_BYTES", 46 * 8 * (PIXELS + 1))


def described(catalog) -> FittedModel:
    outputs = {name: OutputInfo.of(output) for name, output in catalog.outputs.items()}
    return FittedModel(Lux.linear(catalog.sizes, 2), {}, outputs)


def shown(stars: Minibatches, steps: int, after: int = 0) -> list[np.ndarray]:
    return [np.asarray(part.rows) for part in itertools.islice(stars.after(after), steps)]


def test_every_star_once_in_each_epoch_and_the_same_order_after_a_resumed_step():
    batch = Batch({"flux": OutputData.clean(np.ones((10, 2)), np.ones((10, 2)))})
    stars = Minibatches(batch, 4, 3, KEY)
    rows = shown(stars, 5)
    assert {r.shape for r in rows} == {(2, 2)}  # two blocks of two
    epochs = np.concatenate([r.ravel() for r in rows]).reshape(2, 10)
    assert [sorted(e) for e in epochs.tolist()] == [list(range(10))] * 2
    assert epochs.tolist()[0] != epochs.tolist()[1]
    np.testing.assert_array_equal(shown(stars, 2, after=3), rows[3:])
    odd = shown(Minibatches(batch, 3, 2, KEY), 1)[0]
    assert odd.shape == (2, 2)
    assert odd[1, 1] == 10  # filling
    (whole,) = shown(Minibatches(batch, None, 4, KEY), 1)
    assert whole.ravel().tolist() == [*range(10), 10, 10]


def test_from_disk_the_same_stars_as_from_memory_in_the_same_order(catalog, dataset, small_windows):
    whole = described(catalog).batch(catalog)
    disk = Minibatches(Streamed(dataset, described(catalog), catalog.sizes), 10, 7, KEY)
    memory = Minibatches(whole, 10, 7, KEY)
    assert (disk.window, disk.run) == (40, 16)
    memory.window, memory.run = disk.window, disk.run
    epoch = []
    for one, other in itertools.islice(zip(disk.after(0), memory.after(0), strict=True), 30):
        np.testing.assert_array_equal(one.rows, other.rows)
        epoch += np.asarray(one.rows).ravel().tolist()
        assert one.held.n_stars == 40  # not all of them
        for name in whole.names:
            here, there = one.held.stars(one.at)[name], other.held.stars(other.at)[name]
            jax.tree.map(np.testing.assert_array_equal, here, there)
    assert sorted(epoch[:N]) == sorted(epoch[N:]) == list(range(N))
    assert epoch[:N] != epoch[N:]
    # Neighbours on disk are shown far apart: the mean distance of successive numbers is that of a random order, N / 3.
    assert np.abs(np.diff(epoch[:N])).mean() > N / 5
    np.testing.assert_array_equal(shown(disk, 3, after=17), shown(memory, 20)[17:])


def test_what_fits_into_a_window_is_read_once_and_the_rest_needs_mini_batches(catalog, dataset, monkeypatch):
    stars = Streamed(dataset, described(catalog), catalog.sizes)
    assert isinstance(Minibatches(stars, None, 64, KEY).stars, Batch)
    monkeypatch.setattr(_minibatches, "WINDOW_BYTES", 46 * 8 * (PIXELS + 1))
    with pytest.raises(InputError, match="batch_size=None"):
        Minibatches(stars, None, 64, KEY)


@pytest.mark.long
def test_a_streamed_descent_is_that_from_memory_and_survives_a_kill(
    catalog, dataset, small_windows, monkeypatch, tmp_path
):
    monkeypatch.setattr(_descent, "CHECKPOINT_S", 0.0)
    model = Lux.mlp(catalog.sizes, 2, key=0, width=4)
    file = tmp_path / "descent.npz"
    fitter = Gradient(steps=60, batch_size=20, check=10, block=64)
    whole = fit(model, dataset, fitter, key=3)

    def kill(_, step, *__, **___):
        if step == 39:
            raise KeyboardInterrupt

    checked = dataclasses.replace(fitter, checkpoint=str(file))
    with pytest.raises(KeyboardInterrupt):
        fit(model, dataset, checked, key=3, progress=kill)
    assert file.exists()
    with pytest.raises(InputError, match="is of another fit"):
        fit(model, dataset, checked, key=4)
    taken = []
    again = fit(model, dataset, checked, key=3, progress=lambda _, step, *__, **___: taken.append(step + 1))
    assert taken == [40, 50, 60]  # the checkpoint of step 30 was the last
    assert again.objective == whole.objective
    for one, other in zip(*(jax.tree.leaves(f.model) for f in (again, whole)), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not file.exists()

    original = Minibatches.__init__

    def ordered_as_on_disk(self, *arguments):
        original(self, *arguments)
        self.window, self.run = 40, 16

    monkeypatch.setattr(Minibatches, "__init__", ordered_as_on_disk)
    memory = fit(model, catalog, fitter, key=3)
    # Single-precision sums over stars that lie elsewhere in memory; 60 steps carry their rounding on, and weights that the
    # stars hardly determine differ by more.
    assert memory.objective == pytest.approx(whole.objective, rel=1e-6)
