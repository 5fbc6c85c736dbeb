"""The front door: planted lines are called measured, absent ones a shortcut, and bad input is explained."""

import dataclasses

import numpy as np
import pytest

from luxjax.core import InputError, LuxWarning
from luxjax.data import Catalog
from luxjax.evidence import Explanation, explain, explain_all
from luxjax.evidence.lines_of_evidence import _registry
from luxjax.preprocessing import vacuum_to_air

from .worlds import RESOLUTION, europium, fitted_world


def explained(ratio: float, neighbour: float = 0.0, **options) -> Explanation:
    world, fitted = fitted_world(ratio, neighbour)
    given = {"lines": europium(world), "resolution": RESOLUTION, "n_null": 10}
    return explain(fitted, world.held_out, "eu_fe", **{**given, **options})


@pytest.fixture(scope="module")
def measured():
    return explained(4.0)


@pytest.fixture(scope="module")
def guessed():
    return explained(0.0)


def test_lines_that_are_there_are_measured(measured):
    assert measured.verdict.verdict == "measured"
    assert measured.others == ("teff", "logg", "fe_h", "alpha_fe")
    assert measured["off_trend"].value > 0.3
    for name in ("element_lines", "saliency", "ablation", "doppelgangers", "injection"):
        found = measured[name]
        assert found.value > found.null.max(), name
        assert found.statement
    assert measured["gain"].interval.lower > 0
    own = measured["off_trend"].value - measured["ablation"].value
    assert measured["ablation"].arrays["response"] == pytest.approx([measured["off_trend"].value, own])


def test_lines_that_are_only_listed_are_not(guessed):
    assert guessed.verdict.verdict == "shortcut"
    assert abs(guessed["off_trend"].value) < 0.2
    assert abs(guessed["element_lines"].value) < 3.5
    assert guessed["element_lines"].p_value > 0.05
    assert guessed["saliency"].p_value > 0.02
    assert abs(guessed["doppelgangers"].value) < 3
    assert abs(guessed["injection"].value) < 0.15
    assert abs(guessed["ablation"].value) < 0.1


@pytest.mark.slow
def test_a_neighbours_lines_are_a_proxy():
    found = explained(0.0, 0.9)
    assert found.verdict.verdict in ("proxy", "inconclusive")
    assert found["off_trend"].interval.lower > 0.03
    assert found["element_lines"].value < 4


@pytest.mark.slow
def test_a_refit_without_the_lines_does_not_know_them(measured):
    world, fitted = fitted_world(4.0)
    given = {"lines": europium(world), "resolution": RESOLUTION, "n_null": 2, "condition_on": measured.others}
    found = explain(fitted, world.held_out, "eu_fe", train=world.train, **given)["ablation"]
    assert abs(found.arrays["refitted"]) < 0.2 < 0.5 < found.arrays["response"][0]


def test_evidence_is_complete_and_ordered(measured, tmp_path):
    assert list(measured.evidence) == [n for n in _registry.names() if n in measured.evidence]
    assert {
        "off_trend",
        "element_lines",
        "gain",
        "saliency",
        "ablation",
        "doppelgangers",
        "injection",
    } == set(measured.evidence)
    back = Explanation.load(measured.save(tmp_path / "eu"))
    assert back.to_dict() == measured.to_dict()
    arrays = measured["doppelgangers"].arrays
    assert arrays["stack"][len(arrays["stack"]) // 2] < -2 * arrays["stack_error"][len(arrays["stack"]) // 2]


@pytest.mark.slow
def test_all_labels_share_one_conditioning():
    """A guess is no label to condition others on; temperature and gravity are judged by response alone."""
    world, fitted = fitted_world(0.0)
    found = explain_all(fitted, world.held_out, lines=europium(world), resolution=RESOLUTION, n_null=3)
    assert list(found) == ["teff", "logg", "fe_h", "alpha_fe", "eu_fe"]
    assert found["eu_fe"].verdict.verdict == "shortcut"
    for name, explanation in found.items():
        assert "eu_fe" not in explanation.others
        assert name not in explanation.others
    for name in ("teff", "logg"):
        assert found[name].verdict.verdict == "followed"
        assert "response alone" in " ".join(found[name].verdict.reasons)
        assert np.isnan(found[name]["element_lines"].value)


@pytest.mark.slow
def test_the_order_of_stars_and_the_key_change_no_verdict(guessed):
    other = explained(0.0, key=7)
    assert other.verdict.to_dict() == guessed.verdict.to_dict()
    assert not np.array_equal(other["element_lines"].null, guessed["element_lines"].null)


@pytest.mark.slow
def test_a_list_in_the_wrong_medium_is_noticed(measured):
    world, fitted = fitted_world(4.0)
    right = europium(world)
    misread = dataclasses.replace(right, wavelength=vacuum_to_air(right.wavelength))
    with pytest.warns(LuxWarning):
        found = explain(fitted, world.held_out, "eu_fe", lines=misread, resolution=RESOLUTION, n_null=3)
    assert found.verdict.verdict == "inconclusive"
    assert "wrong_medium" in found.verdict.codes
    assert "check the list's medium" in str(found.verdict)
    labelled = dataclasses.replace(misread, medium="air")
    again = explain(fitted, world.held_out, "eu_fe", lines=labelled, resolution=RESOLUTION, n_null=3)
    assert again["element_lines"].value == pytest.approx(measured["element_lines"].value, rel=1e-3)


@pytest.mark.slow
def test_few_stars_leave_it_inconclusive():
    world, fitted = fitted_world(0.0)
    few = world.held_out.select(slice(70))
    found = explain(fitted, few, "eu_fe", lines=europium(world), resolution=RESOLUTION, n_null=3)
    assert found.verdict.verdict == "inconclusive"
    assert "needed" in " ".join(found.verdict.reasons)
    assert np.isnan(found["doppelgangers"].value)
    assert (
        "give 84 stars or more" in found["doppelgangers"].statement
        or "stars" in found["doppelgangers"].statement
    )


def test_bad_input_is_explained():
    world, fitted = fitted_world(0.0)
    stars, given = world.held_out, {"lines": europium(world), "resolution": RESOLUTION}
    with pytest.raises(InputError, match=r"no label 'eu_ef'.*Did you mean 'eu_fe'"):
        explain(fitted, stars, "eu_ef", **given)
    with pytest.raises(InputError, match="no label to condition on 'mg_fe'"):
        explain(fitted, stars, "eu_fe", condition_on=["mg_fe"], **given)
    with pytest.raises(InputError, match="species 'Xx'"):
        explain(fitted, stars, "eu_fe", species="Xx", **given)
    with pytest.raises(InputError, match="give resolution="):
        explain(fitted, stars, "eu_fe", lines=europium(world))
    with pytest.raises(InputError, match="join the catalogue with held-out labels"):
        explain(fitted, stars.only("flux"), "eu_fe", **given)
    with pytest.raises(InputError, match="share no spectra"):
        explain(fitted, stars.only("labels"), "eu_fe", **given)
    table = stars.labels()
    empty = dataclasses.replace(table, value=np.where(np.arange(5) == 4, np.nan, table.value))
    with pytest.raises(InputError, match="0 of 700 held-out stars have this label"):
        explain(fitted, Catalog({"flux": stars["flux"], "labels": empty}), "eu_fe", **given)
