"""A label judged: its numbers, its verdict, and the same numbers where its lines are not."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..fitted import Verdict
from ._label_lines import LabelLines
from ._measure import HeldOut, Measurement, measurement
from ._rule import decide
from ._stars import Stars
from .lines_of_evidence._injection import CHANGE, inject
from .lines_of_evidence._off_trend import off_trend_response

__all__ = ["Judgement", "Nulls", "measure_label", "nulls"]


class Judgement(NamedTuple):
    """A label with everything that its verdict was taken from."""

    label: str
    others: tuple[str, ...]
    lines: LabelLines
    held: HeldOut
    measured: Measurement
    verdict: Verdict

    def given(self) -> tuple[np.ndarray, ...]:
        """The arguments of the off-trend estimators: label, others as predicted, then as observed with errors."""
        j, o, h = self.held.column(self.label), self.held.columns(self.others), self.held
        return (
            h.predicted[:, j], h.predicted[:, o], h.observed[:, j], h.error[:, j], h.observed[:, o], h.error[:, o]
        )  # fmt: skip


class Nulls(NamedTuple):
    """What element lines would give if they were elsewhere, one entry per draw."""

    t: np.ndarray
    fall: np.ndarray
    injected: np.ndarray


def measure_label(
    stars: Stars, label: str, others: Sequence[str], lines: LabelLines, *, line_by_line: bool = True
) -> Judgement:
    """Measure a label with its element windows, each line left out in turn where asked, and decide."""
    pixels = lines.pixels
    held = stars.without(pixels)
    number = lines.line[pixels] if line_by_line else None
    found = measurement(held, label, others, lines.profile[pixels], number)
    has_lines = None if not lines.species else len(lines) > 0
    verdict = decide(label, has_lines, found.response, found.element_lines, found.element_share)
    return Judgement(label, tuple(others), lines, held, found, verdict)


def fall(case: Judgement, held: HeldOut | None = None):
    """The off-trend response that is lost with the masked pixels, as a `Response` of predicted less masked."""
    held = case.held if held is None else held
    j = held.column(case.label)
    return off_trend_response(held.predicted[:, j] - held.masked[:, j], *case.given()[1:])


def nulls(stars: Stars, case: Judgement, n: int, rng: np.random.Generator) -> Nulls:
    """The numbers of the element lines with every line moved to a random other place, `n` times."""
    j, found = stars.column(case.label), []
    for _ in range(n):
        moved = case.lines.elsewhere(rng, stars.good)
        pixels = moved.pixels
        held = stars.without(pixels)
        t = measurement(held, case.label, case.others, moved.profile[pixels]).element_lines
        found.append(
            (
                t.t if t else np.nan,
                fall(case, held).beta,
                inject(stars, moved.deepened(CHANGE)).slope[j],
            )
        )
    return Nulls(*np.array(found).reshape(n, 3).T)


def with_reason(verdict: Verdict, reason: str) -> Verdict:
    """The verdict with one more sentence."""
    return dataclasses.replace(verdict, reasons=(*verdict.reasons, reason))
