"""What speaks against a measurement in its own lines, and what a verdict cannot rule out by its numbers alone."""

from collections.abc import Iterator

import numpy as np

from ...fitted import CAVEATS, Caveat
from .._thresholds import Thresholds
from ..lines_of_evidence._element_lines import ElementLines

__all__ = ["caveats", "contradiction"]


def caveats(
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


def contradiction(lines: ElementLines, limits: Thresholds) -> str:
    """A sentence if one line carries T though the others should show it too, or if what carries it is no line."""
    m = limits.measured
    for j, (found, expected) in enumerate(zip(lines.t_without, lines.t_without_expected, strict=True), 1):
        if expected - found > m.line_t_difference:
            return (
                f"One line alone carries it: without line {j}, T falls from {lines.t:.1f} to {found:.1f}, where the weight "
                f"of the others would leave {expected:.1f}; a blend or an artefact in one window does this, so look there."
            )
    return _shape_words(lines, limits) if _misshapen(lines, limits) else ""
