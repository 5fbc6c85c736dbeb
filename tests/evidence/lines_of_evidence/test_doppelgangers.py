"""Doppelgangers: planted lines are seen where they are, absent ones nowhere, and pairs are really alike."""

from types import SimpleNamespace

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.evidence.lines_of_evidence._doppelgangers import _velocity_stack, doppelgangers

N, PIXELS, OWN = 600, 80, slice(38, 43)


def world(depth: float, seed: int = 0, where: slice = OWN):
    """Stars with two other labels that shape all pixels; the label follows them and deepens some pixels by itself."""
    rng = np.random.default_rng(seed)
    others = rng.normal(size=(N, 2))
    off = 0.1 * rng.normal(size=N)
    observed = others @ [0.3, -0.2] + off + 0.05 * rng.normal(size=N)
    flux = 1 - 0.02 * others @ rng.normal(size=(2, PIXELS)) + 0.01 * rng.normal(size=(N, PIXELS))
    flux[:, where] -= depth * off[:, None]
    weight = np.where(rng.random(flux.shape) < 0.02, 0.0, 1e4)
    predicted = others + 0.05 * rng.normal(size=others.shape)
    return (
        np.where(weight > 0, flux, 0),
        weight,
        observed,
        predicted,
        np.full((2, 2), 0.0) + 0.05**2 * np.eye(2),
    )


def profile() -> np.ndarray:
    out = np.zeros(PIXELS)
    out[OWN] = 0.1
    return out


def test_a_planted_line_is_seen_at_its_place():
    found = doppelgangers(*world(0.06), profile())
    assert found.z > 4
    assert found.z > found.null.max()
    assert OWN.start <= np.argmax(found.pixel_z) < OWN.stop
    assert found.pixel_z.max() > found.limit
    assert doppelgangers(*world(-0.06), profile()).z < -4  # emission has the other sign


def test_nothing_is_seen_where_nothing_is():
    z = [doppelgangers(*world(0.0, seed), profile(), seed=seed).z for seed in range(12)]
    assert np.abs(z).max() < 3.5
    assert 0.4 < np.std(z) < 1.6
    found = doppelgangers(*world(0.0), profile())
    assert np.abs(found.pixel_z).max() < 1.3 * found.limit
    assert np.std(found.null) == pytest.approx(1.0, abs=0.15)


def test_a_neighbours_line_shows_elsewhere():
    found = doppelgangers(*world(0.06, where=slice(10, 15)), profile())
    assert abs(found.z) < 3.5
    assert 10 <= np.argmax(found.pixel_z) < 15


def test_pairs_are_alike_but_for_the_label():
    flux, weight, observed, predicted, cov = world(0.0)
    observed[:50] = np.nan
    found = doppelgangers(flux, weight, observed, predicted, cov)
    rich, poor = found.pairs.T
    assert len(set(rich)) == len(rich)
    assert not set(rich) & set(poor)
    assert found.pairs.min() >= 50
    assert found.contrast > 0.15
    apart = np.linalg.norm(predicted[rich] - predicted[poor], axis=1)
    assert np.median(apart) < 0.2 * np.median(np.linalg.norm(predicted[rich] - predicted[poor[::-1]], axis=1))
    assert np.isnan(found.z)


def test_too_few_stars_are_counted():
    flux, weight, observed, predicted, cov = world(0.0)
    with pytest.raises(InputError, match="60 stars with this label"):
        doppelgangers(flux[:60], weight[:60], observed[:60], predicted[:60], cov)


@pytest.mark.parametrize(("step", "seen"), [(0.2, True), (4.0, False)])
def test_lines_narrower_than_the_pixels_have_no_velocity_stack(step, seen):
    wavelength = 5000 + step * np.arange(80)
    rng = np.random.default_rng(1)
    part = SimpleNamespace(wavelength=wavelength, where=slice(0, 80))
    stars = SimpleNamespace(
        inputs=[part], flux=1 + 0.01 * rng.normal(size=(80, 80)), weight=np.full((80, 80), 1e4)
    )
    window = SimpleNamespace(lines=SimpleNamespace(wavelength=[wavelength[40]]), response=[0.3])
    lines = type("Lines", (), {"windows": [window], "__len__": lambda self: 1})()
    found = doppelgangers(
        stars.flux, stars.weight, rng.normal(size=80), rng.normal(size=(80, 2)), np.eye(2), fraction=0.5
    )
    stack = _velocity_stack(stars, lines, found)
    assert bool(stack) is seen  # once an empty stack with errors of 1e14 was drawn
    if seen:
        assert np.nanmax(stack["stack_error"]) < 0.1
