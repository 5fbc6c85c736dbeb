"""Shapley values: from how much of the spectrum a prediction comes. A wide spread is a hint, so this decides nothing."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ...interpret.attribution import shapley_spread, window_shapley
from ...interpret.internal import Shapley, ShapleySpread
from ...stats import Interval
from .._evidence import Evidence
from ._latent_sample import LatentSample
from ._line import AbstractLine

if TYPE_CHECKING:
    from .._case import Case

__all__ = ["WindowShapley"]

WINDOWS, WIDE_WINDOWS = 40, 8
AWARE_STARS = 100  # of the correlation-aware values, which take long


class WindowShapley(AbstractLine):
    """How widely the Shapley values of the prediction are spread over stretches of wavelength."""

    name: ClassVar[str] = "shapley"
    title: ClassVar[str] = "Shapley values"
    question: ClassVar[str] = "From how much of the spectrum does the prediction come?"

    def measure(self, case: "Case") -> Evidence | None:
        sample = case.sample
        if sample is None or case.label not in sample.names:
            return None
        spread = sample.once(_spread)
        if isinstance(spread, str):
            return self.missing(spread)
        j = spread.labels.index(case.label)
        return self.evidence(
            float(spread.value[j]),
            Interval(float(spread.lower[j]), float(spread.upper[j])),
            spread.null,
            statement=_words(spread, j),
            arrays={
                "windows": np.array(spread.windows),
                "importance": spread.importance[:, j],
                "labels": np.array(spread.labels),
                "spread": spread.value,
                **_wide_arrays(sample, j),
            },
        )


def _words(spread: ShapleySpread, j: int) -> str:
    rank = 1 + int(np.sum(spread.value > spread.value[j]))
    low, high = np.quantile(spread.null, [0.025, 0.975])
    place = "the widest" if rank == 1 else f"number {rank}"
    return (
        f"The prediction comes from {spread.participation[j]:.0f} of {len(spread.windows)} stretches of wavelength, "
        f"effectively: its Shapley values are spread by {spread.value[j]:.2f} of the most possible, {place} of "
        f"{len(spread.labels)} labels in that (random mixtures of the latents: {low:.2f} to {high:.2f})."
    )


def _wide_arrays(sample: LatentSample, j: int) -> dict[str, np.ndarray]:
    """Both kinds of values on few wide windows, for the figure."""
    wide = sample.once(_both_kinds)
    if isinstance(wide, str):
        return {}
    independent, aware = wide
    return {
        "names": np.array(independent.features),
        "independent": independent.importance[:, j],
        "correlated": aware.importance[:, j],
    }


def _spread(sample: LatentSample) -> ShapleySpread:
    return shapley_spread(sample.fitted, sample.stars, WINDOWS, inputs=sample.inputs, seed=sample.seed)


def _both_kinds(sample: LatentSample) -> tuple[Shapley, Shapley]:
    few = sample.stars.select(slice(AWARE_STARS))
    independent, aware = (
        window_shapley(sample.fitted, few, WIDE_WINDOWS, correlated=c, inputs=sample.inputs)
        for c in (False, True)
    )
    return independent, aware
