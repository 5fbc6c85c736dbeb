"""Traps for the verdict: each ends in the word or the caveat that says what it is."""

import dataclasses

import numpy as np
import pytest

from luxjax.core import LuxWarning

from ..worlds import europium
from .attacks import TRAIN, Trap

pytestmark = pytest.mark.slow


def codes(explanation) -> list[str]:
    return explanation.verdict.codes.split()


def test_a_bad_column_on_the_decisive_line():
    """One of two fields has a bad column at the strongest line, and the fields differ in the label."""
    trap = Trap(n_lines=3)
    chance = 1 / (1 + np.exp(-trap.off_trend / 0.03))
    field = np.random.default_rng(1).random(len(chance)) < chance
    strengths = [trap.world.profile[trap.line_pixels(k)].max() for k in range(3)]
    pixels = trap.line_pixels(int(np.argmax(strengths)))
    trap.flux[field, pixels[len(pixels) // 2]] -= 0.12
    found = trap.explain()
    assert found["element_lines"].value > 4
    assert found.verdict.verdict == "inconclusive"
    assert "line_shape" in codes(found)


def test_an_artefact_of_a_lines_shape_on_the_only_line():
    trap = Trap(n_lines=1)
    trap.flux -= 0.06 * trap.world.profile / trap.world.profile.max() * trap.off_trend[:, None] / 0.06
    found = trap.explain()
    assert found.verdict.verdict == "measured"
    assert {"one_line", "same_wavelengths"} <= set(codes(found))


def test_an_unlisted_element_on_all_lines():
    """Not to be told from europium by these data, which the verdict says."""
    trap = Trap(n_lines=4)
    trap.flux -= trap.world.profile / trap.world.profile.max() * 0.5 * trap.off_trend[:, None]
    found = trap.explain()
    assert found.verdict.verdict == "measured"
    assert "same_wavelengths" in codes(found)
    assert "one_line" not in codes(found)


def test_a_list_three_pixels_off():
    trap = Trap(ratio=4.0)
    right = europium(trap.world)
    moved = dataclasses.replace(right, wavelength=right.wavelength + 0.6)
    with pytest.warns(LuxWarning, match=r"Moved by -3 pixels"):
        found = trap.explain(lines=moved)
    assert found.verdict.verdict == "inconclusive"
    assert "shifted_list" in codes(found)


def test_real_lines_missing_from_the_list():
    trap = Trap(ratio=4.0)
    right = europium(trap.world)
    empty = dataclasses.replace(right, element=np.full(len(right), "Gd"))
    found = trap.explain(lines=empty)
    assert found.verdict.verdict == "proxy"
    assert "no line in the list" in found.verdict.reasons[0]
    assert "not_in_list" in codes(found)


def test_a_hidden_variable_behind_a_label_without_species():
    """The label itself leaves no trace, only something that goes along with it."""
    trap = Trap(ratio=0.0)
    pixels = np.arange(300, 304)
    trap.flux[:, pixels] -= 0.5 * trap.off_trend[:, None]
    found = trap.explain(species=())
    assert found.verdict.verdict == "followed"
    assert codes(found)[0] == "hidden_variable"


def test_labels_made_from_the_same_pixels():
    """The label's error is a sum over noise of these very spectra; more latents are not advised."""
    trap = Trap(ratio=0.0)
    noise = trap.flux - np.concatenate([_clean(trap, "train"), _clean(trap, "held")])
    pixels = np.random.default_rng(2).choice(600, 60, replace=False)
    mixed = noise[:, pixels].sum(axis=1)
    trap.labels[:, 4] += 0.12 * mixed / mixed.std()
    for latents in (16, 28):
        found = trap.explain(latents=latents)
        assert "same_source" in codes(found)
        assert "fit with more latents" not in str(found.verdict)
        assert found.verdict.verdict != "measured"


def _clean(trap: Trap, part: str) -> np.ndarray:
    """Noise-free flux; of the training stars by a smooth model, which is enough for their noise."""
    if part == "held":
        return trap.world.flux(trap.world.params)
    train = trap.flux[:TRAIN]
    u, s, v = np.linalg.svd(train - train.mean(axis=0), full_matrices=False)
    return train.mean(axis=0) + (u[:, :12] * s[:12]) @ v[:12]


def test_stars_that_were_trained_on():
    from luxjax.evidence import explain

    from ..worlds import RESOLUTION, fitted_world

    world, fitted = fitted_world(0.0)
    given = {
        "lines": europium(world),
        "resolution": RESOLUTION,
        "n_null": 0,
        "condition_on": ["teff", "fe_h"],
    }
    with pytest.warns(LuxWarning, match="fitted to 500 of these 500 stars"):
        found = explain(fitted, world.train, "eu_fe", **given)
    assert "trained_on" in codes(found)
    assert "trained_on" not in explain(fitted, world.held_out, "eu_fe", **given).verdict.codes


def test_no_null_is_no_error():
    trap = Trap(ratio=4.0)
    found = trap.explain(n_null=0)
    assert found["element_lines"].null is None
    assert np.isnan(found["ablation"].p_value)
