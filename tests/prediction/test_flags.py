"""Flags of predicted labels: each bit by a star made for it, none for a normal star, the same wherever labels are written."""

import dataclasses
import json
import warnings

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from luxjax.core import Gaussian, InputError, LuxWarning
from luxjax.data import Catalog, Spectra
from luxjax.dataset import Dataset
from luxjax.fitted import FittedModel, load, save
from luxjax.fitting import EM, fit
from luxjax.models import Lux
from luxjax.prediction import (
    Prediction,
    _transfer_dataset,
    open_transferred,
    transfer,
    transfer_dataset,
)
from luxjax.prediction._flags import FLAGS, Limits, flags_of, limits_of
from luxjax.prediction.internal import describe_flags
from luxjax.simulation import Bilinear, bilinear

PIXELS, K, N = 40, 3, 200
# Star by star what `odd_stars` are made for.
EXPECTED = {
    "normal": (),
    "far": ("far",),
    "misfit": ("misfit",),
    "out_of_range": ("out_of_range",),
    "few_pixels": ("few_pixels",),
    "no_pixels": ("few_pixels",),
    "impossible": ("far", "out_of_range"),
    "not_finite": ("not_finite",),  # and more, by where a sum overflows
}
LAST = len(EXPECTED) - 1


@pytest.fixture(scope="module")
def world() -> Bilinear:
    return bilinear(N, {"flux": PIXELS, "labels": 2}, K, key=3, snr=30, label_error=0.05)


@pytest.fixture(scope="module")
def train(world) -> Catalog:
    return world.catalog


@pytest.fixture(scope="module")
def fitted(train) -> FittedModel:
    return fit(Lux.linear(train.sizes, K), train, EM(), key=1)


@pytest.fixture(scope="module")
def odd_stars(train, fitted) -> Catalog:
    """Spectra of stars at chosen latents, and what else is odd of them."""
    flux, labels = fitted.model["flux"], fitted.model["labels"]
    weight, of_labels = np.asarray(flux.weight), np.asarray(labels.weight)
    unseen = np.linalg.svd(of_labels)[2][-1]  # the direction in which labels do not change
    seen = of_labels[0] / np.linalg.norm(of_labels[0])
    z = {"far": 9 * unseen, "out_of_range": 4.8 * seen, "impossible": 14 * seen}
    latents = np.array([z.get(name, np.zeros(K)) for name in EXPECTED])
    value = np.asarray(flux.intercept) + latents @ weight.T
    ivar = np.full(value.shape, np.median(train.spectra("flux").ivar))
    row = {name: n for n, name in enumerate(EXPECTED)}
    wave = np.where(np.arange(PIXELS) % 2, 1.0, -1.0)
    wave -= weight @ np.linalg.lstsq(weight, wave, rcond=None)[0]  # what no latent can follow
    value[row["misfit"]] += 5 * wave / np.sqrt(ivar[0])
    value[row["not_finite"]] += 1e22 * wave
    ivar[row["few_pixels"], 7:] = 0
    ivar[row["no_pixels"]] = 0
    spectra = train.spectra("flux")
    return Catalog({"flux": Spectra(value, ivar, spectra.wavelength, spectra.medium, list(EXPECTED))})


def bits(names) -> int:
    return sum(FLAGS[name] for name in names)


def test_each_bit_is_set_by_the_star_made_for_it_and_no_other(fitted, odd_stars):
    found = transfer(fitted, odd_stars)
    flags = dict(zip(found.ids, found.flag, strict=True))
    assert flags.pop("not_finite") & FLAGS["not_finite"]
    assert flags == {star: bits(EXPECTED[star]) for star in flags}
    assert found.flagged("not_finite").tolist() == [False] * LAST + [True]
    found = found.select(slice(LAST))
    for name in ("far", "misfit", "out_of_range", "few_pixels"):
        wanted = [star for star, names in EXPECTED.items() if name in names]
        assert found.ids[found.flagged(name)].tolist() == wanted
    assert found.ids[~found.flagged()].tolist() == ["normal"]
    either = found.ids[found.flagged("far", "few_pixels")].tolist()
    assert either == ["far", "few_pixels", "no_pixels", "impossible"]
    with pytest.raises(InputError, match="no flag 'near'.*misfit"):
        found.flagged("near")
    frame = found.to_frame()
    assert list(frame)[-1] == "flag"
    np.testing.assert_array_equal(frame["flag"], found.flag)
    assert describe_flags(frame["flag"].to_numpy()) == (
        "6 flagged: 2 far from the training stars, 1 unlike their model spectra, 2 outside the range of the training "
        "labels, 2 with too few good pixels"
    )
    assert describe_flags(found.select(slice(1)).flag) == "none flagged"


