"""Spectral indices: definitions, and their values with errors."""

from ._definitions import Index, builtin_indices, choose_indices, read_indices
from ._indices import measure_indices

__all__ = [
    "Index",
    "builtin_indices",
    "choose_indices",
    "measure_indices",
    "read_indices",
]
