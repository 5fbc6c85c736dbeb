"""Host containers: spectra, labels and catalogues of stars, with units, medium and provenance; matching, splits."""

from ._catalog import Catalog
from ._crossmatch import Match, crossmatch
from ._labels import LabelTable
from ._spectra import Frame, Medium, Spectra, native
from ._split import folds, sky_blocks, split
from ._store import load_catalog, save_catalog

__all__ = [
    "Catalog",
    "Frame",
    "LabelTable",
    "Match",
    "Medium",
    "Spectra",
    "crossmatch",
    "folds",
    "load_catalog",
    "native",
    "save_catalog",
    "sky_blocks",
    "split",
]
