"""Stretches of pixels without a gap: detectors and spectrograph arms."""

from collections.abc import Sequence

import numpy as np

from ..core import InputError
from ..core.internal import doubles
from ..data import Spectra
from ._resample import gaps

__all__ = ["segments"]


def segments(
    spectra: Spectra, intervals: Sequence[tuple[float, float]] | None = None, *, longest_gap: int = 50
) -> list[slice]:
    """Runs of pixels that belong to one detector or arm.

    Parameters
    ----------
    spectra : Spectra
    intervals : sequence of (low, high), optional
        Wavelength ranges in Angstrom, one per segment, not overlapping. Default: a new segment begins
        after `longest_gap` or more pixels in a row that the grid leaves out (measured by the steps next to the gap) or
        that are bad in every spectrum, as between the detectors of spectra on one padded grid. What is bad in
        every spectrum depends on which spectra they are: name the intervals where that must not be.
    longest_gap : int
        Pixels; shorter gaps do not divide.

    Returns
    -------
    list of slice
        In order of wavelength; pixels may belong to none.
    """
    wavelength = spectra.wavelength
    if intervals is not None:
        edges = np.sort(doubles("intervals", intervals, "Angstrom").reshape(-1, 2), axis=0)
        if np.any(edges[:, 0] >= edges[:, 1]) or np.any(edges[1:, 0] < edges[:-1, 1]):
            raise InputError(
                f"segments are ranges (low, high) that do not overlap; given: {list(intervals)}."
            )
        found = [slice(*np.searchsorted(wavelength, (low, high + 1e-9))) for low, high in edges]
        for part, (low, high) in zip(found, edges, strict=True):
            if part.start == part.stop:
                raise InputError(
                    f"no pixel lies in the segment {low:g}-{high:g} Angstrom; the spectra cover "
                    f"{wavelength[0]:.1f}-{wavelength[-1]:.1f} {spectra.medium}."
                )
        return found
    used = np.flatnonzero(spectra.good.any(axis=0))
    if len(used) == 0:
        return []
    apart = np.diff(used) > longest_gap
    jumps = np.append(0, np.cumsum(gaps(np.diff(wavelength), longest_gap)))
    apart |= np.diff(jumps[used]) > 0
    starts = used[np.append(True, apart)]
    ends = used[np.append(apart, True)] + 1
    return [slice(int(a), int(b)) for a, b in zip(starts, ends, strict=True)]
