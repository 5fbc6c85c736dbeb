"""A label as a case: its numbers, its verdict, and all that the lines of evidence may look at."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..data import Catalog
from ..fitted import Caveat, Verdict
from ..lines import LineList
from ..simulation import Truth
from ._label_lines import LabelLines
from ._measure import HeldOutStars, Measurement, measurement
from ._stars import InferredStars
from .checks._caveats import same_source
from .lines_of_evidence._latent_sample import LatentSample
from .rule._decide import decide

__all__ = ["Asked", "Case", "Judgement", "measure_label", "with_reason"]


class Asked(NamedTuple):
    """What is asked of every label alike; the parameters of `explain`."""

    catalog: Catalog
    lines: LineList
    resolution: float | Mapping[str, float] | None
    truth: Truth | None
    train: Catalog | None
    n_null: int
    seed: int
    seen: Caveat | None
    repeats: Catalog | None = None
    decoupled: Catalog | None = None
    fold: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Judgement:
    """A label with everything that its verdict was taken from.

    Attributes
    ----------
    label : str
    others : tuple of str
        The labels it is conditioned on.
    lines : LabelLines
        The lines of its elements.
    held : HeldOutStars
        The stars with and without the windows of these lines.
    measured : Measurement
    verdict : Verdict
    """

    label: str
    others: tuple[str, ...]
    lines: LabelLines
    held: HeldOutStars
    measured: Measurement
    verdict: Verdict

    def given(self) -> tuple[np.ndarray, ...]:
        """The arguments of the off-trend estimators: label, others as predicted, then as observed with errors."""
        j, o, h = self.held.column(self.label), self.held.columns(self.others), self.held
        return (
            h.predicted[:, j], h.predicted[:, o], h.observed[:, j], h.error[:, j], h.observed[:, o], h.error[:, o]
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Case(Judgement):
    """An evaluated label with all that a line of evidence may look at.

    Attributes
    ----------
    stars : InferredStars
    unit : str
        Unit of the label.
    asked : Asked
    sample : LatentSample or None
        Latents of the stars, where supporting evidence is asked for.
    null : mapping of str to (draw,) array
        Values with the label's lines at random other places, by line of evidence; empty where they cannot be moved.
    """

    stars: InferredStars
    unit: str
    asked: Asked
    sample: LatentSample | None
    null: Mapping[str, np.ndarray]


def measure_label(
    stars: InferredStars,
    label: str,
    others: Sequence[str],
    lines: LabelLines,
    *,
    line_by_line: bool = True,
) -> Judgement:
    """Measure a label with its element windows, each line left out in turn where asked, and decide."""
    pixels = lines.pixels
    held = stars.without(pixels)
    number = lines.line[pixels] if line_by_line else None
    found = measurement(held, label, others, lines.profile[pixels], number)
    has_lines = None if not lines.species else len(lines) > 0
    shared = same_source(stars.fitted, [p.name for p in stars.inputs]) is not None
    verdict = decide(
        label, has_lines, found.response, found.element_lines, found.element_share, same_source=shared
    )
    return Judgement(label, tuple(others), lines, held, found, verdict)


def with_reason(verdict: Verdict, reason: str) -> Verdict:
    """The verdict with one more sentence."""
    return dataclasses.replace(verdict, reasons=(*verdict.reasons, reason))
