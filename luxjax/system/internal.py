"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._compilation import keep_for_program
from ._lazy import lazy_import
from ._threads import in_threads, one_blas_thread

__all__ = [
    "in_threads",
    "keep_for_program",
    "lazy_import",
    "one_blas_thread",
]
