"""From a fitted model and held-out stars to the numbers of a verdict, for windows of one's own."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..core import InputError, check_name
from ..core.internal import join_names
from ..data import Catalog
from ..fitted import FittedModel
from ._measure import HeldOut, Measurement, measurement
from ._stars import Stars, infer_held_out

__all__ = ["held_out", "measure_evidence"]

Windows = ArrayLike | Mapping[str, ArrayLike]


def held_out(
    fitted: FittedModel,
    catalog: Catalog,
    pixels: Windows | None = None,
    inputs: Sequence[str] | None = None,
    *,
    block: int = 512,
) -> HeldOut:
    """Predict the labels of held-out stars with and without element windows, and the flux in these windows.

    Parameters
    ----------
    fitted : FittedModel
    catalog : Catalog
        Stars that the model has not seen, with spectra and labels.
    pixels : (pixel,) bool array, or mapping of input to such arrays, optional
        The element windows. One array goes with the one input that is spectra.
    inputs : sequence of str, optional
        The outputs to predict from; by default all spectra that model and catalogue share.
    block : int
        Stars handled at a time.
    """
    stars = infer_held_out(fitted, catalog, inputs, block=block)
    return stars.without(_beside(stars, pixels, bool))


def measure_evidence(
    fitted: FittedModel,
    catalog: Catalog,
    label: str,
    others: Sequence[str],
    pixels: Windows | None = None,
    profile: Windows | None = None,
    inputs: Sequence[str] | None = None,
    *,
    line: Windows | None = None,
    block: int = 512,
) -> Measurement:
    """Off-trend response, element-line residual and own-pixel share of one label, over held-out stars.

    Parameters
    ----------
    fitted : FittedModel
    catalog : Catalog
        Stars that the model has not seen, with spectra and labels.
    label : str
    others : sequence of str
        The labels to condition on. Leave out any that is itself a guess: its prediction is a copy of others, and
        may hold what the spectrum says of `label`.
    pixels, profile : (pixel,) arrays, or mappings of input to them, optional
        The element windows (bool) and the expected depth of the label's lines there. Without them, or where no pixel is
        in a window, element lines cannot be judged.
    inputs : sequence of str, optional
        The outputs to predict from; by default all spectra that model and catalogue share.
    line : (pixel,) integer array, or mapping of input to such arrays, optional
        Number of the line that each pixel belongs to, to see whether T survives without each.
    block : int
        Stars handled at a time.
    """
    stars = infer_held_out(fitted, catalog, inputs, block=block)
    own = _beside(stars, pixels, bool)
    shape = None if profile is None else _beside(stars, profile, float)[own]
    number = None if profile is None or line is None else _beside(stars, line, int)[own]
    return measurement(stars.without(own), label, others, shape, number)


def _beside(stars: Stars, given: Windows | None, kind: type) -> np.ndarray:
    """The arrays of all inputs side by side, (pixel,); zeros where none was given."""
    names = [p.name for p in stars.inputs]
    if given is None:
        given = {}
    elif not isinstance(given, Mapping):
        if len(names) > 1:
            raise InputError(
                f"element windows came as one array for the inputs {join_names(names)}; give a mapping of input to array."
            )
        given = {names[0]: given}
    for name in given:
        check_name("input for the element windows", name, names)
    out: np.ndarray = np.zeros(stars.n_pixels, kind)
    for p in stars.inputs:
        if p.name not in given:
            continue
        values: np.ndarray = np.asarray(given[p.name], kind)
        size = p.where.stop - p.where.start
        if values.shape != (size,):
            raise InputError(
                f"element windows of '{p.name}' have shape {values.shape}; its {size} pixels ask for ({size},)."
            )
        out[p.where] = values
    return out
