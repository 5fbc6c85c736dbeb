"""Pixels of a survey: grids, medium, resolution and detector gaps."""

from dataclasses import dataclass

import numpy as np

from ...core import InputError, check_name
from ...data.internal import Medium

__all__ = ["Window", "apogee", "galah", "window_named"]


@dataclass(frozen=True, eq=False)
class Window:
    """The pixels of one survey.

    Parameters
    ----------
    name : str
        Name of the survey, and of its output in a catalogue.
    wavelength : (pixel,) array
        Angstrom, strictly increasing.
    medium : "air" or "vacuum"
    resolution : float
        lambda / FWHM of the Gaussian line-spread function.
    good : (pixel,) bool array
        False in gaps between detectors.
    segments : tuple of (start, stop)
        Detectors or arms, in pixels.
    """

    name: str
    wavelength: np.ndarray
    medium: Medium
    resolution: float
    good: np.ndarray
    segments: tuple[tuple[int, int], ...]

    @property
    def n_pixels(self) -> int:
        return len(self.wavelength)

    @property
    def sigma_kms(self) -> float:
        """One-sigma width of the line-spread function, km/s."""
        return 299792.458 / (self.resolution * np.sqrt(8 * np.log(2)))

    def pixel(self, wavelength) -> np.ndarray:
        """Nearest pixel to each wavelength, given in Angstrom in the window's medium."""
        wavelength = np.asarray(wavelength, float)
        right = np.clip(np.searchsorted(self.wavelength, wavelength), 1, self.n_pixels - 1)
        nearer_left = wavelength - self.wavelength[right - 1] < self.wavelength[right] - wavelength
        return right - nearer_left

    def covers(self, wavelength, margin: float = 0.0) -> np.ndarray:
        """Whether each wavelength lies in a segment, to within `margin` Angstrom."""
        wavelength = np.asarray(wavelength, float)[..., None]
        low = self.wavelength[[a for a, _ in self.segments]] - margin
        high = self.wavelength[[b - 1 for _, b in self.segments]] + margin
        return np.any((wavelength >= low) & (wavelength <= high), axis=-1)


def apogee() -> Window:
    """APOGEE's combined grid: log10 lambda = 4.179 + 6e-6 i, 8,575 pixels in vacuum, three detectors."""
    segments = ((246, 3274), (3585, 6080), (6344, 8335))
    wavelength = 10 ** (4.179 + 6e-6 * np.arange(8575))
    return Window("apogee", wavelength, "vacuum", 22_500.0, _inside(segments, 8575), segments)


def galah() -> Window:
    """GALAH's four arms of 4,096 pixels in air, one after the other."""
    ends = ((4713.0, 4903.0), (5648.0, 5873.0), (6478.0, 6737.0), (7585.0, 7887.0))
    wavelength = np.concatenate([np.linspace(low, high, 4096) for low, high in ends])
    segments = tuple((4096 * k, 4096 * (k + 1)) for k in range(4))
    return Window("galah", wavelength, "air", 28_000.0, np.ones(len(wavelength), bool), segments)


def lamost() -> Window:
    """LAMOST's low-resolution grid: log10 lambda = 3.5682 + 1e-4 i, 3,909 pixels in vacuum."""
    wavelength = 10 ** (3.5682 + 1e-4 * np.arange(3909))
    return Window("lamost", wavelength, "vacuum", 1_800.0, np.ones(3909, bool), ((0, 3909),))


_WINDOWS = {"apogee": apogee, "galah": galah, "lamost": lamost}


def window_named(window: "str | Window") -> Window:
    """A window by its survey's name; a `Window` passes through."""
    if isinstance(window, Window):
        return window
    if not isinstance(window, str):
        raise InputError(f"window is {window!r}; name a survey ({', '.join(_WINDOWS)}) or give a Window.")
    check_name("window", window, _WINDOWS, "Name one of these surveys, or give a Window")
    return _WINDOWS[window]()


def _inside(segments, n_pixels: int) -> np.ndarray:
    good = np.zeros(n_pixels, bool)
    for start, stop in segments:
        good[start:stop] = True
    return good
