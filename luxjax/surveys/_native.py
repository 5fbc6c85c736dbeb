"""Log-linear pixels that all files of a survey lie on, whatever their length, and how they are binned by default.

Pixels are numbered from the survey's first one, not from the first of a file. So files that begin late or end early, and
releases with more or fewer pixels, are all brought to the same grid.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..core import InputError
from ..data import Spectra

__all__ = ["NativeGrid", "bin_limits", "native_grid"]

# Largest distance of a pixel from the survey's numbered ones, in pixels: tables hold wavelengths in single precision.
NEAR = 0.02


@dataclass(frozen=True)
class NativeGrid:
    """Log-linear pixels of a survey, log10 of Angstrom = ``first + step * number``, and what of them is safe to use.

    Parameters
    ----------
    survey : str
    first, step : float
        Start and step in log10 of the wavelength in Angstrom.
    n : int
        Number of pixels.
    limits : (low, high)
        Wavelengths kept by default, Angstrom.
    binning : int
        Pixels averaged by default.
    """

    survey: str
    first: float
    step: float
    n: int
    limits: tuple[float, float] = (0.0, np.inf)
    binning: int = 1

    def wavelength(self, binning: int) -> np.ndarray:
        """Centres of the bins of this many pixels, counted from the first one, Angstrom."""
        number = binning * np.arange(self.n // binning) + (binning - 1) / 2
        return 10.0 ** (self.first + self.step * number)

    def has(self, wavelength: np.ndarray) -> bool:
        """Whether all these wavelengths are pixels of the survey."""
        number = self._number(wavelength)
        near = np.abs(number - np.round(number)) < NEAR
        return bool(np.all(near & (number > -0.5) & (number < self.n - 0.5)))

    def binning_of(self, wavelength: np.ndarray) -> int:
        """How many pixels were averaged to make such a grid; 1 where it is none of this survey's bins."""
        number = self._number(wavelength)
        binning = int(np.round(np.diff(number).min())) if len(number) > 1 else 1
        first = number - (binning - 1) / 2
        whole = np.abs(first / max(binning, 1) - np.round(first / max(binning, 1))) < NEAR / max(binning, 1)
        return binning if binning > 1 and whole.all() else 1

    def _number(self, wavelength: np.ndarray) -> np.ndarray:
        return (np.log10(wavelength) - self.first) / self.step


# Limits and binning were chosen on the 92 labelled stars of LAMOST DR1, by the error of ridge regression in five folds, as a
# fraction of that with single pixels from 3850 to 8900 Angstrom (Teff, log g, [Fe/H]): 3 pixels from 3900 to 8800 Angstrom
# 0.93, 0.92, 0.88; 3800 to 9000 0.98, 0.97, 0.90; all 0.96, 0.96, 0.94; 2 pixels 0.95, 0.96, 0.89; 4 pixels 0.94, 0.94, 0.96.
NATIVE_GRIDS: Sequence[NativeGrid] = (
    # 3909 pixels are the longest files (DR5 and later); DR1 has the first 3904 of them.
    NativeGrid("lamost", 3.5682, 1e-4, 3909, limits=(3900.0, 8800.0), binning=3),
    # BOSS begins near 3,560 Angstrom, SDSS near 3,800, and they end near 10,400 and 9,200: the limits are what both have, also shifted to rest.
    # A pixel is half of the resolution, and no labelled stars were at hand to choose bins on: none are averaged.
    NativeGrid("sdss", 3.54, 1e-4, 4900, limits=(3850.0, 9150.0)),
)


def native_grid(spectra: Spectra, *, any_survey: bool = False) -> NativeGrid | None:
    """The numbered pixels that a spectrum lies on; None where its survey has none here (LAMOST's low resolution and SDSS have).

    With `any_survey`, the pixels of the spectrum itself will do, if they are log-linear; `InputError` if they are not.
    """
    for grid in NATIVE_GRIDS:
        if spectra.survey == grid.survey and grid.has(spectra.wavelength):
            return grid
    if not any_survey:
        return None
    log = np.log10(spectra.wavelength)
    step = (log[-1] - log[0]) / max(len(log) - 1, 1)
    if len(log) < 2 or not np.allclose(np.diff(log), step, rtol=1e-3):
        raise InputError(
            f"pixels are binned where their steps are equal in log wavelength, and those of '{spectra.ids[0]}' are not; "
            "give a grid instead."
        )
    return NativeGrid(spectra.survey, float(log[0]), float(step), len(log))


def bin_limits(wavelength: np.ndarray, binning: int) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper edges of bins of `binning` log-linear pixels with these centres, where single pixels have theirs."""
    log = np.log10(wavelength)
    step, half = np.diff(log).min() / binning, (binning - 1) / 2
    pixel = 10.0 ** (log[:, None] + step * np.array([-half - 1, -half, half, half + 1]))
    lower, upper = pixel[:, :2].mean(axis=1), pixel[:, 2:].mean(axis=1)
    meet = np.isclose(lower[1:], upper[:-1], rtol=1e-9, atol=0)  # but for rounding
    lower[1:] = np.where(meet, upper[:-1], lower[1:])
    return lower, upper
