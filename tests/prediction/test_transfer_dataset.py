"""Labels of a dataset, written as they come: the numbers of `transfer`, whatever interrupts it."""

import dataclasses
import subprocess
import sys
import time

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from luxjax.core import InputError
from luxjax.data import Catalog, LabelTable, Spectra
from luxjax.dataset import Dataset
from luxjax.dataset._location import Location
from luxjax.dataset.internal import Results, is_dataset
from luxjax.fitted import Calibration, FittedModel, OutputInfo, Trend, Verdict, load, save
from luxjax.fitted.internal import fingerprint
from luxjax.models import Linear, Lux
from luxjax.prediction import open_transferred, transfer, transfer_dataset
from luxjax.stats import Interval

N, D, NAMES = 150, 2, ("teff", "fe_h")
PARTS = {"block": 64, "part": 64}


@pytest.fixture(scope="module")
def catalog():
    rng = np.random.default_rng(8)
    z = rng.normal(size=(N, D))
    flux = 1 + 0.1 * z @ rng.normal(size=(D, 24)) + rng.normal(0, 0.02, (N, 24))
    ivar = np.where(rng.uniform(size=flux.shape) < 0.1, 0, 1 / 0.02**2)
    ids = [f"s{n}" for n in range(N)]
    spectra = Spectra(flux.astype("f4"), ivar.astype("f4"), 5000.0 + np.arange(24), "air", ids)
    labels = LabelTable(5000 + 300 * z, 30.0, NAMES, ids, {"teff": "K"})
    return Catalog({"flux": spectra, "labels": labels})


@pytest.fixture(scope="module")
def fitted(catalog) -> FittedModel:
    """Decoders made up, with uncertainties and verdicts."""
    rng = np.random.default_rng(9)
    sizes = {"flux": 24, "labels": 2}
    model = Lux(
        {k: Linear(jnp.ones(n) * (k == "flux"), 0.1 * rng.normal(size=(n, D))) for k, n in sizes.items()},
        {k: jnp.full(n, 0.01) for k, n in sizes.items()},
    )
    trend = Trend(("teff",), [5000.0], [300.0], [0.1, 0.6, 0.2], scatter=0.3)
    said = {
        "fe_h": Verdict(
            "fe_h", "shortcut", (), ("teff",), 0.02, Interval(-0.1, 0.1), {}, "1:abc", 500, trend
        ),
        "teff": Verdict("teff", "measured", (), ("fe_h",), 0.9, Interval(0.8, 1.0), {}, "1:abc", 500),
    }
    cov = {k: jnp.tile(jnp.asarray([1e-4, 1e-5, 0.0, 2e-4, 1e-5, 1e-4]), (n, 1)) for k, n in sizes.items()}
    outputs = {name: OutputInfo.of(output) for name, output in catalog.outputs.items()}
    return FittedModel(model, cov, outputs, verdicts=said)


@pytest.fixture(scope="module")
def dataset(catalog, tmp_path_factory):
    made = Dataset.create(tmp_path_factory.mktemp("stars") / "d", catalog.outputs, chunk=16, shard=32)
    made.append(catalog.select(slice(0, 90)))
    made.append(catalog.select(slice(90, N)))
    return made


CALIBRATION = Calibration(
    NAMES, np.array([1.5, 0.7]), np.array([9.0, 0.1]), np.array([3.0, 0.2]), np.array([90, 80])
)


def content(folder) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


