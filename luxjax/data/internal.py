"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._example import Example
from ._spectra import Frame, Medium, Role, native
from ._split import hash_ids
from ._store import CATALOG_FOLDER

__all__ = [
    "CATALOG_FOLDER",
    "Example",
    "Frame",
    "Medium",
    "Role",
    "hash_ids",
    "native",
]
