"""Readers of survey files: spectra and catalogues of APOGEE, GALAH, LAMOST and SDSS, and formats that you register."""

from ._ingest import ingest
from ._ingested import IngestResult
from ._options import IngestOptions
from .archives._download import download
from .archives._objects import download_objects
from .catalogs._catalogs import read_catalog
from .catalogs._quality import apply_cuts, presets
from .catalogs._survey_labels import read_labels
from .formats._arrays import read_arrays
from .formats._bits import flag_names
from .formats._formats import FORMATS, detect_format, register_format
from .formats._lamost_files import read_lamost
from .formats._plain import read_plain
from .formats._read import read, read_many

__all__ = [
    "FORMATS",
    "IngestOptions",
    "IngestResult",
    "apply_cuts",
    "detect_format",
    "download",
    "download_objects",
    "flag_names",
    "ingest",
    "presets",
    "read",
    "read_arrays",
    "read_catalog",
    "read_labels",
    "read_lamost",
    "read_many",
    "read_plain",
    "register_format",
]