def assert_same(one, other, n=slice(None)):
    other = other.select(n)
    assert one.ids.tolist() == other.ids.tolist()
    assert (one.names, dict(one.units), one.shrunk) == (other.names, dict(other.units), other.shrunk)
    for name in ("value", "chi2", "latent_distance", "n_inputs", "flag"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(one.latents.mean, other.latents.mean)
    np.testing.assert_allclose(one.latents.cov, other.latents.cov, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(one.cov, other.cov, rtol=1e-12, atol=1e-15)
    for origin, variance in other.parts.items():
        np.testing.assert_array_equal(one.parts[origin], variance)
    assert {n: v.to_dict() for n, v in one.verdicts.items()} == {
        n: v.to_dict() for n, v in other.verdicts.items()
    }


@pytest.mark.parametrize("shrink", [False, True])
def test_numbers_of_the_transfer_in_memory(fitted, catalog, dataset, tmp_path, shrink):
    calibration = dataclasses.replace(CALIBRATION, shrunk=("fe_h",) if shrink else ())
    options = {"inputs": ["flux"], "replace_shortcuts": shrink}
    known = fitted.with_calibration(calibration)
    made = transfer_dataset(known, dataset, tmp_path / "out", **PARTS, **options)
    memory = calibration.apply(transfer(fitted, catalog, block=64, **options))
    assert len(made) == N
    assert_same(made.prediction(), memory)
    assert (made.prediction().calibrated, made.prediction().inputs) == (True, ("flux",))
    raw = transfer_dataset(known, dataset, tmp_path / "raw", calibrated=False, **PARTS, **options)
    assert_same(raw.prediction(), transfer(fitted, catalog, block=64, **options))
    assert not raw.prediction().calibrated
    again = open_transferred(tmp_path / "out")
    for some in (slice(60, 70), np.array([149, 3, 64, 3]), memory.value[:, 0] > 5000):
        assert_same(again.prediction(some), memory, some)
    assert [len(p) for p in again.parts()] == [64, 64, 22]
    assert len(again.prediction([])) == 0


def test_the_folder_is_a_table_for_anyone(fitted, catalog, dataset, tmp_path):
    transfer_dataset(fitted, dataset, tmp_path / "out", **PARTS)
    frame, memory = pd.read_parquet(tmp_path / "out"), transfer(fitted, catalog, block=64)
    pd.testing.assert_frame_equal(frame[list(memory.to_frame())], memory.to_frame(), check_dtype=False)
    np.testing.assert_allclose(np.stack(frame["cov"])[:, 1], memory.cov[:, 0, 1], rtol=1e-12)
    np.testing.assert_array_equal(frame["fe_h_var_scatter"], memory.parts["scatter"][:, 1])
    assert set(frame["fe_h_verdict"]) == {"shortcut"}
    import pyarrow.parquet as pq

    schema = pq.read_schema(tmp_path / "out" / "part-000001.parquet")
    assert schema.field("teff_err").metadata == {b"unit": b"K"}
    assert schema.field("cov").metadata == {b"elements": b"teff*teff teff*fe_h fe_h*fe_h"}


class Killed(BaseException):
    """Not an error that anything catches."""


def test_killed_at_any_write_and_resumed_to_the_same_bytes(fitted, dataset, tmp_path, monkeypatch):
    """Writes: the manifest, then a part and the manifest three times."""
    whole = tmp_path / "whole"
    transfer_dataset(fitted, dataset, whole, **PARTS)
    write, written = Location.write, []

    def dying(at):
        count = iter(range(100))

        def dies(self, name, content):
            if next(count) == at:
                (tmp_path / f"out{at}").mkdir(exist_ok=True)
                (tmp_path / f"out{at}" / f".{name}.partial").write_bytes(content[: len(content) // 2])
                raise Killed
            written.append(name)
            write(self, name, content)

        return dies

    for at in range(7):
        out = tmp_path / f"out{at}"
        with monkeypatch.context() as patch:
            patch.setattr(Location, "write", dying(at))
            with pytest.raises(Killed):
                transfer_dataset(fitted, dataset, out, **PARTS)
        steps, before = [], len(written)
        with monkeypatch.context() as patch:
            patch.setattr(Location, "write", dying(99))
            transfer_dataset(fitted, dataset, out, progress=lambda *done, s=steps: s.append(done), **PARTS)
        committed = max(at - 1, 0) // 2  # parts that were in the manifest are not done again
        assert written[before:] == [
            *(["_luxjax.json"] if at == 0 else []),
            *(n for k in range(committed, 3) for n in (f"part-{k:06d}.parquet", "_luxjax.json")),
        ]
        assert steps[0] == ("stars", 64 * committed, N)
        assert steps[-1] == ("stars", N, N)
        assert content(out) == content(whole)


PROGRAM = """
import sys
from luxjax.dataset import open_dataset
from luxjax.fitted import load
from luxjax.prediction import transfer_dataset
fitted, stars = load(sys.argv[1]), open_dataset(sys.argv[2])
shown = lambda task, done, total: print(done, flush=True)
transfer_dataset(fitted, stars, sys.argv[3], block=64, part=64, progress=shown)
"""


@pytest.mark.long
def test_sigkilled_at_random_moments(fitted, catalog, tmp_path):
    """A process that is killed again and again, between parts or while it writes one; then it is let through."""
    place, out = Dataset.create(tmp_path / "d", catalog.outputs, chunk=16, shard=32), tmp_path / "out"
    flux, labels = catalog["flux"], catalog["labels"]
    for k in range(40):
        ids = [f"s{n}" for n in range(k * N, (k + 1) * N)]
        place.append(
            Catalog({n: dataclasses.replace(o, ids=ids) for n, o in (("flux", flux), ("labels", labels))})
        )
    save(fitted, tmp_path / "model")
    command = [sys.executable, "-c", PROGRAM, tmp_path / "model", tmp_path / "d", out]
    rng, reached = np.random.default_rng(3), 0
    for _ in range(5):
        process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
        steps = [int(process.stdout.readline()) for _ in range(rng.integers(1, 16))]
        time.sleep(rng.uniform(0, 0.03))
        process.kill()
        process.stdout.close()
        assert process.wait() == -9
        assert steps[0] >= reached  # goes on where it was
        reached = steps[-1]
    assert 0 < reached < 40 * N
    whole = transfer_dataset(fitted, place, tmp_path / "whole", block=64, part=64)
    transfer_dataset(fitted, place, out, block=64, part=64)
    assert content(out) == content(tmp_path / "whole")
    assert len(whole) == 40 * N


def test_a_finished_transfer_is_not_done_again(fitted, dataset, tmp_path, monkeypatch):
    transfer_dataset(fitted, dataset, tmp_path / "out", **PARTS)
    monkeypatch.setattr(Location, "write", None)
    assert len(transfer_dataset(fitted, dataset, tmp_path / "out", **PARTS)) == N


def test_others_are_refused(fitted, dataset, tmp_path):
    out = tmp_path / "out"
    some = dataset.select(slice(0, 70))
    transfer_dataset(fitted, some, out, **PARTS)
    other = fitted.replace(
        model=Lux(fitted.model.decoders, {"flux": jnp.full(24, 0.02), "labels": jnp.zeros(2)})
    )
    for call, what in [
        ((other, some, {}), "made with another model;"),
        ((fitted.replace(verdicts={}), some, {}), "made with another model;"),
        ((fitted, dataset, {}), "made with other stars;"),
        ((fitted, dataset.select(slice(1, 71)), {}), "made with other stars;"),
        ((fitted, some, {"replace_shortcuts": True}), "made with other settings;"),
        ((fitted.with_calibration(CALIBRATION), some, {}), "made with another model, other settings;"),
    ]:
        with pytest.raises(InputError, match=what):
            transfer_dataset(*call[:2], out, **PARTS, **call[2])
    with pytest.raises(InputError, match="name an empty place"):
        transfer_dataset(fitted, some, dataset.location.address)
    with pytest.raises(InputError, match="model decodes flux, labels and the data hold"):
        transfer_dataset(fitted, Dataset.create(tmp_path / "d", {"blue": some["flux"]}), out)
    with pytest.raises(InputError, match="holds no stars"):
        transfer_dataset(fitted, Dataset.create(tmp_path / "e", some.catalog().outputs), out)
    with pytest.raises(InputError, match=r"transfer_dataset"):
        transfer(fitted, dataset)
    with pytest.raises(InputError, match="there is no _luxjax.json"):
        open_transferred(tmp_path)
    with pytest.raises(InputError, match="holds labels of stars, not explanations"):
        Results.open(out, "explanations")
    part = out / "part-000001.parquet"
    part.write_bytes(part.read_bytes()[:-1])
    assert len(open_transferred(out).prediction(slice(0, 64))) == 64
    with pytest.raises(InputError, match="'part-000001.parquet' of .* is damaged"):
        open_transferred(out).prediction()
    (out / "_luxjax.json").write_text("{")
    with pytest.raises(InputError, match="is not the header"):
        open_transferred(out)


def test_places_that_are_no_folders(fitted, dataset):
    made = transfer_dataset(fitted, dataset, "memory://labels/out", **PARTS)
    assert len(open_transferred("memory://labels/out").prediction()) == len(made) == N
    assert not is_dataset("memory://labels/out")
    assert is_dataset(dataset.location.address)


def test_a_model_has_its_fingerprint_when_loaded_again(fitted, tmp_path):
    save(fitted, tmp_path / "model")
    assert fingerprint(load(tmp_path / "model")) == fingerprint(fitted)
    assert fingerprint(fitted.replace(summary={"seconds": 3})) == fingerprint(fitted)
    moved = dataclasses.replace(fitted.outputs["labels"], loc=np.array([1.0, 2.0]))
    assert fingerprint(fitted.replace(outputs={**fitted.outputs, "labels": moved})) != fingerprint(fitted)
