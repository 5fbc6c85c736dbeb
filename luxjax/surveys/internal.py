"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._ingest import best_of_each, find_files
from ._reduce import Reduction
from .catalogs._join import choose_labels
from .catalogs._quality import Preset
from .formats._lamost_files import parse_subclass
from .formats._read import files_by_star

__all__ = [
    "Preset",
    "Reduction",
    "best_of_each",
    "choose_labels",
    "files_by_star",
    "find_files",
    "parse_subclass",
]
