"""Stars whose other labels do not give the label away: a guess stays on the old trend there, a measurement leaves it.

Such stars may be accreted ones, members of clusters or binaries that took matter over. The trends of the label and of its
prediction with the other predicted labels are those of the stars that test it; both deviations are then compared, star by
star. As many of them as have such labels make a test set that no correlation of the training stars can pass.
"""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ...core.internal import rounded
from ...stats import Interval
from .._evidence import Evidence
from .._held_out import infer_held_out
from ..lines_of_evidence._line import AbstractLine
from ..lines_of_evidence._trend import standard_trend

if TYPE_CHECKING:
    from .._case import Case

__all__ = ["DecoupledStars"]

DRAWS, FEW, SMALL = 400, 10, 0.25


class DecoupledStars(AbstractLine):
    """How far predictions leave the trend of the other stars where the label does."""

    name: ClassVar[str] = "decoupled"
    title: ClassVar[str] = "Decoupled stars"
    question: ClassVar[str] = "Does the prediction follow the label in stars that leave the trend?"

    def measure(self, case: "Case") -> Evidence | None:
        if case.asked.decoupled is None:
            return None
        stars = infer_held_out(case.stars.fitted, case.asked.decoupled, [p.name for p in case.stars.inputs])
        j, o = stars.column(case.label), stars.columns(case.others)
        predicted, others, observed = case.given()[:3]
        known = np.isfinite(predicted + observed + others.sum(axis=1))
        trend = standard_trend(others[known])
        both = np.column_stack([predicted, observed])[known]
        coef = np.linalg.lstsq(trend.terms(others[known]), both)[0]
        have = np.isfinite(stars.observed[:, j])
        left = np.column_stack([stars.predicted[:, j], stars.observed[:, j]])
        p, y = (left - trend.terms(stars.predicted[:, o]) @ coef)[have].T
        noise = stars.error[have, j] ** 2
        if len(y) < FEW:
            return self.missing(f"{len(y)} of these stars have the label; give at least {FEW}.")
        draws = np.random.default_rng(case.asked.seed).integers(0, len(y), (DRAWS, len(y)))
        values = np.mean((p * y)[draws], axis=1) / np.maximum(
            np.mean((y**2 - noise)[draws], axis=1), 1e-3 * np.mean(noise)
        )
        size = np.mean(y**2 - noise)
        error = np.std((y**2)[draws].mean(axis=1))
        if size < 2 * error:
            return self.missing(
                f"The {len(y)} stars do not leave the trend beyond the errors of their labels; give stars that do."
            )
        value = float(np.mean(p * y) / size)
        low, high = np.percentile(values, [2.5, 97.5])
        scatter = f"{rounded(np.sqrt(size))} {case.unit}".strip()
        return self.evidence(
            value,
            Interval(low, high),
            statement=f"{len(y)} stars leave the trend of the others by {scatter}; the prediction follows with a slope of "
            f"{value:.2f} [{low:.2f}, {high:.2f}] (a guess: 0).",
            arrays={"predicted": p, "observed": y},
        )

    def doubt(self, case: "Case", evidence: Evidence) -> tuple[str, str] | None:
        """A caveat where the prediction stays on the trend."""
        if evidence.interval is None or evidence.interval.upper >= SMALL:
            return None
        return (
            "decoupled",
            f"In stars that leave the trend with the other labels the prediction does not: slope {evidence.value:.2f}, at most "
            f"{evidence.interval.upper:.2f}.",
        )
