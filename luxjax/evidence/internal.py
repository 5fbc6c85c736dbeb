"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from .lines_of_evidence._registry import line_of_evidence

__all__ = [
    "line_of_evidence",
]
