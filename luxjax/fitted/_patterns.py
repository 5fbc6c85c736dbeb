"""Stars of one set that have different inputs, and the calibration that serves each of them."""

from collections.abc import Sequence

import numpy as np

from ._calibration import Calibration

__all__ = ["calibration_by_rows", "patterns"]


def patterns(inputs: Sequence[str], present: np.ndarray) -> dict[tuple[str, ...], np.ndarray]:
    """Rows of the stars that have the same inputs, by the names of these; the most frequent first.

    Parameters
    ----------
    inputs : sequence of str
    present : (star, input) bool array
        Which of them each star has.
    """
    unique, which = np.unique(present, axis=0, return_inverse=True)
    rows = [np.flatnonzero(which.ravel() == k) for k in range(len(unique))]
    found = {
        tuple(name for name, there in zip(inputs, has, strict=True) if there): r
        for has, r in zip(unique, rows, strict=True)
    }
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def calibration_by_rows(
    calibration: Calibration, others: Sequence[Calibration], inputs: Sequence[str], present: np.ndarray
) -> list[tuple[np.ndarray, Calibration]]:
    """Rows of stars with the calibration of just the inputs that they have, among the `others`; else the first one."""
    own = {
        frozenset(c.inputs): c
        for c in others
        if not c.pooled and c.names == calibration.names and set(c.shrunk) == set(calibration.shrunk)
    }
    groups = patterns(inputs, present).items() if own and present.size else [((), np.arange(len(present)))]
    return [(rows, own.get(frozenset(names), calibration)) for names, rows in groups]