def test_few_stars_like_the_training_stars_are_flagged(fitted, world):
    new = transfer(fitted, bilinear(500, key=4, snr=30, like=world, first=N + 1).catalog)
    assert new.flagged().sum() <= 5


def test_the_model_keeps_what_flags_begin_at(fitted, train, odd_stars, tmp_path):
    value, info = train.labels().value, fitted.info("labels")
    np.testing.assert_array_equal(info.low, value.min(axis=0))
    np.testing.assert_array_equal(info.high, value.max(axis=0))
    assert fitted.info("flux").low is None
    own = transfer(fitted, train)
    for name in ("chi2", "latent_distance"):
        assert np.isclose(fitted.typical[name], np.percentile(getattr(own, name), 95), rtol=1e-5)
    again = load(save(fitted, tmp_path / "m"))
    assert again.typical == fitted.typical
    np.testing.assert_array_equal(again.info("labels").high, info.high)
    np.testing.assert_array_equal(transfer(again, odd_stars).flag, transfer(fitted, odd_stars).flag)


def test_limits_are_what_the_table_says(fitted):
    limits, info = limits_of(fitted, "labels", ["flux"]), fitted.info("labels")
    assert limits.distance == 2 * fitted.typical["latent_distance"]
    assert limits.chi2 == 3 * fitted.typical["chi2"] > 3
    assert limits.n_inputs == 0.2 * PIXELS
    np.testing.assert_allclose(limits.high, info.high + 0.1 * (info.high - info.low))
    np.testing.assert_allclose(limits.low, info.low - 0.1 * (info.high - info.low))
    calm = fitted.replace(typical={"chi2": 0.3, "latent_distance": 1.2})
    assert limits_of(calm, "labels", ["flux"]).chi2 == 3  # a star within its stated errors is no misfit
    assert json.loads(json.dumps(limits.to_dict()))["low"] == limits.low.tolist()


def test_models_of_older_files_flag_by_fixed_limits(fitted, odd_stars, tmp_path):
    folder = save(fitted, tmp_path / "m")
    header = json.loads((folder / "model.json").read_text())
    del header["typical"]
    (folder / "model.json").write_text(json.dumps(header | {"schema": 5}))
    with np.load(folder / "arrays.npz") as stored:
        kept = {k: v for k, v in stored.items() if k not in ("labels/low", "labels/high")}
    np.savez(folder / "arrays.npz", **kept)
    old = load(folder)
    assert (old.typical, old.info("labels").low) == ({}, None)
    limits = limits_of(old, "labels", ["flux"])
    assert (limits.distance, limits.chi2, limits.low) == (3, 3, None)
    found = transfer(old, odd_stars)
    assert found.ids[~found.flagged()].tolist() == ["normal", "out_of_range"]  # no range is known


def made(**changes) -> Prediction:
    n = 2
    given = {
        "ids": np.array(["a", "b"]),
        "names": ("teff",),
        "value": np.full((n, 1), 5000.0),
        "cov": np.full((n, 1, 1), 100.0),
        "parts": {},
        "latents": Gaussian(np.zeros((n, 2)), np.tile(np.eye(2), (n, 1, 1))),
        "chi2": np.ones(n),
        "latent_distance": np.ones(n),
        "n_inputs": np.full(n, 300),
    }
    return Prediction(**(given | changes))


@pytest.mark.parametrize(
    "change",
    [
        {"value": np.array([[5000.0], [np.nan]])},
        {"value": np.array([[5000.0], [-np.inf]])},
        {"cov": np.array([[[100.0]], [[np.nan]]])},
        {"cov": np.array([[[100.0]], [[-1.0]]])},
        {"latent_distance": np.array([1.0, np.nan])},
        {"chi2": np.array([1.0, np.nan])},
    ],
)
def test_no_number_that_is_not_finite_goes_unflagged(change):
    assert made(**change).flag.tolist() == [0, FLAGS["not_finite"]]
    wide = Limits(low=np.array([-1e9]), high=np.array([1e9]))
    assert flags_of(made(**change), wide)[1] & FLAGS["not_finite"]


def test_chance_alone_makes_no_misfit_where_values_are_few():
    chi2 = np.array([8.0, 8.0])  # of one degree of freedom: 1 star in 200; of 298: none
    assert made(chi2=chi2, n_inputs=np.array([3, 300])).flagged("misfit").tolist() == [False, True]
    assert made(chi2=2 * chi2, n_inputs=np.array([3, 300])).flagged("misfit").tolist() == [True, True]


