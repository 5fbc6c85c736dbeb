"""Classes of stars from physical features of their spectra, with probabilities that can be believed."""

from ._class_scores import score_classes
from ._classifier import Classifier
from ._classifier_files import load_classifier, save_classifier
from ._families import ablate_families, condition_on, permute_families
from ._rankings import compare_rankings
from ._reliability import calibration_error, reliability
from ._train_classifier import cross_validate_classifier, train_classifier
from .calibration._sets import coverage_band

__all__ = [
    "Classifier",
    "ablate_families",
    "calibration_error",
    "compare_rankings",
    "condition_on",
    "coverage_band",
    "cross_validate_classifier",
    "load_classifier",
    "permute_families",
    "reliability",
    "save_classifier",
    "score_classes",
    "train_classifier",
]
