"""The rule: from the numbers to one of four words, with the reasons."""

from collections.abc import Iterator

import numpy as np

from ..core import InputError
from ..core.internal import rounded
from ..fitted import CAVEATS, Caveat, Verdict
from ._expected import needed_stars, stars_for_scatter
from ._thresholds import Thresholds
from .lines_of_evidence._element_lines import ElementLines
from .lines_of_evidence._off_trend import ElementShare, Response

__all__ = ["decide"]

MOST_SHARE = 3.0  # beyond, a share of nearly nothing is not worth a number


def decide(
    label: str,
    species_has_lines: bool | None,
    response: Response,
    lines: ElementLines | None = None,
    share: ElementShare | None = None,
    thresholds: Thresholds | None = None,
    *,
    same_source: bool = False,
) -> Verdict:
    """Decide whether a label was measured from the spectrum, or guessed from its correlation with others.

    1. ``measured``: T of the element lines and what their pixels give of the response (size, significance, share) all reach
       their thresholds, T without any one line is what the weight of the others would leave, and what follows the label in
       the windows has the shape of lines. ``followed``: the response of a label without a species is large.
    2. ``proxy``: a significant response, but neither T nor the share of the element lines reaches its threshold, nor
       does their part of the response. (Where both an artefact and element lines follow the label, the rest of the
       spectrum predicts the lines and T is small, though own pixels clearly answer: that is no proxy, but mixed.)
    3. ``shortcut``: T is small though a line would have shown, and the upper limit of the response is small.
    4. ``inconclusive``: anything else; the reasons say what is missing.

    A label whose species has no line in the list has no T and is never called measured. A label without a species
    (temperature, gravity) is evaluated by its response alone, which cannot tell a measurement from a proxy or a hidden
    variable: hence the weaker word.

    What a verdict cannot rule out is in its caveats.

    Parameters
    ----------
    label : str
    species_has_lines : bool or None
        Whether the label's species has lines in the spectrum; None for a label that has no species.
    response : Response
    lines : ElementLines, optional
    share : ElementShare, optional
        Both needed where `species_has_lines`, otherwise not looked at.
    thresholds : Thresholds, optional
        Default: those that luxjax ships with.
    same_source : bool
        Whether labels and spectra may share errors; then more latents are never advised.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.evidence import decide, measure_evidence
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> evidence = measure_evidence(fitted, stars, "label_1", ["label_2"])
    >>> verdict = decide("label_1", False, *evidence)  # a species without lines in these spectra
    >>> verdict.verdict, verdict.codes
    ('proxy', 'not_in_list')
    """
    limits = Thresholds.load() if thresholds is None else thresholds
    if species_has_lines:
        if lines is None or share is None:
            raise InputError(
                f"the species of '{label}' has lines, so its verdict needs lines= and share=; see measure_evidence."
            )
        numbers = _numbers(response, limits) | _line_numbers(lines, share)
        verdict, reasons = _with_lines(numbers, lines, limits, same_source)
    elif species_has_lines is None:
        numbers = _numbers(response, limits)
        verdict, reasons = _without_species(numbers, limits)
    else:
        numbers = _numbers(response, limits)
        verdict, reasons = _without_lines(numbers, limits)
    return Verdict(
        label,
        verdict,
        tuple(reasons),
        response.trend.others,
        response.beta if response.resolved else float("nan"),
        response.interval,
        numbers,
        limits.stamp,
        response.n,
        response.trend,
        tuple(_caveats(verdict, species_has_lines, lines, limits)),
    )


def _caveats(
    verdict: str, has_lines: bool | None, lines: ElementLines | None, limits: Thresholds
) -> Iterator[Caveat]:
    """What is known by the numbers alone; `explain` puts names to it."""
    if verdict == "measured" and lines is not None:
        yield Caveat("same_wavelengths", CAVEATS["same_wavelengths"].capitalize() + ".")
        if lines.t_without and min(lines.t_without_expected) < limits.measured.line_t_difference:
            k = int(np.argmin(lines.t_without_expected)) + 1
            yield Caveat(
                "one_line",
                f"It rests on one line, number {k} by wavelength: a blend or an artefact there would look the same, and no other "
                "line is strong enough to contradict it.",
            )
    if lines is not None and lines.t >= limits.measured.element_line_t and _misshapen(lines, limits):
        yield Caveat("line_shape", _shape_words(lines, limits))
    if verdict == "followed":
        yield Caveat(
            "hidden_variable",
            "It has no element lines, so what the prediction follows is not known: a variable that goes along with "
            "the label and is not among the labels would look the same.",
        )
    if has_lines is False:
        yield Caveat(
            "not_in_list", "The list names no line of its species in these spectra; lists are not complete."
        )


