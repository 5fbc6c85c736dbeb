"""The layouts of survey files that are read, and which of them a file has: told by content, not by name."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from astropy.io import fits

from ...core import InputError
from ...core.internal import join_names
from ...data import Spectra
from .. import _registered
from . import _apogee, _galah, _lamost, _mwm, _sdss
from ._fits import damage_told, open_fits
from ._recognised import CATALOGUE, RECOGNISED, known_otherwise, text_layout

__all__ = ["FORMATS", "Format", "detect_format", "identify", "readable_format", "register_format", "unknown"]


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


def register_format(
    name: str,
    *,
    detect: Callable[[Path], bool],
    read: Callable[..., Spectra],
    endings: Sequence[str] = (),
    replace: bool = False,
) -> _registered.RegisteredFormat:
    """Make another format of files known to `read`, `read_many`, `detect_format` and `ingest`, for as long as this program runs.

    Parameters
    ----------
    name : str
        What `detect_format` calls it; a name of no other format.
    detect : callable
        Given the path of a file, whether it is of this format. It is asked before luxjax's own formats are, of every file, so it has to
        say no to all others, best by their content. One that fails on a file counts as a no.
    read : callable
        Given the path of a file, its `Spectra`: medium, frame, survey, and one row for a star or for each of its visits. ``rv_kms`` or ``z`` in the
        table brings them to rest; ``snr``, ``ra``, ``dec``, ``class`` are used as those of surveys. Further parameters are options of `read`. Files that it fails
        on are listed like all that cannot be read.
    endings : sequence of str
        Endings of its files, such as ``".h5"``, by which `ingest` searches folders. Default: those of FITS files.
    replace : bool
        Whether it may take the place of a registered format of this name, as when a cell of a notebook is run again.

    Returns
    -------
    RegisteredFormat
        Its method `forget` undoes all this.

    Raises
    ------
    InputError
        The name is taken or no name, or one of the others cannot be used.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import luxjax
    >>> from luxjax.surveys import detect_format, read, register_format
    >>> def is_mine(path):
    ...     with open(path, "rb") as file:
    ...         return file.read(8) == b"# MYSPEC"
    >>> def read_mine(path):
    ...     wavelength, flux, error = np.loadtxt(path, unpack=True)
    ...     return luxjax.Spectra.from_error(flux, error, wavelength, "air", [path.stem], survey="mine")
    >>> mine = register_format("my-format", detect=is_mine, read=read_mine, endings=[".spec"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "HD1.spec"
    ...     np.savetxt(file, [[5000.0, 1.0, 0.01], [5001.0, 0.9, 0.01]], header="MYSPEC")
    ...     detect_format(file), read(file).ids.tolist()
    ('my-format', ['HD1'])
    >>> mine.forget()
    """
    if not isinstance(name, str) or not re.fullmatch(r"[\w.-]+", name):
        raise InputError(
            f"the name of a format is letters, digits, dots and dashes, such as 'my-format'; given: {name!r}."
        )
    taken = {*(known.name for known in FORMATS), *(known.name for known in RECOGNISED)}
    if name in taken:
        raise InputError(f"'{name}' is a format that luxjax itself recognises; choose another name.")
    for what, function in (("detect", detect), ("read", read)):
        if not callable(function):
            raise InputError(f"{what} of a format is a function of the path of a file; given: {function!r}.")
    ends = (endings,) if isinstance(endings, str) else tuple(endings)
    if not all(isinstance(end, str) and re.fullmatch(r"\..+", end) for end in ends):
        raise InputError(f"endings of files begin with a dot, such as '.h5'; given: {endings!r}.")
    found = _registered.RegisteredFormat(name, detect, read, tuple(end.lower() for end in ends))
    _registered.add(found, replace=replace)
    return found


@damage_told
def detect_format(file: str | Path) -> str | None:
    """Name of the layout of a file, such as ``"apStar"``; None if luxjax knows no such layout.

    The content decides, not the name of the file. `FORMATS` lists all layouts of spectra that are read, in addition to those that were registered with
    `register_format`, which are asked first. Others are recognised by name and not
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
    own, trouble = _registered.recognised(Path(file))
    if own is not None:
        return own.name
    if (table := text_layout(file)) is not None:
        return table
    with told_too(trouble), open_fits(file) as hdus:
        layout = identify(hdus)
        other = known_otherwise(hdus) if layout is None else None
    return layout.name if layout else other.name if other else None


def readable_format(file: str | Path) -> str | None:
    """Name of the layout of a file that `read` reads; None for all others, damaged ones among them."""
    try:
        name = detect_format(file)
    except InputError:
        return None
    return name if name in {*(known.name for known in FORMATS), *_registered.names()} else None


@contextmanager
def told_too(trouble: str) -> Iterator[None]:
    """What refuses a file also says which registered formats could not look at it."""
    try:
        yield
    except InputError as error:
        if not trouble:
            raise
        raise InputError(f"{str(error).rstrip('.')}; {trouble}.") from error


def unknown(hdus: fits.HDUList, path: Path) -> str:
    """The sentence for a file that is no spectrum of a known layout."""
    if (other := known_otherwise(hdus)) is CATALOGUE:
        return f"'{path}' is {CATALOGUE.about}; give it with label_catalog= if labels should come from it."
    if other is not None:
        return f"'{path}' is {other.about} ({other.name}), which luxjax recognises and does not read."
    held = join_names(f"{h.name or 'unnamed'} {getattr(h, 'shape', ()) or ''}".strip() for h in hdus)
    return (
        f"'{path}' has no layout that luxjax knows (HDUs: {held}); known: "
        f"{join_names(f'{f.name} ({f.about})' for f in FORMATS)}. In Python, try luxjax.surveys.read_plain, or tell luxjax how to read it with "
        "luxjax.surveys.register_format."
    )
