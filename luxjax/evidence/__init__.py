"""Evidence on whether a label was measured from the spectrum or guessed from its correlation with others, and the verdict.

The lines of evidence are in `lines_of_evidence`, one a file; `explain` walks their registry.
"""

from ._evidence import Evidence
from ._explain import explain, explain_all
from ._explain_dataset import ExplanationTable, explain_dataset, open_explained
from ._explanation import Explanation
from ._held_out import held_out, measure_evidence
from ._thresholds import Thresholds
from ._windows import element_windows
from .checks._twins import Twins, twins
from .lines_of_evidence._trend import residualize, second_order
from .off_trend._response import off_trend_response
from .rule._decide import decide

__all__ = [
    "Evidence",
    "Explanation",
    "ExplanationTable",
    "Thresholds",
    "Twins",
    "decide",
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
    "twins",
]
