"""What a line of evidence is: a name, a question in words, and an answer for every label."""

import abc
from collections.abc import Mapping
from typing import TYPE_CHECKING

import equinox as eqx
import numpy as np

from ...stats import Interval
from .._evidence import Evidence

if TYPE_CHECKING:
    from .._case import Case
    from .._label_lines import LabelLines
    from .._measure import HeldOutStars

__all__ = ["NO_LINES", "AbstractLine", "span"]

NO_LINES = "The label has no lines in these spectra, so there is nothing to test."


class AbstractLine(eqx.Module):
    """One line of evidence. To add one, write a file like its neighbours and add a line to `_registry.LINES`.

    Attributes
    ----------
    name : str
        Under which an `Explanation` holds it and saves it, in snake_case.
    title : str
        What pages call it.
    question : str
        What it asks, in one sentence.
    """

    name: eqx.AbstractClassVar[str]
    title: eqx.AbstractClassVar[str]
    question: eqx.AbstractClassVar[str]

    @abc.abstractmethod
    def measure(self, case: "Case") -> Evidence | None:
        """The answer for one label.

        Where it could have been had but was not, for lack of lines or stars, the value is NaN and the statement says why.

        Parameters
        ----------
        case : Case
            The label, the stars, and what was measured of them.

        Returns
        -------
        Evidence or None
            None where nobody asked for it, such as a bound without a physical model.
        """

    def elsewhere(self, case: "Case", lines: "LabelLines", held: "HeldOutStars") -> float | None:
        """The value with every line of the label at a random other place: one draw of the null.

        Parameters
        ----------
        case : Case
        lines : LabelLines
            The label's lines, moved.
        held : HeldOutStars
            The stars with and without the windows of these.

        Returns
        -------
        float or None
            None, the default: the line of evidence has no such null.
        """
        return None

    def doubt(self, case: "Case", evidence: Evidence) -> tuple[str, str] | None:
        """Code and sentence of a caveat that this answer asks for; it takes ``measured`` and ``followed`` away.

        None, the default: it decides nothing.
        """
        return None

    def evidence(
        self,
        value: float,
        interval: Interval | None = None,
        null: np.ndarray | None = None,
        *,
        statement: str,
        unit: str = "",
        arrays: Mapping[str, np.ndarray] | None = None,
    ) -> Evidence:
        """An answer, under the name of this line of evidence."""
        return Evidence(self.name, value, interval, null, unit, statement, arrays or {})

    def missing(
        self, why: str, *, unit: str = "", arrays: Mapping[str, np.ndarray] | None = None
    ) -> Evidence:
        """What is said where no value could be had."""
        return self.evidence(float("nan"), statement=why, unit=unit, arrays=arrays)


def span(draws: np.ndarray, digits: int = 1) -> str:
    """The range of a null in words."""
    low, high = np.nanmin(draws), np.nanmax(draws)
    return f"{low:.{digits}f} to {high:.{digits}f} in {len(draws)} draws"
