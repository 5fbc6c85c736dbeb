"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._dataset import is_dataset
from ._results import Results

__all__ = [
    "Results",
    "is_dataset",
]
