"""What the spectra of one ingest are brought to: one grid in one medium and frame, with errors and continuum alike."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..core import InputError, Progress
from ..data import Spectra
from ..data.internal import Frame, Medium
from ..preprocessing import ContinuumPolynomial, ContinuumQuantile, normalize, resample, to_medium, to_rest
from .formats._read import ReadResult, read_many

if TYPE_CHECKING:
    from ._options import IngestOptions

__all__ = ["CONTINUA", "Reduction"]

# Files looked at first, to find the most common grid: whole stars, as GALAH's come in fours.
PEEK = 48
CONTINUA: dict[str, Callable[[], Any]] = {
    # Lines are clipped from below, so that the polynomial runs along the top.
    "polynomial": lambda: ContinuumPolynomial(order=4, clip=(1.0, 3.0)),
    "quantile": lambda: ContinuumQuantile(window_angstrom=100.0, quantile=0.9),
}


@dataclass(frozen=True, eq=False)
class Reduction:
    """The grid, medium and frame that spectra are brought to, and what is done to them there.

    It treats every spectrum by itself, so files may be read in any parts and processes with the same result.

    Parameters
    ----------
    wavelength : (pixel,) array
        Angstrom.
    medium : "air" or "vacuum"
    frame : "rest", "barycentric" or "observed"
    normalized : bool
        Whether the spectra, as the files hold them, are normalised.
    survey : str
    rest : bool
        Whether to shift to the rest frame.
    normalization : "none", "quantile" or "polynomial"
    error_factor : float
        Multiplies the stated errors.
    flux_unit : str
        Of the spectra as the files hold them.
    """

    wavelength: np.ndarray
    medium: Medium
    frame: Frame
    normalized: bool
    survey: str
    rest: bool = True
    normalization: str = "none"
    error_factor: float = 1.0
    flux_unit: str = ""

    @classmethod
    def like(cls, spectra: Spectra, options: "IngestOptions") -> "Reduction":
        """To the grid of these spectra, or another one in their medium."""
        grid = spectra.wavelength if options.grid is None else np.asarray(options.grid, float)
        return cls(
            _cut(grid, options.wavelength_range),
            spectra.medium,
            "rest" if options.rest else spectra.frame,
            spectra.normalized,
            spectra.survey,
            options.rest,
            options.normalization,
            options.error_factor,
            spectra.flux_unit,
        )

    @classmethod
    def of_files(
        cls, files: Sequence[Path], options: "IngestOptions", *, workers: int | None = None
    ) -> "Reduction":
        """To the most common grid among the first files that can be read.

        Raises
        ------
        InputError
            None can be read.
        """
        for start in range(0, len(files), PEEK):
            peek = read_many(files[start : start + PEEK], workers=workers, progress=False, stack=False)
            sample = peek.spectra if isinstance(peek.spectra, list) else [peek.spectra]
            if sample:
                return cls.like(_common_grid(sample), options)
        reasons = read_many(files[:3], workers=workers, progress=False).failures["reason"]
        raise InputError(
            f"none of the {len(files)} files is a spectrum that can be read; the first: {reasons[0]}"
        )

    def read(
        self, files: Sequence[Path], *, workers: int | None = None, progress: bool | Progress | None = False
    ) -> ReadResult:
        """Files brought to the grid, stacked, and those that could not be; `finish` is still to be called."""
        return read_many(files, each=self._checked, workers=workers, progress=progress)

    def on_grid(self, spectra: Spectra) -> Spectra:
        """Spectra at rest (if wanted) on the grid."""
        spectra = to_medium(spectra, self.medium)
        if self.rest and spectra.frame != "rest":
            return to_rest(spectra, grid=self.wavelength, **_velocity(spectra))
        same = spectra.n_pixels == len(self.wavelength)
        if same and np.allclose(spectra.wavelength, self.wavelength, rtol=1e-9, atol=0):
            return spectra
        return resample(spectra, self.wavelength)

    def finish(self, spectra: Spectra) -> Spectra:
        """Errors rescaled and continuum divided out, as asked for."""
        if self.error_factor != 1:
            spectra = replace(
                spectra,
                ivar=spectra.ivar / np.float32(self.error_factor**2),
                history=(*spectra.history, f"errors multiplied by {self.error_factor:g}"),
            )
        if self.normalization != "none":
            spectra = normalize(spectra, CONTINUA[self.normalization]()).spectra
        return spectra

    def empty(self) -> Spectra:
        """No spectrum, with the grid and facts that all reduced ones share."""
        none = np.zeros((0, len(self.wavelength)), np.float32)
        divided = self.normalization != "none"
        done = (
            f"on one grid, {self.frame} frame, continuum {self.normalization}, errors x {self.error_factor:g}"
        )
        return Spectra(
            none,
            none,
            self.wavelength,
            self.medium,
            [],  # type: ignore[arg-type]
            frame=self.frame,
            survey=self.survey,
            normalized=self.normalized or divided,
            flux_unit="" if divided else self.flux_unit,
            history=(done,),
        )

    def _checked(self, spectra: Spectra) -> Spectra:
        reduced = self.on_grid(spectra)
        for what in ("frame", "normalized", "survey"):
            if getattr(reduced, what) != getattr(self, what):
                raise InputError(
                    f"its {what} is {getattr(reduced, what)!r} and that of most files {getattr(self, what)!r}; "
                    "ingest them apart."
                )
        return reduced


def _common_grid(sample: Sequence[Spectra]) -> Spectra:
    """The first spectrum on the most common grid; of equally common ones, the longest."""
    keys = [(s.n_pixels, round(float(s.wavelength[0]), 3), round(float(s.wavelength[-1]), 3)) for s in sample]
    counts = Counter(keys)
    best = max(counts, key=lambda k: (counts[k], k[0]))
    return sample[keys.index(best)]


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


def _velocity(spectra: Spectra) -> dict[str, Any]:
    """The star's motion in the frame of its spectrum, as the files give it."""
    table = pd.DataFrame(spectra.table)
    if "z" in table:
        return {"redshift": table["z"].to_numpy(float)}
    if "rv_kms" not in table:
        raise InputError(
            f"the spectra are in the {spectra.frame} frame and carry no velocity (no column 'rv_kms' or 'z' in their "
            "table); add one, or say rest=False to leave them there."
        )
    velocity = table["rv_kms"].to_numpy(float)
    if spectra.frame == "observed":
        if "barycentric_kms" not in table:
            raise InputError(
                "the spectra are in the observed frame and carry no barycentric correction (no column "
                "'barycentric_kms'); add it, or say rest=False."
            )
        velocity = velocity - table["barycentric_kms"].to_numpy(float)
    return {"velocity_kms": velocity}
