"""Flags of predicted labels: what to be wary of, one bit for each reason; all names, bits and thresholds."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import LuxWarning
from ..fitted import FittedModel

if TYPE_CHECKING:
    from ._prediction import Prediction

__all__ = ["FLAGS", "Limits", "describe_flags", "flagged_by", "flags_of", "limits_of", "warn_of_misfit"]

FLAGS = {"far": 1, "misfit": 2, "out_of_range": 4, "few_pixels": 8, "not_finite": 16}
WORDS = {
    "far": "far from the training stars",
    "misfit": "unlike their model spectra",
    "out_of_range": "outside the range of the training labels",
    "few_pixels": "with too few good pixels",
    "not_finite": "with numbers that are not finite",
}

# Of what 95% of the training stars stay below. Not of their largest values: one odd training star would hide all others.
FAR, MISFIT = 2.0, 3.0
# Those 95% where a model does not know them. Latents are standard normal: beyond 2 * 1.5 is 1 in 400 stars of one latent, and
# 1 in 8,000 of two. Pixels scatter about a right model by their stated errors.
TYPICAL_DISTANCE, TYPICAL_CHI2 = 1.5, 1.0
CHANCE = 1e-4  # of a larger chi2 by noise alone, which matters where good values are few
MARGIN = 0.1  # of the range of the training labels, on either side
FRACTION, PER_LATENT = 0.2, 2.0  # good values: of the pixels of the smallest input, and for each latent
LEAST_SET, WORSE = (
    20,
    1.5,
)  # stars of which something is said as a whole, and from how many times the usual chi2


@dataclass(frozen=True, eq=False)
class Limits:
    """Where the flags of one model's predictions begin. Default: what is known of any model.

    Attributes
    ----------
    distance : float
        The largest latent distance that is not `far`.
    chi2 : float
        The largest reduced chi-square that is not `misfit`; a little more for stars of few good values.
    n_inputs : float
        The smallest number of good input values that are not `few_pixels`, if it is more than `per_latent` for each latent.
    per_latent : float
        Two where inputs are spectra; none where a few measurements, such as magnitudes, may be all that a star has.
    low, high : (label,) array or None
        The ends of each label's range, its margin included; None where the model does not know it.
    """

    distance: float = FAR * TYPICAL_DISTANCE
    chi2: float = MISFIT * TYPICAL_CHI2
    n_inputs: float = 0.0
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    per_latent: float = PER_LATENT

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in vars(self).items()}


def limits_of(fitted: FittedModel, labels: str, inputs: Sequence[str]) -> Limits:
    """The limits of predictions of the output `labels` from these inputs."""
    info, typical = fitted.info(labels), fitted.typical
    ends: dict[str, Any] = {}
    if info.low is not None and info.high is not None:
        margin = MARGIN * (info.high - info.low)
        ends = {"low": info.low - margin, "high": info.high + margin}
    # Labels may be given together with spectra; a star without them is not short of pixels.
    spectra = [name for name in inputs if fitted.info(name).is_spectra] or list(inputs)
    alone = all(fitted.info(name).is_spectra or fitted.info(name).role == "label" for name in inputs)
    return Limits(
        FAR * typical.get("latent_distance", TYPICAL_DISTANCE),
        # A star within its stated errors is no misfit, however small the chi2 of the training stars.
        MISFIT * max(typical.get("chi2", TYPICAL_CHI2), TYPICAL_CHI2),
        FRACTION * min(len(fitted.model.scatter[name]) for name in spectra) if alone else 1.0,
        **ends,
        per_latent=PER_LATENT if alone else 0.0,
    )


def flags_of(prediction: "Prediction", limits: Limits) -> np.ndarray:
    """The flags of a prediction, (star,) int: the sum of the bits of `FLAGS` that hold."""
    from scipy.special import chdtri

    value, n_inputs = prediction.value, prediction.n_inputs
    variance = np.diagonal(prediction.cov, axis1=1, axis2=2)
    chi2, distance = prediction.chi2, prediction.latent_distance
    n_latents = prediction.latents.mean.shape[1]
    dof = np.maximum(n_inputs - n_latents, 1)
    by_chance = np.maximum(1, chdtri(dof, CHANCE) / dof / MISFIT)
    outside = np.zeros(value.shape, bool)
    if limits.low is not None and limits.high is not None:
        outside = (value < limits.low) | (value > limits.high)
    numbers = np.column_stack([value, np.where(variance < 0, np.nan, variance), chi2, distance])
    found = {
        "far": distance > limits.distance,
        "misfit": chi2 > limits.chi2 * by_chance,
        "out_of_range": outside.any(axis=1),
        "few_pixels": n_inputs < max(limits.n_inputs, limits.per_latent * n_latents),
        "not_finite": ~np.isfinite(numbers).all(axis=1),
    }
    flag = np.zeros(len(value), int)
    for name, those in found.items():
        flag[those] |= FLAGS[name]
    return flag


def flagged_by(fitted: FittedModel, prediction: "Prediction", labels: str) -> "Prediction":
    """A prediction of this model, flagged by what it knows now."""
    return replace(prediction, flag=flags_of(prediction, limits_of(fitted, labels, prediction.inputs)))


def warn_of_misfit(fitted: FittedModel, chi2: np.ndarray) -> None:
    """A `LuxWarning` where stars as a whole fit worse than those that the model was tested on, which flags of single stars do not tell."""
    usual = max(fitted.typical.get("chi2", np.inf), TYPICAL_CHI2)
    middle = float(np.median(chi2)) if len(chi2) else 0.0
    if len(chi2) >= LEAST_SET and middle > WORSE * usual:
        warnings.warn(
            f"the median reduced chi2 of these {len(chi2)} stars is {middle:.1f}; 95% of the stars that the model was tested on stay below "
            f"{usual:.1f}. Spectra of another instrument, release or reduction, or flux errors stated too small: labels may "
            "be biased as a whole; compare some with labels that you know before you use them.",
            LuxWarning,
            stacklevel=3,
        )


def describe_flags(flag: np.ndarray) -> str:
    """How many stars are flagged and for what, in words: ``12 flagged: 9 far from the training stars, ...``."""
    counts = {name: np.count_nonzero(flag & bit) for name, bit in FLAGS.items()}
    reasons = ", ".join(f"{n} {WORDS[name]}" for name, n in counts.items() if n)
    return f"{np.count_nonzero(flag)} flagged: {reasons}" if reasons else "none flagged"
