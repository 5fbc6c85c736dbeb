"""The lines of evidence in the order in which they are read: those of the verdict first, then the supporting ones."""

from ...core import check_name
from ..checks._decoupled import DecoupledStars
from ..checks._repeats import RepeatVisits
from ._ablation import LineAblation
from ._bound import InformationBound
from ._disentanglement import LatentDisentanglement
from ._doppelgangers import DoppelgangerPairs
from ._element_lines import ElementLineResidual
from ._gain import ConditionalGain
from ._injection import LineInjection
from ._line import AbstractLine
from ._off_trend import OffTrendResponse
from ._probe import LatentProbe
from ._saliency import ConditionalSaliency
from ._shapley import WindowShapley

__all__ = ["LINES", "line_of_evidence", "names"]

LINES: tuple[AbstractLine, ...] = (
    OffTrendResponse(),
    ElementLineResidual(),
    ConditionalGain(),
    ConditionalSaliency(),
    LineAblation(),
    DoppelgangerPairs(),
    LineInjection(),
    RepeatVisits(),
    DecoupledStars(),
    InformationBound(),
    LatentProbe(),
    WindowShapley(),
    LatentDisentanglement(),
)


def names() -> tuple[str, ...]:
    """The names of all lines of evidence, in order."""
    return tuple(line.name for line in LINES)


def line_of_evidence(name: str) -> AbstractLine:
    """The line of evidence of that name."""
    check_name("line of evidence", name, names())
    return LINES[names().index(name)]
