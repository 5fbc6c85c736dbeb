"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._as_read import unusable
from ._ingest import best_of_each, chosen_labels, spectra_files
from ._ingested import by_reason
from ._like import template_of
from ._noisy import NOISE_LIMIT
from ._reduce import Reduction
from ._registered import names as registered_formats
from .catalogs._choose import LabelSelection
from .catalogs._join import has_files, match_labels
from .catalogs._stars import standard_columns, star_columns
from .catalogs._survey_labels import read_parameters
from .classes._class_table import read_classes
from .classes._star_rows import StarRows, named_columns, read_star_rows
from .formats._formats import readable_format
from .formats._found import files_below
from .formats._lamost_files import LAMOST_GRID, parse_subclass
from .formats._plain import PLAIN_ENDINGS
from .formats._read import files_by_star

__all__ = [
    "LAMOST_GRID",
    "NOISE_LIMIT",
    "PLAIN_ENDINGS",
    "LabelSelection",
    "Reduction",
    "StarRows",
    "best_of_each",
    "by_reason",
    "chosen_labels",
    "files_below",
    "files_by_star",
    "has_files",
    "match_labels",
    "named_columns",
    "parse_subclass",
    "read_classes",
    "read_parameters",
    "read_star_rows",
    "readable_format",
    "registered_formats",
    "spectra_files",
    "standard_columns",
    "star_columns",
    "template_of",
    "unusable",
]
