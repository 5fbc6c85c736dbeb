"""Probe: whether the latents hold a label. They hold what goes along with it as well, so this decides nothing."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ...interpret.internal import Amnesic, random_projection
from ...interpret.representation import amnesic_probe, probe
from .._evidence import Evidence
from ._latent_sample import FEW_STARS, LatentSample
from ._line import AbstractLine

if TYPE_CHECKING:
    from .._case import Case

__all__ = ["LatentProbe"]


class LatentProbe(AbstractLine):
    """How well the label can be read from the latents, also once the other labels are erased from them."""

    name: ClassVar[str] = "probe"
    title: ClassVar[str] = "Probe"
    question: ClassVar[str] = "Can the label be read from the latents?"

    def measure(self, case: "Case") -> Evidence | None:
        sample, label = case.sample, case.label
        if sample is None or label not in sample.names:
            return None
        if label not in sample.labels:
            return self.missing(FEW_STARS)
        pixels = sample.once(_pixels)
        if isinstance(pixels, str):
            return self.missing(pixels)
        found = probe(
            sample.latents,
            sample.labels[label],
            error=sample.errors[label],
            baseline=pixels,
            seed=sample.seed,
        )
        erased = sample.once(_erased)
        left, interval, words = float("nan"), np.full(2, np.nan), ""
        if isinstance(erased, Amnesic):
            j = erased.labels.index(label)
            left, interval = erased.without_others[j], erased.interval[:, j]
            words = f" Once the other labels are erased from them, {left:.2f} [{interval[0]:.2f}, {interval[1]:.2f}] is left."
        return self.evidence(
            found.r2,
            found.interval,
            found.control,
            statement=f"A linear probe reads the label from the latents with R2 = {found.r2:.2f} (label noise allows "
            f"{found.ceiling:.2f}); random mixtures of the pixels give {found.baseline:.2f}, control tasks "
            f"{found.control.mean():.2f}.{words} That a label can be read does not say that it was measured.",
            arrays={
                "names": np.array(["all latents", "others erased", "random mixtures of pixels"]),
                "r2": np.array([found.r2, left, found.baseline]),
                "control": np.array([found.control.mean(), np.nan, np.nan]),
                "interval": np.array([found.interval, interval, found.baseline_interval]),
                "ceiling": np.array(found.ceiling),
                "predicted": found.predicted,
            },
        )


def _pixels(sample: LatentSample) -> np.ndarray:
    return random_projection(sample.fitted, sample.stars, inputs=sample.inputs, seed=sample.seed)


def _erased(sample: LatentSample) -> Amnesic:
    return amnesic_probe(sample.latents, sample.labels, others=sample.others, seed=sample.seed)
