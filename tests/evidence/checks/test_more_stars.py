"""Repeat visits and decoupled stars: they tell what one spectrum of ordinary stars cannot."""

import dataclasses

import numpy as np
import pytest

from luxjax.data import Catalog
from luxjax.evidence import explain
from luxjax.fitting import EM, fit
from luxjax.models import Lux

from ..worlds import RESOLUTION, europium, fitted_world
from .attacks import HELD, TRAIN, Trap

pytestmark = pytest.mark.slow


def test_a_label_made_from_its_own_spectrum_is_not_followed_on_repeats():
    trap, rng = Trap(ratio=0.0), np.random.default_rng(3)
    n = TRAIN + HELD
    noise = 0.02 * rng.standard_normal((n, 6))  # an artefact of the visit, on pixels that the pipeline read
    before = trap.flux.copy()
    trap.flux[:, 300:306] -= np.abs(noise.mean(axis=1, keepdims=True)) + noise.mean(axis=1, keepdims=True)
    trap.labels[:, 4] += 12 * noise.mean(axis=1)
    held = trap.catalog("held")
    train = trap.catalog("train")
    fitted = fit(Lux.linear(train.sizes, 16), train, EM(max_cycles=60, tol=1e-5), key=5)
    trap.flux = before + 0.0
    again = trap.catalog("held")  # without the artefact
    given = {"lines": europium(trap.world), "resolution": RESOLUTION, "n_null": 0, "species": ()}
    alone = explain(fitted, held, "eu_fe", **given)
    assert alone.verdict.verdict == "followed"
    found = explain(fitted, held, "eu_fe", repeats=again, **given)
    assert found.verdict.verdict == "inconclusive"
    assert "follows_visit" in found.verdict.codes
    assert found["repeats"].value < 0.3 * alone.verdict.response


def test_repeats_of_a_measured_label_keep_it():
    world, fitted = fitted_world(4.0)
    rng = np.random.default_rng(4)
    spectra = world.held_out.spectra("flux")
    clean = world.flux(world.params)
    other = clean + rng.standard_normal(clean.shape) / 100
    visit = dataclasses.replace(spectra, flux=other.astype(np.float32))
    repeats = Catalog({"flux": visit, "labels": world.held_out.labels()}, world.held_out.table)
    given = {"lines": europium(world), "resolution": RESOLUTION, "n_null": 0}
    found = explain(fitted, world.held_out, "eu_fe", repeats=repeats, **given)
    assert found.verdict.verdict == "measured"
    assert found["repeats"].value == pytest.approx(found["off_trend"].value, abs=0.2)
    assert "differs by" in found["repeats"].statement


@pytest.mark.parametrize("ratio", [0.0, 4.0])
def test_decoupled_stars_tell_a_guess_from_a_measurement(ratio):
    """Stars far off the trend: their europium is raised by 0.4 dex, and so are its lines where there are any."""
    world, fitted = fitted_world(ratio)
    rows = slice(0, 60)
    params = world.params[rows].copy()
    params[:, -1] += 0.4
    stars = world.held_out.select(rows)
    noise = stars.spectra("flux").flux - world.flux(world.params[rows])
    spectra = dataclasses.replace(stars.spectra("flux"), flux=(world.flux(params) + noise).astype(np.float32))
    table = dataclasses.replace(stars.labels(), value=stars.labels().value + np.array([0, 0, 0, 0, 0.4]))
    decoupled = Catalog({"flux": spectra, "labels": table}, stars.table)
    given = {"lines": europium(world), "resolution": RESOLUTION, "n_null": 0}
    found = explain(fitted, world.held_out, "eu_fe", decoupled=decoupled, **given)
    slope = found["decoupled"].value
    if ratio:
        assert found.verdict.verdict == "measured"
        assert slope > 0.5
    else:
        assert abs(slope) < 0.15
        assert "decoupled" in found.verdict.codes
        assert found.verdict.verdict == "shortcut"


def test_stars_that_do_not_leave_the_trend_say_nothing():
    world, fitted = fitted_world(0.0)
    given = {"lines": europium(world), "resolution": RESOLUTION, "n_null": 0}
    found = explain(fitted, world.held_out, "eu_fe", decoupled=world.held_out.select(slice(8)), **given)
    assert np.isnan(found["decoupled"].value)
    assert "give at least 10" in found["decoupled"].statement
