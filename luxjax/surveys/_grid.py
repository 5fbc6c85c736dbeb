"""The grid that spectra are brought to: one asked for, that of their survey, or the most common one among the files."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..core import InputError
from ..data import Spectra
from ._native import native_grid

if TYPE_CHECKING:
    from ._options import IngestOptions

__all__ = ["common_grid", "wanted_grid"]


def common_grid(sample: Sequence[Spectra]) -> Spectra:
    """The first spectrum on the most common grid of the most common kind; of equally common ones, the longest."""
    kinds = [(s.survey, s.normalized) for s in sample]
    most = Counter(kinds).most_common(1)[0][0]
    sample = [s for s, kind in zip(sample, kinds, strict=True) if kind == most]
    keys = [(s.n_pixels, round(float(s.wavelength[0]), 3), round(float(s.wavelength[-1]), 3)) for s in sample]
    counts = Counter(keys)
    best = max(counts, key=lambda k: (counts[k], k[0]))
    return sample[keys.index(best)]


def wanted_grid(spectra: Spectra, options: "IngestOptions") -> tuple[np.ndarray, int]:
    """Wavelengths wanted, and how many pixels of the files are averaged in each."""
    if options.grid is not None:
        return _cut(np.asarray(options.grid, float), options.wavelength_range), 1
    native = native_grid(spectra, any_survey=(options.binning or 1) > 1)
    if native is None:
        return _cut(spectra.wavelength, options.wavelength_range), 1
    binning = options.binning or native.binning
    return _cut(native.wavelength(binning), options.wavelength_range or native.limits), binning


def _cut(wavelength: np.ndarray, kept: tuple[float, float] | None) -> np.ndarray:
    if kept is None:
        return wavelength
    low, high = kept
    inside = wavelength[(wavelength >= low) & (wavelength <= high)]
    if len(inside) < 2:
        raise InputError(
            f"the range {low:g} to {high:g} Angstrom leaves {len(inside)} pixels of a grid from {wavelength[0]:.1f} to "
            f"{wavelength[-1]:.1f}; give a range within it, in Angstrom."
        )
    return inside
