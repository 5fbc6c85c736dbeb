"""What every registered line of evidence must keep to: it is tested by being registered."""

import dataclasses
import re
from typing import ClassVar
from unittest.mock import Mock

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.data import Catalog
from luxjax.evidence import Evidence, Explanation, explain
from luxjax.evidence.internal import line_of_evidence
from luxjax.evidence.lines_of_evidence import _bound, _registry
from luxjax.evidence.lines_of_evidence._bound import ConditionalBound
from luxjax.evidence.lines_of_evidence._line import AbstractLine
from luxjax.simulation import Truth

from .worlds import RESOLUTION, europium, fitted_world

LINES = pytest.mark.parametrize("name", _registry.names())


def explained(label: str, **options) -> Explanation:
    world, fitted = fitted_world(4.0)
    given = {"lines": europium(world), "resolution": RESOLUTION, "n_null": 3, "supporting": True}
    return explain(fitted, world.held_out, label, **{**given, **options})


@pytest.fixture(scope="module")
def had():
    """A label with lines, and all that can be asked for; the physics behind the bound is replaced by numbers."""
    world, _ = fitted_world(4.0)
    stars, table = world.held_out, world.held_out.labels()
    truth = Mock(spec=Truth, labels=table.names, ids=stars.ids, label_values=table.value)
    bound = ConditionalBound(np.array([0.1, 0.2]), np.array([0.05, 0.07]), 0.1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_bound, "conditional_bound", lambda *args: bound)
        return explained("eu_fe", truth=truth, repeats=stars, decoupled=stars)


@pytest.fixture(scope="module")
def bare():
    """A label without lines, on few stars, of which only some have it."""
    world, fitted = fitted_world(4.0)
    stars = world.held_out.select(slice(70))
    table = stars.labels()
    value = table.value.copy()
    value[55:, table.names.index("logg")] = np.nan
    few = Catalog({**stars.outputs, "labels": dataclasses.replace(table, value=value)})
    given = {"lines": europium(world), "resolution": RESOLUTION, "n_null": 3, "supporting": True}
    return explain(fitted, few, "logg", condition_on=["teff"], **given)


def test_names_are_unique_and_in_snake_case():
    names = _registry.names()
    assert len(set(names)) == len(names) > 0
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) for name in names)


@LINES
def test_it_has_a_title_and_a_question(name):
    line = _registry.line_of_evidence(name)
    assert re.fullmatch(r"[A-Z].*[^.?]", line.title)
    assert re.fullmatch(r"[A-Z].*\?", line.question)


@LINES
def test_it_answers_with_a_number_and_how_well_it_is_known(had, name):
    found = had[name]
    assert np.isfinite(found.value)
    assert found.statement.endswith(".")
    if found.interval is not None:
        assert np.isfinite(found.interval).all()
        assert found.interval.lower <= found.interval.upper
    if found.null is not None:
        assert len(found.null) > 0
        assert np.isfinite(found.null).any()


@LINES
def test_it_says_in_words_why_there_is_no_number(bare, name):
    found = bare.evidence.get(name)
    if found is not None:  # nobody asked for a bound
        assert re.fullmatch(r"[A-Z0-9].*\.", found.statement)
        assert np.isfinite(found.value) or found.interval is None


def test_most_are_missing_for_a_label_without_lines(bare):
    missing = {name for name, e in bare.evidence.items() if np.isnan(e.value)}
    assert missing >= {"element_lines", "saliency", "ablation", "doppelgangers", "injection", "probe"}
    assert bare["probe"].statement == "Fewer than 60 of these stars have the label."


@LINES
@pytest.mark.parametrize("which", ["had", "bare"])
def test_its_arrays_are_plain(request, which, name):
    found = request.getfixturevalue(which).evidence.get(name)
    for array in {} if found is None else found.arrays.values():
        assert array.dtype.kind in "fiubU"


@pytest.mark.parametrize("which", ["had", "bare"])
def test_saving_and_loading_returns_it(request, which, tmp_path):
    before = request.getfixturevalue(which)
    after = Explanation.load(before.save(tmp_path / "label"))
    assert after.to_dict() == before.to_dict()
    for name, evidence in before.evidence.items():
        assert after[name].arrays.keys() == evidence.arrays.keys()
        for key, array in evidence.arrays.items():
            np.testing.assert_array_equal(after[name].arrays[key], array)


class Toy(AbstractLine):
    """The number of stars, which is nothing where the lines are not."""

    name: ClassVar[str] = "toy"
    title: ClassVar[str] = "Toy"
    question: ClassVar[str] = "How many stars are there?"

    def measure(self, case) -> Evidence:
        n = np.arange(len(case.stars))
        return self.evidence(
            len(n), null=case.null[self.name], statement="There are stars.", arrays={"star": n}
        )

    def elsewhere(self, case, lines, held) -> float:
        return 0.0


def test_a_new_line_takes_one_file_and_one_line(monkeypatch, tmp_path):
    at = _registry.names().index("gain")
    monkeypatch.setattr(_registry, "LINES", (*_registry.LINES[:at], Toy(), *_registry.LINES[at:]))
    found = explained("eu_fe", n_null=2, supporting=False)
    assert list(found.evidence)[at - 1 : at + 2] == ["element_lines", "toy", "gain"]
    assert found["toy"].value == 700
    assert found["toy"].null.tolist() == [0, 0]
    back = Explanation.load(found.save(tmp_path / "eu"))
    assert list(back.evidence) == list(found.evidence)
    np.testing.assert_array_equal(back["toy"].arrays["star"], np.arange(700))
    assert line_of_evidence("toy").title == "Toy"
    monkeypatch.undo()
    with pytest.raises(InputError, match="no line of evidence 'toy'"):
        Explanation.load(tmp_path / "eu")


def test_a_line_without_a_name_cannot_be_made():
    class Nameless(AbstractLine):
        def measure(self, case) -> None:
            return None

    with pytest.raises(TypeError):
        Nameless()
