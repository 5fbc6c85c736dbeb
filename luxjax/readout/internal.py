"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._registry import READOUTS

__all__ = [
    "READOUTS",
]
