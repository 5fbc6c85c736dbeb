"""Classes of stars from physical features of their spectra, with probabilities that can be believed."""

from ._at_rest import PIXELS, pixel_features, rest_spectra
from ._calibrators import CALIBRATORS, Calibrator, Isotonic, Temperature, fit_calibrator
from ._class_scores import SEQUENCE, ClassScores, Reliability, calibration_error, reliability, score_classes
from ._classifier import Classifier, cross_validate, train_classifier
from ._classifier_files import load_classifier, save_classifier
from ._definitions import UNITS, Index, builtin_indices, choose_indices, line_shapes, read_indices
from ._estimators import ESTIMATORS, make_estimator
from ._families import FamilyAblation, ablate_families, condition_on, permute_families
from ._features import FAMILIES, Features, extract_features
from ._head_files import load_heads, save_heads
from ._head_labels import HEADS, STAGES, class_labels, evolutionary_stage
from ._heads import Heads, cross_validate_heads, train_heads
from ._indices import measure_indices
from ._latents import fit_latents, latent_features
from ._ordinal import OrdinalError, ordinal_error, sequence_position
from ._parameter_files import load_parameters, save_parameters
from ._parameter_scores import score_parameters
from ._parameters import Parameter, ParameterModel, cross_validate_parameters, train_parameters
from ._pca import SpectralPCA
from ._rankings import RankingComparison, compare_rankings
from ._sets import ConformalSets
from ._structure import EMBEDDINGS, Clusters, Embedding, cluster, embed, trustworthiness

__all__ = [
    "CALIBRATORS",
    "EMBEDDINGS",
    "ESTIMATORS",
    "FAMILIES",
    "HEADS",
    "PIXELS",
    "SEQUENCE",
    "STAGES",
    "UNITS",
    "Calibrator",
    "ClassScores",
    "Classifier",
    "Clusters",
    "ConformalSets",
    "Embedding",
    "FamilyAblation",
    "Features",
    "Heads",
    "Index",
    "Isotonic",
    "OrdinalError",
    "Parameter",
    "ParameterModel",
    "RankingComparison",
    "Reliability",
    "SpectralPCA",
    "Temperature",
    "ablate_families",
    "builtin_indices",
    "calibration_error",
    "choose_indices",
    "class_labels",
    "cluster",
    "compare_rankings",
    "condition_on",
    "cross_validate",
    "cross_validate_heads",
    "cross_validate_parameters",
    "embed",
    "evolutionary_stage",
    "extract_features",
    "fit_calibrator",
    "fit_latents",
    "latent_features",
    "line_shapes",
    "load_classifier",
    "load_heads",
    "load_parameters",
    "make_estimator",
    "measure_indices",
    "ordinal_error",
    "permute_families",
    "pixel_features",
    "read_indices",
    "reliability",
    "rest_spectra",
    "save_classifier",
    "save_heads",
    "save_parameters",
    "score_classes",
    "score_parameters",
    "sequence_position",
    "train_classifier",
    "train_heads",
    "train_parameters",
    "trustworthiness",
]
