"""Shape: whether what follows a label in the windows of its lines looks like lines, or like a bad column or a slope."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..lines_of_evidence._trend import residualize, second_order

__all__ = ["LineShape", "line_shape"]


class LineShape(NamedTuple):
    """What follows the label, pixel by pixel.

    Attributes
    ----------
    share : float
        Part of its sum of squares over errors that lines of free depth explain; 1 for lines of the expected width, less
        for anything else. Chance is taken off. NaN without lines.
    size : float
        That sum, less what chance gives.
    """

    share: float
    size: float


def line_shape(
    flux: ArrayLike,
    ivar: ArrayLike,
    model: ArrayLike,
    profile: ArrayLike,
    line: ArrayLike,
    predicted: ArrayLike,
    observed: ArrayLike,
) -> LineShape:
    """Split what follows a label in its windows into lines and the rest.

    Pixel j deepens with the label off trend by c_j, its regression on y_perp. Every line has its own depth, so errors of
    line strengths do not count, only shapes do.

    Parameters
    ----------
    flux, ivar, model : (star, own pixel) arrays
    profile, line : (own pixel,) arrays
        Expected depth, and number of the line.
    predicted : (star, label) array
        What is taken out: labels as predicted without the windows.
    observed : (star,) array
        The label.
    """
    known = np.isfinite(observed) & np.isfinite(predicted).all(axis=1)
    flux, ivar, model = (np.asarray(a, float)[known] for a in (flux, ivar, model))
    terms = second_order(np.asarray(predicted, float)[known])
    y = residualize(np.asarray(observed, float)[known], terms)
    deeper = residualize(np.where(ivar > 0, model - flux, 0.0), terms)
    size = np.sum((ivar > 0) * y[:, None] ** 2, axis=0)
    seen = (size > 0) & (np.asarray(profile) > 0)
    if not seen.any():
        return LineShape(float("nan"), 0.0)
    slope = (y @ deeper)[seen] / size[seen]
    left = deeper[:, seen] - slope * y[:, None]
    weight = size[seen] ** 2 / np.maximum(np.sum((left * y[:, None]) ** 2, axis=0), 1e-300)
    h, number = np.asarray(profile, float)[seen], np.asarray(line)[seen]
    total = float(np.sum(weight * slope**2)) - len(h)
    lines = np.unique(number)
    explained = -float(len(lines))
    for k in lines:
        at = number == k
        explained += float(np.sum((weight * slope * h)[at]) ** 2 / np.sum((weight * h**2)[at]))
    return LineShape(explained / total if total > 0 else float("nan"), total)
