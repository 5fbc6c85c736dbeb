"""Simulated surveys with known truth: physical spectra, and worlds drawn from the model itself."""

from ._bilinear import Bilinear, bilinear
from ._classes import CLASSES, MIX, spectral_class
from ._files import SurveyFiles, tmass_designations, write_allstar, write_galah_dr3, write_survey_files
from ._lamost import SimulatedLamost, simulate_lamost
from ._lines import LineList
from ._optical import OpticalSynthesis
from ._plants import BreakCorrelation, Confounder, Impostor, PlantLine
from ._population import ALPHA, LABELS
from ._spectrum import Synthesis, spectrum
from ._strength import ELEMENTS, PARAMETERS, LineStrength
from ._survey import Simulated, simulate
from ._truth import Bound, Truth
from ._windows import Window, apogee, galah, lamost
from ._worlds import SmallWorld, small_world

__all__ = [
    "ALPHA",
    "CLASSES",
    "ELEMENTS",
    "LABELS",
    "MIX",
    "PARAMETERS",
    "Bilinear",
    "Bound",
    "BreakCorrelation",
    "Confounder",
    "Impostor",
    "LineList",
    "LineStrength",
    "OpticalSynthesis",
    "PlantLine",
    "Simulated",
    "SimulatedLamost",
    "SmallWorld",
    "SurveyFiles",
    "Synthesis",
    "Truth",
    "Window",
    "apogee",
    "bilinear",
    "galah",
    "lamost",
    "simulate",
    "simulate_lamost",
    "small_world",
    "spectral_class",
    "spectrum",
    "tmass_designations",
    "write_allstar",
    "write_galah_dr3",
    "write_survey_files",
]
