"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._calibrate import LEAST_CALIBRATION
from ._flags import describe_flags, flagged_by

__all__ = ["LEAST_CALIBRATION", "describe_flags", "flagged_by"]
