"""Was a label measured from the spectrum, or guessed from its correlation with others? The evidence, and the verdict."""

from ._explain import explain, explain_all
from ._explain_dataset import ExplanationTable, explain_dataset, open_explained
from ._explanation import Evidence, Explanation
from ._held_out import held_out, measure_evidence
from ._rule import decide
from ._thresholds import Thresholds
from ._windows import element_windows
from .lines_of_evidence._bound import conditional_bound
from .lines_of_evidence._doppelgangers import doppelgangers
from .lines_of_evidence._element_lines import element_line_residual
from .lines_of_evidence._gain import conditional_gain
from .lines_of_evidence._off_trend import off_trend_response, residualize, second_order
from .lines_of_evidence._supporting import supporting_evidence

__all__ = [
    "Evidence",
    "Explanation",
    "ExplanationTable",
    "Thresholds",
    "conditional_bound",
    "conditional_gain",
    "decide",
    "doppelgangers",
    "element_line_residual",
    "element_windows",
    "explain",
    "explain_all",
    "explain_dataset",
    "held_out",
    "measure_evidence",
    "off_trend_response",
    "open_explained",
    "residualize",
    "second_order",
    "supporting_evidence",
]
