"""Conditional saliency of a label: what the model thinks it does to the flux, matched to its element's lines."""

import numpy as np

from ...core import InputError
from ...interpret.attribution import conditional_flux_jacobian, covariance_pattern
from ...lines import match_lines
from ...lines.internal import LineMatch
from .._explanation import Evidence
from .._judge import Judgement
from .._stars import Stars
from ._words import NO_LINES, line_table

__all__ = ["saliency"]


def saliency(stars: Stars, case: Judgement, seed: int) -> Evidence:
    """D flux / d label at fixed others in the first input, its enrichment at the element lines, filter and pattern beside."""
    first, own = stars.inputs[0], case.lines.windows[0]
    try:
        conditional = conditional_flux_jacobian(
            stars.fitted,
            case.label,
            others=case.others,
            spectra=first.name,
            spread=stars.fitted.model.is_linear,
        )
    except InputError as problem:
        return Evidence("saliency", float("nan"), statement=str(problem))
    pattern = covariance_pattern(stars.fitted, case.label, spectra=first.name)
    good = stars.good[first.where]
    arrays = {
        "wavelength": first.wavelength,
        "medium": np.array(first.medium),
        "flux_by_label": np.where(good, conditional.value, 0),
        "pattern": np.where(good, pattern.value, 0),
        "own": own.pixels,
        "profile": own.profile,
        **line_table(case.lines),
    }
    if conditional.sd is not None:
        arrays["flux_by_label_sd"] = np.where(good, conditional.sd, 0)
    if stars.fitted.model.is_linear:
        arrays["label_by_flux"] = np.where(good, _filter(stars, case.label)[first.where], 0)
    if not len(own):
        return Evidence("saliency", float("nan"), statement=NO_LINES, arrays=arrays)
    found = match_lines(
        conditional.value,
        first.wavelength,
        first.medium,
        own.lines,
        resolution=own.resolution,
        seed=seed,
        sd=conditional.sd,
        good=good,
    )
    return Evidence("saliency", found.score, null=found.null, statement=_words(case, found), arrays=arrays)


def _words(case: Judgement, found: LineMatch) -> str:
    return (
        f"At fixed {', '.join(case.others)} the model's flux falls with the label {found.score:.1f} times as much at "
        f"its element lines ({case.lines.describe()}) as elsewhere; {np.mean(found.null >= found.score):.1%} of shifted "
        "line lists do as well."
    )


def _filter(stars: Stars, label: str) -> np.ndarray:
    """Mean over stars of d label / d flux, (pixel,): a S_n W_j w_nj; linear decoders."""
    gain = stars.cov @ stars.label_rows[stars.column(label)]
    return np.einsum("pd,dp->p", stars.pixel_rows, gain.T @ stars.weight) / len(stars)
