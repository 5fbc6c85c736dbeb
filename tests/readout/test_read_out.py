"""Labels read out from the latents of spectra, from front to back: accuracy, errors, stars on disk, what is refused."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from luxjax.core import InputError, LuxWarning
from luxjax.data import Catalog, LabelTable, Spectra
from luxjax.dataset import Dataset
from luxjax.fitted import FittedModel, OutputInfo
from luxjax.models import Linear, Lux, Quadratic
from luxjax.prediction import calibrate, transfer
from luxjax.readout import GaussianProcessReadOut, _registry, read_out
from luxjax.readout._read_out import _turned

from .worlds import FLUX_ERROR, LATENTS, NAMES, PIXELS, SPREAD, world


@pytest.fixture(autouse=True)
def small_processes(monkeypatch):
    monkeypatch.setitem(_registry.READOUTS, "gp", GaussianProcessReadOut((2, 3)))


@pytest.fixture
def training(rng):
    return world(rng)


@pytest.fixture
def test_stars(rng):
    return world(np.random.default_rng(99), 120)


def same(one: FittedModel, other: FittedModel, rtol: float = 0.0) -> None:
    for a, b in zip(jax.tree.leaves(one.model), jax.tree.leaves(other.model), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)
    assert set(one.weight_cov) == set(other.weight_cov)


def test_curved_read_outs_beat_the_linear_one(training, test_stars):
    catalog, spectra, _ = training
    stars, _, truth = test_stars
    rms = {}
    for kind in _registry.READOUTS:
        predicted = transfer(read_out(spectra, catalog, kind), stars)
        rms[kind] = np.sqrt(np.mean((predicted.value - truth) ** 2, axis=0)) / SPREAD
        chi2 = np.mean(((predicted.value - truth) / predicted.error) ** 2, axis=0)
        assert ((chi2 > 0.5) & (chi2 < 2.0)).all(), (kind, chi2)
    assert (rms["quadratic"] < 0.3 * rms["linear"]).all()
    assert (rms["gp"] < 0.4 * rms["linear"]).all()


def test_spectra_are_described_as_before(training, test_stars):
    """The latents are turned, and nothing that can be observed is."""
    catalog, spectra, _ = training
    flat = read_out(spectra, catalog, "linear")
    weights = [np.asarray(m.model["flux"].weight) for m in (spectra, flat)]
    np.testing.assert_allclose(weights[0] @ weights[0].T, weights[1] @ weights[1].T, atol=1e-12)
    information = np.diag(weights[1].T @ weights[1])
    assert (np.diff(information) < 0).all()  # the best measured first
    np.testing.assert_allclose(weights[1].T @ weights[1], np.diag(information), atol=1e-5)


@pytest.mark.slow
def test_errors_of_labels_that_are_stated_too_large(rng):
    catalog, spectra, truth = world(rng, 250)
    error = SPREAD * rng.uniform(0.2, 2.0, truth.shape)
    stated = LabelTable(truth + 0.4 * error * rng.normal(size=truth.shape), error, NAMES, catalog.ids)
    fitted = read_out(spectra, Catalog({"flux": catalog["flux"], "labels": stated}), "quadratic")
    np.testing.assert_allclose(fitted.read_outs["labels"].error_scale, 0.4, atol=0.06)
    predicted = transfer(fitted, catalog)
    np.testing.assert_allclose(
        predicted.believed_error(stated), error * fitted.read_outs["labels"].error_scale, rtol=1e-6
    )


@pytest.mark.parametrize("kind", ["quadratic", "gp"])
def test_covariance_of_labels_against_draws_of_the_spectra(kind, training):
    """Of one star whose spectrum is drawn 600 times: what the noise of its pixels does to its labels."""
    catalog, spectra, _ = training
    n = 600
    fitted = read_out(spectra, catalog, kind)
    flux = 1 + np.asarray(spectra.model["flux"].weight) @ np.array([0.8, -0.5, 0.3])
    noise = FLUX_ERROR * np.random.default_rng(5).normal(size=(n, PIXELS))
    wavelength, ids = catalog["flux"].wavelength, [f"d{k}" for k in range(n)]
    draws = Spectra(flux + noise, np.full((n, PIXELS), FLUX_ERROR**-2), wavelength, "air", ids, survey="toy")
    predicted = transfer(fitted, Catalog({"flux": draws}))
    root = np.sqrt(predicted.parts["scatter"][0])
    scatter = fitted.read_outs["labels"].correlation * root[:, None] * root
    stated = predicted.cov.mean(axis=0) - scatter - np.diag(predicted.parts["decoder"].mean(axis=0))
    np.testing.assert_allclose(np.diag(stated), predicted.parts["latent"].mean(axis=0), rtol=1e-6)
    # Draws know relative variances to sqrt(2 / n); the prior, which narrows them by 1%, is within that.
    unit = np.sqrt(np.outer(np.diag(stated), np.diag(stated)))
    np.testing.assert_allclose(np.cov(predicted.value.T) / unit, stated / unit, atol=4 * np.sqrt(2 / n))
    assert abs(stated[0, 1] / unit[0, 1]) > 8 * np.sqrt(2 / n)  # the labels of this star go together


@pytest.mark.slow
def test_scatters_of_labels_that_go_together(rng):
    """A hidden cause moves both labels: their covariance knows, and the share of spectra is not counted twice."""
    catalog, spectra, _ = world(rng, 400, label_error=0.02)
    cause = rng.normal(size=400)
    given = catalog.labels()
    value = given.value + 0.3 * SPREAD * np.stack([cause, -cause], axis=1)
    moved = Catalog({"flux": catalog["flux"], "labels": LabelTable(value, given.error, NAMES, given.ids)})
    fitted = read_out(spectra, moved, "quadratic")
    assert fitted.read_outs["labels"].correlation[0, 1] < -0.7
    predicted = transfer(fitted, moved)
    residual = (value - predicted.value) / SPREAD
    stated = predicted.cov.mean(axis=0) / np.outer(SPREAD, SPREAD)
    np.testing.assert_allclose(np.cov(residual.T), stated, atol=0.25 * stated[0, 0])


def test_predictions_are_calibrated_like_others(training, test_stars):
    catalog, spectra, _ = training
    stars, _, truth = test_stars
    fitted = read_out(spectra, catalog, "gp")
    raw = transfer(fitted, stars)
    found = calibrate(raw, stars.labels())
    known = fitted.with_calibration(found)
    predicted = transfer(known, stars)
    assert predicted.calibrated
    assert ((found.scale > 0.3) & (found.scale < 3)).all()
    inside = np.mean(np.abs(predicted.value - truth) < predicted.error, axis=0)
    assert ((inside > 0.5) & (inside < 0.9)).all()
    assert read_out(known, catalog, "linear").calibrations == ()  # it was that of other labels


@pytest.mark.parametrize("kind", ["quadratic", "gp"])
def test_stars_on_disk_are_read_out_like_those_in_memory(kind, rng, tmp_path):
    catalog, spectra, _ = world(rng, 100, missing=0.2)
    stars = Dataset.create(tmp_path / "d", catalog.outputs, chunk=16, shard=32)
    stars.append(catalog)
    same(read_out(spectra, stars, kind, block=64), read_out(spectra, catalog, kind, block=64), 1e-6)


def test_a_star_without_a_label_does_not_count_for_it(training):
    catalog, spectra, _ = training
    given = catalog.labels()
    value = given.value.copy()
    value[60:, 1] = np.nan
    fewer = Catalog({"flux": catalog["flux"], "labels": LabelTable(value, given.error, NAMES, given.ids)})
    whole, some = (read_out(spectra, c, "linear").model["labels"] for c in (catalog, fewer))
    info = OutputInfo.of(fewer["labels"]), OutputInfo.of(given)
    np.testing.assert_allclose(some.weight[0], whole.weight[0], rtol=1e-5)
    assert (
        np.abs(
            np.asarray(some.weight[1]) * info[0].scale[1] - np.asarray(whole.weight[1]) * info[1].scale[1]
        ).max()
        > 1e-4
    )


def test_labels_that_were_fitted_with_the_spectra_are_replaced(training):
    catalog, spectra, _ = training
    old = spectra.replace(
        model=Lux(spectra.model.decoders | {"labels": Linear(jnp.ones(2), jnp.ones((2, LATENTS)))}),
        outputs={**spectra.outputs, "labels": OutputInfo.of(catalog["labels"])},
        weight_cov={"labels": jnp.ones((2, 10))},
    )
    same(read_out(old, catalog, "linear"), read_out(spectra, catalog, "linear"))
    assert "labels" not in read_out(old, catalog, "gp").weight_cov


def test_other_decoders_and_their_covariances_are_turned(rng):
    """Of a quadratic decoder too: the same values with the same errors in the turned latents."""
    d, leading = 3, 2
    row = rng.normal(size=(2, 1 + d + 3))
    a = rng.normal(size=(2, 7, 7))
    cov = a @ a.transpose(0, 2, 1)
    first, second = np.triu_indices(7)
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
    decoder = Quadratic(jnp.asarray(row[:, 0]), jnp.asarray(row[:, 1:]), d, leading)
    fitted = FittedModel(Lux({"other": decoder}), {"other": jnp.asarray(cov[:, first, second])})
    turned = _turned(fitted, turn)
    u = rng.normal(size=(3, d))
    found = []
    for model, x in ((fitted, u @ turn.T), (turned, u)):
        decoder = model.model["other"]
        value, features = jax.jit(jax.vmap(lambda z, f=decoder: (f(z), f.features(z))))(x)
        phi = np.column_stack([np.ones(3), features])
        i, j = np.triu_indices(phi.shape[1])
        assert model.weight_cov["other"].shape == (2, len(i))
        full = np.zeros((2, phi.shape[1], phi.shape[1]))
        full[:, i, j] = full[:, j, i] = np.asarray(model.weight_cov["other"])
        found.append((value, np.einsum("na,oab,nb->no", phi, full, phi)))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-8)


def test_a_second_table_of_labels_leaves_the_first_as_it_is(training):
    catalog, spectra, _ = training
    given = catalog.labels()
    more = LabelTable(given.value[:, :1] ** 2, 1e4, ("square",), given.ids)
    both = Catalog({**catalog.outputs, "more": more})
    one = read_out(spectra, both, "gp")
    two = read_out(one, both, "quadratic", labels="more")
    assert set(two.read_outs) == {"labels", "more"}
    np.testing.assert_allclose(
        transfer(two, catalog, labels="labels").cov, transfer(one, catalog).cov, rtol=1e-6
    )
    assert type(two.model["labels"]) is type(one.model["labels"])


def test_what_is_refused(training):
    catalog, spectra, _ = training
    with pytest.raises(InputError, match=r"no read-out 'forest' \(known: auto, linear, quadratic, gp\)"):
        read_out(spectra, catalog, "forest")
    with pytest.raises(InputError, match=r"a read-out of 'labels' needs stars with it and with inputs"):
        read_out(spectra, catalog.only("flux"))
    with pytest.raises(InputError, match=r"a read-out of 'labels' needs stars with it and with inputs"):
        read_out(spectra, catalog.only("labels"))
    with pytest.raises(InputError, match=r"7 training stars have 'teff'; a read-out needs at least 8"):
        read_out(spectra, catalog.select(slice(7)))
    with pytest.raises(InputError):
        read_out(spectra, np.ones((3, 3)))


def test_other_inputs_than_it_was_learned_from_are_told(training):
    catalog, spectra, _ = training
    fitted = read_out(spectra, catalog, "linear")
    other = fitted.replace(
        read_outs={"labels": dataclasses.replace(fitted.read_outs["labels"], inputs=("flux", "optical"))}
    )
    with pytest.warns(LuxWarning, match=r"latents of flux, optical, and are predicted from flux"):
        transfer(other, catalog, inputs=["flux"])
