"""What the spectra of one ingest are brought to: one grid in one medium and frame, with errors and continuum alike."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import InputError, Progress
from ..data import Spectra
from ..data.internal import Frame, Medium
from ..preprocessing import normalize, resample, to_medium, to_rest
from ._as_read import badly_reduced, motion_of, no_star, step_kms, with_facts_of_all, without_band
from ._continuum import ABOUT, CONTINUA, chosen_continuum, continuum_like
from ._grid import common_grid, wanted_grid
from ._like import template_of
from ._native import bin_limits, native_grid
from ._noisy import ranges_of, too_noisy, without_impossible, without_weight
from ._templates import combined_files
from ._velocity import believed
from .formats._read import ReadResult, read_many

if TYPE_CHECKING:
    from ._options import IngestOptions

__all__ = ["Reduction"]

# Files looked at first, to find the most common grid: whole stars, as GALAH's come in fours.
PEEK = 48


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
        Flux unit of the spectra as the files hold them.
    binning : int
        Pixels of the files whose mean, weighted by inverse variance, is one of the grid. One: none are averaged.
    noise_limit : float or None
        Pixels with more than this many times the usual error are left out; None where that is settled.
    left_out : sequence of int
        Pixels of the grid that get no weight.
    origin : str
        The model or catalogue that all this was taken from, in words.
    combined : mapping of str to str
        File of the combined spectrum by star, for the velocities of single visits.
    classes : sequence of str
        Classes of objects that are kept, where files say what they are; empty: all.
    pixel_kms : float
        Step of the pixels of the files, km/s; 0 where any will do.
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
    binning: int = 1
    noise_limit: float | None = None
    left_out: Sequence[int] = ()
    origin: str = ""
    combined: Mapping[str, str] = field(default_factory=dict)
    classes: Sequence[str] = ()
    pixel_kms: float = 0.0

    @classmethod
    def for_spectra(cls, spectra: Spectra, options: "IngestOptions") -> "Reduction":
        """To the grid of these spectra, to that of their survey, or to another one in their medium."""
        files: dict[str, Any] = {
            "normalized": spectra.normalized,
            "survey": spectra.survey,
            "error_factor": options.error_factor,
            "flux_unit": spectra.flux_unit,
            "classes": options.classes,
        }
        if options.like is not None:
            template = template_of(options.like, options.spectra_name)
            native = native_grid(spectra)
            return cls(
                template.wavelength,
                template.medium,
                template.frame,
                rest=template.frame == "rest",
                normalization=continuum_like(template, spectra, options.normalization),
                binning=template.binning or (native.binning_of(template.wavelength) if native else 1),
                left_out=template.left_out,
                origin=template.name,
                **files,
            )
        grid, binning = wanted_grid(spectra, options)
        return cls(
            grid,
            spectra.medium,
            "rest" if options.rest else spectra.frame,
            rest=options.rest,
            normalization=chosen_continuum(spectra, options.normalization),
            binning=binning,
            noise_limit=options.noise_limit if np.isfinite(options.noise_limit) else None,
            **files,
        )

    @classmethod
    def of_files(
        cls,
        files: Sequence[Path],
        options: "IngestOptions",
        *,
        workers: int | None = None,
        choose_pixels: bool = False,
    ) -> "Reduction":
        """To the most common grid among the first files that can be read, or that of their survey.

        With `choose_pixels`, these first files also decide which pixels are left out.

        Raises
        ------
        InputError
            None can be read.
        """
        for start in range(0, len(files), PEEK):
            peek = read_many(files[start : start + PEEK], workers=workers, progress=False, stack=False)
            sample = peek.spectra if isinstance(peek.spectra, list) else [peek.spectra]
            sample = [one for one in sample if not no_star(one, options.classes)] or sample
            if sample:
                most = common_grid(sample)
                reduction = cls.for_spectra(most, options)
                reduction = replace(reduction.beside(files), pixel_kms=_wanted_step(reduction, most))
                return reduction._judged_on_first(sample) if choose_pixels else reduction
        reasons = read_many(files[:3], workers=workers, progress=False).failures["reason"]
        raise InputError(
            f"none of the {len(files)} files is a spectrum that can be read; the first: {reasons[0]}"
        )

    def read(
        self, files: Sequence[Path], *, workers: int | None = None, progress: bool | Progress | None = False
    ) -> ReadResult:
        """Files brought to the grid, stacked, and those that could not be; `finish` is still to be called."""
        return read_many(
            files, each=self._checked, leave_out=badly_reduced, workers=workers, progress=progress
        )

    def beside(self, files: Sequence[Path]) -> "Reduction":
        """With the combined spectra among these files, to measure the velocities of single visits."""
        return replace(self, combined=combined_files(files)) if self.rest else self

    def on_grid(self, spectra: Spectra) -> Spectra:
        """Spectra at rest (if wanted) on the grid, in one step."""
        spectra = to_medium(spectra, self.medium)
        bins: dict[str, Any] = (
            {"edges": bin_limits(self.wavelength, self.binning), "weighted": True} if self.binning > 1 else {}
        )
        if self.rest and spectra.frame != "rest":
            return to_rest(spectra, grid=self.wavelength, **bins, **motion_of(spectra))
        same = spectra.n_pixels == len(self.wavelength)
        if same and np.allclose(spectra.wavelength, self.wavelength, rtol=1e-9, atol=0):
            return spectra
        return resample(spectra, self.wavelength, **bins)

    def divided(self, spectra: Spectra) -> Spectra:
        """Errors rescaled and continuum divided out, as asked for."""
        if self.error_factor != 1:
            spectra = spectra.replace(
                ivar=spectra.ivar / np.float32(self.error_factor**2),
                step=f"errors multiplied by {self.error_factor:g}",
            )
        if self.normalization != "none":
            spectra = normalize(spectra, CONTINUA[self.normalization]()).spectra
        return spectra

    def judged_on(self, spectra: Spectra) -> "Reduction":
        """With the pixels left out that are too noisy in these spectra, divided already; as it is where that is settled."""
        if self.noise_limit is None:
            return self
        return replace(self, left_out=np.flatnonzero(too_noisy(spectra, self.noise_limit)).tolist())

    def finish(self, spectra: Spectra) -> Spectra:
        """Errors rescaled, continuum divided out, and values and pixels left out."""
        return self.closed(without_impossible(self.divided(spectra)))

    def closed(self, spectra: Spectra) -> Spectra:
        """Spectra, divided already, without weight in the pixels left out, and with an account in their history."""
        return without_weight(spectra, self.left_out).replace(step=self.done)

    def _judged_on_first(self, sample: Sequence[Spectra]) -> "Reduction":
        parts = []
        for spectra in sample:
            with suppress(InputError):  # will be listed when it is read again
                parts.append(self._checked(spectra).replace(mask=None))
        return self.judged_on(self.divided(Spectra.stack(parts))) if parts else self

    @property
    def done(self) -> str:
        """All this as one line of a history. `Template.of` reads it."""
        words = [f"on one grid, {self.frame} frame"]
        words += [f"bins of {self.binning} pixels"] if self.binning > 1 else []
        words += [f"continuum {self.normalization}", f"errors x {self.error_factor:g}"]
        words += [f"no weight at {ranges_of(self.wavelength, self.left_out)}"] if len(self.left_out) else []
        return ", ".join(words)

    @property
    def account(self) -> tuple[str, ...]:
        """All this in words, three lines: the grid, the continuum, the pixels left out."""
        first, last = self.wavelength[0], self.wavelength[-1]
        as_in = f", as in {self.origin}" if self.origin else ""
        grid = f"grid: {len(self.wavelength)} pixels from {first:.1f} to {last:.1f} A {self.medium}, {self.frame} frame"
        if self.binning > 1:
            grid += f", each the weighted mean of {self.binning} pixels of the files"
        continuum = "not divided out"
        if self.normalization != "none":
            continuum = f"divided out ({ABOUT[self.normalization]})"
        elif self.normalized:
            continuum = "as in the files, which are normalised"
        return grid + as_in, f"continuum: {continuum}", self._account_of_pixels() + as_in

    def _account_of_pixels(self) -> str:
        n, limit = len(self.left_out), self.noise_limit
        out = f"{n or 'no'} pixel{'s' if n > 1 else ''} left out"
        if limit is None:
            return out
        error = {0: "no median error", 1: "its median error"}.get(n, "their median error")
        many = "five" if limit == 5 else f"{limit:g}"
        return f"{out}: {error} is over {many} times that of the others"

    def empty(self) -> Spectra:
        """No spectrum, with the grid and facts that all reduced ones share."""
        none = np.zeros((0, len(self.wavelength)), np.float32)
        divided = self.normalization != "none"
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
            history=(self.done,),
        )

    def _checked(self, spectra: Spectra) -> Spectra:
        if reason := no_star(spectra, self.classes) or self._other_kind(spectra):
            raise InputError(reason)
        spectra = without_band(spectra)
        if self.rest and spectra.good.any():
            spectra = believed(spectra, self.combined)
        spectra = with_facts_of_all(spectra, self.rest)
        reduced = self.on_grid(spectra)
        if reduced.frame != self.frame:
            raise InputError(
                f"it is in the {reduced.frame} frame, and {self._others} are in the {self.frame} frame; ingest them separately"
            )
        return reduced

    @property
    def _others(self) -> str:
        return f"those of {self.origin}" if self.origin else "most of the first files"

    def _other_kind(self, spectra: Spectra) -> str:
        """Why spectra of another survey, normalisation or resolution do not belong here, blank for the same."""
        differ = [what for what in ("survey", "normalized") if getattr(spectra, what) != getattr(self, what)]
        if differ:
            ours, theirs = (" and ".join(_kind(of, differ)) for of in (spectra, self))
            return f"it is {ours}, and {self._others} are {theirs}; ingest them separately"
        return self._other_resolution(spectra)

    def _other_resolution(self, spectra: Spectra) -> str:
        """Why spectra of another resolution do not belong here, blank for the same."""
        step = step_kms(spectra.wavelength)
        if not self.pixel_kms or 0.4 < step / self.pixel_kms < 2.5:
            return ""
        layout = (
            "medium-resolution"
            if any("medium-resolution" in s for s in spectra.history)
            else "of another resolution"
        )
        return f"it is {layout} (pixels of {step:.2g} km/s) and {self._others} have pixels of {self.pixel_kms:.2g} km/s; ingest them separately"


def _wanted_step(reduction: Reduction, most: Spectra) -> float:
    """Step of the pixels that files should have: those that a template's bins were made of, or those of most files."""
    if reduction.origin and reduction.binning > 1:
        return step_kms(reduction.wavelength) / reduction.binning
    return step_kms(most.wavelength)


def _kind(of: "Spectra | Reduction", differ: Sequence[str]) -> Iterator[str]:
    """In words, what differs of survey and normalisation."""
    if "survey" in differ:
        yield f"of {of.survey or 'no survey that it names'}"
    if "normalized" in differ:
        yield "normalised" if of.normalized else "not normalised"
