"""Readers of survey files: spectra and catalogues of APOGEE, GALAH and LAMOST."""

from ._bits import ASPCAPFLAG, BAD_PIXELS, EXTRATARG, PARAMFLAG, PIXMASK, STARFLAG, flag_names
from ._catalogs import catalog_columns, detect_release, read_catalog
from ._quality import Cut, Preset, QualityReport, apply_cuts, flag_bits, presets
from ._read import FORMATS, Format, ReadResult, read, read_many
from ._survey_labels import LABELS, LabelColumns, label_columns, labels_from_catalog, read_labels

__all__ = [
    "ASPCAPFLAG",
    "BAD_PIXELS",
    "EXTRATARG",
    "FORMATS",
    "LABELS",
    "PARAMFLAG",
    "PIXMASK",
    "STARFLAG",
    "Cut",
    "Format",
    "LabelColumns",
    "Preset",
    "QualityReport",
    "ReadResult",
    "apply_cuts",
    "catalog_columns",
    "detect_release",
    "flag_bits",
    "flag_names",
    "label_columns",
    "labels_from_catalog",
    "presets",
    "read",
    "read_catalog",
    "read_labels",
    "read_many",
]
