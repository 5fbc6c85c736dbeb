"""Injection: the element's lines made deeper, and nothing else changed, to see whether the predicted label follows.

The spectra of held-out stars, real or simulated, are multiplied by exp(-d tau): the change of the theoretical line
profiles when the abundance rises by a known amount. A label that is read from these lines rises by as much (1), less
where the model shrinks noisy evidence towards the trend; one that is guessed from other labels does not move (0). The
null injects the same lines at other wavelengths. What the other labels do is reported too: a rise of theirs is a leak.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ...stats import Interval
from .._evidence import Evidence
from ._line import NO_LINES, AbstractLine, span

if TYPE_CHECKING:
    from .._case import Case
    from .._label_lines import LabelLines
    from .._measure import HeldOutStars
    from .._stars import InferredStars

__all__ = ["Injection", "LineInjection", "inject"]

CHANGE = 0.1  # dex


@dataclass(frozen=True, eq=False)
class Injection:
    """Response of predicted labels to an injected change of abundance.

    Attributes
    ----------
    slope : (label,) array
        Mean change of every predicted label, in its unit, per dex injected.
    error : (label,) array
        Standard error of this mean over stars.
    change : float
        Abundance change injected, dex.
    """

    slope: np.ndarray
    error: np.ndarray
    change: float


def inject(stars: "InferredStars", factor: np.ndarray, change: float = CHANGE) -> Injection:
    """Multiply the spectra by the effect of an abundance change, and infer all labels again.

    Parameters
    ----------
    stars : InferredStars
    factor : (pixel,) array
        Factors of all inputs in one row, as from `ElementWindows.deepened`.
    change : float
        The abundance change in dex that `factor` stands for.
    """
    factor = np.asarray(factor, float)
    pixels = np.abs(factor - 1) > 1e-9
    difference = stars.flux[:, pixels].astype(float) * (factor[pixels] - 1)
    slope = stars.change(pixels, difference) / change
    return Injection(slope.mean(axis=0), slope.std(axis=0, ddof=1) / np.sqrt(len(slope)), change)


class LineInjection(AbstractLine):
    """How far the prediction follows when the element lines are deepened by known abundance changes."""

    name: ClassVar[str] = "injection"
    title: ClassVar[str] = "Injection"
    question: ClassVar[str] = (
        "Does the predicted label rise when its element lines are made deeper and nothing else is changed?"
    )

    def measure(self, case: "Case") -> Evidence:
        if not len(case.lines):
            return self.missing(NO_LINES)
        stars, null = case.stars, case.null.get(self.name)
        j, changes = stars.column(case.label), CHANGE * np.array([-2.0, -1.0, 1.0, 2.0])
        each = [inject(stars, case.lines.deepened(c), c) for c in changes]
        one = each[2]
        slope, error = one.slope[j], one.error[j]
        moved = "" if null is None else f"; the same lines put elsewhere give {span(null, 3)}"
        return self.evidence(
            slope,
            Interval(slope - 1.96 * error, slope + 1.96 * error),
            null,
            statement=f"With {case.lines.describe()} deepened as by {CHANGE:g} dex the prediction {'rises' if slope >= 0 else 'falls'} by "
            f"{abs(slope):.2f} per unit (1 follows fully){moved}.",
            arrays={
                "change": np.sort(np.append(changes, 0.0)),
                "response": np.insert([e.slope[j] * e.change for e in each], 2, 0.0),
                "response_error": np.insert([1.96 * abs(e.error[j] * e.change) for e in each], 2, 0.0),
                "labels": np.array(stars.labels),
                "response_of_labels": one.slope,
            },
        )

    def elsewhere(self, case: "Case", lines: "LabelLines", held: "HeldOutStars") -> float:
        return float(inject(case.stars, lines.deepened(CHANGE)).slope[case.stars.column(case.label)])
