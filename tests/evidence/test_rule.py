"""The rule: every branch by numbers made for it, thresholds from the file, reasons with their numbers."""

import dataclasses
import hashlib
from importlib import resources

import pytest

from luxjax.core import InputError
from luxjax.evidence import Thresholds, decide
from luxjax.evidence.lines_of_evidence._element_lines import ElementLines
from luxjax.evidence.off_trend._response import ElementShare, Response
from luxjax.fitted import Trend
from luxjax.stats import Interval

TREND = Trend(("fe_h",), [0.0], [1.0], [0.0, 1.0, 0.0], 0.06)


def response(beta=0.5, tau2=0.0036, tau2_error=0.0004, error=1e-4, n=1000, interval=None):
    covariance = beta * tau2
    upper = (max(covariance, 0) + 1.64 * error) / max(tau2 - 1.64 * tau2_error, tau2 / 4)
    interval = interval or Interval(beta - 0.1, beta + 0.1)
    return Response(beta, interval, covariance, error, tau2, tau2_error, upper, 0.08, n, TREND)


def share(own=0.45, beta=0.5, z=10.0):
    n_own = own * 0.0036
    return ElementShare(own, beta - own, n_own, n_own / z, own / beta)


def judged(r, t=10.0, s=None, **lines):
    return decide("eu_fe", True, r, ElementLines(t, 0.5, 1.0, r.n, **lines), s or share(beta=r.beta))


def test_measured_needs_all_four():
    assert judged(response()).verdict == "measured"
    assert judged(response(), t=3.9).verdict == "inconclusive"
    weak = judged(response(beta=0.2), s=share(own=0.14, beta=0.2))
    assert weak.verdict == "inconclusive"
    assert "fit with more latents" in weak.reasons[0]
    assert "T = 10.0" in weak.reasons[0]
    assert judged(response(), s=share(z=2.9)).verdict == "inconclusive"
    mixed = judged(response(), s=share(own=0.2))
    assert mixed.verdict == "inconclusive"
    assert "40%" in mixed.reasons[0]
    assert "10.0" in judged(response()).reasons[0]
    assert "90%" in judged(response()).reasons[0]


def test_proxy_has_a_response_that_is_not_its_own():
    found = judged(response(), t=1.0, s=share(own=0.05))
    assert found.verdict == "proxy"
    assert "10%" in found.reasons[0]
    assert judged(response(), t=5.0, s=share(own=0.05)).verdict == "inconclusive"
    assert judged(response(error=5e-4), t=1.0, s=share(own=0.05)).verdict == "inconclusive"  # N = 3.6 se
    assert judged(response(), t=1.0, s=share(own=0.3)).verdict == "inconclusive"
    # Own pixels that clearly answer are no proxy, though most of the response is elsewhere.
    both = judged(response(), t=1.0, s=share(own=0.2))
    assert both.verdict == "inconclusive"
    assert "own pixels answer for 0.20" in both.reasons[0]
    assert judged(response(), t=1.0, s=share(own=0.2, z=2.9)).verdict == "proxy"


def test_shortcut_has_none_in_stars_that_would_show_one():
    found = judged(response(beta=0.02), t=1.0, s=share(own=0.01, beta=0.02))
    assert found.verdict == "shortcut"
    assert found.numbers["expected_t"] == pytest.approx((0.8 * 1000 * 0.0036 / (0.0036 + 0.0064)) ** 0.5)
    assert "0.02" in found.reasons[0]
    few = judged(response(beta=0.02, n=120), t=1.0, s=share(own=0.01, beta=0.02))
    assert few.verdict == "inconclusive"  # T = 5.9 at best
    assert "about 223 are needed" in few.reasons[0]
    unresolved = judged(response(beta=0.02, tau2_error=0.0019), t=1.0, s=share(own=0.01, beta=0.02))
    assert unresolved.verdict == "inconclusive"
    assert "not resolved" in unresolved.reasons[0]
    # 0.0036 +- 0.0019 is 1.9 errors; two take 1000 (2 x 0.0019 / 0.0036)^2 stars.
    assert "at least 1115 held-out stars" in unresolved.reasons[0]
    wide = judged(response(beta=0.02, error=4.5e-4), t=1.0, s=share(own=0.01, beta=0.02))
    assert wide.verdict == "inconclusive"
    assert wide.numbers["response_upper"] == pytest.approx(
        0.28, abs=0.005
    )  # of the rule; words quote the interval alone
    assert "0.02 [-0.08, 0.12] and could exceed the 0.25 of a shortcut if its scatter" in wide.reasons[0]
    seen = judged(response(beta=0.02), t=5.0, s=share(own=0.01, beta=0.02))
    assert seen.verdict == "inconclusive"
    assert "in the spectrum but not used" in seen.reasons[0]


