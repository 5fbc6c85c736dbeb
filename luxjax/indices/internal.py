"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._definitions import UNITS, line_shapes

__all__ = [
    "UNITS",
    "line_shapes",
]
