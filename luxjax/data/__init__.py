"""Host containers: spectra, labels, measurements and catalogues of stars, with units, medium and provenance; matching, splits."""

from ._catalog import Catalog
from ._crossmatch import Match, crossmatch
from ._labels import LabelTable
from ._light_curve import LightCurve
from ._measurements import Measurements
from ._same_star import same_star
from ._spectra import Spectra
from ._split import folds, split
from ._store import load_catalog, save_catalog

__all__ = [
    "Catalog",
    "LabelTable",
    "LightCurve",
    "Match",
    "Measurements",
    "Spectra",
    "crossmatch",
    "folds",
    "load_catalog",
    "same_star",
    "save_catalog",
    "split",
]