def test_one_line_alone_is_not_believed():
    """T may fall by no more than 3 below what the weight of the others would leave, whatever that is."""
    broken = {"t_without": (0.5, 9.0), "t_without_expected": (3.6, 9.2)}
    found = judged(response(), **broken)
    assert found.verdict == "inconclusive"
    assert "without line 1, T falls from 10.0 to 0.5" in found.reasons[0]
    # A line that holds nearly all the weight may be the only one that shows; then nothing could contradict it.
    dominant = {"t_without": (0.5, 9.0), "t_without_expected": (2.9, 9.5)}
    assert judged(response(), **dominant).verdict == "measured"
    assert judged(response(), **dominant).codes == "same_wavelengths one_line"
    unseen = {"t_without": (float("nan"),), "t_without_expected": (0.0,)}
    assert judged(response(), **unseen).verdict == "measured"
    assert "number 1 by wavelength" in str(judged(response(), **unseen))
    shared = {"t_without": (6.0, 9.0), "t_without_expected": (7.0, 7.0)}
    assert judged(response(), **shared).codes == "same_wavelengths"


def test_what_is_no_line_is_not_believed():
    flat = {"shape": 0.4, "shape_size": 80.0}
    found = judged(response(), **flat)
    assert found.verdict == "inconclusive"
    assert found.codes == "line_shape"
    assert "Only 40%" in found.reasons[0]
    assert judged(response(), shape=0.4, shape_size=10.0).verdict == "measured"  # too faint to have a shape
    assert judged(response(), shape=0.9, shape_size=80.0).verdict == "measured"


def test_more_latents_are_never_advised_where_errors_are_shared():
    weak = (response(beta=0.2), ElementLines(10.0, 0.5, 1.0, 1000), share(own=0.14, beta=0.2))
    assert "fit with more latents" in str(decide("eu_fe", True, *weak))
    assert "latents" not in str(decide("eu_fe", True, *weak, same_source=True))


def test_a_share_of_nothing_has_no_number():
    nothing = ElementShare(0.16, -0.16, 0.16 * 0.0036, 1e-5, -1e14)
    assert "no definite share" in str(judged(response(beta=1e-15), t=10.0, s=nothing))


def test_a_species_without_lines_is_never_measured():
    found = decide("eu_fe", False, response(beta=0.9))
    assert found.verdict == "proxy"
    assert "no line in the list" in found.reasons[0]
    assert "cannot have been" not in str(found)
    assert found.codes == "not_in_list"
    assert decide("eu_fe", False, response(beta=0.01)).verdict == "shortcut"
    assert decide("eu_fe", False, response(beta=0.01, n=100)).verdict == "inconclusive"


def test_a_response_whose_interval_holds_zero_is_not_called_real_and_weak():
    unsettled = decide("teff", None, response(beta=0.27, interval=Interval(-0.4, 0.6)))
    assert unsettled.verdict == "inconclusive"
    assert "its size is not settled: 0.27, at least -0.40" in unsettled.reasons[0]
    weak = decide("teff", None, response(beta=0.27, interval=Interval(0.1, 0.6)))
    assert "real but weak" in weak.reasons[0]


def test_a_label_without_species_is_judged_by_its_response_and_says_so():
    found = decide("teff", None, response())
    assert found.verdict == "followed"
    assert found.codes == "hidden_variable"
    assert "rests on the off-trend response alone" in found.reasons[-1]
    assert decide("teff", None, response(interval=Interval(0.14, 0.9))).verdict == "inconclusive"
    assert decide("teff", None, response(error=5e-4)).verdict == "inconclusive"
    assert decide("teff", None, response(beta=0.02)).verdict == "shortcut"
    nan = Interval(float("nan"), float("nan"))
    assert decide("teff", None, response(tau2_error=0.002, interval=nan)).verdict == "inconclusive"


def test_the_verdict_carries_numbers_thresholds_and_trend():
    found = judged(response())
    assert found.n_stars == 1000
    assert found.others == ("fe_h",)
    assert found.trend is TREND
    assert found.response == 0.5
    assert found.response_interval == Interval(0.4, 0.6)
    for name, value in {"element_line_t": 10, "response_z": 18, "element_share": 0.9, "tau2_z": 9}.items():
        assert found.numbers[name] == pytest.approx(value)
    text = resources.files("luxjax.evidence").joinpath("thresholds.toml").read_bytes()
    assert found.thresholds == "3:" + hashlib.sha256(text).hexdigest()[:12]
    assert judged(response(tau2_error=0.002)).response != judged(response()).response  # NaN: unresolved


def test_thresholds_are_those_of_the_file_and_can_be_replaced():
    limits = Thresholds.load()
    assert limits.measured.element_line_t == 4
    assert limits.shortcut.response_upper == 0.25
    strict = dataclasses.replace(limits, measured=limits.measured._replace(element_line_t=12.0))
    own = ElementLines(10.0, 0.5, 1.0, 1000)
    assert decide("eu_fe", True, response(), own, share(), strict).verdict == "inconclusive"


def test_element_lines_are_asked_for():
    with pytest.raises(InputError, match="lines= and share="):
        decide("eu_fe", True, response())
