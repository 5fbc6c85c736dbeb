"""Comparison of new spectra or labels with an output of a model. What differs is refused, and pixels of one grid are put where they belong."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import InputError
from ..core.internal import join_names
from ..data import LabelTable, Measurements, Spectra

if TYPE_CHECKING:
    from ._output_info import OutputInfo

__all__ = ["check_spectra", "check_values", "pixels_of", "suited"]

NEAR = 0.02  # of a pixel: files hold wavelengths in single precision
ALIKE = 0.05  # relative difference of two resolving powers that are one


def check_spectra(name: str, info: "OutputInfo", spectra: Spectra) -> None:
    """Refuse spectra that are not what the output was fitted on; what one of the two does not know is not compared."""
    if info.wavelength is None:
        raise InputError(
            f"output '{name}' of the model holds {join_names(info.names, 4)} and no wavelengths; spectra were given."
        )
    if spectra.medium != info.medium:
        raise InputError(
            f"output '{name}' was fitted on {info.medium} wavelengths and these spectra are in {spectra.medium}; "
            "convert them with luxjax.preprocessing.to_medium and resample."
        )
    for what, model, given, to_do in _differences(info, spectra):
        raise InputError(
            f"output '{name}' was fitted on spectra {_said(what, model)} and these are {_said(what, given)}; {to_do}."
        )


def _differences(info: "OutputInfo", spectra: Spectra) -> Iterator[tuple[str, Any, Any, str]]:
    """What is known of both and differs: its name, the two values, and what to do."""
    again = "ingest their files with luxjax ingest --like and the model"
    if info.frame is not None:  # models saved before schema 5 know none of this
        if info.frame != spectra.frame:
            yield (
                "frame",
                info.frame,
                spectra.frame,
                f"{again}, or shift them with luxjax.preprocessing.to_rest",
            )
        silent = not (spectra.normalized or spectra.survey or spectra.flux_unit or spectra.history)
        if bool(info.normalization) != spectra.normalized and not silent:
            ways = "normalize them as those were" if info.normalization else "give them as they were observed"
            yield "normalized", bool(info.normalization), spectra.normalized, f"{again}, or {ways}"
        was, now = _continuum(info.normalization), _continuum("; ".join(spectra.history))
        if spectra.normalized and was and now and was != now:
            yield "continuum", was, now, again
    if info.flux_unit and spectra.flux_unit and info.flux_unit != spectra.flux_unit:
        yield "flux_unit", info.flux_unit, spectra.flux_unit, "convert them to that unit"
    if info.survey and spectra.survey and info.survey != spectra.survey:
        yield (
            "survey",
            info.survey,
            spectra.survey,
            "use a model of that survey, or say replace(survey='') if they are alike",
        )
    if (
        info.resolution
        and spectra.resolution
        and not np.isclose(info.resolution, spectra.resolution, rtol=ALIKE)
    ):
        yield "resolution", info.resolution, spectra.resolution, "bring them to that resolution"


def _said(what: str, value: object) -> str:
    if what == "normalized":
        return "whose continuum was divided out" if value else "whose continuum was not divided out"
    words = {
        "frame": "in the {} frame",
        "continuum": "whose continuum was found by '{}'",
        "flux_unit": "in '{}'",
        "survey": "of {}",
        "resolution": "of resolution {:.0f}",
    }
    return words[what].format(value)


def _continuum(history: str) -> str:
    """How `luxjax.ingest` found the continuum; empty where that is not known."""
    found = re.findall(r"on one grid, [^;]*continuum (\w+)", history)
    return found[-1] if found and found[-1] != "none" else ""


def check_values(name: str, info: "OutputInfo", given: LabelTable | Measurements) -> None:
    """Refuse values by name that are not what the output was fitted on: other names, other units."""
    if info.is_spectra:
        raise InputError(f"output '{name}' of the model holds spectra; {given.noun}s were given.")
    shared = [own for own in info.names if own in given.names]
    if (info.role == "input" and not shared) or (info.whitening is not None and given.names != info.names):
        raise InputError(
            f"output '{name}' was fitted on the measurements {join_names(info.names)}; given: {join_names(given.names)}."
        )
    for own in shared:
        was, now = info.units.get(own, ""), given.units.get(own, "")
        if was and now and was != now:
            raise InputError(
                f"{given.noun} '{own}' of '{name}' was fitted in {was} and is given in {now}; convert it to {was}."
            )


def suited(name: str, info: "OutputInfo", spectra: Spectra) -> Spectra:
    """Spectra that suit the output, on its pixels where both are on one grid that they cover differently.

    Pixels that the spectra do not reach have no weight; those beyond the model's are left away. `InputError` where they do not
    suit.
    """
    check_spectra(name, info, spectra)
    assert info.wavelength is not None
    place = pixels_of(name, info, spectra.wavelength)
    if place is None:
        return spectra
    there = place >= 0
    return spectra.replace(
        flux=np.where(there, spectra.flux[:, place], 0),
        ivar=np.where(there, spectra.ivar[:, place], 0),
        mask=None if spectra.mask is None else np.where(there, spectra.mask[:, place], 0),
        wavelength=info.wavelength,
    )


def pixels_of(name: str, info: "OutputInfo", wavelength: np.ndarray) -> np.ndarray | None:
    """Which of these pixels each of the output's is, -1 where none; None where they are the same already.

    Raises
    ------
    InputError
        They are not pixels of one grid, or share less than half of the model's.
    """
    grid = np.asarray(info.wavelength)
    if len(grid) == len(wavelength) and np.allclose(grid, wavelength, rtol=1e-8, atol=0):
        return None
    place, shared = _matched(grid, wavelength)
    if not shared:
        raise InputError(
            f"output '{name}' was fitted on {len(grid)} pixels from {grid[0]:.3f} A; these spectra have "
            f"{len(wavelength)} from {wavelength[0]:.3f} A; bring them to the model's grid with "
            "luxjax ingest --like, or luxjax.preprocessing.resample."
        )
    return place


def _matched(grid: np.ndarray, wavelength: np.ndarray) -> tuple[np.ndarray, bool]:
    """The pixel at each wavelength of the grid, -1 where there is none, and whether the two are parts of one grid."""
    if len(grid) < 2 or len(wavelength) < 2:
        return np.full(len(grid), -1), False
    right = np.clip(np.searchsorted(wavelength, grid), 1, len(wavelength) - 1)
    place = np.where(grid - wavelength[right - 1] < wavelength[right] - grid, right - 1, right)
    near = np.abs(wavelength[place] - grid) <= NEAR * np.gradient(grid)
    step = np.gradient(grid)
    inside = (grid > wavelength[0] - step / 2) & (grid < wavelength[-1] + step / 2)
    within = np.sum((wavelength > grid[0] - step[0] / 2) & (wavelength < grid[-1] + step[-1] / 2))
    # Every pixel of either where both are, and one for one.
    one = bool(np.all(near[inside])) and within == near.sum() and near.sum() * 2 >= len(grid)
    return np.where(near, place, -1), one
