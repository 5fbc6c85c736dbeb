"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._train import check_training

__all__ = [
    "check_training",
]
