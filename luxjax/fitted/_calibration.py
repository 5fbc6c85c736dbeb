"""Calibration of a model's stated errors: found on stars kept apart, kept with the model."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from ..core import InputError
from ..core.internal import join_names

__all__ = ["Calibration", "check_alike"]


@runtime_checkable
class Predicted(Protocol):
    """What a calibration asks of predicted labels: `luxjax.prediction.Prediction` has it."""

    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def inputs(self) -> tuple[str, ...]: ...
    @property
    def shrunk(self) -> tuple[str, ...]: ...
    @property
    def calibrated(self) -> bool: ...
    @property
    def cov(self) -> np.ndarray: ...
    @property
    def latent_distance(self) -> np.ndarray: ...


P = TypeVar("P", bound=Predicted)


@dataclass(frozen=True, eq=False)
class Calibration:
    """Variance of a label after calibration: ``scale * variance + floor**2 + (growth * distance**2)**2``.

    Model error does not fall with the signal-to-noise ratio as the predicted error does: hence a floor. And what
    a decoder cannot follow, such as the curvature that a linear one lacks, grows with the square of a star's
    distance from the middle of the training stars in latent space: hence a term that does.

    Attributes
    ----------
    names : tuple of str
    scale : (label,) array
        Factor of the predicted variance.
    floor : (label,) array
        Error added in quadrature, in the label's unit.
    growth : (label,) array
        Error added in quadrature at latent distance 1, in the label's unit.
    n_stars : (label,) array of int
        Calibration stars with that label, outliers left out.
    shrunk : tuple of str
        Labels that were replaced by what the other labels say of them; it holds for such predictions alone.
    inputs : tuple of str
        Outputs that the calibration stars were predicted from; it holds for predictions from these alone. Empty where it is
        not known.
    pooled : bool
        Whether the calibration stars had some or all of `inputs`, each its own; it holds for any of these where there is no
        calibration of just those that a star has.

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.fitted import Calibration
    >>> one = np.ones(1)
    >>> found = Calibration(("teff",), scale=1.5 * one, floor=20.0 * one, growth=0.0 * one, n_stars=np.array([300]))
    >>> found.names, found.floor.tolist()
    (('teff',), [20.0])
    """

    names: tuple[str, ...]
    scale: np.ndarray
    floor: np.ndarray
    growth: np.ndarray
    n_stars: np.ndarray
    shrunk: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    pooled: bool = False

    def apply(self, prediction: P) -> P:
        """The prediction with calibrated covariance.

        Raises
        ------
        InputError
            It is calibrated already, or of other labels, from other inputs or with other labels replaced.
        """
        if prediction.calibrated:
            raise InputError(
                "this prediction is calibrated already, by the calibration that its model carries; predict with "
                "transfer(..., calibrated=False) to apply another."
            )
        inputs = self.inputs
        if self.pooled and set(prediction.inputs) <= set(inputs):
            inputs = prediction.inputs
        check_alike(prediction, self.names, self.shrunk, inputs)
        cov = self.covariance(prediction.cov, prediction.latent_distance)
        return dataclasses.replace(prediction, cov=cov, calibrated=True)  # type: ignore[type-var]

    def covariance(self, cov: np.ndarray, distance: np.ndarray) -> np.ndarray:
        """Calibrated covariances (star, label, label) from the model's own and the stars' latent distances (star,)."""
        root = np.sqrt(self.scale)
        return cov * root[:, None] * root + self.added(distance)[:, :, None] * np.eye(len(self.names))

    def added(self, distance: np.ndarray) -> np.ndarray:
        """The variance that is added to the scaled one, (star, label), at these latent distances (star,)."""
        return self.floor**2 + (self.growth * np.asarray(distance)[:, None] ** 2) ** 2

    def holds_for(self, names: Sequence[str], inputs: Sequence[str], shrunk: Sequence[str] = ()) -> bool:
        """Whether it was learned from predictions of these labels, from these inputs and with these labels replaced."""
        alike = set(inputs) <= set(self.inputs) if self.pooled else set(self.inputs) == set(inputs)
        known = not self.inputs or not inputs or alike
        return known and tuple(names) == self.names and set(shrunk) == set(self.shrunk)

    def to_dict(self) -> dict[str, dict[str, float]]:
        """Plain numbers by label, for JSON; undone by `from_dict`."""
        columns = ("scale", "floor", "growth", "n_stars")
        return {
            n: {c: getattr(self, c)[j].item() for c in columns}
            | ({"shrunk": 1.0} if n in self.shrunk else {})
            | ({"pooled": 1.0} if self.pooled else {})
            for j, n in enumerate(self.names)
        }

    @classmethod
    def from_dict(
        cls, entries: Mapping[str, Mapping[str, float]], inputs: Sequence[str] = ()
    ) -> "Calibration":
        """The calibration that `to_dict` described, learned from these inputs."""

        def column(name: str) -> np.ndarray:
            return np.array([entry[name] for entry in entries.values()])

        numbers: dict[str, Any] = {c: column(c) for c in ("scale", "floor", "growth", "n_stars")}
        shrunk = tuple(name for name, entry in entries.items() if entry.get("shrunk"))
        pooled = any(entry.get("pooled") for entry in entries.values())
        return cls(tuple(entries), **numbers, shrunk=shrunk, inputs=tuple(inputs), pooled=pooled)


def check_alike(
    prediction: Predicted, names: Sequence[str], shrunk: Sequence[str], inputs: Sequence[str] = ()
) -> None:
    """Raise unless a prediction has the labels that a calibration was learned for, made in the same way."""
    if prediction.names != tuple(names):
        raise InputError(
            f"this calibration is for the labels {join_names(names)}; the prediction has {join_names(prediction.names)}."
        )
    if set(prediction.shrunk) != set(shrunk):
        raise InputError(
            f"this calibration was learned with {join_names(shrunk) or 'no label'} shrunk to the other labels; the "
            f"prediction has {join_names(prediction.shrunk) or 'none'}: calibrate on predictions made alike."
        )
    if inputs and prediction.inputs and set(prediction.inputs) != set(inputs):
        raise InputError(
            f"this calibration was learned from {join_names(inputs)}; the prediction comes from "
            f"{join_names(prediction.inputs)}: calibrate on predictions made alike."
        )
