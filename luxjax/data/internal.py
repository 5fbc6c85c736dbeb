"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._example import Example
from ._flux import narrowed, native
from ._frames import frame_of
from ._spectra import Frame, Medium, Role
from ._split import hash_ids
from ._star_columns import EPOCH, STAR_COLUMNS, epochs, find_star_columns
from ._store import CATALOG_FOLDER

__all__ = [
    "CATALOG_FOLDER",
    "EPOCH",
    "STAR_COLUMNS",
    "Example",
    "Frame",
    "Medium",
    "Role",
    "epochs",
    "find_star_columns",
    "frame_of",
    "hash_ids",
    "narrowed",
    "native",
]
