"""Spectra and labels from a NumPy archive (``.npz``): what people share where surveys publish files.

Such an archive says nothing about its arrays, so what a file header would tell (air or vacuum, frame, survey) comes
from the caller or from entries of the archive.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast, get_args
from zipfile import BadZipFile, is_zipfile

import numpy as np
import pandas as pd

from ...core import InputError, check_name
from ...core.internal import identifiers, join_names, path_text
from ...data import LabelTable, Spectra
from ...data.internal import Frame

__all__ = ["read_arrays"]

# Names looked for where the caller gives none.
_USUAL = {
    "flux": ("flux", "spectra", "spectrum"),
    "ivar": ("ivar",),
    "error": ("error", "flux_err", "flux_error", "spec_err", "spec_errs", "err", "sigma"),
    "wavelength": ("wavelength", "wavelengths", "wave", "lambda"),
    "ids": ("ids", "id", "star_id"),
    "labels": ("labels",),
    "label_names": ("label_names",),
    "label_errors": ("label_errors", "labels_err", "label_err"),
}


def read_arrays(
    path: str | Path,
    *,
    medium: str | None = None,
    flux: str | None = None,
    ivar: str | None = None,
    error: str | None = None,
    wavelength: str | None = None,
    ids: str | None = None,
    labels: str | None = None,
    label_names: str | Sequence[str] | None = None,
    label_errors: str | Mapping[str, float] | None = None,
    frame: str = "rest",
    survey: str = "",
    normalized: bool = True,
) -> tuple[Spectra, LabelTable | None]:
    """Spectra, and labels if there are any, from the arrays of an ``.npz`` archive.

    Parameters
    ----------
    path : path
    medium : "air" or "vacuum", optional
        Medium of the wavelengths. Default: what an entry ``medium`` of the archive says.
    flux, ivar, error, wavelength, ids : str, optional
        Entries with (star, pixel) fluxes, their inverse variances or one-sigma errors, (pixel,) wavelengths in
        Angstrom, and (star,) identifiers. Default: the usual names. Without identifiers stars are numbered.
    labels : str, optional
        Entry with (star, label) values. Default: ``labels``, if there.
    label_names : str or sequence of str, optional
        Entry with the names of the labels, or the names to give them.
    label_errors : str or mapping of str to float, optional
        Entry with (star, label) or (label,) errors, or one error for every label by name. There is no default:
        labels are weighted by their errors.
    frame : "rest", "barycentric" or "observed"
        Velocity frame of the spectra. With the velocities of the stars in an entry ``rv_kms`` or ``z`` (and ``barycentric_kms``), `ingest` shifts
        spectra that are not at rest.
    survey : str
    normalized : bool
        Whether the continuum has been divided out.

    Returns
    -------
    spectra : Spectra
    labels : LabelTable or None

    Raises
    ------
    InputError
        An entry is missing (the message lists those there are), or the medium or an error was not stated.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from luxjax.surveys import read_arrays
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = f"{folder}/stars.npz"
    ...     np.savez(file, flux=np.ones((3, 5)), error=np.full((3, 5), 0.01), wavelength=5000.0 + np.arange(5))
    ...     spectra, labels = read_arrays(file, medium="air")
    >>> len(spectra), labels is None, spectra.medium
    (3, True, 'air')
    """
    archive = _Archive(Path(path))
    medium = archive.text("medium") if medium is None else medium
    check_name("velocity frame", frame, get_args(Frame))
    if medium is None:
        raise InputError(
            f"'{path}' does not say whether its wavelengths are in air or vacuum (it has no entry 'medium'); state "
            "medium='air' or medium='vacuum'. It is never guessed."
        )
    given: dict[str, Any] = {
        "wavelength": archive.array("wavelength", wavelength),
        "medium": medium,
        "frame": cast(Frame, frame),
        "survey": survey,
        "normalized": normalized,
    }
    values = np.atleast_2d(archive.array("flux", flux))
    names = archive.array("ids", ids, needed=ids is not None)
    given["ids"] = _identifiers(names, len(values), Path(path).stem)
    given["table"] = pd.DataFrame({"file": [path_text(path)] * len(values)} | _facts(archive, len(values)))
    given["history"] = (f"read from arrays of {Path(path).name}; {medium} wavelengths as stated",)
    weights = archive.array("ivar", ivar, needed=ivar is not None) if error is None else None
    if weights is not None:
        spectra = Spectra(values, np.atleast_2d(weights), **given)
    else:
        sigma = np.atleast_2d(archive.array("error", error, hint="Name the entry of ivar or of error"))
        spectra = Spectra.from_error(values, sigma, **given)
    return spectra, _labels(archive, spectra, labels, label_names, label_errors, survey)


# Entries with one value for each star that go into its table, by their names there.
_FACTS = {
    **{"rv_kms": ("rv_kms", "rv", "velocity_kms", "vhelio"), "rv_err_kms": ("rv_err_kms", "rv_err", "e_rv")},
    **{
        "barycentric_kms": ("barycentric_kms", "bc"),
        "z": ("z", "redshift"),
        "snr": ("snr", "snrg"),
        "class": ("class",),
    },
    **{
        name: (name,)
        for name in ("ra", "dec", "pmra", "pmdec", "epoch", "gaia_dr3", "gaia_dr2", "tmass_id", "obsid")
    },
}


def _facts(archive: "_Archive", n: int) -> dict[str, Any]:
    """What the archive says of each star apart from its spectrum: velocity, position, S/N, names."""
    found = {}
    for name, usual in _FACTS.items():
        entry = next(
            (e for e in usual if e in archive.entries and np.shape(archive.entries[e]) == (n,)), None
        )
        if entry is not None:
            values = archive.entries[entry]
            found[name] = np.char.decode(values, "utf-8", "replace") if values.dtype.kind == "S" else values
    return found


def _labels(archive, spectra, labels, label_names, label_errors, survey) -> LabelTable | None:
    """The labels of the archive, with errors that someone stated."""
    value = archive.array("labels", labels, needed=labels is not None)
    if value is None:
        return None
    if isinstance(label_names, str) or label_names is None:
        names = tuple(
            str(n)
            for n in archive.array("label_names", label_names, hint="Or give label_names as a sequence")
        )
    else:
        names = tuple(label_names)
    if isinstance(label_errors, Mapping):
        for name in label_errors:
            check_name("label", name, names)
        missing = [n for n in names if n not in label_errors]
        if missing:
            raise InputError(
                f"no error was stated for {join_names(missing)}; give one number for each label in label_errors."
            )
        error = np.array([float(label_errors[n]) for n in names])
    else:
        error = archive.array("label_errors", label_errors, needed=label_errors is not None)
        if error is None:
            raise InputError(
                f"'{archive.path}' has labels ({join_names(names)}) without errors; state one for each, such as "
                "label_errors={'teff': 80, 'logg': 0.2}: labels are weighted by their errors."
            )
    value = np.atleast_2d(value).astype(float)
    value[np.isin(value, (-9999.0, -999.0))] = np.nan
    units = {n: "K" for n in names if n.lower() == "teff"}
    return LabelTable(value, error, names, spectra.ids, units=units, survey=survey)


class _Archive:
    """The entries of an archive, looked up by the caller's name for them or a usual one."""

    def __init__(self, path: Path):
        self.path = path
        if not path.is_file():
            raise InputError(f"there is no file '{path}'; give the path of an .npz archive.")
        if not is_zipfile(path):
            raise InputError(f"'{path}' is not an .npz archive; save the arrays by name with numpy.savez.")
        try:
            with np.load(path, allow_pickle=False) as file:
                self.entries = {name: file[name] for name in file.files}
        except (OSError, ValueError, BadZipFile, EOFError) as error:
            raise InputError(
                f"'{path}' cannot be read as an .npz archive of plain arrays ({error})."
            ) from error

    def array(self, what: str, name: str | None, *, needed: bool = True, hint: str = "") -> Any:
        """The entry called `name`, or else the first usual one; None where it is not needed and not there."""
        if name is None:
            name = next((n for n in _USUAL[what] if n in self.entries), None)
            if name is None and not needed:
                return None
        if name is None or name not in self.entries:
            looked = f"named '{name}'" if name else f"for {what} (looked for {join_names(_USUAL[what])})"
            raise InputError(
                f"'{self.path}' has no entry {looked}; it has {join_names(self.entries)}. "
                + (
                    hint
                    or f"Name the entry that holds the {what}: --array {what}=ENTRY; in Python: {what}='ENTRY'"
                )
                + "."
            )
        return self.entries[name]

    def text(self, name: str) -> str | None:
        return str(self.entries[name]) if name in self.entries else None


def _identifiers(names: Any, n: int, stem: str) -> np.ndarray:
    """Given identifiers as text, or the name of the archive and the row."""
    if names is None:
        return np.array([f"{stem}-{row}" for row in range(n)])
    return identifiers("identifiers of the archive", np.asarray(names).reshape(-1))
