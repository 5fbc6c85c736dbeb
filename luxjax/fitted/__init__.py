"""The fitted model: outputs and their roles, scaling, calibration, verdicts; saved and loaded as one thing."""

from ._fitted import FittedModel, OutputInfo
from ._store import load, save
from ._verdict import VERDICTS, Trend, Verdict

__all__ = [
    "VERDICTS",
    "FittedModel",
    "OutputInfo",
    "Trend",
    "Verdict",
    "load",
    "save",
]
