"""What is found about a label survives a round trip to disk, whole and without running code."""

import json

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.evidence import Evidence, Explanation
from luxjax.evidence.lines_of_evidence import _registry
from luxjax.fitted import Trend, Verdict
from luxjax.stats import Interval


def verdict(**changes) -> Verdict:
    trend = Trend(("teff",), np.array([4800.0]), np.array([300.0]), np.array([0.1, 0.02, -0.01]), 0.05)
    fields = dict(
        label="eu_fe",
        verdict="shortcut",
        reasons=("beta is at most 0.1.",),
        others=("teff",),
        response=float("nan"),
        response_interval=Interval(float("nan"), float("nan")),
        numbers={"t": 0.3, "upper": 0.1},
        thresholds="1:0123456789ab",
        n_stars=900,
        trend=trend,
    )
    return Verdict(**{**fields, **changes})


def explanation(*evidence: Evidence) -> Explanation:
    return Explanation(
        "eu_fe", "dex", ("Eu",), ("teff",), ("apogee",), verdict(), {e.name: e for e in evidence}
    )


def test_round_trip(tmp_path):
    own = Evidence(
        "element_lines",
        0.3,
        Interval(-1.7, 2.3),
        np.array([0.1, -0.2, 1.0]),
        "standard errors",
        "Nothing there.",
        {"x": np.arange(6.0).reshape(2, 3), "name": np.array(["Eu", "Fe"])},
    )
    bound = Evidence("bound", float("nan"), None, None, "dex", "No physical model.")
    given = explanation(bound, own)
    folder = given.save(tmp_path / "eu")
    found = Explanation.load(folder)
    assert found.to_dict() == given.to_dict()
    assert list(found.evidence) == ["element_lines", "bound"]  # the order in which evidence is read
    np.testing.assert_array_equal(found["element_lines"].arrays["x"], own.arrays["x"])
    np.testing.assert_array_equal(found["element_lines"].arrays["name"], own.arrays["name"])
    assert np.isnan(found["bound"].value)
    assert found["element_lines"].interval == own.interval
    assert found.verdict.trend is not None
    assert json.loads((folder / "explanation.json").read_text())["verdict"]["response"] is None


def test_p_value_counts_the_value_itself():
    assert Evidence("gain", 2.0, null=np.array([0.0, 1.0, 2.0, 3.0])).p_value == pytest.approx(3 / 5)
    assert np.isnan(Evidence("gain", 2.0).p_value)
    assert np.isnan(Evidence("gain", float("nan"), null=np.zeros(3)).p_value)


def test_later_evidence_takes_the_place_of_earlier():
    found = explanation(Evidence("gain", 1.0)).with_evidence([Evidence("gain", 2.0), Evidence("probe", 0.7)])
    assert found["gain"].value == 2.0
    assert list(found.evidence) == ["gain", "probe"]
    assert set(found.evidence) <= set(_registry.names())


def test_unknown_evidence_is_named():
    with pytest.raises(InputError, match="no line of evidence 'vibes'"):
        explanation(Evidence("vibes", 1.0))
    with pytest.raises(InputError, match=r"no line of evidence 'bound' \(known: gain\)"):
        _ = explanation(Evidence("gain", 1.0))["bound"]


def test_bad_folders_are_explained(tmp_path):
    with pytest.raises(InputError, match="no explanation at"):
        Explanation.load(tmp_path / "nothing")
    folder = explanation(Evidence("gain", 1.0)).save(tmp_path / "eu")
    (folder / "arrays.npz").write_bytes(b"not an archive")
    with pytest.raises(InputError, match="is damaged"):
        Explanation.load(folder)
    header = json.loads((folder / "explanation.json").read_text())
    (folder / "explanation.json").write_text(json.dumps({**header, "schema": 99}))
    with pytest.raises(InputError, match="schema 99"):
        Explanation.load(folder)


def test_files_of_the_version_before_are_read_in_todays_words(tmp_path):
    given = explanation(
        Evidence(
            "element_lines",
            5.1,
            statement="Its element lines (2 lines of Eu) are deeper.",
            arrays={"depth": np.arange(3.0)},
        ),
        Evidence("ablation", 0.4, statement="Without its element windows the response falls."),
        Evidence(
            "doppelgangers", float("nan"), statement="It has no element lines here, they differ at no pixel."
        ),
    )
    folder = given.save(tmp_path / "eu")
    header = json.loads((folder / "explanation.json").read_text())
    header["verdict"] |= {
        "verdict": "undecided",
        "reasons": ["Mixed: its own lines follow it off trend at T = 5.1, but own pixels carry 20%."],
        "numbers": {"own_line_t": 5.1, "own_line_information": 0.2, "own_share": None, "own_response": 0.3},
    }
    header["evidence"] = {
        {"element_lines": "own_lines"}.get(name, name): {
            **e,
            "statement": e["statement"]
            .replace("element lines", "own lines")
            .replace("element windows", "own windows"),
        }
        for name, e in header["evidence"].items()
    }
    (folder / "explanation.json").write_text(json.dumps(header))
    np.savez(folder / "arrays.npz", **{"own_lines/depth": np.arange(3.0)})
    found = Explanation.load(folder)
    assert found.verdict.verdict == "inconclusive"
    assert found.verdict.reasons == (
        "Mixed: its element lines follow it off trend at T = 5.1, but own pixels carry 20%.",
    )
    names = ["element_line_t", "element_line_information", "element_share", "own_response"]
    assert list(found.verdict.numbers) == names
    assert list(found.evidence) == ["element_lines", "ablation", "doppelgangers"]
    for name in found.evidence:
        assert found[name].statement == given[name].statement
    np.testing.assert_array_equal(found["element_lines"].arrays["depth"], np.arange(3.0))
