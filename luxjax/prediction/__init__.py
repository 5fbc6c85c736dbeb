"""Labels and spectra of new stars, baselines, and the scores of both."""

from ._prediction import Prediction
from ._transfer import predict_spectra, transfer

__all__ = ["Prediction", "predict_spectra", "transfer"]