def _misshapen(lines: ElementLines, limits: Thresholds) -> bool:
    return lines.shape_size > limits.measured.line_shape_sum and lines.shape < limits.measured.line_shape


def _shape_words(lines: ElementLines, limits: Thresholds) -> str:
    return (
        f"Only {max(lines.shape, 0):.0%} of what follows the label in its windows has the shape of lines (needs "
        f"{limits.measured.line_shape:.0%}): a bad column, a slope of the continuum or a shifted line does this."
    )


def _numbers(r: Response, limits: Thresholds) -> dict[str, float]:
    tau2 = max(r.tau2, 0.0)
    visible = limits.shortcut.line_information * r.n * tau2 / (tau2 + r.label_error**2)
    return {
        "response": r.beta,
        "response_lower": r.interval.lower,
        "response_interval_upper": r.interval.upper,
        "response_upper": r.upper,
        "covariance": r.covariance,
        "covariance_error": r.error,
        "response_z": r.z,
        "tau2": r.tau2,
        "tau2_error": r.tau2_error,
        "tau2_z": r.tau2 / r.tau2_error,
        "label_error": r.label_error,
        "expected_t": float(np.sqrt(visible)),
        "n": float(r.n),
    }


def _line_numbers(lines: ElementLines, share: ElementShare) -> dict[str, float]:
    numbers = {
        "element_line_t": lines.t,
        "element_line_information": lines.information,
        "own_response": share.beta_own,
        "rest_response": share.beta_rest,
        "own_response_z": share.z,
        "element_share": share.share,
        "line_shape": lines.shape,
    }
    pairs = zip(lines.t_without, lines.t_without_expected, strict=True)
    for j, (found, expected) in enumerate(pairs, 1):
        numbers |= {f"t_without_{j}": found, f"t_without_{j}_expected": expected}
    return numbers


def _with_lines(
    v: dict[str, float], lines: ElementLines, limits: Thresholds, same_source: bool
) -> tuple[str, list[str]]:
    m = limits.measured
    t, share = v["element_line_t"], v["element_share"]
    used = v["own_response"] >= m.own_response and v["own_response_z"] > m.own_response_z
    line_words = f"element lines follow it off trend at T = {t:.1f}"
    size = f"{v['response']:.2f}" if v["tau2_z"] > limits.shortcut.variance_z else "unresolved size"
    carried = f"{share:.0%}" if abs(share) <= MOST_SHARE else "no definite share"
    share_words = f"own pixels carry {carried} of the off-trend response of {size}"
    if t >= m.element_line_t and used and share >= m.element_share:
        against = _contradiction(lines, limits)
        if against:
            return "inconclusive", [against]
        return "measured", [f"Its {line_words} (needs {m.element_line_t:g}), and {share_words}."]
    if _significant(v, limits) and t < m.element_line_t and share < m.element_share and not used:
        return "proxy", [
            f"The prediction follows it off trend ({_response(v)}), but its {line_words} only (a measurement needs "
            f"{m.element_line_t:g}) and {share_words}: pixels that are not its own carry the information."
        ]
    if t < m.element_line_t and _small(v, limits):
        return "shortcut", [
            f"The response off trend is {_size(v)}, and its {line_words}; "
            f"a line that held the label would have shown T of about {v['expected_t']:.0f}. It is guessed from the "
            "other labels."
        ]
    reasons = []
    if t >= m.element_line_t and not used:
        advice = (
            "labels and spectra may share errors, so look at repeat visits"
            if same_source
            else "fit with more latents"
        )
        reasons.append(
            f"It is in the spectrum but not used by the model: its {line_words}, yet the response by own pixels is "
            f"{v['own_response']:.2f} at {v['own_response_z']:.1f} sigma (needs {m.own_response:g} and "
            f"{m.own_response_z:g}); {advice}."
        )
    elif t >= m.element_line_t:
        reasons.append(f"Mixed: its {line_words}, but {share_words}, less than {m.element_share:.0%}.")
    elif _significant(v, limits) and used:
        reasons.append(
            f"Mixed: own pixels answer for {v['own_response']:.2f} of it, but {share_words}, and given the rest of the "
            f"spectrum its {line_words} only, less than {m.element_line_t:g}."
        )
    elif _significant(v, limits):
        reasons.append(f"Mixed: {share_words}, but its {line_words} only, less than {m.element_line_t:g}.")
    return "inconclusive", reasons or _missing(v, limits)


def _without_lines(v: dict[str, float], limits: Thresholds) -> tuple[str, list[str]]:
    none = "Its species has no line in the list, so no line can show that it was measured."
    if _significant(v, limits):
        return "proxy", [
            none,
            f"The prediction follows it off trend all the same ({_response(v)}): something else carries the information.",
        ]
    if _small(v, limits):
        return "shortcut", [none, _guessed(v)]
    return "inconclusive", [none, *_missing(v, limits)]


