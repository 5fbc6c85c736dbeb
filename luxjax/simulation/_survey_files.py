"""A simulated survey written as the survey's own files, so that everything from raw files on can be run and tested.

Layouts follow the SDSS DR17 data model (aspcapStar, allStar) and the GALAH DR3 main catalogue; only the columns
that luxjax reads are written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from numpy.typing import ArrayLike

from ..core import InputError, check_name
from ..data import LabelTable, Spectra
from ._survey import SimulatedSurvey
from .physics._windows import apogee

__all__ = ["SurveyFiles", "tmass_designations", "write_allstar", "write_galah_dr3", "write_survey_files"]

# ASPCAP's error of bad pixels on a detector; in the gaps flux and error are 0.
BAD_ERROR = 10.0
ALLSTAR = {"teff": "TEFF", "logg": "LOGG", "fe_h": "FE_H", "alpha_fe": "ALPHA_M"}


@dataclass(frozen=True)
class SurveyFiles:
    """Where a simulated survey was written: a folder of aspcapStar files, and the catalogues of both surveys."""

    spectra: Path
    allstar: Path
    galah: Path


def write_survey_files(
    simulated: SimulatedSurvey,
    folder: str | Path,
    *,
    galah_stars: ArrayLike | None = None,
    window: str = "apogee",
    overwrite: bool = False,
) -> SurveyFiles:
    """Write a simulated survey as files of APOGEE and GALAH.

    The label table becomes the GALAH catalogue. The allStar catalogue has the same labels as far as APOGEE gives them
    (TEFF, LOGG, FE_H, ALPHA_M; other elements as X_FE, europium left out, as in APOGEE).

    Parameters
    ----------
    simulated : SimulatedSurvey
        With APOGEE spectra.
    folder : path
        Made if it does not exist.
    galah_stars : (star,) bool array, optional
        Stars that GALAH observed too. Default: the training part.
    window : str
        The output that holds the APOGEE spectra.
    overwrite : bool
        Whether an earlier survey in the folder may be replaced; its spectra would be mixed up with these.

    Returns
    -------
    SurveyFiles
    """
    catalog = simulated.catalog
    spectra, labels = catalog.spectra(window), catalog.labels()
    if spectra.survey != "apogee" or spectra.n_pixels != apogee().n_pixels:
        raise InputError(
            f"aspcapStar files hold APOGEE spectra on {apogee().n_pixels} pixels; output '{window}' has "
            f"{spectra.n_pixels} of survey '{spectra.survey}'."
        )
    check_name("column of the simulated catalogue", "split", catalog.table.columns)
    seen = (
        np.asarray(catalog.table["split"] == "train")
        if galah_stars is None
        else np.asarray(galah_stars, bool)
    )
    if seen.shape != (len(catalog),):
        raise InputError(
            f"galah_stars has shape {seen.shape}; give one bool for each of {len(catalog)} stars."
        )
    folder = Path(folder)
    earlier = sorted((folder / "aspcapStar").glob("aspcapStar-dr17-*.fits"))
    if earlier and not overwrite:
        raise InputError(
            f"'{folder}' already holds the files of {len(earlier)} spectra; name another folder, or allow it to be "
            "overwritten."
        )
    for path in earlier:
        path.unlink()
    (folder / "aspcapStar").mkdir(parents=True, exist_ok=True)
    ra, dec = (catalog.table[c].to_numpy(float) for c in ("ra", "dec"))
    gaia = catalog.table["gaia_source_id"].to_numpy().astype(np.int64)
    names = tmass_designations(ra, dec)
    for k, name in enumerate(names):
        _write_aspcapstar(
            folder / "aspcapStar" / f"aspcapStar-dr17-2M{name}.fits",
            spectra.select([k]),
            f"2M{name}",
            ra[k],
            dec[k],
        )
    facts = {"RA": ra, "DEC": dec, "SNR": spectra.table["snr"].to_numpy(np.float32)}  # type: ignore[index]
    allstar = write_allstar(
        folder / "allStar.fits", labels, [f"2M{n}" for n in names], GAIAEDR3_SOURCE_ID=gaia, **facts
    )
    galah = write_galah_dr3(
        folder / "galah_dr3.fits",
        labels.select(seen),
        tmass=names[seen],
        gaia=gaia[seen],
        ra_dr2=ra[seen],
        dec_dr2=dec[seen],
    )
    return SurveyFiles(folder / "aspcapStar", allstar, galah)


def tmass_designations(ra_deg: ArrayLike, dec_deg: ArrayLike) -> np.ndarray:
    """Designations in the manner of 2MASS, ``HHMMSSss+DDMMSSs``, cut off and not rounded; (star,) text."""
    sky = SkyCoord(np.asarray(ra_deg, float) * u.deg, np.asarray(dec_deg, float) * u.deg)
    # A hair above, so that 12.50 s does not become 12.49 by rounding of the degrees.
    hours = np.floor(sky.ra.hour * 360_000 + 1e-6).astype(np.int64)
    arcsec = np.floor(np.abs(sky.dec.deg) * 36_000 + 1e-6).astype(np.int64)
    sign = np.where(sky.dec.deg < 0, "-", "+")
    return np.array(
        [
            f"{h // 360_000:02d}{h // 6000 % 60:02d}{h % 6000:04d}{s}{d // 36_000:02d}{d // 600 % 60:02d}{d % 600:03d}"
            for h, s, d in zip(hours, sign, arcsec, strict=True)
        ]
    )


def _write_aspcapstar(path: Path, spectra: Spectra, star: str, ra: float, dec: float) -> None:
    """The normalised spectrum of one star, its error and (in place of ASPCAP's fit) itself."""
    good, gap = spectra.good[0], ~apogee().good
    flux = np.where(good, spectra.flux[0], 0).astype(np.float32)
    error = np.where(good, spectra.error[0], BAD_ERROR).astype(np.float32)
    error[gap] = 0
    primary = fits.PrimaryHDU()
    row = spectra.table.iloc[0]  # type: ignore[union-attr]
    primary.header.update(
        OBJ=star, RA=ra, DEC=dec, SNR=float(row["snr"]), VHELIO=float(row["rv_kms"]), NVISITS=3
    )
    images = []
    for values in (flux, error, flux):
        image = fits.ImageHDU(values)
        image.header.update(CRVAL1=4.179, CDELT1=6e-6, CRPIX1=1, CTYPE1="LOG-LINEAR")
        image.header["DC-FLAG"] = 1
        images.append(image)
    columns = {"APOGEE_ID": ("18A", [star]), "STARFLAG": ("J", [0]), "ASPCAPFLAG": ("J", [0])}
    fits.HDUList([primary, *images, _table(columns)]).writeto(path, overwrite=True)


def write_allstar(path: str | Path, labels: LabelTable, ids: Sequence[str], **more: np.ndarray) -> Path:
    """An allStar catalogue in the layout of APOGEE DR17; missing labels are -9999, as there.

    Parameters
    ----------
    path : path
    labels : LabelTable
        ``teff``, ``logg``, ``fe_h``, ``alpha_fe`` (written as ALPHA_M) and any ``x_fe`` but europium's.
    ids : (star,) sequence of str
        APOGEE_IDs.
    **more : (star,) arrays
        Further columns by name.
    """
    n = len(labels)
    columns: dict[str, tuple[str, Any]] = {
        "FILE": ("64A", [f"aspcapStar-dr17-{i}.fits" for i in ids]),
        "APOGEE_ID": ("30A", list(ids)),
        "STARFLAG": ("K", np.zeros(n, np.int64)),
        "ASPCAPFLAG": ("K", np.zeros(n, np.int64)),
        "EXTRATARG": ("J", np.zeros(n, np.int32)),
    }
    for name in labels.names:
        stem = ALLSTAR.get(name, name.upper())
        if stem == "EU_FE":
            continue
        for end, values in (("", labels.value), ("_ERR", labels.error)):
            numbers = np.nan_to_num(values[:, labels.names.index(name)], nan=-9999.0)
            columns[f"{stem}{end}"] = ("E", numbers)
        if stem.endswith("_FE") or stem == "FE_H":
            columns[f"{stem}_FLAG"] = ("J", np.where(np.isfinite(labels[name]), 0, 1 << 2))
    # A column that tells DR17 from earlier releases.
    columns |= {k: ("E", np.full(n, -9999.0)) for k in ("MG_FE", "MG_FE_ERR") if k not in columns}
    columns |= {k: (_form(v), v) for k, v in more.items()}
    fits.HDUList([fits.PrimaryHDU(), _table(columns)]).writeto(path, overwrite=True)
    return Path(path)


def write_galah_dr3(
    path: str | Path, labels: LabelTable, *, tmass: np.ndarray, gaia: np.ndarray, **more: np.ndarray
) -> Path:
    """A main catalogue in the layout of GALAH DR3; missing labels are NaN with their flag set, as there.

    Parameters
    ----------
    path : path
    labels : LabelTable
    tmass, gaia : (star,) arrays
        2MASS designations without prefix, and Gaia source ids.
    **more : (star,) arrays
        Further columns by name.
    """
    n = len(labels)
    columns: dict[str, tuple[str, Any]] = {
        "star_id": ("16A", list(tmass)),
        "sobject_id": ("K", 131_216_001_101_001 + np.arange(n, dtype=np.int64) * 1000),
        "dr3_source_id": ("K", np.asarray(gaia, np.int64)),
        "flag_sp": ("K", np.zeros(n, np.int64)),
        "snr_c3_iraf": ("E", np.full(n, 60.0)),
    }
    for j, name in enumerate(labels.names):
        element, end = name.rsplit("_", 1) if name.endswith("_fe") and name != "alpha_fe" else (name, "")
        stem = f"{element.capitalize()}_{end}" if end else name
        columns[stem] = ("D", labels.value[:, j])
        columns[f"e_{stem}"] = ("D", labels.error[:, j])
        if name not in ("teff", "logg"):
            columns[f"flag_{stem}"] = ("K", np.where(np.isfinite(labels.value[:, j]), 0, 32))
    columns |= {k: (_form(v), v) for k, v in more.items()}
    fits.HDUList([fits.PrimaryHDU(), _table(columns)]).writeto(path, overwrite=True)
    return Path(path)


def _form(values: np.ndarray) -> str:
    return "K" if np.asarray(values).dtype.kind in "iu" else "D"


def _table(columns: dict[str, tuple[str, Any]]) -> fits.BinTableHDU:
    return fits.BinTableHDU.from_columns([fits.Column(k, form, array=v) for k, (form, v) in columns.items()])