def test_flags_go_with_their_stars():
    one, other = made(flag=np.array([1, 2])), made(ids=np.array(["c", "d"]), flag=np.array([4, 0]))
    together = Prediction.gather([one, other], np.array(["c", "b", "a", "d"]))
    assert together.flag.tolist() == [4, 2, 1, 0]
    assert together.select([2, 0]).flag.tolist() == [1, 4]


@pytest.fixture(scope="module")
def dataset(odd_stars, tmp_path_factory) -> Dataset:
    made = Dataset.create(tmp_path_factory.mktemp("odd") / "d", odd_stars.outputs)
    made.append(odd_stars)
    return made


def test_a_dataset_has_the_flags_of_the_catalogue(fitted, odd_stars, dataset, tmp_path):
    table = transfer_dataset(fitted, dataset, tmp_path / "out")
    expected = transfer(fitted, odd_stars).flag
    for found in (table.flag, table.prediction().flag, pd.read_parquet(tmp_path / "out")["flag"]):
        np.testing.assert_array_equal(found[:LAST], expected[:LAST])
        assert found[LAST] & expected[LAST] & FLAGS["not_finite"]
    assert table.results.facts["flags"]["bits"] == FLAGS


def test_a_fit_of_a_dataset_keeps_the_same_limits(fitted, train, tmp_path):
    stars = Dataset.create(tmp_path / "d", train.outputs)
    stars.append(train)
    found = fit(Lux.linear(train.sizes, K), stars, EM(), key=1)
    np.testing.assert_array_equal(found.info("labels").low, fitted.info("labels").low)
    for name, value in fitted.typical.items():
        assert np.isclose(found.typical[name], value, rtol=1e-4)


def test_tables_of_an_older_version_are_read_and_not_continued(
    fitted, odd_stars, dataset, tmp_path, monkeypatch
):
    out, columns = tmp_path / "out", _transfer_dataset._columns
    with monkeypatch.context() as patch:
        patch.setattr(
            _transfer_dataset, "_columns", lambda p: {k: v for k, v in columns(p).items() if k != "flag"}
        )
        transfer_dataset(fitted, dataset, out)
    header = json.loads((out / "_luxjax.json").read_text())
    del header["facts"]["flags"]
    (out / "_luxjax.json").write_text(json.dumps(header))
    old, new = open_transferred(out), transfer(fitted, odd_stars)
    assert "flag" not in pd.read_parquet(out)
    np.testing.assert_array_equal(old.prediction().value[:LAST], new.value[:LAST])
    fixed = dataclasses.replace(new, flag=np.zeros(0, int)).flag  # without the limits of the model
    np.testing.assert_array_equal(old.flag[:LAST], fixed[:LAST])
    assert old.prediction().flagged("not_finite")[LAST]
    assert old.flag[1] == FLAGS["far"]
    with pytest.raises(InputError, match="another version of luxjax wrote.*name another folder"):
        transfer_dataset(fitted, dataset, out)


def test_stars_without_one_of_two_spectra_are_not_short_of_pixels(fitted):
    """The smallest spectrum sets the number, and labels given besides spectra set none."""
    info = {"flux": fitted.info("flux"), "labels": fitted.info("labels")}
    sizes = {"flux": PIXELS, "small": 15, "labels": 2}
    model = Lux(dict.fromkeys(sizes, fitted.model["labels"]), {k: jnp.ones(n) for k, n in sizes.items()})
    small = dataclasses.replace(info["flux"], wavelength=np.arange(15.0))
    both = FittedModel(model, {}, {**info, "small": small})
    assert limits_of(both, "labels", ["flux", "small", "labels"]).n_inputs == 3
    assert limits_of(both, "labels", ["flux"]).n_inputs == 8


def test_stars_that_fit_worse_as_a_whole_are_told(train, fitted, rng, tmp_path):
    flux = train.spectra("flux")
    noise = 3 * rng.normal(size=flux.flux.shape) / np.sqrt(np.maximum(flux.ivar, 1e-9))
    worse = Catalog({"flux": dataclasses.replace(flux, flux=flux.flux + noise.astype(flux.flux.dtype))})
    stored = Dataset.create(tmp_path / "stars", worse.outputs)
    stored.append(worse)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        transfer(fitted, train.only("flux"))
        transfer(fitted, worse[:10])  # too few to say something of them as a whole
    with pytest.warns(LuxWarning, match=f"median reduced chi2 of these {N} stars is"):
        transfer(fitted, worse)
    with pytest.warns(LuxWarning, match=f"median reduced chi2 of these {N} stars is"):
        transfer_dataset(fitted, stored, tmp_path / "labels")
