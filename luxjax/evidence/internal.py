"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._expected import claimed_slope, expected_slope, needed_stars, stars_for_scatter
from ._explanation import EVIDENCE
from ._measure import HeldOut, Measurement
from ._windows import ElementWindows
from .lines_of_evidence._bound import ConditionalBound
from .lines_of_evidence._doppelgangers import Doppelgangers
from .lines_of_evidence._element_lines import ElementLines, line_depth, line_depth_without
from .lines_of_evidence._gain import Gain
from .lines_of_evidence._off_trend import ElementShare, Response, response_share

__all__ = [
    "EVIDENCE",
    "ConditionalBound",
    "Doppelgangers",
    "ElementLines",
    "ElementShare",
    "ElementWindows",
    "Gain",
    "HeldOut",
    "Measurement",
    "Response",
    "claimed_slope",
    "expected_slope",
    "line_depth",
    "line_depth_without",
    "needed_stars",
    "response_share",
    "stars_for_scatter",
]
