"""Element windows: the pixels about an element's lines, and how deep a change of abundance shows there."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax
import numpy as np

from ..core import InputError, check_name
from ..core.internal import chosen_rows
from ..data.internal import Medium
from ..lines import LineList, LineStrength
from ..lines.internal import PARAMETERS

__all__ = ["GIANT", "ElementWindows", "element_windows", "survey_resolution"]

#: The star whose line strengths stand for the sample where nothing better is known.
GIANT = {"teff": 4600.0, "logg": 2.3, "fe_h": 0.0, "vmic": 1.6, "vmacro": 4.0}
REACH = 3.0  # half the width of a window, in sigmas of the observed line
STEP = 0.1  # dex, of the finite difference that gives a line's response to its abundance
_LIGHT = 299792.458  # km/s
_RESOLUTION = {"apogee": 22_500.0, "galah": 28_000.0, "lamost": 1_800.0}


@dataclass(frozen=True, eq=False)
class ElementWindows:
    """The lines of one element (or several) on one grid of pixels.

    Parameters
    ----------
    lines : LineList
        The lines that show, in the medium of `wavelength`.
    wavelength : (pixel,) array
        Angstrom.
    sigma : (line,) array
        Gaussian width of each line as observed, Angstrom.
    depth : (line,) array
        Central depth in the reference star, as a fraction of the continuum.
    response : (line,) array
        Change of the central depth by 1 dex of abundance: the slope at the reference star.
    resolution : float
        lambda / FWHM of the instrument.
    n_weak : int
        Lines in the window that were left out because they are too weak to show.
    """

    lines: LineList
    wavelength: np.ndarray
    sigma: np.ndarray
    depth: np.ndarray
    response: np.ndarray
    resolution: float
    n_weak: int = 0

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def pixels(self) -> np.ndarray:
        """Pixels within three sigma of any line, (pixel,) bool."""
        return self._within(REACH)

    @property
    def nearest(self) -> np.ndarray:
        """Number of the line nearest to each pixel, (pixel,) int; -1 without lines."""
        if not len(self):
            return np.full(len(self.wavelength), -1)
        middle = 0.5 * (self.lines.wavelength[1:] + self.lines.wavelength[:-1])
        return np.searchsorted(middle, self.wavelength)

    @property
    def profile(self) -> np.ndarray:
        """Deepening of every pixel by 1 dex of abundance, (pixel,), zero outside the windows.

        Lines add, as weak lines do; residuals divided by this are abundances in dex.
        """
        index, shape = self._shapes()
        return self._sum(index, self.response[:, None] * shape)

    def deepened(self, change: float) -> np.ndarray:
        """Factor by which the flux changes when the abundance rises by `change` dex, (pixel,).

        The lines' depths go from d to d + response x change (never below zero or beyond full darkness), and the
        transmissions of the change multiply: exp(-d tau) line by line.
        """
        index, shape = self._shapes()
        before = np.clip(self.depth, 0, 0.99)[:, None]
        after = np.clip(self.depth + change * self.response, 0, 0.99)[:, None]
        return np.exp(self._sum(index, np.log1p(-after * shape) - np.log1p(-before * shape)))

    def seen(self, good: np.ndarray) -> np.ndarray:
        """Share of each line's window that lies on good pixels, (line,)."""
        index, offset = self._stretch(REACH)
        inside = (np.abs(offset) <= REACH) & (index >= 0)
        return (inside & good[index]).sum(axis=1) / np.maximum(inside.sum(axis=1), 1)

    def select(self, index) -> "ElementWindows":
        """The windows of some lines: a slice, integer array or boolean mask."""
        rows = chosen_rows(index, len(self))
        kept = {k: getattr(self, k)[rows] for k in ("sigma", "depth", "response")}
        return dataclasses.replace(self, lines=self.lines.select(rows), **kept)

    def without(self, line: int) -> "ElementWindows":
        """The windows with one line left out."""
        return self.select(np.arange(len(self)) != line)

    def moved(self, centre) -> "ElementWindows":
        """The same lines at other wavelengths, (line,) Angstrom, as wide in velocity."""
        centre = np.asarray(centre, float)
        order = np.argsort(centre, kind="stable")
        line = dataclasses.replace(self.lines.select(order), wavelength=centre[order])
        sigma = (self.sigma * centre / self.lines.wavelength)[order]
        return dataclasses.replace(
            self, lines=line, sigma=sigma, depth=self.depth[order], response=self.response[order]
        )

    def elsewhere(self, rng: np.random.Generator, good: np.ndarray | None = None) -> "ElementWindows":
        """The same lines, each moved to a random place away from all windows: a null.

        Parameters
        ----------
        rng : numpy.random.Generator
        good : (pixel,) bool array, optional
            Pixels with data. Default: all.
        """
        free = self._free(good)
        if not self.movable(good):
            raise InputError(
                f"there is no room to move {len(self)} lines to: {int(free.sum())} pixels lie away from the "
                "windows; use a wider spectrum or fewer lines."
            )
        return self.moved(rng.choice(self.wavelength[free], len(self), replace=False))

    def movable(self, good: np.ndarray | None = None) -> bool:
        """Whether there is room to move the lines: at least ten free places for each."""
        return int(self._free(good).sum()) >= 10 * len(self)

    def _free(self, good: np.ndarray | None) -> np.ndarray:
        """Pixels about which a whole window fits without touching another one or pixels without data."""
        good = np.ones(len(self.wavelength), bool) if good is None else np.asarray(good, bool)
        half = self._half(REACH)
        narrowed = np.convolve(good, np.ones(2 * half + 1), mode="same") >= 2 * half + 0.5
        return narrowed & ~self._within(2 * REACH)

    def _within(self, reach: float) -> np.ndarray:
        index, offset = self._stretch(reach)
        out = np.zeros(len(self.wavelength), bool)
        out[index[(np.abs(offset) <= reach) & (index >= 0)]] = True
        return out

    def _half(self, reach: float) -> int:
        """Pixels on either side of a line that hold `reach` sigmas of the widest one."""
        if not len(self):
            return 0
        right = np.clip(np.searchsorted(self.wavelength, self.lines.wavelength), 1, len(self.wavelength) - 1)
        step = self.wavelength[right] - self.wavelength[right - 1]
        return int(np.ceil(reach * np.max(self.sigma / step)))

    def _stretch(self, reach: float) -> tuple[np.ndarray, np.ndarray]:
        """Pixels near each line, -1 beyond the ends, and their distance from it in sigmas, (line, near) each."""
        half = self._half(reach) + 1
        index = np.searchsorted(self.wavelength, self.lines.wavelength)[:, None] + np.arange(-half, half + 1)
        inside = (index >= 0) & (index < len(self.wavelength))
        near = self.wavelength[np.clip(index, 0, len(self.wavelength) - 1)]
        offset = (near - self.lines.wavelength[:, None]) / self.sigma[:, None]
        return np.where(inside, index, -1), offset

    def _shapes(self) -> tuple[np.ndarray, np.ndarray]:
        """Gaussian of unit height about each line, cut off at the windows' ends."""
        index, offset = self._stretch(REACH)
        return index, np.exp(-0.5 * offset**2) * ((np.abs(offset) <= REACH) & (index >= 0))

    def _sum(self, index: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Sum over lines, (pixel,); what lies beyond the ends is zero already."""
        out = np.zeros(len(self.wavelength))
        np.add.at(out, index, values)
        return out


def element_windows(
    lines: LineList,
    wavelength: np.ndarray,
    medium: Medium,
    species: Sequence[str],
    *,
    resolution: float,
    reference: Mapping[str, float] | None = None,
    floor: float = 1e-3,
    together: bool = False,
) -> ElementWindows:
    """The windows of an element's lines on a grid of pixels.

    Strengths are those of `luxjax.lines.LineStrength` in a reference star. A line is a Gaussian whose area is
    its equivalent width, as wide as thermal motion, turbulence and the instrument make it.

    Parameters
    ----------
    lines : LineList
        Lines of all elements, in air or vacuum; converted to the medium of the spectra.
    wavelength : (pixel,) array
        Angstrom.
    medium : "air" or "vacuum"
        Of `wavelength`.
    species : sequence of str
        Elements (``"Eu"``) or species (``"Fe II"``). Those without lines here simply have no windows.
    resolution : float
        lambda / FWHM of the Gaussian line-spread function.
    reference : mapping of str to float, optional
        Parameters of the reference star, such as ``{"teff": 4500.0}``, in place of those of `GIANT`.
    floor : float
        Lines whose central depth in the reference star is less than this are left out: 0.001 of the continuum is
        what a thousand spectra of signal-to-noise ratio 100 show at three sigma in one pixel.
    together : bool
        Whether the label is the overall metallicity, so that all elements rise together.

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.evidence import element_windows
    >>> from luxjax.lines import LineList
    >>> wavelength = np.arange(6640.0, 6650.0, 0.1)
    >>> windows = element_windows(LineList.builtin("air"), wavelength, "air", ["Eu"], resolution=28000.0)
    >>> len(windows), wavelength[windows.pixels].mean().round(0).tolist()
    (1, 6645.0)
    """
    if isinstance(species, str):
        species = [species]
    if not np.isfinite(resolution) or resolution <= 0:
        raise InputError(f"resolution is {resolution}; give lambda / FWHM, such as 22500.")
    star = _star({**GIANT, **(reference or {})})
    grid = np.asarray(wavelength, float)
    own = lines.to(medium)
    inside = (own.wavelength >= grid[0]) & (own.wavelength <= grid[-1]) & (own.element != "H")
    own = own.select(inside & (np.isin(own.element, species) | np.isin(own.species, species)))
    if not len(own):
        none = np.zeros(0)
        return ElementWindows(own, grid, none, none, none, resolution)
    stars = [star, *(_richer(star, own.element, change, together) for change in (STEP, -STEP))]
    width, sigma = map(np.asarray, jax.jit(jax.vmap(LineStrength(own).profile))(np.array(stars)))
    variance = sigma[0] ** 2 + (own.wavelength / _LIGHT) ** 2 * _broadening(resolution, star)
    area = np.sqrt(2 * np.pi * variance)
    response = (width[1] - width[2]) / (2 * STEP) / area
    found = ElementWindows(own, grid, np.sqrt(variance), width[0] / area, response, resolution)
    seen = found.depth > floor
    return dataclasses.replace(found.select(seen), n_weak=int((~seen).sum()))


def survey_resolution(survey: str, resolution: float | None = None) -> float:
    """Resolving power of a survey's spectra, if not given."""
    if resolution is not None:
        return float(resolution)
    if survey not in _RESOLUTION:
        raise InputError(
            f"the resolution of survey '{survey}' is not known (known: {', '.join(_RESOLUTION)}); "
            "give resolution=, lambda / FWHM."
        )
    return _RESOLUTION[survey]


def _star(values: Mapping[str, float]) -> np.ndarray:
    out = np.zeros(len(PARAMETERS))
    for name, value in values.items():
        check_name("parameter of the reference star", name, PARAMETERS)
        out[PARAMETERS.index(name)] = value
    return out


def _broadening(resolution: float, star: np.ndarray) -> float:
    """Variance of instrument and macroturbulence, (km/s)^2."""
    instrument = _LIGHT / (resolution * np.sqrt(8 * np.log(2)))
    return instrument**2 + 0.5 * star[PARAMETERS.index("vmacro")] ** 2


def _richer(star: np.ndarray, elements: np.ndarray, change: float, together: bool) -> np.ndarray:
    """The star with these elements changed by `change` dex; Fe, and all of them together, through [Fe/H]."""
    out = star.copy()
    for element in ["Fe"] if together else set(elements):
        name = "fe_h" if element == "Fe" else f"{element.lower()}_fe"
        out[PARAMETERS.index(name)] += change
    return out
