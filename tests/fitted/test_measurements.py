"""Measurements as inputs of a model: their role, their scale, their correlated noise, and stars that lack them."""

import logging

import jax
import numpy as np
import pytest

import luxjax
from luxjax.core import InputError
from luxjax.data import Catalog, LabelTable, Measurements

N = 500


@pytest.fixture(scope="module")
def world():
    """Two sets of photometry of the same two latents, one of them with correlated noise, and two labels."""
    rng = np.random.default_rng(5)
    z = rng.normal(size=(N, 2))
    ids = [f"s{k}" for k in range(N)]
    weight = rng.normal(size=(2, 6))
    error = rng.uniform(0.1, 0.3, (N, 6))
    correlation = 0.8 ** np.abs(np.subtract.outer(np.arange(6), np.arange(6)))
    noise = rng.normal(size=(N, 6)) @ np.linalg.cholesky(correlation).T * error
    first = Measurements(
        10 + z @ weight + noise, error, [f"m{k}" for k in range(6)], ids, correlation=correlation, survey="x"
    )
    second = Measurements(5 + z @ weight[:, :3] + 0.2 * rng.normal(size=(N, 3)), 0.2, ["J", "H", "K"], ids)
    truth = z @ np.array([[300.0, 0.1], [0.0, 0.3]]) + [5000, 0]
    labels = LabelTable(truth + rng.normal(size=(N, 2)) * [20, 0.02], [20, 0.02], ["teff", "fe_h"], ids)
    return Catalog({"optical": first, "infrared": second, "labels": labels}), truth


@pytest.fixture(scope="module")
def fitted(world):
    stars, _ = world
    return luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars.select(slice(0, 400)), key=1)


def test_they_are_inputs_whatever_their_number(fitted, world):
    stars, truth = world
    assert set(fitted.names_of("input")) == {"optical", "infrared"}
    assert fitted.label_output() == "labels"
    found = luxjax.transfer(fitted, stars.select(slice(400, N)))
    pull = (found.value - truth[400:]) / found.error
    assert np.sqrt(np.mean(pull**2)) == pytest.approx(1, abs=0.15)
    assert np.std(found.value[:, 0] - truth[400:, 0]) < 60


def test_a_star_without_one_of_them_is_predicted_from_the_other(fitted, world):
    test = world[0].select(slice(400, N))
    without = Catalog.join(
        {"optical": test["optical"], "infrared": test["infrared"].select(slice(0, 1))}, how="outer"
    )
    both, one = luxjax.transfer(fitted, without), luxjax.transfer(fitted, test, inputs=["optical"])
    assert both.value[1:] == pytest.approx(one.value[1:], rel=1e-4)
    assert both.error[1:] == pytest.approx(one.error[1:], rel=1e-4)
    assert both.error[0, 0] < one.error[0, 0]


def test_correlated_noise_is_whitened_by_the_model_and_saved(fitted, world, tmp_path):
    test = world[0].select(slice(400, N))
    info = fitted.info("optical")
    assert info.whitening is not None
    again = luxjax.load(luxjax.save(fitted, tmp_path / "m"))
    np.testing.assert_array_equal(again.info("optical").whitening, info.whitening)
    assert again.info("optical").role == "input"
    white = Catalog({**test.outputs, "optical": test["optical"].whitened(info.whitening)})
    assert luxjax.transfer(again, white).value == pytest.approx(luxjax.transfer(fitted, test).value)


def test_other_measurements_than_those_of_the_model_are_refused(fitted, world):
    test = world[0].select(slice(400, N))
    other = Measurements(test["infrared"].value[:, :1], 0.1, ["g"], test.ids)
    with pytest.raises(InputError, match="'infrared' was fitted on the measurements J, H, K; given: g"):
        luxjax.transfer(fitted, Catalog({"infrared": other}), inputs=["infrared"])
    with pytest.raises(InputError, match="'optical' was fitted on the measurements m0, m1"):
        luxjax.transfer(fitted, Catalog({"optical": test["optical"].only("m1", "m0")}), inputs=["optical"])


def test_a_dataset_holds_them(fitted, world, tmp_path):
    stars, _ = world
    dataset = luxjax.Dataset.create(tmp_path / "d", stars.outputs)
    dataset.append(stars)
    again = dataset.catalog()["optical"]
    assert isinstance(again, Measurements)
    np.testing.assert_allclose(again.correlation, stars["optical"].correlation)
    np.testing.assert_array_equal(again.value, stars["optical"].value)
    own = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), dataset.select(slice(0, 400)), key=1)
    assert set(own.names_of("input")) == {"optical", "infrared"}
    test = stars.select(slice(400, N))
    assert luxjax.transfer(own, test).value == pytest.approx(
        luxjax.transfer(fitted, test).value, rel=1e-3, abs=1e-3
    )


def test_one_program_serves_every_subset_of_inputs(fitted, world, caplog):
    test = world[0].select(slice(400, N))
    luxjax.transfer(fitted, test)
    with jax.log_compiles(), caplog.at_level(logging.WARNING):
        found = luxjax.transfer(fitted, test, inputs=["infrared"])
        assert "Compiling jit(_predict)" not in caplog.text
        alone = luxjax.transfer(fitted, test.only("infrared", "labels"))
        assert "_predict" in caplog.text  # that would have been another program
    assert found.value == pytest.approx(alone.value, rel=1e-5)
    assert found.error == pytest.approx(alone.error, rel=1e-4)
    assert found.inputs == ("infrared",)
    np.testing.assert_array_equal(found.n_inputs, 3)
    np.testing.assert_allclose(found.chi2, alone.chi2, rtol=1e-4)


def test_what_is_not_asked_for_is_not_looked_at(fitted, world):
    """Other measurements under the name of an input cost nothing where the other input alone is used."""
    test = world[0].select(slice(400, N))
    other = Measurements(test["infrared"].value[:, :1], 0.1, ["g"], test.ids)
    strange = Catalog({**test.outputs, "infrared": other})
    found = luxjax.transfer(fitted, strange, inputs=["optical"])
    np.testing.assert_array_equal(found.value, luxjax.transfer(fitted, test, inputs=["optical"]).value)
