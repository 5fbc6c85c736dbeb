"""Simulated surveys with known truth: physical spectra, and worlds drawn from the model itself."""

from ._bilinear import Bilinear, bilinear
from ._files import SurveyFiles, tmass_designations, write_allstar, write_galah_dr3, write_survey_files
from ._lines import LineList
from ._plants import BreakCorrelation, Confounder, Impostor, PlantLine
from ._population import ALPHA, LABELS
from ._spectrum import Synthesis, spectrum
from ._strength import ELEMENTS, PARAMETERS, LineStrength
from ._survey import Simulated, simulate
from ._truth import Bound, Truth
from ._windows import Window, apogee, galah
from ._worlds import SmallWorld, small_world

__all__ = [
    "ALPHA",
    "ELEMENTS",
    "LABELS",
    "PARAMETERS",
    "Bilinear",
    "Bound",
    "BreakCorrelation",
    "Confounder",
    "Impostor",
    "LineList",
    "LineStrength",
    "PlantLine",
    "Simulated",
    "SmallWorld",
    "SurveyFiles",
    "Synthesis",
    "Truth",
    "Window",
    "apogee",
    "bilinear",
    "galah",
    "simulate",
    "small_world",
    "spectrum",
    "tmass_designations",
    "write_allstar",
    "write_galah_dr3",
    "write_survey_files",
]
