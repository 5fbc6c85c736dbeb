"""Trends and verdicts: what they compute, and that JSON gives them back."""

import json
import math

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.fitted import Trend, Verdict
from luxjax.stats import Interval

COEF = [0.2, -0.1, 0.05, 0.03, -0.02, 0.04]


@pytest.fixture
def trend():
    return Trend(("fe_h", "mg_fe"), [-0.2, 0.1], [0.3, 0.1], COEF, 0.07)


def verdict(trend, **changes):
    given = {
        "label": "eu_fe",
        "verdict": "shortcut",
        "reasons": ("It follows the others.",),
        "others": ("fe_h", "mg_fe"),
        "response": float("nan"),
        "response_interval": Interval(float("nan"), 0.2),
        "numbers": {"T": 1.5, "share": float("nan")},
        "thresholds": "1:0123456789ab",
        "n_stars": 200,
        "trend": trend,
    }
    return Verdict(**given | changes)


def test_trend_is_the_written_out_quadratic(trend, rng):
    values = rng.normal(0, 0.5, (20, 2))
    x, y = (values[:, 0] + 0.2) / 0.3, (values[:, 1] - 0.1) / 0.1
    expected = 0.2 - 0.1 * x + 0.05 * y + 0.03 * x * x - 0.02 * x * y + 0.04 * y * y
    np.testing.assert_allclose(trend(values), expected, rtol=1e-12)


def test_gradient_is_that_of_the_trend(trend, rng):
    values, step = rng.normal(0, 0.5, (20, 2)), 1e-6
    for j in range(2):
        up, down = values.copy(), values.copy()
        up[:, j] += step
        down[:, j] -= step
        slope = (trend(up) - trend(down)) / (2 * step)
        np.testing.assert_allclose(trend.gradient(values)[:, j], slope, rtol=1e-6, atol=1e-8)


def test_trend_on_nothing_is_a_constant():
    trend = Trend((), [], [], [0.3], 0.1)
    np.testing.assert_array_equal(trend(np.zeros((4, 0))), 0.3)
    assert trend.gradient(np.zeros((4, 0))).shape == (4, 0)


def test_wrong_sizes_are_named(trend):
    with pytest.raises(InputError, match="6 coefficients; given 2, 2, 5"):
        Trend(("a", "b"), [0, 0], [1, 1], COEF[:5], 0.1)
    with pytest.raises(InputError, match=r"shape \(star, 2\); given \(3, 1\)"):
        trend(np.zeros((3, 1)))


def test_json_gives_the_verdict_back(trend):
    before = verdict(trend)
    text = json.dumps(before.to_dict(), allow_nan=False)
    after = Verdict.from_dict(json.loads(text))
    assert math.isnan(after.response)
    assert math.isnan(after.response_interval.lower)
    assert after.response_interval.upper == 0.2
    assert math.isnan(after.numbers["share"])
    assert after.numbers["T"] == 1.5
    for name in ("label", "verdict", "reasons", "others", "thresholds", "n_stars"):
        assert getattr(after, name) == getattr(before, name)
    np.testing.assert_array_equal(after.trend.coef, COEF)
    assert after.trend.scatter == 0.07
    assert after.to_dict() == before.to_dict()
    assert Verdict.from_dict(verdict(None).to_dict()).trend is None


def test_only_known_verdicts(trend):
    with pytest.raises(InputError, match="no verdict 'guess'"):
        verdict(trend, verdict="guess")
    assert str(verdict(trend)) == "eu_fe: shortcut. It follows the others."


def test_verdicts_of_the_version_before_are_read_in_todays_words(trend):
    numbers = {
        "own_line_t": 5.0,
        "own_line_information": 0.3,
        "own_share": 0.2,
        "own_response": 0.1,
        "n": 200.0,
    }
    reason = (
        "Its own lines follow it off trend at T = 5.0, but own pixels carry 20%; it has no lines of its own."
    )
    before = verdict(trend).to_dict() | {"verdict": "undecided", "numbers": numbers, "reasons": [reason]}
    after = Verdict.from_dict(before)
    assert after.verdict == "inconclusive"
    assert dict(after.numbers) == {
        "element_line_t": 5.0,
        "element_line_information": 0.3,
        "element_share": 0.2,
        "own_response": 0.1,
        "n": 200.0,
    }
    assert after.reasons == (reason.replace("own lines", "element lines"),)
    assert after.thresholds == "1:0123456789ab"
    assert Verdict.from_dict(after.to_dict()).to_dict() == after.to_dict()


def test_caveats_travel_by_code_and_sentence(trend):
    found = verdict(trend, caveats=(("one_line", "It rests on one line."),))
    assert found.caveats[0].code == found.codes == "one_line"
    assert str(found).endswith("Caveat: It rests on one line.")
    again = Verdict.from_dict(json.loads(json.dumps(found.to_dict())))
    assert again.caveats == found.caveats
    old = found.to_dict()
    del old["caveats"]
    assert Verdict.from_dict(old).caveats == ()
    with pytest.raises(InputError, match="no caveat of a verdict 'two_lines'"):
        verdict(trend, caveats=(("two_lines", "."),))


def test_labels_without_lines_that_were_called_measured_are_followed(trend):
    old = verdict(trend).to_dict() | {"verdict": "measured"}
    assert Verdict.from_dict(old).verdict == "measured"
    del old["caveats"]
    assert Verdict.from_dict(old).verdict == "followed"
    assert Verdict.from_dict(old | {"numbers": {"own_line_t": 9.0}}).verdict == "measured"
