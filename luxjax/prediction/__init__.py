"""Labels and spectra of new stars, calibrated errors, baselines and scores."""

from ._baselines import cannon, labels_only, ridge
from ._calibrate import Calibration, calibrate, coverage_bands
from ._choose import Choice, choose
from ._conformal import Conformal, conformal
from ._prediction import Prediction
from ._scores import score
from ._shrink import shrink_shortcuts
from ._transfer import predict_spectra, transfer
from ._transfer_dataset import Transferred, open_transferred, transfer_dataset

__all__ = [
    "Calibration",
    "Choice",
    "Conformal",
    "Prediction",
    "Transferred",
    "calibrate",
    "cannon",
    "choose",
    "conformal",
    "coverage_bands",
    "labels_only",
    "open_transferred",
    "predict_spectra",
    "ridge",
    "score",
    "shrink_shortcuts",
    "transfer",
    "transfer_dataset",
]
