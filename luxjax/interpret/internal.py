"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from .attribution._counterfactuals import Counterfactual, Recourse, smallest_change
from .attribution._gradients import Attribution
from .attribution._inference import infer_latents
from .attribution._jacobians import Jacobian
from .attribution._saliency_checks import Infidelity, Randomization, randomize
from .attribution._shapley import Shapley
from .attribution._shapley_classes import LOG_RATIO, FeatureRanks, class_output
from .attribution._shapley_interactions import FamilyInteractions
from .attribution._shapley_windows import ShapleySpread
from .representation._disentanglement import GaugeScore, linear_importance, tree_importance
from .representation._erasure import Amnesic, Eraser
from .representation._gauge import over_rotations
from .representation._latents import CorrelationMap, LatentAblation, Traversal
from .representation._probes import Probe

__all__ = [
    "LOG_RATIO",
    "Amnesic",
    "Attribution",
    "CorrelationMap",
    "Counterfactual",
    "Eraser",
    "FamilyInteractions",
    "FeatureRanks",
    "GaugeScore",
    "Infidelity",
    "Jacobian",
    "LatentAblation",
    "Probe",
    "Randomization",
    "Recourse",
    "Shapley",
    "ShapleySpread",
    "Traversal",
    "class_output",
    "infer_latents",
    "linear_importance",
    "over_rotations",
    "randomize",
    "smallest_change",
    "tree_importance",
]
