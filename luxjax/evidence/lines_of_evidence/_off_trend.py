"""The line of evidence of the off-trend response: whether the prediction follows the label where the others say nothing."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ...core.internal import rounded
from .._evidence import Evidence
from ..off_trend._response import Response
from ._line import AbstractLine
from ._trend import residualize, second_order

if TYPE_CHECKING:
    from .._case import Case

__all__ = ["OffTrendResponse"]


class OffTrendResponse(AbstractLine):
    """The response beta, with both residuals for its figure."""

    name: ClassVar[str] = "off_trend"
    title: ClassVar[str] = "Off-trend response"
    question: ClassVar[str] = "Does the prediction follow the label where the other labels say nothing?"

    def measure(self, case: "Case") -> Evidence:
        r = case.measured.response
        predicted, others, observed, error = case.given()[:4]
        kept = np.isfinite(predicted + observed + others.sum(axis=1))
        terms = second_order(others[kept])
        return self.evidence(
            r.beta,
            r.interval if r.resolved else None,
            statement=_words(r, case.others, case.unit),
            arrays={
                "predicted": residualize(predicted[kept], terms),
                "observed": residualize(observed[kept], terms),
                "observed_error": error[kept],
            },
        )


def _words(r: Response, others: Sequence[str], unit: str) -> str:
    if not r.resolved:
        return f"Off its trend the label's scatter is not resolved by {r.n} stars, so the slope {r.beta:.2f} has no interval."
    scatter = f"{rounded(np.sqrt(max(r.tau2, 0)))} {unit}".strip()
    return (
        f"Off its trend with {', '.join(others)} the prediction follows the label with a slope of {r.beta:.2f} "
        f"[{r.interval.lower:.2f}, {r.interval.upper:.2f}]; the label scatters by {scatter} there."
    )
