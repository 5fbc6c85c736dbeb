"""Atmospheric parameters from the features of spectra."""

from ._files import load_parameters, save_parameters
from ._parameters import ParameterModel, cross_validate_parameters, train_parameters
from ._scores import score_parameters

__all__ = [
    "ParameterModel",
    "cross_validate_parameters",
    "load_parameters",
    "save_parameters",
    "score_parameters",
    "train_parameters",
]
