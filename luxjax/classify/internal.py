"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._class_scores import SEQUENCE, ClassScores
from ._families import FamilyAblation
from ._ordinal import OrdinalError, ordinal_error, sequence_position
from ._rankings import RankingComparison
from ._sky import fold_gap, sky_blocks
from ._structure import Embedding, cluster, embed
from ._train_classifier import LEAST_OF_A_FOLD
from .calibration._calibrators import CALIBRATORS, Temperature
from .calibration._sets import ConformalSets
from .estimators._average import Average
from .estimators._estimators import ESTIMATORS, make_estimator
from .estimators._files import check_savable
from .estimators._open import as_estimator, estimator_from
from .features._family_names import family_words
from .features._flux_at_rest import at_rest_again
from .features._learned import DEFAULT_FAMILIES, LEARNED
from .features._metadata import METADATA, metadata_columns
from .levels._labels import class_labels
from .levels._levels import cross_validate_levels
from .levels._scores import score_levels
from .levels._stages import stage_borders

__all__ = [
    "CALIBRATORS",
    "DEFAULT_FAMILIES",
    "ESTIMATORS",
    "LEARNED",
    "LEAST_OF_A_FOLD",
    "METADATA",
    "SEQUENCE",
    "Average",
    "ClassScores",
    "ConformalSets",
    "Embedding",
    "FamilyAblation",
    "OrdinalError",
    "RankingComparison",
    "Temperature",
    "as_estimator",
    "at_rest_again",
    "check_savable",
    "class_labels",
    "cluster",
    "cross_validate_levels",
    "embed",
    "estimator_from",
    "family_words",
    "fold_gap",
    "make_estimator",
    "metadata_columns",
    "ordinal_error",
    "score_levels",
    "sequence_position",
    "sky_blocks",
    "stage_borders",
]
