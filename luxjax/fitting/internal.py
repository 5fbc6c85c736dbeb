"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from .gradient._finish import UNKNOWN

__all__ = [
    "UNKNOWN",
]
