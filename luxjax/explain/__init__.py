"""Was a label measured from the spectrum, or guessed from its correlation with others? The evidence, and the verdict."""

from ._explanation import EVIDENCE, Evidence, Explanation
from ._gauge import canonical_gauge, label_subspace_angles, over_rotations, random_rotation, rotate
from ._off_trend import OwnShare, Response, off_trend_response, residualize, response_share, second_order
from ._windows import OwnWindows, own_windows

__all__ = [
    "EVIDENCE",
    "Evidence",
    "Explanation",
    "OwnShare",
    "OwnWindows",
    "Response",
    "canonical_gauge",
    "label_subspace_angles",
    "off_trend_response",
    "over_rotations",
    "own_windows",
    "random_rotation",
    "residualize",
    "response_share",
    "rotate",
    "second_order",
]
