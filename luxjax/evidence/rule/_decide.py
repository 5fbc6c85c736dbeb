"""The rule: from the numbers to one of four words, with the reasons."""

from ...core import InputError
from ...fitted import Verdict
from .._thresholds import Thresholds
from ..lines_of_evidence._element_lines import ElementLines
from ..off_trend._response import ElementShare, Response
from ._contradictions import caveats, contradiction
from ._numbers import numbers_of, numbers_of_lines
from ._words import guessed, missing, response_words, size_words

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
        numbers = numbers_of(response, limits) | numbers_of_lines(lines, share)
        verdict, reasons = _with_lines(numbers, lines, limits, same_source)
    elif species_has_lines is None:
        numbers = numbers_of(response, limits)
        verdict, reasons = _without_species(numbers, limits)
    else:
        numbers = numbers_of(response, limits)
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
        tuple(caveats(verdict, species_has_lines, lines, limits)),
    )


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
        against = contradiction(lines, limits)
        if against:
            return "inconclusive", [against]
        return "measured", [f"Its {line_words} (needs {m.element_line_t:g}), and {share_words}."]
    if _significant(v, limits) and t < m.element_line_t and share < m.element_share and not used:
        return "proxy", [
            f"The prediction follows it off trend ({response_words(v)}), but its {line_words} only (a measurement needs "
            f"{m.element_line_t:g}) and {share_words}: pixels that are not its own carry the information."
        ]
    if t < m.element_line_t and _small(v, limits):
        return "shortcut", [
            f"The response off trend is {size_words(v)}, and its {line_words}; "
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
    return "inconclusive", reasons or missing(v, limits)


def _without_lines(v: dict[str, float], limits: Thresholds) -> tuple[str, list[str]]:
    none = "Its species has no line in the list, so no line can show that it was measured."
    if _significant(v, limits):
        return "proxy", [
            none,
            f"The prediction follows it off trend all the same ({response_words(v)}): something else carries the information.",
        ]
    if _small(v, limits):
        return "shortcut", [none, guessed(v)]
    return "inconclusive", [none, *missing(v, limits)]


def _without_species(v: dict[str, float], limits: Thresholds) -> tuple[str, list[str]]:
    alone = "It has no element lines, so this rests on the off-trend response alone."
    m = limits.measured_without_lines
    if v["response_z"] > m.response_z and v["response_lower"] >= m.response_lower:
        return "followed", [f"The prediction follows it off trend: {response_words(v)}.", alone]
    if _small(v, limits):
        return "shortcut", [guessed(v), alone]
    if v["response_z"] > m.response_z and v["tau2_z"] > limits.shortcut.variance_z:
        said = f"real but weak: {response_words(v)}"
        if (
            v["response_lower"] < 0
        ):  # the quotient is wide where its denominator, the scatter off trend, hardly is above zero
            said = (
                f"there, and its size is not settled: {v['response']:.2f}, at least {v['response_lower']:.2f}"
            )
        asked = f"followed asks for a lower end of {m.response_lower:g}"
        return "inconclusive", [f"The response off trend is {said}; {asked}.", alone]
    return "inconclusive", [*missing(v, limits), alone]


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
