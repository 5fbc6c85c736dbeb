"""Readers of survey files: spectra and catalogues of APOGEE, GALAH and LAMOST."""

from ._bits import ASPCAPFLAG, BAD_PIXELS, EXTRATARG, PARAMFLAG, PIXMASK, STARFLAG, flag_names
from ._read import FORMATS, Format, ReadResult, read, read_many

__all__ = [
    "ASPCAPFLAG",
    "BAD_PIXELS",
    "EXTRATARG",
    "FORMATS",
    "PARAMFLAG",
    "PIXMASK",
    "STARFLAG",
    "Format",
    "ReadResult",
    "flag_names",
    "read",
    "read_many",
]
