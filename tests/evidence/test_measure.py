"""Held-out stars through a known model: every array against dense algebra star by star."""

import jax.numpy as jnp
import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.data import Catalog
from luxjax.evidence import decide, held_out, measure_evidence, off_trend_response
from luxjax.evidence.lines_of_evidence._element_lines import element_line_residual, line_depth
from luxjax.evidence.off_trend._response import response_share
from luxjax.fitted import FittedModel, OutputInfo
from luxjax.models import Linear, Lux, Quadratic
from luxjax.simulation import bilinear

PIXELS, LATENTS, SCATTER = 90, 4, 0.004
OWN = np.zeros(PIXELS, bool)
OWN[75:88] = True
PROFILE = np.where(OWN, np.exp(-0.5 * ((np.arange(PIXELS) - 80) / 2.0) ** 2), 0.0)
LOC, SCALE = np.array([0.1, -0.2, 0.3]), np.array([2.0, 0.5, 1.5])


@pytest.fixture(scope="module")
def world():
    return bilinear(150, {"flux": PIXELS, "labels": 3}, LATENTS, key=3, snr=60, bad_fraction=0.02)


@pytest.fixture(scope="module")
def fitted(world):
    """The true decoders; labels in scaled units, as fits have them."""
    flux = Linear(jnp.asarray(world.intercepts["flux"]), jnp.asarray(world.weights["flux"]))
    labels = Linear(
        jnp.asarray((world.intercepts["labels"] - LOC) / SCALE),
        jnp.asarray(world.weights["labels"] / SCALE[:, None]),
    )
    model = Lux({"flux": flux, "labels": labels}, {"flux": jnp.full(PIXELS, SCATTER)})
    names = world.catalog.labels().names
    info = {"flux": OutputInfo.of(world.catalog["flux"]), "labels": OutputInfo(LOC, SCALE, names=names)}
    return FittedModel(model, {}, info)


def dense(world, n, keep):
    """Label predictions of star n from the pixels `keep`, and the gain of every pixel, by plain algebra."""
    spectra = world.catalog.spectra("flux")
    b, w = world.intercepts["flux"], world.weights["flux"]
    weight = np.zeros(PIXELS)
    good = (spectra.ivar[n] > 0) & keep
    weight[good] = 1 / (1 / spectra.ivar[n, good] + SCATTER**2)
    cov = np.linalg.inv(w.T @ (weight[:, None] * w) + np.eye(LATENTS))
    gain = world.weights["labels"] @ cov @ (w * weight[:, None]).T
    residual = np.where(good, spectra.flux[n] - b, 0.0)
    z = cov @ w.T @ (weight * residual)
    return world.intercepts["labels"] + gain @ residual, gain[:, OWN] @ residual[OWN], b + w @ z, weight


def test_predictions_masked_predictions_and_own_part(world, fitted):
    found = held_out(fitted, world.catalog, OWN, block=64)
    for n in (0, 70, 149):
        value, own, _, weight = dense(world, n, np.ones(PIXELS, bool))
        masked, _, flux, _ = dense(world, n, ~OWN)
        np.testing.assert_allclose(found.predicted[n], value, atol=2e-5)
        np.testing.assert_allclose(found.own_part[n], own, atol=2e-5)
        np.testing.assert_allclose(found.masked[n], masked, atol=2e-5)
        np.testing.assert_allclose(found.model[n], flux[OWN], atol=1e-6)
        np.testing.assert_allclose(found.ivar[n], weight[OWN], rtol=1e-5)
    np.testing.assert_array_equal(found.observed, world.catalog.labels().value)
    assert np.abs(found.own_part).max() > 0.1


def test_evidence_is_made_of_these_arrays(world, fitted):
    stars = held_out(fitted, world.catalog, OWN)
    line = np.where(OWN, (np.arange(PIXELS) > 79).astype(int), -1)
    found = measure_evidence(fitted, world.catalog, "label_2", ("label_1",), OWN, PROFILE, line=line)
    given = (
        stars.predicted[:, 1],
        stars.predicted[:, [0]],
        stars.observed[:, 1],
        stars.error[:, 1],
        stars.observed[:, [0]],
        stars.error[:, [0]],
    )
    response = off_trend_response(*given, others=("label_1",))
    assert found.response.beta == response.beta
    assert found.element_share == response_share(stars.own_part[:, 1], *given)
    depth = line_depth(stars.flux, stars.ivar, stars.model, PROFILE[OWN])
    lines = element_line_residual(depth, stars.masked[:, [0, 1]], given[2], given[3], tau2=response.tau2)
    assert found.element_lines.t == lines.t
    assert found.element_lines.information == lines.information
    assert len(found.element_lines.t_without) == 2
    assert decide("label_2", True, *found).others == ("label_1",)


def test_without_windows_there_is_the_response_alone(world, fitted):
    found = measure_evidence(fitted, world.catalog, "label_2", ("label_1", "label_3"))
    assert found.element_lines is None
    assert found.element_share is None
    assert found.response.trend.others == ("label_1", "label_3")


@pytest.mark.slow
def test_for_other_decoders_the_own_part_is_the_fall_on_masking(world, fitted):
    def widened(name):
        d = fitted.model.decoders[name]
        extra = LATENTS * (LATENTS + 1) // 2
        return Quadratic(d.intercept, jnp.pad(d.weight, ((0, 0), (0, extra))), LATENTS)

    curved = Lux({name: widened(name) for name in fitted.model.names}, fitted.model.scatter)
    few = world.catalog.select(slice(40))
    linear, other = held_out(fitted, few, OWN), held_out(fitted.replace(model=curved), few, OWN)
    np.testing.assert_allclose(other.predicted, linear.predicted, atol=1e-4)
    np.testing.assert_allclose(other.own_part, linear.predicted - linear.masked, atol=2e-4)


def test_bad_input_is_named(world, fitted):
    with pytest.raises(InputError, match=r"90 pixels ask for \(90,\)"):
        held_out(fitted, world.catalog, OWN[:50])
    with pytest.raises(InputError, match="no label 'eu_fe'"):
        measure_evidence(fitted, world.catalog, "eu_fe", ())
    with pytest.raises(InputError, match="no input for the element windows 'fluks'"):
        held_out(fitted, world.catalog, {"fluks": OWN})
    with pytest.raises(InputError, match="holds spectra|labels"):
        held_out(fitted, Catalog({"flux": world.catalog["flux"]}), OWN)