def _without_species(v: dict[str, float], limits: Thresholds) -> tuple[str, list[str]]:
    alone = "It has no element lines, so this rests on the off-trend response alone."
    m = limits.measured_without_lines
    if v["response_z"] > m.response_z and v["response_lower"] >= m.response_lower:
        return "followed", [f"The prediction follows it off trend: {_response(v)}.", alone]
    if _small(v, limits):
        return "shortcut", [_guessed(v), alone]
    if v["response_z"] > m.response_z and v["tau2_z"] > limits.shortcut.variance_z:
        between = (
            f"The response off trend is real but weak: {_response(v)}; followed asks for a lower end of "
        )
        return "inconclusive", [f"{between}{m.response_lower:g}.", alone]
    return "inconclusive", [*_missing(v, limits), alone]


def _significant(v: dict[str, float], limits: Thresholds) -> bool:
    # Without scatter off the trend, as where label errors are stated too large, a response is a quotient by nothing.
    return (
        v["response_z"] > limits.proxy.response_z
        and v["response"] >= limits.proxy.response
        and v["tau2"] > v["tau2_error"]
    )


def _small(v: dict[str, float], limits: Thresholds) -> bool:
    """Whether the response is small, in stars that would have shown a large one."""
    s = limits.shortcut
    return (
        v["response_upper"] <= s.response_upper
        and v["expected_t"] >= s.expected_t
        and v["tau2_z"] > s.variance_z
    )


def _size(v: dict[str, float]) -> str:
    """The response with its interval: the one that evidence and figures show. The rule's limit is another, more careful number."""
    low, high = v["response_lower"], v["response_interval_upper"]
    if not np.isfinite(low + high):
        return f"{v['response']:.2f}, below {v['response_upper']:.2f} at 95%"
    return f"{v['response']:.2f} [{low:.2f}, {high:.2f}]"


def _response(v: dict[str, float]) -> str:
    return f"response {v['response']:.2f}, {v['response_z']:.1f} standard errors from zero"


def _guessed(v: dict[str, float]) -> str:
    return f"The response off trend is {_size(v)}, in stars whose off-trend scatter of {rounded(np.sqrt(v['tau2']))} would have shown a larger one: it is guessed from the other labels."


def _contradiction(lines: ElementLines, limits: Thresholds) -> str:
    """A sentence if one line carries T though the others should show it too, or if what carries it is no line."""
    m = limits.measured
    for j, (found, expected) in enumerate(zip(lines.t_without, lines.t_without_expected, strict=True), 1):
        if expected - found > m.line_t_difference:
            return (
                f"One line alone carries it: without line {j}, T falls from {lines.t:.1f} to {found:.1f}, where the weight "
                f"of the others would leave {expected:.1f}; a blend or an artefact in one window does this, so look there."
            )
    return _shape_words(lines, limits) if _misshapen(lines, limits) else ""


def _missing(v: dict[str, float], limits: Thresholds) -> list[str]:
    """What keeps a label without a significant response from being called a shortcut, and what would decide it."""
    s = limits.shortcut
    n, error = int(v["n"]), v["label_error"]
    if not v["tau2_z"] > s.variance_z:
        # Errors fall as 1 / sqrt(n); where the variance drowns in its error, four times the stars are the least.
        ratio = s.variance_z * v["tau2_error"] / max(v["tau2"], v["tau2_error"])
        likely = max(v["tau2"], 0.0) + 1.64 * v["tau2_error"]
        stars = max(int(np.ceil(n * ratio**2)), stars_for_scatter(np.sqrt(likely), error))
        return [
            f"Its scatter off the trend is not resolved by {n} stars (variance {rounded(v['tau2'])} +- {rounded(v['tau2_error'])}, "
            f"label error {rounded(error)}): at least {stars} held-out stars are needed, or smaller label errors."
        ]
    tau = np.sqrt(v["tau2"])
    if v["expected_t"] < s.expected_t:
        stars = max(needed_stars(tau, error, tau / 2), n + 1)
        return [
            f"There are too few stars off the trend: in {n} stars with a scatter of {rounded(tau)} and label errors of "
            f"{rounded(error)} even a good line would have shown T = {v['expected_t']:.1f} only; about {stars} are needed."
        ]
    clear = (
        ""
        if v["response_interval_upper"] > s.response_upper
        else " if its scatter off the trend is smaller, within its error"
    )
    return [
        f"The response off trend is {_size(v)} and could exceed the {s.response_upper:g} of a shortcut{clear}, but "
        f"neither is it large and significant ({v['response_z']:.1f} standard errors from zero); about {4 * n} held-out "
        "stars would halve its error."
    ]
