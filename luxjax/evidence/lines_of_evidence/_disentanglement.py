"""Disentanglement: whether a label lives on one latent. The answer depends on the gauge, so this decides nothing."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ...interpret.internal import GaugeScore
from ...interpret.representation import Draws, canonical_gauge, dci, mig, sap
from .._evidence import Evidence
from ._latent_sample import FEW_STARS, LatentSample
from ._line import AbstractLine

if TYPE_CHECKING:
    from .._case import Case

__all__ = ["LatentDisentanglement"]

DRAWS = Draws(null=40, halves=40, rotations=60)


class LatentDisentanglement(AbstractLine):
    """Scores of single latents in the canonical gauge, next to those in random ones."""

    name: ClassVar[str] = "disentanglement"
    title: ClassVar[str] = "Disentanglement"
    question: ClassVar[str] = "Does the label live on one latent, and in which gauge?"

    def measure(self, case: "Case") -> Evidence | None:
        sample, label = case.sample, case.label
        if sample is None or label not in sample.names:
            return None
        if label not in sample.labels:
            return self.missing(FEW_STARS)
        scores = sample.once(_scores)
        if isinstance(scores, str):
            return self.missing(scores)
        gap, separated, importance = scores
        picked = [(gap, label), (separated, label), (importance, f"completeness of {label}")]
        places = [(s, s.names.index(name)) for s, name in picked]
        value = np.array([s.value[k] for s, k in places])
        rotations = np.stack([s.rotations[:, k] for s, k in places], axis=1)
        low, high = np.quantile(rotations[:, 0], [0.025, 0.975])
        return self.evidence(
            value[0],
            gap.interval(label),
            gap.null[:, places[0][1]],
            statement=f"Its mutual information gap (MIG) is {value[0]:.3f} in the canonical gauge and {low:.3f} to {high:.3f} "
            "in random ones, which describe the same model: a small gap is no evidence that the label was not measured, "
            "nor a large one that it was.",
            arrays={
                "names": np.array(["MIG", "SAP", "completeness"]),
                "value": value,
                "null": np.array([s.null[:, k].mean() for s, k in places]),
                "rotations": rotations,
            },
        )


def _scores(sample: LatentSample) -> tuple[GaugeScore, ...]:
    canonical = sample.latents @ canonical_gauge(sample.fitted, sample.stars, inputs=sample.inputs).T
    return tuple(f(canonical, sample.labels, draws=DRAWS, seed=sample.seed) for f in (mig, sap, dci))
