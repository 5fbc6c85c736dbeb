"""Calibrators of probabilities, fitted on stars kept apart.

Of the stars to which a calibrated classifier gives a class with probability 0.8, 80% are of that class. Boosted trees and
forests are not calibrated by themselves (Niculescu-Mizil & Caruana 2005, ICML).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.isotonic import IsotonicRegression

from ...core import InputError, check_name

__all__ = ["CALIBRATORS", "Calibrator", "Isotonic", "Temperature", "fit_calibrator"]

LEAST = 1e-12


class Calibrator(ABC):
    """A map from probabilities to probabilities, (row, class) to (row, class), each row summing to one."""

    kind: ClassVar[str]

    @abstractmethod
    def __call__(self, p: np.ndarray) -> np.ndarray: ...

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """All there is to know of it, for a file."""

    @classmethod
    @abstractmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> "Calibrator":
        """The identical map from what `arrays` gave."""


@dataclass(frozen=True)
class Temperature(Calibrator):
    """Temperature scaling, p_k -> p_k^(1/T) / sum (Guo et al. 2017, ICML): one number, so that few stars suffice.

    It never changes which class comes first. T > 1 makes an overconfident classifier modest.
    """

    temperature: float
    kind = "temperature"

    def __call__(self, p: np.ndarray) -> np.ndarray:
        logit = _log(p) / self.temperature
        grown = np.exp(logit - logit.max(axis=1, keepdims=True))
        return grown / grown.sum(axis=1, keepdims=True)

    def arrays(self) -> dict[str, np.ndarray]:
        return {"temperature": np.array(self.temperature)}

    @classmethod
    def from_arrays(cls, arrays):
        return cls(float(arrays["temperature"]))

    @classmethod
    def fit(cls, p: np.ndarray, codes: np.ndarray, weight: np.ndarray | None = None) -> "Temperature":
        """The temperature of the greatest likelihood, by bounded minimisation over ln T from 0.05 to 20."""
        weight = np.ones(len(codes)) if weight is None else weight
        rows = np.arange(len(codes))

        def minus_log_likelihood(log_t: float) -> float:
            return -np.sum(weight * _log(cls(float(np.exp(log_t)))(p)[rows, codes]))

        found = minimize_scalar(
            minus_log_likelihood, bounds=np.log([0.05, 20]), method="bounded", options={"xatol": 1e-6}
        )
        return cls(float(np.exp(found.x)))


@dataclass(frozen=True, eq=False)
class Isotonic(Calibrator):
    """Isotonic regression of each class against the rest, then rows scaled to one (Zadrozny & Elkan 2002, KDD).

    A monotonic step function for every class: free to take any shape, so it wants some hundred stars of every class.

    Attributes
    ----------
    x, y : tuple of arrays
        Corners of each class's function, joined by straight lines.
    """

    x: tuple[np.ndarray, ...]
    y: tuple[np.ndarray, ...]
    kind = "isotonic"

    def __call__(self, p: np.ndarray) -> np.ndarray:
        mapped = np.column_stack([np.interp(p[:, k], self.x[k], self.y[k]) for k in range(p.shape[1])])
        total = mapped.sum(axis=1, keepdims=True)
        return np.where(total > 0, mapped / np.where(total > 0, total, 1), p)  # no class likely: as it came

    def arrays(self) -> dict[str, np.ndarray]:
        return {f"{name}{k}": a for name in "xy" for k, a in enumerate(getattr(self, name))}

    @classmethod
    def from_arrays(cls, arrays):
        n = len(arrays) // 2
        return cls(tuple(arrays[f"x{k}"] for k in range(n)), tuple(arrays[f"y{k}"] for k in range(n)))

    @classmethod
    def fit(cls, p: np.ndarray, codes: np.ndarray, weight: np.ndarray | None = None) -> "Isotonic":
        """Pool adjacent violators, class by class."""
        fits = [
            IsotonicRegression(y_min=0, y_max=1).fit(p[:, k], codes == k, sample_weight=weight)
            for k in range(p.shape[1])
        ]
        return cls(
            *(
                tuple(np.asarray(getattr(f, name)) for f in fits)
                for name in ("X_thresholds_", "y_thresholds_")
            )
        )


CALIBRATORS: dict[str, type[Temperature] | type[Isotonic]] = {
    "temperature": Temperature,
    "isotonic": Isotonic,
}


def fit_calibrator(
    name: str, p: np.ndarray, codes: np.ndarray, weight: np.ndarray | None = None
) -> Calibrator:
    """A calibrator from the probabilities and the classes (as numbers) of stars that the estimator has not seen.

    Parameters
    ----------
    name : str
        ``"temperature"`` or ``"isotonic"``.
    p : (row, class) array
    codes : (row,) int array
    weight : (row,) array, optional
    """
    check_name("calibration", name, CALIBRATORS)
    if len(p) != len(codes) or len(p) == 0:
        raise InputError(
            f"calibration needs the class of every star; given {len(p)} stars and {len(codes)} classes."
        )
    return CALIBRATORS[name].fit(np.asarray(p, float), np.asarray(codes), weight)


def _log(p: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(p, LEAST))
