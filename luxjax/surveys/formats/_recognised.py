"""Files that luxjax recognises by their content and does not read: spectra and light curves of other surveys, catalogues."""

import gzip
from dataclasses import dataclass
from pathlib import Path

from astropy.io import fits

from ._fits import GZIP

__all__ = ["RECOGNISED", "Recognised", "known_otherwise", "text_layout"]


@dataclass(frozen=True)
class Recognised:
    """A layout by its name, and what it is in words."""

    name: str
    about: str


KEPLER = Recognised("kepler-lightcurve", "a light curve of Kepler or K2")
TESS = Recognised("tess-lightcurve", "a light curve of TESS")
BARE = Recognised(
    "spectrum-table", "a table of one spectrum (loglam, flux, ivar) that is no survey's that luxjax knows"
)
XP_CONTINUOUS = Recognised("gaia-xp-continuous", "coefficients of the BP and RP spectra of Gaia")
XP_SAMPLED = Recognised("gaia-xp-sampled", "sampled BP and RP spectra of Gaia")
SPSS = Recognised("gaia-spss", "spectrophotometric standards of Gaia")
RVS = Recognised("gaia-rvs", "a spectrum of Gaia's RVS")
CATALOGUE = Recognised("catalogue", "a table of many rows and no spectrum")
RECOGNISED = (KEPLER, TESS, BARE, XP_CONTINUOUS, XP_SAMPLED, SPSS, RVS, CATALOGUE)


def known_otherwise(hdus: fits.HDUList) -> Recognised | None:
    """What a FITS file is that holds no spectrum of a layout that is read; None where that is not known."""
    head = hdus[0].header
    tables = [h for h in hdus[1:] if isinstance(h, fits.BinTableHDU)]
    names = [{n.lower() for n in h.columns.names} for h in tables]
    mission = str(head.get("MISSION", "")) + str(head.get("TELESCOP", ""))
    if any({"time", "sap_flux"} <= n or {"time", "pdcsap_flux"} <= n for n in names):
        return TESS if "TESS" in mission.upper() else KEPLER
    if any({"flux", "loglam", "ivar"} <= n for n in names):
        return BARE
    if found := next((kind for n in names if (kind := _gaia(n)) is not None), None):
        return found
    return CATALOGUE if any(h.header["NAXIS2"] > 1 for h in tables) else None


def _gaia(names: set[str]) -> Recognised | None:
    """Which kind of spectrum of Gaia's archive has these columns, in lower case."""
    if {"bp_coefficients", "rp_coefficients"} & names or {"bp_coeff_0", "rp_coeff_0"} & names:
        return XP_CONTINUOUS
    if {"source_id", "flux", "flux_error"} <= names and not {"sobject_id", "teff"} & names:
        return RVS if "wavelength" in names else SPSS if "wl" in names else XP_SAMPLED
    return None


def text_layout(file: str | Path) -> str | None:
    """Name of the layout of a table in text or XML of Gaia's archive; None for whatever else it is."""
    path = Path(file)
    if not path.is_file():
        return None
    with path.open("rb") as stream:
        start = stream.read(1 << 16)
    if start[:2] == GZIP:
        try:
            with gzip.open(path, "rb") as stream:
                start = stream.read(1 << 16)
        except (OSError, EOFError):
            return None
    if start.startswith(b"SIMPLE") or b"\0" in start:
        return None
    if b"<VOTABLE" in start.upper():
        parts = start.lower().replace(b"'", b'"').split(b'name="')[1:]
        names = {part.split(b'"')[0].decode("ascii", "replace") for part in parts}
    else:
        line = next((line for line in start.splitlines() if line.strip() and not line.startswith(b"#")), b"")
        names = {n.strip().strip('"').lower() for n in line.decode("utf-8", "replace").split(",")}
    found = _gaia(names)
    return None if found is None else found.name
