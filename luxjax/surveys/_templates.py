"""Spectra at rest to measure velocities with: simulated ones of the windows of the surveys, and combined ones among the files."""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from astropy.io import fits

from ..core import InputError
from ..data import Spectra
from ..data.internal import Medium
from .formats._fits import first
from .formats._read import read

__all__ = ["combined_files", "combined_of", "templates_for"]

STEPS = 200.0
# Median step of the pixels of a spectrum, km/s, below which the templates of high resolution suit it.
FINE = 20.0
# Pixels of low resolution, of 3909, below which a few lines would decide.
LEAST_COARSE = 1500
MEDIA: dict[str, Medium] = {"apogee": "vacuum", "galah": "air", "lamost": "vacuum"}


@cache
def _simulated(window: str) -> Spectra:
    """Templates of one window; ``validation/make_velocity_templates.py`` makes them."""
    with (files(__package__) / "velocity_templates.npz").open("rb") as file:
        kept = np.load(file, allow_pickle=False)
        flux, wavelength, stars = kept[window], kept[f"{window}_wavelength"].astype(float), kept["stars"]
    names = [f"a simulated star of {t:.0f} K, log g {g:g}, [Fe/H] {m:g}" for t, g, m in stars[: len(flux)]]
    values = flux.astype(np.float32) / STEPS
    return Spectra(values, np.ones_like(values), wavelength, MEDIA[window], np.array(names), frame="rest")


def templates_for(spectra: Spectra) -> Spectra | None:
    """Simulated templates of about the resolution of a spectrum that cover most of it; None where there are none."""
    step = 299792.458 * float(np.median(np.diff(np.log(spectra.wavelength))))
    if step >= FINE and spectra.n_pixels < LEAST_COARSE:
        return None
    for window in ("apogee", "galah") if step < FINE else ("lamost",):
        templates = _simulated(window)
        inside = (spectra.wavelength > templates.wavelength[0]) & (
            spectra.wavelength < templates.wavelength[-1]
        )
        if inside.mean() > 0.5:
            return templates
    return None


def combined_files(paths: Sequence[Path]) -> dict[str, str]:
    """Files with the combined spectrum of a star by its name, where there are files of single visits too."""
    if not any("visit" in path.name.lower() for path in paths):
        return {}
    found: dict[str, str] = {}
    for path in paths:
        if "visit" not in path.name.lower() and (star := _star_of(path)):
            found.setdefault(star, str(path))
    return found


def _star_of(path: Path) -> str:
    """The star that the first header of a file names, blank where there is none."""
    try:
        header = fits.getheader(path, 0)
    except (OSError, ValueError, TypeError, KeyError, EOFError):
        return ""  # told when the file is read
    return str(first((header,), ("OBJID", "OBJ", "APOGEE_ID"), "")).strip()


@lru_cache(maxsize=64)
def _read_combined(path: str) -> Spectra | None:
    try:
        spectra = read(path)
    except InputError:
        return None
    return spectra.select(slice(0, 1)).replace(mask=None) if spectra.frame == "rest" else None


def combined_of(star: str, combined: Mapping[str, str]) -> Spectra | None:
    """The combined spectrum of a star, if there is one."""
    return _read_combined(combined[star]) if star in combined else None
