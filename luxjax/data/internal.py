"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._spectra import Frame, Medium, native
from ._store import CATALOG_FOLDER

__all__ = [
    "CATALOG_FOLDER",
    "Frame",
    "Medium",
    "native",
]
