"""Classes of stars from physical features of their spectra, with probabilities that can be believed."""

from ._calibrators import CALIBRATORS, Calibrator, Isotonic, Temperature, fit_calibrator
from ._class_scores import SEQUENCE, ClassScores, Reliability, calibration_error, reliability, score_classes
from ._classifier import Classifier, cross_validate, train_classifier
from ._classifier_files import load_classifier, save_classifier
from ._definitions import UNITS, Index, builtin_indices, choose_indices, line_shapes, read_indices
from ._estimators import ESTIMATORS, make_estimator
from ._features import FAMILIES, Features, extract_features
from ._indices import measure_indices
from ._parameter_files import load_parameters, save_parameters
from ._parameter_scores import score_parameters
from ._parameters import Parameter, ParameterModel, cross_validate_parameters, train_parameters
from ._pca import SpectralPCA
from ._sets import ConformalSets

__all__ = [
    "CALIBRATORS",
    "ESTIMATORS",
    "FAMILIES",
    "SEQUENCE",
    "UNITS",
    "Calibrator",
    "ClassScores",
    "Classifier",
    "ConformalSets",
    "Features",
    "Index",
    "Isotonic",
    "Parameter",
    "ParameterModel",
    "Reliability",
    "SpectralPCA",
    "Temperature",
    "builtin_indices",
    "calibration_error",
    "choose_indices",
    "cross_validate",
    "cross_validate_parameters",
    "extract_features",
    "fit_calibrator",
    "line_shapes",
    "load_classifier",
    "load_parameters",
    "make_estimator",
    "measure_indices",
    "read_indices",
    "reliability",
    "save_classifier",
    "save_parameters",
    "score_classes",
    "score_parameters",
    "train_classifier",
    "train_parameters",
]
