"""Predicted labels with what they are compared with, for figures and tables."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from ..core import check_name
from ._metrics import Coverage, bias, coverage, rmse, robust_scatter

__all__ = ["Against", "Compared", "compare", "has_reference", "label_names"]

Against = Literal["true", "obs"]


@dataclass(frozen=True, eq=False)
class Compared:
    """One label of the stars for which both a prediction and a reference exist. All arrays are (star,).

    Attributes
    ----------
    predicted, error : array
        Prediction and its one-sigma error.
    reference, reference_error : array
        The truth (errors zero) or the observed label with its error.
    snr : array or None
        Signal-to-noise ratio per pixel of the spectra.
    """

    name: str
    predicted: np.ndarray
    error: np.ndarray
    reference: np.ndarray
    reference_error: np.ndarray
    snr: np.ndarray | None = None

    @property
    def n(self) -> int:
        return len(self.predicted)

    @property
    def residual(self) -> np.ndarray:
        """Predicted minus reference."""
        return self.predicted - self.reference

    @property
    def pull(self) -> np.ndarray:
        """Residual over the errors of both, added in quadrature."""
        return self.residual / np.hypot(self.error, self.reference_error)

    @property
    def rmse(self) -> float:
        return rmse(self.predicted, self.reference)

    @property
    def bias(self) -> float:
        return bias(self.predicted, self.reference)

    @property
    def scatter(self) -> float:
        """Robust scatter of the residual about its median."""
        return robust_scatter(self.residual)

    def coverage(self, level: float) -> Coverage:
        return coverage(self.pull, level)


def label_names(labels: pd.DataFrame) -> list[str]:
    """The predicted labels of a labels table: columns that have a column ``_err`` and are not observations."""
    return [c for c in labels.columns if f"{c}_err" in labels and not c.endswith(("_obs", "_true"))]


def has_reference(labels: pd.DataFrame, name: str, against: Against) -> bool:
    """Whether any star has both a prediction and a reference of this label."""
    column = f"{name}_{against}"
    return column in labels and bool((np.isfinite(labels[name]) & np.isfinite(labels[column])).any())


def compare(labels: pd.DataFrame, name: str, against: Against) -> Compared:
    """One label against the truth (``"true"``) or the observed label (``"obs"``); unmeasured stars left out."""
    check_name("comparison", against, get_args(Against), "Compare with the truth or with observed labels")
    check_name("predicted label", name, label_names(labels))
    check_name("column", f"{name}_{against}", labels.columns, "The labels table must hold the reference")
    predicted, error = labels[name].to_numpy(float), labels[f"{name}_err"].to_numpy(float)
    reference = labels[f"{name}_{against}"].to_numpy(float)
    observed = against == "obs" and f"{name}_obs_err" in labels
    spread = labels[f"{name}_obs_err"].to_numpy(float) if observed else np.zeros(len(labels))
    use = np.isfinite(predicted) & np.isfinite(error) & np.isfinite(reference) & np.isfinite(spread)
    snr = labels["snr"].to_numpy(float)[use] if "snr" in labels else None
    return Compared(name, predicted[use], error[use], reference[use], spread[use], snr)
