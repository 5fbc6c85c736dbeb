"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._calibrate import LEAST_CALIBRATION
from ._flags import describe_flags, flagged_by
from ._patterns import applied, patterns, scores_by_inputs

__all__ = ["LEAST_CALIBRATION", "applied", "describe_flags", "flagged_by", "patterns", "scores_by_inputs"]
