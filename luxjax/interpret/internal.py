"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from .attribution._jacobians import Jacobian
from .attribution._shapley import Shapley
from .attribution._shapley_classes import LOG_RATIO, FeatureRanks
from .attribution._shapley_spread import ShapleySpread
from .representation._erasure import Amnesic
from .representation._gauge_score import GaugeScore
from .representation._probes import random_projection

__all__ = [
    "LOG_RATIO",
    "Amnesic",
    "FeatureRanks",
    "GaugeScore",
    "Jacobian",
    "Shapley",
    "ShapleySpread",
    "random_projection",
]
