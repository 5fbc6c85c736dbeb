"""Classes of stars from physical features of their spectra: spectral indices with errors."""

from ._definitions import UNITS, Index, builtin_indices, choose_indices, line_shapes, read_indices
from ._features import FAMILIES, Features, extract_features
from ._indices import measure_indices

__all__ = [
    "FAMILIES",
    "UNITS",
    "Features",
    "Index",
    "builtin_indices",
    "choose_indices",
    "extract_features",
    "line_shapes",
    "measure_indices",
    "read_indices",
]
