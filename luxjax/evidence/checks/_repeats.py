"""Other spectra of the stars: what the prediction follows, the star or the very spectrum that its label was made from.

Where a label was made from the same pixels that the model reads, noise and artefacts of these pixels are in both, and a
prediction that follows them looks like a measurement. On other visits their noise is another one: what is followed
there is in the star.
"""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ...core.internal import rounded
from .._evidence import Evidence
from .._held_out import infer_held_out
from ..lines_of_evidence._line import AbstractLine
from ..off_trend._response import off_trend_response

if TYPE_CHECKING:
    from .._case import Case

__all__ = ["RepeatVisits"]

FEW = 20  # stars that repeatability is worth a number for
LOST = 0.5  # share of the response that repeats must keep


class RepeatVisits(AbstractLine):
    """The off-trend response on other visits, with the labels of the stars as catalogued."""

    name: ClassVar[str] = "repeats"
    title: ClassVar[str] = "Repeat visits"
    question: ClassVar[str] = (
        "Does the prediction follow the star, or the spectrum that its label was made from?"
    )

    def measure(self, case: "Case") -> Evidence | None:
        repeats = case.asked.repeats
        if repeats is None:
            return None
        stars = infer_held_out(case.stars.fitted, repeats, [p.name for p in case.stars.inputs])
        j, o = stars.column(case.label), stars.columns(case.others)
        found = off_trend_response(
            stars.predicted[:, j], stars.predicted[:, o], stars.observed[:, j], stars.error[:, j],
            stars.observed[:, o], stars.error[:, o], others=case.others,
        )  # fmt: skip
        before = case.measured.response
        scatter, n = _scatter(case, stars, j)
        words = (
            f" Between two spectra of {n} stars the prediction differs by {rounded(scatter)} {case.unit}".rstrip()
            + "."
            if n >= FEW
            else ""
        )
        return self.evidence(
            found.beta,
            found.interval if found.resolved else None,
            statement=f"On {found.n} other spectra of these stars the prediction follows the label off trend with a slope of "
            f"{found.beta:.2f}; on those that test it, {before.beta:.2f}.{words}",
            arrays={"response": np.array([before.beta, found.beta]), "scatter": np.array([scatter])},
        )

    def doubt(self, case: "Case", evidence: Evidence) -> tuple[str, str] | None:
        """A caveat where repeats clearly lose more than half of the response."""
        before = case.measured.response.beta
        if evidence.interval is None or before <= 0 or evidence.interval.upper >= LOST * before:
            return None
        return (
            "follows_visit",
            f"On other spectra of the same stars the response is {evidence.value:.2f}, at most {evidence.interval.upper:.2f}, "
            f"where it is {before:.2f} on those that test it: the prediction follows noise or artefacts that the label "
            "shares with its spectrum.",
        )


def _scatter(case: "Case", stars, j: int) -> tuple[float, int]:
    """Root mean square difference of the two predictions of a star over sqrt 2, and the number of stars."""
    _, here, there = np.intersect1d(case.stars.ids, stars.ids, return_indices=True)
    if not len(here):
        return float("nan"), 0
    difference = case.stars.predicted[here, case.stars.column(case.label)] - stars.predicted[there, j]
    return float(np.sqrt(np.mean(difference**2) / 2)), len(here)
