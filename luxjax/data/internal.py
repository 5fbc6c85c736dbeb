"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._example import Example
from ._flux import narrowed, native
from ._frames import frame_of
from ._spectra import Frame, Medium, Role
from ._split import hash_ids
from ._store import CATALOG_FOLDER

__all__ = [
    "CATALOG_FOLDER",
    "Example",
    "Frame",
    "Medium",
    "Role",
    "frame_of",
    "hash_ids",
    "narrowed",
    "native",
]
