"""The fitted model: outputs and their roles, scaling, calibration, verdicts; saved and loaded as one thing."""

from ._calibration import Calibration
from ._fitted import FittedModel
from ._output_info import OutputInfo
from ._read_out import ReadOut
from ._store import load, save
from ._verdict import CAVEATS, VERDICTS, Caveat, Trend, Verdict

__all__ = [
    "CAVEATS",
    "VERDICTS",
    "Calibration",
    "Caveat",
    "FittedModel",
    "OutputInfo",
    "ReadOut",
    "Trend",
    "Verdict",
    "load",
    "save",
]
