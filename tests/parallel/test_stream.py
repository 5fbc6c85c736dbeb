import dataclasses

import jax
import numpy as np
import pytest

from luxjax.core import Batch, InputError, OutputData
from luxjax.data import Catalog, LabelTable, Spectra
from luxjax.dataset import Dataset, open_dataset
from luxjax.dataset._streamed import Streamed
from luxjax.fitted import FittedModel, OutputInfo
from luxjax.fitting import ALS, EM, AbstractFitter, _start, fit
from luxjax.fitting._checkpoint import Checkpoint
from luxjax.fitting._start import count_values, moments_of, svd_start
from luxjax.latents.internal import blocks
from luxjax.models import Linear, Lux

N = 128
PLAIN = EM(block=64, scatter=False, shrink=False)


@pytest.fixture(scope="module")
def catalog():
    rng = np.random.default_rng(8)
    z = rng.normal(size=(N, 2))
    flux = 1 + 0.1 * z @ rng.normal(size=(2, 24)) + rng.normal(0, 0.02, (N, 24))
    ivar = np.where(rng.uniform(size=flux.shape) < 0.1, 0, 1 / 0.02**2)
    label = 5000 + 300 * z[:, :1] + rng.normal(0, 30, (N, 1))
    label[rng.uniform(size=N) < 0.3] = np.nan
    ids = [f"s{n}" for n in range(N)]
    spectra = Spectra(flux.astype("f4"), ivar.astype("f4"), 5000.0 + np.arange(24), "air", ids)
    return Catalog({"spectra": spectra, "labels": LabelTable(label, 30.0, ("teff",), ids)})


@pytest.fixture(scope="module")
def dataset(catalog, tmp_path_factory):
    dataset = Dataset.create(tmp_path_factory.mktemp("stars") / "d", catalog.outputs, chunk=16, shard=32)
    dataset.append(catalog.select(slice(0, 90)))
    dataset.append(catalog.select(slice(90, N)))
    return open_dataset(dataset.location.address)


def leaves(fitted):
    return [np.asarray(x) for x in jax.tree.leaves((fitted.model, dict(fitted.weight_cov)))]


