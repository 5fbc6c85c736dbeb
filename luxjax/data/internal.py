"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._spectra import Frame, Medium, Role, native
from ._split import hash_ids

__all__ = [
    "Frame",
    "Medium",
    "Role",
    "hash_ids",
    "native",
]
