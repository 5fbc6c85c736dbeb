"""A few observed spectra with what a model makes of them, to be looked at."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..core import InputError

__all__ = ["Example"]


@dataclass(frozen=True, eq=False)
class Example:
    """A handful of observed spectra of one output with what the model makes of them.

    Parameters
    ----------
    ids : (star,) array of str
    wavelength : (pixel,) array
        Angstrom.
    medium : "air" or "vacuum"
    flux, ivar, model : (star, pixel) arrays
        Observed flux, its inverse variance (zero at bad pixels), and the model's flux.
    lines : mapping of str to float
        Wavelengths in Angstrom, same medium, of lines worth a closer look, by name ("Eu II 6645").

    Raises
    ------
    InputError
        If the shapes do not fit together.
    """

    ids: np.ndarray
    wavelength: np.ndarray
    medium: str
    flux: np.ndarray
    ivar: np.ndarray
    model: np.ndarray
    lines: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self):
        shape = (len(self.ids), len(self.wavelength))
        for name in ("flux", "ivar", "model"):
            if np.shape(getattr(self, name)) != shape:
                raise InputError(
                    f"example spectra: {name} has shape {np.shape(getattr(self, name))}, but {shape[0]} ids and "
                    f"{shape[1]} wavelengths ask for {shape}."
                )
