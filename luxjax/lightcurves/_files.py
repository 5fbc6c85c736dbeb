"""From files of light curves to a table of seismic log g, in which every star and every unreadable file has a row."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..core import InputError, Progress
from ..core.internal import path_text, reporting
from ..data import LightCurve
from ..system.internal import lazy_import
from ._bins import bin_edges
from ._log_g import seismic_log_g
from ._power import PowerSpectrum, power_spectrum
from ._read import read_light_curve

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

__all__ = ["measure_files"]

ENDINGS = (".fits", ".fits.gz", ".txt", ".txt.gz", ".dat", ".dat.gz", ".csv", ".csv.gz")


def measure_files(
    paths: Sequence[str | Path],
    *,
    flux: str = "pdcsap",
    drop_flags: Sequence[str] | None = None,
    time_standard: str = "",
    teff: Mapping[str, float] | None = None,
    teff_err: float = 100.0,
    lowest: float = 5.0,
    progress: bool | Progress | None = None,
) -> "tuple[pd.DataFrame, list[PowerSpectrum]]":
    """Seismic log g of the stars in these files, and their power spectra. All curves are held in memory.

    Parameters
    ----------
    paths : sequence of path
        Files, and folders that are searched through. Files of one star are joined.
    flux, drop_flags, time_standard
        As for `read_light_curve`.
    teff : mapping of id to float, optional
        Effective temperatures, K. Ids may lack "KIC" or "TIC".
    teff_err, lowest
        As for `seismic_log_g`.
    progress : bool or Progress, optional

    Returns
    -------
    table : DataFrame
        As `seismic_log_g`; a file that was not read has a row with its name as id and the reason.
    spectra : list of PowerSpectrum
    """
    files = _files_of(paths)
    curves: dict[str, list[LightCurve]] = {}
    reasons: dict[str, str] = {}
    with reporting(progress, "light curves") as told:
        for k, file in enumerate(files):
            told("files", k, len(files))
            try:
                curve = read_light_curve(file, flux=flux, drop_flags=drop_flags, time_standard=time_standard)
                curves.setdefault(curve.id, []).append(curve)
            except InputError as error:
                reasons[path_text(file)] = str(error)
        spectra = []
        for k, (star, parts) in enumerate(curves.items()):
            told("power spectra", k, len(curves))
            try:
                found = power_spectrum(parts[0].join(*parts[1:]))
                bin_edges(lowest, found.nyquist)  # refuses a cadence too long for them
                spectra.append(found)
            except InputError as error:
                reasons[star] = str(error)
        if not spectra:
            raise InputError(next(iter(reasons.values())))
        table = seismic_log_g(
            spectra, teff=_by_spectrum(teff, spectra), teff_err=teff_err, lowest=lowest, progress=told
        )
    lost = pd.DataFrame({"id": list(reasons), "accepted": False, "reason": list(reasons.values())})
    return (pd.concat([table, lost], ignore_index=True) if reasons else table), spectra


def _files_of(paths: Sequence[str | Path]) -> list[Path]:
    found: list[Path] = []
    for path in map(Path, paths):
        inside = [f for f in path.rglob("*") if f.name.lower().endswith(ENDINGS)] if path.is_dir() else [path]
        found += sorted(inside)
    if not found:
        raise InputError(
            f"there is no light curve in {path_text(paths[0]) if paths else 'no folder'}; give files, or folders with files that end in "
            f"{', '.join(ENDINGS)}."
        )
    return found


def _by_spectrum(
    teff: Mapping[str, float] | None, spectra: Sequence[PowerSpectrum]
) -> dict[str, float] | None:
    """Temperatures by the ids of the spectra, of a table that may write "KIC 1" as "1"."""
    if teff is None:
        return None
    bare = {name.split()[-1].removeprefix("KIC").removeprefix("TIC"): value for name, value in teff.items()}
    found = {s.id: bare[s.id.split()[-1]] for s in spectra if s.id.split()[-1] in bare}
    return found or dict(teff)
