"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._calibration import check_alike
from ._store import fingerprint

__all__ = [
    "check_alike",
    "fingerprint",
]
