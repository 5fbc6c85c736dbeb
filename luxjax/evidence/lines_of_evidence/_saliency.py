"""Conditional saliency of a label: what the model thinks it does to the flux, matched to the label's element lines."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ...core import InputError
from ...interpret.attribution import conditional_flux_jacobian, covariance_pattern
from ...lines import match_lines
from ...models import AbstractFeatureDecoder
from .._evidence import Evidence
from ._line import NO_LINES, AbstractLine

if TYPE_CHECKING:
    from ...interpret.internal import Jacobian
    from .._case import Case
    from .._stars import InferredStars

__all__ = ["ConditionalSaliency"]


class ConditionalSaliency(AbstractLine):
    """D flux / d label at fixed others in the first input, its enrichment at the element lines, with filter and pattern."""

    name: ClassVar[str] = "saliency"
    title: ClassVar[str] = "Conditional saliency"
    question: ClassVar[str] = (
        "Does the flux that the model expects change with the label at its element lines more than elsewhere?"
    )

    def measure(self, case: "Case") -> Evidence:
        stars, first, own = case.stars, case.stars.inputs[0], case.lines.windows[0]
        known = isinstance(stars.fitted.model[stars.fitted.label_output()], AbstractFeatureDecoder)
        try:
            conditional = conditional_flux_jacobian(
                stars.fitted,
                case.label,
                others=case.others,
                spectra=first.name,
                spread=stars.model.is_linear and known,
            )
        except InputError as problem:
            return self.missing(str(problem))
        arrays = _arrays(case, conditional)
        if not len(own):
            return self.missing(NO_LINES, arrays=arrays)
        found = match_lines(
            conditional.value,
            first.wavelength,
            first.medium,
            own.lines,
            resolution=own.resolution,
            seed=case.asked.seed,
            sd=conditional.sd,
            good=stars.good[first.where],
        )
        return self.evidence(
            found.score,
            null=found.null,
            statement=f"At fixed {', '.join(case.others)} the model's flux falls with the label {found.score:.1f} times as "
            f"much at its element lines ({case.lines.describe()}) as elsewhere; "
            f"{_share(float(np.mean(found.null >= found.score)))} of {len(found.null):,} shifted line lists do as well.",
            arrays=arrays,
        )


def _arrays(case: "Case", conditional: "Jacobian") -> dict[str, np.ndarray]:
    """The derivatives of the label by pixel of the first input, and where its lines are."""
    stars, first, own = case.stars, case.stars.inputs[0], case.lines.windows[0]
    pattern = covariance_pattern(stars.fitted, case.label, spectra=first.name)
    good = stars.good[first.where]
    arrays = {
        "wavelength": first.wavelength,
        "medium": np.array(first.medium),
        "flux_by_label": np.where(good, conditional.value, 0),
        "pattern": np.where(good, pattern.value, 0),
        "own": own.pixels,
        "profile": own.profile,
        **case.lines.table(),
    }
    if conditional.sd is not None:
        arrays["flux_by_label_sd"] = np.where(good, conditional.sd, 0)
    if stars.model.is_linear:
        arrays["label_by_flux"] = np.where(good, _filter(stars, case.label)[first.where], 0)
    return arrays


def _filter(stars: "InferredStars", label: str) -> np.ndarray:
    """Mean over stars of d label / d flux, (pixel,): a_n S_n W_j w_nj; linear decoders of the inputs."""
    gain = np.einsum("nde,ne->nd", stars.cov, stars.label_slopes[:, stars.column(label)])
    return np.einsum("pd,dp->p", stars.pixel_rows, gain.T @ stars.weight) / len(stars)


def _share(share: float) -> str:
    return "none" if share == 0 else f"{share:.1%}"
