"""The layouts of survey files that are read, and which of them a file has: told by content, not by name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from astropy.io import fits

from ...core.internal import join_names
from ...data import Spectra
from . import _apogee, _galah, _lamost, _mwm, _sdss
from ._fits import damage_told, open_fits
from ._recognised import CATALOGUE, known_otherwise, text_layout

__all__ = ["FORMATS", "Format", "detect_format", "identify", "unknown"]


@dataclass(frozen=True)
class Format:
    """A layout of survey files.

    Parameters
    ----------
    name, about : str
        The survey's name for it, and what it holds.
    identify : callable
        Whether an astropy HDU list has this layout; looks at headers only.
    load : callable
        Builds `Spectra` from the HDU list, its path and keyword options.
    """

    name: str
    about: str
    identify: Callable[[fits.HDUList], bool]
    load: Callable[..., Spectra]


FORMATS: tuple[Format, ...] = (
    Format("aspcapStar", "APOGEE combined, normalised", _apogee.is_aspcapstar, _apogee.load_aspcapstar),
    Format("apStar", "APOGEE combined and visits", _apogee.is_apstar, _apogee.load_apstar),
    Format("apVisit", "APOGEE one visit", _apogee.is_apvisit, _apogee.load_apvisit),
    Format("mwmStar", "SDSS-V combined", _mwm.is_mwm, _mwm.load_mwm),
    Format("galah-ccd", "GALAH one arm of a star", _galah.is_ccd, _galah.load_ccd),
    Format("galah-fit", "GALAH DR4 fit of a star", _galah.is_fit, _galah.load_fit),
    Format("lamost-lrs", "LAMOST low-resolution image", _lamost.is_lrs, _lamost.load_lrs),
    Format("lamost-mrs", "LAMOST medium resolution, both arms", _lamost.is_mrs, _lamost.load_mrs),
    Format("lamost-table", "LAMOST low-resolution table", _lamost.is_table, _lamost.load_table),
    Format("sdss-spec", "optical spectrum of SDSS, BOSS or eBOSS", _sdss.is_spec, _sdss.load_spec),
)


def identify(hdus: fits.HDUList) -> Format | None:
    """The first known layout that fits."""
    return next((f for f in FORMATS if f.identify(hdus)), None)


@damage_told
def detect_format(file: str | Path) -> str | None:
    """Name of the layout of a file, such as ``"apStar"``; None if luxjax knows no such layout.

    The content decides, not the name of the file. `FORMATS` lists all layouts of spectra that are read. Others are recognised by name and not
    read: spectra of Gaia, light curves of Kepler and TESS, catalogues.

    Raises
    ------
    InputError
        The file is missing, is neither FITS nor a table of Gaia, or is truncated.

    Examples
    --------
    >>> import tempfile
    >>> from luxjax.simulation import simulate, write_survey_files
    >>> from luxjax.surveys import detect_format
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = write_survey_files(simulate(2, key=1, windows=("apogee",)), folder)
    ...     print(detect_format(next(files.spectra.rglob("*.fits"))))
    aspcapStar
    """
    if (table := text_layout(file)) is not None:
        return table
    with open_fits(file) as hdus:
        layout = identify(hdus)
        other = known_otherwise(hdus) if layout is None else None
    return layout.name if layout else other.name if other else None


def unknown(hdus: fits.HDUList, path: Path) -> str:
    """The sentence for a file that is no spectrum of a known layout."""
    if (other := known_otherwise(hdus)) is CATALOGUE:
        return f"'{path}' is {CATALOGUE.about}; give it with label_catalog= if labels should come from it."
    if other is not None:
        return f"'{path}' is {other.about} ({other.name}), which luxjax recognises and does not read."
    held = join_names(f"{h.name or 'unnamed'} {getattr(h, 'shape', ()) or ''}".strip() for h in hdus)
    return (
        f"'{path}' has no layout that luxjax knows (HDUs: {held}); known: "
        f"{join_names(f'{f.name} ({f.about})' for f in FORMATS)}. In Python, try luxjax.surveys.read_plain, or build luxjax.data.Spectra from its arrays."
    )
