"""Readers of survey files: spectra and catalogues of APOGEE, GALAH and LAMOST."""

from ._archive import (
    ArchiveFile,
    apogee_file,
    archive_file,
    archive_files,
    archive_url,
    galah_nights,
    lamost_file,
)
from ._arrays import read_arrays
from ._bits import ASPCAPFLAG, BAD_PIXELS, EXTRATARG, PARAMFLAG, PIXMASK, STARFLAG, flag_names
from ._catalogs import catalog_columns, detect_release, read_catalog
from ._download import DownloadResult, download
from ._ingest import best_of_each, find_files, ingest
from ._ingested import Ingested
from ._join import Chosen, choose_labels, match_labels
from ._lamost_files import LamostSpectra, lamost_headers, parse_subclass, read_lamost, same_star
from ._objects import download_objects, extract_spectra
from ._quality import Cut, Preset, QualityReport, apply_cuts, flag_bits, presets
from ._read import FORMATS, Format, ReadResult, files_by_star, read, read_many
from ._reduce import Reduction
from ._survey_labels import LABELS, LabelColumns, label_columns, labels_from_catalog, read_labels
from ._transfer import FetchedFile

__all__ = [
    "ASPCAPFLAG",
    "BAD_PIXELS",
    "EXTRATARG",
    "FORMATS",
    "LABELS",
    "PARAMFLAG",
    "PIXMASK",
    "STARFLAG",
    "ArchiveFile",
    "Chosen",
    "Cut",
    "DownloadResult",
    "FetchedFile",
    "Format",
    "Ingested",
    "LabelColumns",
    "LamostSpectra",
    "Preset",
    "QualityReport",
    "ReadResult",
    "Reduction",
    "apogee_file",
    "apply_cuts",
    "archive_file",
    "archive_files",
    "archive_url",
    "best_of_each",
    "catalog_columns",
    "choose_labels",
    "detect_release",
    "download",
    "download_objects",
    "extract_spectra",
    "files_by_star",
    "find_files",
    "flag_bits",
    "flag_names",
    "galah_nights",
    "ingest",
    "label_columns",
    "labels_from_catalog",
    "lamost_file",
    "lamost_headers",
    "match_labels",
    "parse_subclass",
    "presets",
    "read",
    "read_arrays",
    "read_catalog",
    "read_labels",
    "read_lamost",
    "read_many",
    "same_star",
]
