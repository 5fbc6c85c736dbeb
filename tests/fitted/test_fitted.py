"""What travels with a fitted model: roles and facts of its outputs, calibrations, hashes of its training stars."""

import copy
import json
import pickle

import jax.numpy as jnp
import numpy as np
import pytest

from luxjax.core import Batch, InputError, OutputData
from luxjax.data import Catalog, LabelTable, Spectra
from luxjax.data.internal import hash_ids
from luxjax.dataset import Dataset
from luxjax.fitted import Calibration, FittedModel, OutputInfo, load, save
from luxjax.fitting import EM, _fit, fit
from luxjax.models import Linear, Lux
from luxjax.prediction import transfer

N = 60


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    rng = np.random.default_rng(3)
    z = rng.normal(size=(N, 2))
    flux = 1 + 0.1 * z @ rng.normal(size=(2, 12)) + rng.normal(0, 0.01, (N, 12))
    ids = [f"s{n}" for n in range(N)]
    facts = {"frame": "barycentric", "normalized": True, "history": ("read", "normalised by Polynomial")}
    spectra = Spectra(
        flux, np.full(flux.shape, 1e4), 6000.0 + np.arange(12), "air", ids, resolution=28e3, **facts
    )
    return Catalog({"flux": spectra, "stellar": LabelTable(z, 0.1, ("a", "b"), ids)})


@pytest.fixture(scope="module")
def fitted(catalog) -> FittedModel:
    return fit(Lux.linear(catalog.sizes, 2), catalog, EM(tol=1e-3), key=0)


def calibration(scale=2.0, **changes) -> Calibration:
    numbers = [np.full(2, x) for x in (scale, 0.1, 0.0)]
    return Calibration(("a", "b"), *numbers, np.array([50, 50]), **changes)


def test_containers_declare_their_roles(catalog, fitted, tmp_path):
    assert (catalog["flux"].role, catalog["stellar"].role) == ("input", "label")
    assert catalog.batch().labels == ("stellar",)
    assert fitted.batch(catalog, "stellar", "flux").labels == ("stellar",)
    for model in (fitted, load(save(fitted, tmp_path / "m"))):
        assert (model.names_of("input"), model.names_of("label")) == (("flux",), ("stellar",))
        assert model.label_output() == "stellar"
    with pytest.raises(InputError, match="'input' or 'label'; given: 'spectra'"):
        OutputInfo(np.zeros(1), np.ones(1), role="spectra")


def test_what_the_spectra_know_travels(fitted, tmp_path):
    for model in (fitted, load(save(fitted, tmp_path / "m"))):
        info = model.info("flux")
        assert (info.frame, info.flux_unit, info.resolution) == ("barycentric", "", 28e3)
        assert info.normalization == "read; normalised by Polynomial"
        assert model.info("stellar").frame is None
    with pytest.raises(InputError, match="positive number, or None"):
        Spectra(np.ones((1, 2)), np.ones((1, 2)), [1.0, 2.0], "air", ["s"], resolution=-3)


def test_a_bare_batch_says_what_its_labels_are(catalog, tmp_path):
    batch = catalog.batch()
    known = fit(Lux.linear(batch.sizes, 2), batch, EM(tol=1e-3), key=0)
    assert load(save(known, tmp_path / "m")).names_of("label") == ("stellar",)
    silent = fit(Lux.linear(batch.sizes, 2), Batch(batch.outputs), EM(tol=1e-3), key=0)
    assert silent.outputs == {}
    assert silent.names_of("label") == ()
    with pytest.raises(InputError, match="this model has no labels"):
        silent.label_output()


def test_roles_of_old_files_come_from_sizes_once(tmp_path):
    sizes = {"many": 8, "few": 7}
    model = FittedModel(Lux({k: Linear(jnp.zeros(n), jnp.ones((n, 2))) for k, n in sizes.items()}), {})
    header = save(model, tmp_path / "m") / "model.json"
    said = json.loads(header.read_text())
    header.write_text(json.dumps(said | {"schema": 4}))
    old = load(tmp_path / "m")
    assert (old.names_of("input"), old.names_of("label")) == (("many",), ("few",))
    assert load(save(old, tmp_path / "again")).names_of("label") == ("few",)


def test_training_stars_are_known_by_their_hash(catalog, fitted, tmp_path, monkeypatch):
    ids = [*catalog.ids[:3], "another", " s4 "]
    again = load(save(fitted, tmp_path / "m"))
    for model in (fitted, again):
        assert model.trained_on(ids).tolist() == [True, True, True, False, True]
        assert model.training.dtype == np.uint64
        assert np.all(np.diff(model.training.astype(object)) > 0)
    monkeypatch.setattr(_fit, "MANY", 16)
    dataset = Dataset.create(tmp_path / "d", catalog.outputs)
    dataset.append(catalog)
    some = fit(Lux.linear(catalog.sizes, 2), dataset.select(slice(0, 40)), EM(max_cycles=9, tol=1e-2), key=0)
    assert some.trained_on(catalog.ids).sum() == 40
    bare = FittedModel(fitted.model, {})
    assert len(bare.training) == 0
    with pytest.raises(InputError, match="does not know its training stars"):
        bare.trained_on(ids)


def test_hashes_are_the_same_everywhere():
    assert hash_ids([4295806720]).tolist() == hash_ids(["4295806720"]).tolist()
    assert hash_ids(["a", "b"]).tolist() == [11595980768586851027, 18120593209176359819]


def test_calibrations_are_kept_by_inputs_and_labels_replaced(fitted):
    flux = {"inputs": ("flux",)}
    known = fitted.with_calibration(calibration(**flux)).with_calibration(
        calibration(3.0, **flux, shrunk=("b",))
    )
    assert known.calibration(("a", "b"), ["flux"]).scale[0] == 2.0
    assert known.calibration(("a", "b"), ["flux"], ["b"]).scale[0] == 3.0
    assert known.calibration(("a", "b"), ["other"]) is None
    again = known.with_calibration(calibration(5.0, **flux))
    assert sorted(c.scale[0] for c in again.calibrations) == [3.0, 5.0]
    with pytest.raises(InputError, match=r"for the labels teff; the model has a, b"):
        fitted.with_calibration(Calibration(("teff",), *[np.ones(1)] * 4))
    with pytest.raises(InputError, match="no input of the calibration 'blue'"):
        fitted.with_calibration(calibration(inputs=("blue",)))


def test_double_precision_survives_pickle(catalog, fitted):
    for again in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        assert again.model["flux"].weight.dtype == np.float64
        one, other = (transfer(f, catalog.only("flux")) for f in (fitted, again))
        np.testing.assert_array_equal(one.value, other.value)
        np.testing.assert_array_equal(one.cov, other.cov)


def test_spectra_for_an_output_without_wavelengths(catalog):
    bare = FittedModel(Lux.linear({"flux": 12}, 2), {})
    with pytest.raises(InputError, match="no wavelengths; spectra were given"):
        bare.batch(catalog.only("flux"))
    data = Batch({"flux": OutputData.clean(np.ones((2, 12)), np.ones((2, 12)))})
    assert bare.batch(data).names == ("flux",)
