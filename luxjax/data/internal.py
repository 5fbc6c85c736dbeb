"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._catalog import Output, taken
from ._example import Example
from ._flux import narrowed, native
from ._spectra import Frame, Medium, Role
from ._split import hash_ids
from ._store import CATALOG_FOLDER
from .tables._frames import frame_of
from .tables._star_columns import EPOCH, STAR_COLUMNS, epochs, find_star_columns, star_identifiers

__all__ = [
    "CATALOG_FOLDER",
    "EPOCH",
    "STAR_COLUMNS",
    "Example",
    "Frame",
    "Medium",
    "Output",
    "Role",
    "epochs",
    "find_star_columns",
    "frame_of",
    "hash_ids",
    "narrowed",
    "native",
    "star_identifiers",
    "taken",
]
