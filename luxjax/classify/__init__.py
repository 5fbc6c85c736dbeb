"""Classes of stars from physical features of their spectra, with probabilities that can be believed."""

from ._class_scores import calibration_error, reliability, score_classes
from ._classifier import Classifier, cross_validate, train_classifier
from ._classifier_files import load_classifier, save_classifier
from ._families import ablate_families, condition_on, permute_families
from ._ordinal import ordinal_error
from ._rankings import compare_rankings
from ._structure import cluster, embed

__all__ = [
    "Classifier",
    "ablate_families",
    "calibration_error",
    "cluster",
    "compare_rankings",
    "condition_on",
    "cross_validate",
    "embed",
    "load_classifier",
    "ordinal_error",
    "permute_families",
    "reliability",
    "save_classifier",
    "score_classes",
    "train_classifier",
]
