"""Simulated surveys with known truth: physical spectra, and worlds drawn from the model itself."""

from ._bilinear import Bilinear, bilinear
from ._classes import MIX
from ._flawed import flawed_survey
from ._lamost import simulate_lamost
from ._oscillations import simulate_oscillations
from ._plants import BreakCorrelation, Confounder, Impostor, PlantLine
from ._survey import SimulatedSurvey, simulate
from ._survey_files import write_survey_files
from ._truth import Truth
from ._worlds import toy_survey
from .instruments._instruments import SimulatedInstruments, simulate_instruments
from .physics._optical import OpticalSynthesis

__all__ = [
    "MIX",
    "Bilinear",
    "BreakCorrelation",
    "Confounder",
    "Impostor",
    "OpticalSynthesis",
    "PlantLine",
    "SimulatedInstruments",
    "SimulatedSurvey",
    "Truth",
    "bilinear",
    "flawed_survey",
    "simulate",
    "simulate_instruments",
    "simulate_lamost",
    "simulate_oscillations",
    "toy_survey",
    "write_survey_files",
]
