"""Host containers: spectra, labels and catalogues of stars, with units, medium and provenance."""

from ._catalog import Catalog
from ._labels import LabelTable
from ._spectra import Frame, Medium, Spectra, native

__all__ = ["Catalog", "Frame", "LabelTable", "Medium", "Spectra", "native"]
