"""Rows are chosen alike everywhere; mask bits up to 63; methods by name; what comes back from pickle."""

import copy
import pickle
import warnings

import jax
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import luxjax
from luxjax.core import InputError, LuxWarning
from luxjax.data import Catalog, LabelTable, Spectra
from luxjax.dataset import Dataset
from luxjax.fitted import FittedModel
from luxjax.fitting import ALS, fit
from luxjax.simulation import bilinear

SPECTRA = Spectra(
    np.arange(6.0).reshape(3, 2) + 1,
    np.ones((3, 2)),
    [1.0, 2.0],
    "vacuum",
    ["a", "b", "c"],
    mask=np.array([[0, 1 << 63], [1, 0], [0, 0]], np.uint64),
    bits={"top": 63, "low": 0},
)
STARS = Catalog({"s": SPECTRA, "labels": LabelTable([[1.0], [2.0], [3.0]], 0.1, ("teff",), ["a", "b", "c"])})
CHOICES = {
    "slice": (slice(0, 2), "ab"),
    "number": (0, "a"),
    "negative": (-1, "c"),
    "NumPy number": (np.int64(1), "b"),
    "list": ([2, 0], "ca"),
    "tuple": ((2, 0), "ca"),
    "uint64": (np.array([1], np.uint64), "b"),
    "range": (range(2), "ab"),
    "mask": ([True, False, True], "ac"),
    "masked mask": (np.ma.array([True, True, False], mask=[False, True, False]), "a"),
    "boolean with NA": (pd.array([True, None, True], "boolean"), "ac"),
    "series": (pd.Series([True, False, False], index=[7, 8, 9]), "a"),
    "pyarrow": (pa.array([True, None, False]), "a"),
    "objects": (np.array([True, None, False], object), "a"),
    "identifiers": (["c", "a"], "ca"),
    "identifier bytes": (np.array([b"b "]), "b"),
}
REFUSED = [
    5,
    [0, 5],
    ["zz"],
    [True, False],
    np.array([0.0, 1.0]),
    None,
    (slice(1), 0),
    [None, 1],
    [[0, 1]],
    1.5,
]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    made = Dataset.create(tmp_path_factory.mktemp("d") / "stars", STARS.outputs)
    made.append(STARS)
    return made


@pytest.mark.parametrize("name", CHOICES)
def test_rows_are_chosen_alike(name, dataset):
    index, wanted = CHOICES[name]
    for container in (STARS, SPECTRA, STARS["labels"], dataset):
        assert container.select(index).ids.tolist() == list(wanted)
        assert container[index].ids.tolist() == list(wanted)
    if "identifier" not in name:
        assert STARS.batch().stars(index).n_stars == len(wanted)


@pytest.mark.parametrize("index", REFUSED, ids=repr)
def test_other_choices_are_refused(index, dataset):
    for container in (STARS, SPECTRA, STARS["labels"], dataset):
        with pytest.raises(InputError):
            container.select(index)


def test_no_rows(dataset):
    assert len(SPECTRA[[]]) == len(dataset.select([])) == len(STARS["labels"][[]]) == 0
    with pytest.raises(InputError, match="none was selected"):
        STARS.select([])


def test_containers_go_through_their_rows():
    assert [one.ids[0] for one in SPECTRA] == [one.ids[0] for one in STARS] == ["a", "b", "c"]
    assert "labels" in STARS
    assert "x" not in STARS


def test_the_highest_mask_bit():
    assert SPECTRA.flagged(["top"]).tolist() == [[False, True], [False, False], [False, False]]
    assert SPECTRA.mask_counts() == {"top": 1, "low": 1}
    assert SPECTRA.drop_flagged(["top", "low"]).good.tolist() == [[True, False], [False, True], [True, True]]
    masked = SPECTRA.replace(mask=np.ma.array([[1, 1]] * 3, mask=[[False, True]] * 3))
    assert masked.flagged(["low"]).tolist() == [[True, False]] * 3
    assert SPECTRA.replace(mask=np.array([[1.0, np.nan]] * 3, ">f4")).mask.tolist() == [[1, 0]] * 3
    with pytest.raises(InputError, match="whole numbers"):
        SPECTRA.replace(mask=np.full((3, 2), 0.5))
    with pytest.raises(InputError, match="numbered 0 to 63"):
        SPECTRA.replace(bits={"top": 64}).flagged(["top"])


@pytest.fixture(scope="module")
def world():
    stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    return stars, luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)


def test_rows_of_predictions_and_posteriors(world):
    stars, fitted = world
    found = luxjax.transfer(fitted, stars)
    for one, wanted in ((found[0], 0), (found[-1], 89), (found[[stars.ids[3]]], 3)):
        assert (len(one), one.ids.tolist()) == (1, [stars.ids[wanted]])
        assert np.array_equal(one.value[0], found.value[wanted])
    assert np.array_equal(found[stars.labels().names[0]], found.value[:, 0])
    posterior = luxjax.infer(fitted, stars.only("flux"), key=2)
    assert posterior[:2].ids.tolist() == stars.ids[:2].tolist()
    assert posterior[[stars.ids[4]]].ids.tolist() == [stars.ids[4]]


@pytest.mark.parametrize("method", ["exact", "Exact", "laplace"])
def test_methods_by_name(world, method):
    stars, fitted = world
    assert len(luxjax.infer(fitted, stars.only("flux")[:3], method, key=2)) == 3


@pytest.mark.parametrize("method", ["nust", 5])
def test_unknown_methods(world, method):
    stars, fitted = world
    with pytest.raises(InputError, match="nuts"):
        luxjax.infer(fitted, stars.only("flux")[:3], method, key=2)


@pytest.mark.parametrize("through", [lambda x: pickle.loads(pickle.dumps(x)), copy.deepcopy])
def test_double_precision_comes_back_from_pickle(world, through):
    _, fitted = world
    with jax.enable_x64(True):
        batch = world[0].batch(np.float64)
    for thing in (fitted, fitted.model, fitted.model.decoders["flux"], batch):
        one, two = (
            jax.tree.leaves((t.model, t.weight_cov) if isinstance(t, FittedModel) else t)
            for t in (thing, through(thing))
        )
        assert [x.dtype for x in one] == [x.dtype for x in two]
        assert all(np.array_equal(x, y) for x, y in zip(one, two, strict=True))


def precise(seed: int) -> Catalog:
    """Few curved pixels, labels far more precise than they are, some of them missing."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(64, 3))
    flux = 1 + 0.1 * np.tanh(z @ rng.normal(size=(3, 24))) + 0.05 * z**2 @ rng.normal(size=(3, 24))
    flux += 0.04 * rng.normal(size=flux.shape)
    value = 5000 + 100 * z @ rng.normal(size=(3, 3))
    value[rng.random(value.shape) < 0.3] = np.nan
    ids = [f"s{i}" for i in range(64)]
    spectra = Spectra(flux, np.full(flux.shape, 600.0), np.linspace(1, 2, 24), "vacuum", ids)
    return Catalog({"x": spectra, "labels": LabelTable(value, 1e-3, ("a", "b", "c"), ids)})


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_quadratic_decoders_of_very_precise_labels(seed):
    stars = precise(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LuxWarning)  # ten cycles are not enough to converge
        found = fit(luxjax.Lux.quadratic(stars.sizes, 3), stars, ALS(scatter=True, max_cycles=10), key=1)
    objective = np.array(found.objective)
    assert np.isfinite(objective).all()
    assert np.all(np.diff(objective) <= 1e-6 * np.abs(objective[:-1]))
