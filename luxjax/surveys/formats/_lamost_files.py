"""A folder of LAMOST spectra as one set on one grid: what can be used, what cannot and why, and which repeats to keep."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ...core import InputError, Progress, check_name
from ...core.internal import path_text
from ...data import Spectra, same_star
from ._fits import first, open_fits
from ._found import files_below
from ._read import read_many

__all__ = [
    "LAMOST_GRID",
    "LamostSpectra",
    "lamost_headers",
    "parse_subclass",
    "read_lamost",
]

LAMOST_GRID = 10.0 ** (
    3.5682 + 1e-4 * np.arange(3909)
)  # of every low-resolution release; files end early, never begin late
SHORTEST = 3000  # pixels
_SUBCLASS = re.compile(r"(sd|esd|usd|d|g)?([OBAFGKM])(\d(?:\.\d)?)?(VI|IV|V|III|II|I)?")
_STAGE = {"d": "V", "g": "III", "sd": "VI", "esd": "VI", "usd": "VI"}
_KEYS = {
    "obsid": ("OBSID",),
    "designation": ("DESIG",),
    "lmjd": ("LMJD",),
    "mjd": ("MJD",),
    "planid": ("PLANID",),
    "spid": ("SPID",),
    "fiberid": ("FIBERID",),
    "ra": ("RA",),
    "dec": ("DEC",),
    **{f"snr{b}": (f"SNR{b.upper()}", f"SN_{b.upper()}") for b in "ugriz"},
    "class": ("CLASS",),
    "subclass": ("SUBCLASS",),
    "z": ("Z",),
    "z_err": ("Z_ERR",),
    "zflag": ("ZFLAG",),
    "fibermask": ("FIBERMAS",),
    "objtype": ("OBJTYPE",),
    "magtype": ("MAGTYPE",),
    **{f"mag{k}": (f"MAG{k}",) for k in range(1, 8)},
    "nexp": ("NEXP",),
    "vacuum": ("VACUUM",),
    "helio": ("HELIO",),
    "release": ("DATA_V",),
    "pipeline": ("VERSPIPE",),
}
_NUMBERS = ("ra", "dec", "z", "z_err", *(f"snr{b}" for b in "ugriz"), *(f"mag{k}" for k in range(1, 8)))


@dataclass(frozen=True, eq=False)
class LamostSpectra:
    """Low-resolution spectra on the common grid.

    Parameters
    ----------
    spectra : Spectra
        Ids are those of the stars; the table has, in addition to the file's facts, the parsed subclass and ``star``, the number of the
        star by `luxjax.data.same_star`.
    problems : pandas.DataFrame
        Columns ``path`` and ``reason``: the files that are not among them.
    """

    spectra: Spectra
    problems: pd.DataFrame


def parse_subclass(subclass: Iterable[str]) -> pd.DataFrame:
    """Spectral types as LAMOST writes them (``A7V``, ``G5``, ``dM1``, ``sdK7``), in parts.

    Returns
    -------
    pandas.DataFrame
        ``raw``; ``main`` (O to M, blank where it is none of these: ``Non``, ``WD``, ``Carbon``, ``DoubleStar``, ...), ``subtype`` (0 to
        9.9, or NaN), ``luminosity`` (I to VI, from the prefix where only that is given, else blank).
    """
    rows = []
    for given in subclass:
        raw = str(given)
        found = _SUBCLASS.fullmatch(raw.strip())
        prefix, main, digit, luminosity = found.groups() if found else (None, "", None, None)
        rows.append(
            (raw, main, float(digit) if digit else np.nan, luminosity or _STAGE.get(prefix or "", ""))
        )
    return pd.DataFrame(rows, columns=["raw", "main", "subtype", "luminosity"])


def lamost_headers(paths: Iterable[str | Path]) -> pd.DataFrame:
    """Header metadata of LAMOST files: one row per file, nulls for keys a file does not have.

    A file that cannot be read has its reason in column ``problem`` and nothing else.
    """
    rows = []
    for path in map(Path, paths):
        row: dict = {"file": path_text(path)}
        try:
            with open_fits(path) as hdus:
                head = hdus[0].header
                row |= {name: first((head,), keys) for name, keys in _KEYS.items()}
                row["problem"] = ""
        except Exception as error:  # one damaged header must not cost the others
            row |= dict.fromkeys(_KEYS)
            row["problem"] = " ".join(str(error).split()) or type(error).__name__
        rows.append(row)
    frame = pd.DataFrame(rows, columns=["file", *_KEYS, "problem"])
    for name in _NUMBERS:
        values = pd.to_numeric(frame[name], errors="coerce").astype(float)
        frame[name] = values.mask(
            values.isin([-9999.0, 99.0, 99.99] if name.startswith("mag") else [-9999.0])
        )
    return frame


def read_lamost(
    files: "str | Path | Sequence[str | Path]",
    *,
    repeats: str = "all",
    need_class: bool = True,
    min_good: float = 0.5,
    radius: float = 3.0,
    progress: bool | Progress | None = False,
) -> LamostSpectra:
    """Read low-resolution spectra of any release onto their common grid; files that cannot be used are listed, with the reason.

    Parameters
    ----------
    files : path, or sequence of paths
        A folder; or folders, searched through for ``*.fits`` and ``*.fits.gz``, and files.
    repeats : "all" or "best"
        Keep every spectrum of a star, or the one of highest S/N in g.
    need_class : bool
        Whether to leave out what the pipeline did not class as a star of O to M.
    min_good : float
        Least fraction of good pixels.
    radius : float
        Arcseconds within which spectra are of the same star.
    progress : bool or Progress, optional
        True shows the files that are read on standard error; a function is called with ``("files", done, total)``.

    Returns
    -------
    LamostSpectra

    Raises
    ------
    InputError
        No file was found, or none can be used; the message has the first reasons.
    """
    check_name("way to treat repeats", repeats, ("all", "best"))
    paths = _found(files)
    result = read_many(paths, stack=False, progress=progress)
    problems = list(result.failures.itertuples(index=False, name=None))
    kept: list[Spectra] = []
    for one in list(result.spectra):  # type: ignore[arg-type]
        try:
            reason = _reason(one, need_class, min_good)
        except (TypeError, ValueError) as error:
            reason = f"its header holds a value that cannot be used ({error})"
        if reason:
            problems.append((one.table["file"].iloc[0], reason))  # type: ignore[index]
        else:
            kept.append(_on_grid(one))
    if not kept:
        raise InputError(
            f"none of {len(paths)} files can be used; the first: "
            + " | ".join(dict.fromkeys(reason.rstrip(".") for _, reason in problems[:3]))
            + "."
        )
    spectra = Spectra.stack(kept)
    table = spectra.table if spectra.table is not None else pd.DataFrame()
    parsed = parse_subclass(table["subclass"])[["main", "subtype", "luminosity"]]
    star = same_star(table, ids=spectra.ids, radius_arcsec=radius)
    spectra = spectra.replace(table=pd.concat([table, parsed], axis=1).assign(star=star))
    if repeats == "best":
        order = np.argsort(-np.nan_to_num(table["snrg"].to_numpy(float), nan=-1), kind="stable")
        best = order[np.unique(star[order], return_index=True)[1]]
        spectra = spectra.select(np.sort(best))
    return LamostSpectra(spectra, pd.DataFrame(problems, columns=["path", "reason"], dtype=str))


def _found(files) -> list[Path]:
    if isinstance(files, (str, Path)):
        folder = Path(files)
        if not folder.is_dir():
            raise InputError(f"'{folder}' is no folder; give a folder of LAMOST files, or a list of files.")
        files = [folder]
    found: dict[Path, None] = {}
    for path in map(Path, files):
        inside = files_below(path, (".fits", ".fits.gz")) if path.is_dir() else [path]
        found |= dict.fromkeys(inside)
    paths = list(found)
    if not paths:
        raise InputError(
            "no LAMOST files were found; they end in .fits or .fits.gz. Spectra of other origin need --medium; in Python luxjax.runs.spectra_data."
        )
    return paths


def _reason(one: Spectra, need_class: bool, min_good: float) -> str:
    """Why a spectrum cannot be used; blank where it can."""
    if one.survey != "lamost":
        return f"not a LAMOST spectrum ({one.survey or 'unknown survey'})"
    facts = one.table.iloc[0]  # type: ignore[union-attr]
    n = one.n_pixels
    if any("medium-resolution" in step for step in one.history):
        return f"a medium-resolution spectrum ({n} pixels), low-resolution ones are read here; luxjax.surveys.read reads it"
    if not SHORTEST <= n <= len(LAMOST_GRID):
        return f"wrong length: {n} pixels, low-resolution spectra have {SHORTEST} to {len(LAMOST_GRID)}"
    if one.medium != "vacuum" or not np.allclose(one.wavelength, LAMOST_GRID[:n], rtol=2e-6, atol=0):
        return (
            f"not on the low-resolution grid (begins at {one.wavelength[0]:.2f} Angstrom in {one.medium}, "
            f"expected {LAMOST_GRID[0]:.2f} in vacuum)"
        )
    if not one.good.any():
        return "every pixel is masked"
    if one.good.mean() < min_good:
        return f"only {one.good.mean():.0%} of the pixels are good"
    if not np.isfinite(facts["z"]):
        return "no redshift (Z is missing or -9999), so it cannot be moved to rest"
    if need_class and (facts["class"] != "STAR" or not parse_subclass([facts["subclass"]])["main"][0]):
        return f"class '{facts['class']}', subclass '{facts['subclass']}': no star of O to M"
    return ""


def _on_grid(one: Spectra) -> Spectra:
    """The same pixels on the common grid; where the file has none, they have zero weight."""
    short = len(LAMOST_GRID) - one.n_pixels
    pad = ((0, 0), (0, short))
    return one.replace(
        flux=np.pad(one.flux, pad),
        ivar=np.pad(one.ivar, pad),
        mask=None if one.mask is None else np.pad(one.mask, pad),
        wavelength=LAMOST_GRID,
    )
