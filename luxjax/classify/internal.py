"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._class_scores import SEQUENCE, ClassScores
from ._families import FamilyAblation
from ._ordinal import OrdinalError, sequence_position
from ._rankings import RankingComparison
from ._structure import Embedding
from .calibration._calibrators import CALIBRATORS, Temperature
from .calibration._sets import ConformalSets
from .estimators._estimators import make_estimator
from .heads._heads import cross_validate_heads

__all__ = [
    "CALIBRATORS",
    "SEQUENCE",
    "ClassScores",
    "ConformalSets",
    "Embedding",
    "FamilyAblation",
    "OrdinalError",
    "RankingComparison",
    "Temperature",
    "cross_validate_heads",
    "make_estimator",
    "sequence_position",
]
