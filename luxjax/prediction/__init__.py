"""Labels and spectra of new stars, calibrated errors, baselines and scores."""

from ._baselines import cannon, labels_only, ridge
from ._calibrate import calibrate, coverage_bands
from ._choose import select_model
from ._conformal import conformal
from ._patterns import calibrate_by_inputs
from ._predict_spectra import predict_spectra
from ._prediction import Prediction
from ._scores import score
from ._shrink import replace_shortcuts
from ._transfer import transfer
from ._transfer_dataset import PredictionTable, open_transferred, transfer_dataset

__all__ = [
    "Prediction",
    "PredictionTable",
    "calibrate",
    "calibrate_by_inputs",
    "cannon",
    "conformal",
    "coverage_bands",
    "labels_only",
    "open_transferred",
    "predict_spectra",
    "replace_shortcuts",
    "ridge",
    "score",
    "select_model",
    "transfer",
    "transfer_dataset",
]
