"""Effects planted in a simulated survey, to see whether a method notices them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from ..core import InputError, check_name
from ..data.internal import Medium
from ..lines import LineList, LineStrength
from ..lines.internal import PARAMETERS, column

__all__ = ["BreakCorrelation", "Confounder", "Impostor", "Plant", "PlantLine", "Where"]

Where = Literal["all", "train", "test"]


@dataclass(frozen=True)
class PlantLine:
    """A line that nature does not have, such as Eu II in the H band.

    Parameters
    ----------
    element : str
    wavelength : float
        Angstrom, in `medium`.
    strength : float
        Equivalent width in milli-Angstrom in a giant of 4,600 K, log g 2.3 and solar abundances.
    window : str
        The survey that shows it.
    ion : "I" or "II"
    excitation_potential : float
        eV.
    medium : "air" or "vacuum"

    Examples
    --------
    >>> from luxjax.simulation import PlantLine
    >>> line = PlantLine("Eu", 15500.0, strength=30.0)
    >>> f"{line.element} {line.ion} at {line.wavelength:.0f} Angstrom, {line.strength:.0f} mA"
    'Eu II at 15500 Angstrom, 30 mA'
    """

    element: str
    wavelength: float
    strength: float = 30.0
    window: str = "apogee"
    ion: str = "II"
    excitation_potential: float = 0.2
    medium: Medium = "vacuum"

    def lines(self) -> LineList:
        """The line with the log gf that gives it this strength."""
        if not 0.01 <= self.strength <= 300:
            raise InputError(f"planted line strength is {self.strength} mA; give one from 0.01 to 300 mA.")
        grid = np.linspace(-9, 4, 261)
        giant = np.zeros(len(PARAMETERS))
        giant[[column("teff"), column("logg"), column("vmic")]] = 4600.0, 2.3, 1.6
        width = 1e3 * np.asarray(LineStrength(self._with(grid)).equivalent_width(giant))
        return self._with(np.interp(np.log10([self.strength]), np.log10(width), grid))

    def _with(self, log_gf: np.ndarray) -> LineList:
        """The line once for each log gf."""
        n = len(log_gf)
        return LineList(
            np.full(n, self.element),
            np.full(n, self.ion),
            np.full(n, self.wavelength),
            self.medium,
            np.full(n, self.excitation_potential),
            log_gf,
            np.full(n, "planted"),
        )


@dataclass(frozen=True)
class Confounder:
    """Correlation of a neighbour element's scatter about its track with that of europium.

    Parameters
    ----------
    element : str
        One that shows lines in the window, such as ``"Co"``.
    rho : float
        Correlation of the two elements' off-trend abundances.
    """

    element: str
    rho: float = 0.6

    def __post_init__(self):
        if not -1 <= self.rho <= 1:
            raise InputError(f"confounder rho is {self.rho}; give a correlation from -1 to 1.")


@dataclass(frozen=True)
class Impostor:
    """Pixels that follow a label for no physical reason, such as a reduction artefact.

    Parameters
    ----------
    pixels : sequence of int
    label : str
        A label or parameter; its true value is followed.
    strength : float
        Change of normalised flux per standard deviation of the label; positive makes the pixels deeper.
    where : "all", "train" or "test"
        Which stars are affected.
    window : str
    """

    pixels: Sequence[int]
    label: str = "eu_fe"
    strength: float = 0.01
    where: Where = "all"
    window: str = "apogee"

    def __post_init__(self):
        check_name("part of the survey", self.where, get_args(Where))


@dataclass(frozen=True)
class BreakCorrelation:
    """An element's abundance shuffled among the stars of one part: its distribution stays, its trends go.

    Parameters
    ----------
    element : str
    where : "all", "train" or "test"
    """

    element: str = "Eu"
    where: Where = "test"

    def __post_init__(self):
        check_name("part of the survey", self.where, get_args(Where))


Plant = PlantLine | Confounder | Impostor | BreakCorrelation