@pytest.mark.long
@pytest.mark.parametrize("fitter", [EM(block=64), ALS(block=64, max_cycles=8, tol=1e-3)])
def test_from_disk_as_from_memory(catalog, dataset, fitter):
    model = Lux.linear(catalog.sizes, 2)
    memory, disk = (fit(model, data, fitter, key=3) for data in (catalog, dataset))
    assert disk.objective == pytest.approx(memory.objective, rel=1e-9)
    for one, other in zip(leaves(disk), leaves(memory), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    assert disk.info("labels").names == ("teff",)
    np.testing.assert_array_equal(disk.info("labels").loc, memory.info("labels").loc)
    np.testing.assert_array_equal(disk.info("spectra").wavelength, memory.info("spectra").wavelength)
    assert disk.info("spectra").medium == "air"


@pytest.mark.long
def test_a_selection_is_fitted_as_those_stars(catalog, dataset):
    rows = np.arange(0, N, 2)
    settings = {"fitter": EM(max_cycles=3, tol=1.0), "key": 3}
    memory = fit(Lux.linear(catalog.sizes, 2), catalog.select(rows), **settings)
    disk = fit(Lux.linear(catalog.sizes, 2), dataset.select(rows), **settings)
    assert disk.summary["n_stars"] == len(rows)
    assert disk.objective == pytest.approx(memory.objective, rel=1e-9)


# Few cycles: what a checkpoint must keep shows in the first that follow it.
SHORT_ALS = ALS(block=64, max_cycles=4, tol=0.0)
KILLED = [
    pytest.param(PLAIN, Lux.linear, 2, marks=pytest.mark.long),
    pytest.param(EM(block=64), Lux.linear, 1, marks=pytest.mark.long),
    (SHORT_ALS, Lux.linear, 2),
    pytest.param(dataclasses.replace(SHORT_ALS, scatter=True), Lux.quadratic, 2, marks=pytest.mark.long),
]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the fit stopped")
@pytest.mark.parametrize(("fitter", "made", "killed_after"), KILLED)
def test_killed_and_resumed_to_the_identical_result(catalog, dataset, tmp_path, fitter, made, killed_after):
    model, file = made(catalog.sizes, 2), tmp_path / "fit.npz"
    whole = fit(model, dataset, fitter, key=3)

    def kill(_, cycle, *__, **___):
        if cycle == killed_after:
            raise KeyboardInterrupt

    checked = dataclasses.replace(fitter, checkpoint=str(file))
    with pytest.raises(KeyboardInterrupt):
        fit(model, dataset, checked, key=3, progress=kill)
    assert file.exists()
    cycles = []
    again = fit(model, dataset, checked, key=3, progress=lambda _, k, *__, **___: cycles.append(k))
    assert cycles[0] == killed_after  # the cycles before it are not done again
    assert again.objective == whole.objective
    for one, other in zip(leaves(again), leaves(whole), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not file.exists()


def described(catalog) -> FittedModel:
    outputs = {name: OutputInfo.of(output) for name, output in catalog.outputs.items()}
    return FittedModel(Lux.linear(catalog.sizes, 2), {}, outputs)


def test_blocks_and_moments_are_those_of_the_stars_in_memory(catalog, dataset):
    stars = Streamed(dataset, described(catalog), catalog.sizes)
    batch = described(catalog).batch(catalog)
    assert (stars.n_stars, stars.sizes, stars.names) == (N, batch.sizes, batch.names)
    with jax.enable_x64(True):
        pairs = list(zip(blocks(stars, 70), blocks(batch, 70), strict=True))
        assert [where for (_, _, where), _ in pairs] == [slice(0, 70), slice(70, 128)]
        for (one, real, _), (other, also, _) in pairs:
            jax.tree.map(np.testing.assert_array_equal, (one, real), (other, also))
        seen = [np.asarray(m.ivar) > 0 for m in batch.outputs.values()]
        streamed, whole = moments_of(stars), moments_of(batch)
        assert count_values(streamed) == count_values(whole) == sum(s.sum() for s in seen)
        jax.tree.map(np.testing.assert_allclose, streamed, whole)
    np.testing.assert_array_equal(stars["labels"].value, batch["labels"].value)
    with pytest.raises(InputError, match="output"):
        stars.only("photometry")


@pytest.mark.parametrize("sample", [N, 64])  # all of the stars, and every other run of them
def test_fits_of_a_dataset_start_where_fits_in_memory_do(catalog, dataset, monkeypatch, sample):
    monkeypatch.setattr(_start, "SAMPLE", sample)
    monkeypatch.setattr(_start, "RUN", 16)
    fitted, key = described(catalog), jax.random.key(3)
    stars = Streamed(dataset, fitted, catalog.sizes)
    with jax.enable_x64(True):
        found = svd_start(fitted.model, stars, key=key)
        jax.tree.map(
            np.testing.assert_array_equal, found, svd_start(fitted.model, fitted.batch(catalog), key=key)
        )


def test_what_a_dataset_says_of_its_outputs(catalog, dataset):
    for name, output in catalog.outputs.items():
        was, now = OutputInfo.of(output), OutputInfo.of(dataset[name])
        np.testing.assert_array_equal(now.scale, was.scale)
        np.testing.assert_array_equal(now.loc, was.loc)
        assert (now.names, now.medium) == (was.names, was.medium)
    np.testing.assert_array_equal(dataset["spectra"].wavelength, catalog["spectra"].wavelength)


def test_checkpoints_come_back_and_those_of_other_fits_are_refused(tmp_path):
    model = Lux({"flux": Linear(np.arange(3.0), np.ones((3, 2)))}, {"flux": np.full(3, 0.1)})
    file, empty = tmp_path / "em.npz", Lux.linear({"flux": 3}, 2)
    stars = Batch({"flux": OutputData.clean(np.zeros((4, 3)), np.ones((4, 3)))})
    checkpoint = Checkpoint(file, {"seed": 1}, stars)
    assert checkpoint.read(empty) is None
    checkpoint.write(model, {"flux": np.full(3, 0.2)}, [5.0, 0.1 + 0.2])
    with jax.enable_x64(True):
        back, before, objective = checkpoint.read(empty)
    np.testing.assert_array_equal(back["flux"].intercept, np.arange(3.0))
    np.testing.assert_array_equal(back.scatter["flux"], np.full(3, 0.1))
    np.testing.assert_array_equal(before["flux"], np.full(3, 0.2))
    assert objective == [5.0, 0.1 + 0.2]
    with pytest.raises(InputError, match="is of another fit"):
        Checkpoint(file, {"seed": 2}, stars).read(empty)
    for damaged in (b"nothing", b"", file.read_bytes()[:200]):
        file.write_bytes(damaged)
        with pytest.raises(InputError, match="is no checkpoint"):
            checkpoint.read(empty)
    checkpoint.done()
    assert not file.exists()
    Checkpoint(None, {}, stars).write(model, {}, [])


def test_other_values_in_memory_are_another_fit(catalog):
    """As many stars and values do not make it the same fit."""
    model, batch, key = Lux.linear(catalog.sizes, 2), described(catalog).batch(catalog), jax.random.key(1)
    m = batch["spectra"]
    other = Batch({**batch.outputs, "spectra": OutputData(m.value.at[0, 0].add(1.0), m.ivar)}, batch.labels)
    with jax.enable_x64(True):
        one, same, changed = (EM()._identity(model, b, key, moments_of(b)) for b in (batch, batch, other))
    assert one == same
    assert one != changed


@pytest.mark.long
def test_checkpoints_of_other_fits_are_refused(catalog, dataset, tmp_path):
    model, file = Lux.linear(catalog.sizes, 2), tmp_path / "em.npz"
    checked = dataclasses.replace(PLAIN, checkpoint=str(file))

    def kill(_, cycle, *__, **___):
        if cycle == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(model, dataset, checked, key=3, progress=kill)
    for data, key in ((dataset, 4), (dataset.select(slice(0, 100)), 3), (catalog, 3)):
        with pytest.raises(InputError, match="is of another fit"):
            fit(model, data, checked, key=key)
    file.write_bytes(b"nothing")
    with pytest.raises(InputError, match="is no checkpoint"):
        fit(model, dataset, checked, key=3)


def test_what_needs_memory_says_so(catalog, dataset):
    class Mine(AbstractFitter):
        @classmethod
        def suits(cls, model):
            return True

        def run(self, model, batch, *, key, progress=None):
            raise AssertionError("never called")

    with pytest.raises(InputError, match="Mine needs its stars in memory"):
        fit(Lux.linear(catalog.sizes, 2), dataset, Mine(), key=3)
    with pytest.raises(InputError, match="lacks"):
        fit(Lux.linear({"other": 3}, 2), dataset, key=3)
