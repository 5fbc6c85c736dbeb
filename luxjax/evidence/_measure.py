"""The numbers of a verdict, from what a model says of held-out stars."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..core import check_name
from .checks._shape import line_shape
from .lines_of_evidence._element_lines import (
    ElementLines,
    element_line_residual,
    line_depth,
    line_depth_without,
)
from .off_trend._response import (
    DRAWS,
    ElementShare,
    Response,
    off_trend_response,
    response_share,
)

__all__ = ["HeldOutStars", "Measurement", "measurement"]


@dataclass(frozen=True, eq=False)
class HeldOutStars:
    """What a model says of held-out stars with and without some element windows. Host arrays in float64.

    Labels are in their own units and in the order of `labels`.

    Attributes
    ----------
    labels : tuple of str
    observed, error : (star, label) arrays
        As catalogued; NaN where missing.
    predicted, masked : (star, label) arrays
        From the spectrum alone, and from the spectrum with the element windows masked.
    own_part : (star, label) array
        The part of `predicted` that comes from the element windows. Exact for linear decoders, where a prediction is a
        sum over pixels; where only labels are curved, with the mean slope on the way from the mean star to the star, so that the
        parts of all pixels still add up; for other decoders of the inputs `predicted` - `masked`.
    flux, ivar, model : (star, own pixel) arrays
        At the pixels of the element windows, input after input: flux, inverse variance with the learned scatter
        included, and the flux predicted with the element windows masked.
    """

    labels: tuple[str, ...]
    observed: np.ndarray
    error: np.ndarray
    predicted: np.ndarray
    masked: np.ndarray
    own_part: np.ndarray
    flux: np.ndarray
    ivar: np.ndarray
    model: np.ndarray

    def column(self, label: str) -> int:
        """The column of a label."""
        check_name("label", label, self.labels)
        return self.labels.index(label)

    def columns(self, labels: Sequence[str]) -> list[int]:
        """The columns of several labels."""
        return [self.column(label) for label in labels]


class Measurement(NamedTuple):
    """What `decide` evaluates; the element-line parts are None where no element windows were given."""

    response: Response
    element_lines: ElementLines | None
    element_share: ElementShare | None


def measurement(
    stars: HeldOutStars,
    label: str,
    others: Sequence[str],
    profile: ArrayLike | None = None,
    line: ArrayLike | None = None,
    draws: int = DRAWS,
) -> Measurement:
    """Off-trend response, element-line residual and own-pixel share of one label, from stars already inferred.

    Parameters
    ----------
    stars : HeldOutStars
        Its own pixels are those of the label.
    label, others
        As for `measure_evidence`.
    profile, line : (own pixel,) arrays, optional
        Expected depth, and number of the line, at the own pixels alone.
    draws : int
        As for `off_trend_response`.
    """
    j, o = stars.column(label), stars.columns(others)
    given = (
        stars.predicted[:, j],
        stars.predicted[:, o],
        stars.observed[:, j],
        stars.error[:, j],
        stars.observed[:, o],
        stars.error[:, o],
    )
    response = off_trend_response(*given, others=others, draws=draws)
    if stars.flux.shape[1] == 0 or profile is None:
        return Measurement(response, None, None)
    seen = (stars.flux, stars.ivar, stars.model, profile)
    without: dict[str, np.ndarray] = {}
    if line is not None:
        without = dict(zip(("depth_without", "weight"), line_depth_without(*seen, line), strict=True))
    lines = element_line_residual(
        line_depth(*seen),
        stars.masked[:, [*o, j]],
        stars.observed[:, j],
        stars.error[:, j],
        tau2=response.tau2,
        **without,
    )
    if line is not None:
        shape = line_shape(*seen, line, stars.masked[:, [*o, j]], stars.observed[:, j])
        lines = replace(lines, shape=shape.share, shape_size=shape.size)
    return Measurement(response, lines, response_share(stars.own_part[:, j], *given))
