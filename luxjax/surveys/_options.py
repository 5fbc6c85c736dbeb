"""Options of ingestion, from raw spectra and labels to a catalogue or a dataset: one object for Python, datasets and the command."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..core import InputError, check_name
from ..core.internal import doubles, join_names
from ..data import Catalog, LabelTable, Measurements, Spectra
from ._continuum import CONTINUA
from ._like import is_template
from ._noisy import NOISE_LIMIT
from .catalogs._join import JOINS
from .catalogs._quality import Preset, presets
from .catalogs._resolve import check_columns
from .instruments._read import also_of

if TYPE_CHECKING:
    from ..fitted import FittedModel

__all__ = ["IngestOptions"]


@dataclass(frozen=True, eq=False)
class IngestOptions:
    """Options of `ingest`: how raw spectra are reduced, and which labels they get.

    Parameters
    ----------
    labels : sequence of str
        Labels wanted, such as ``("teff", "eu_fe")``. Default: those most asked for.
    label_catalog : path or LabelTable, optional
        Catalogue of a survey or of your own (as for `read_catalog`), or labels.
    columns : mapping of str to str
        What the label catalogue calls a label, its error (``teff_err``), its flag (``teff_flag``), or ``id``, ``file``, ``snr``,
        ``ra``, ``dec``, ``gaia_dr3``, ``tmass_id``, ..., where its names do not tell: ``{"teff": "my_teff"}``.
    label_errors : mapping of str to float
        One error for all stars, by label, where the catalogue has none: ``{"teff": 100}``.
    survey, release : str
        Survey and release of the label catalogue, where its columns do not tell.
    cuts : str or Preset, optional
        Quality cuts on the label catalogue (see `presets`). Default: none. Stars that fail keep their spectra and count
        as unlabelled.
    join : "auto", "id", "file" or "crossmatch"
        By identifier, by the name of the spectrum's file (LAMOST catalogues list it), or by Gaia and 2MASS ids and
        position.
    classes : sequence of str
        Classes of objects to keep, as the survey's files name them; empty: whatever they are. Files that do not say are kept.
        Default: ``("STAR",)``.
    rest : bool
        Shift to the rest frame by the redshift or velocity in the file. A doubtful one is measured by cross-correlation with the star's
        combined spectrum, if that is among the files, or with simulated stars; without a velocity to be believed the spectrum is left
        out. Spectra that are at rest by their file are checked in the same way. If false, the frame of the files stays.
    grid : (pixel,) array, optional
        Wavelengths wanted, Angstrom, in the medium of the files. Spectra on other grids, or shifted, are resampled;
        pixels that a spectrum does not reach have no weight. Default: for low-resolution spectra of LAMOST and for
        SDSS, the pixels that all releases share, averaged by `binning`; for others, the most common grid among the files.
    like : path, FittedModel, Catalog, Dataset or Spectra, optional
        Instead: grid, binning, medium, frame, normalisation and pixels left out of a model, a catalogue or a dataset, or of that
        at a path (the folder of a run, a model, a catalogue or a dataset), so that the new spectra can be given to the model. Which
        of its spectra: those called `spectra_name`, or the only ones. `error_factor` is not taken from it.
    wavelength_range : (low, high), optional
        Part of the grid to keep, Angstrom. Default: for low-resolution spectra of LAMOST 3900 to 8800 Angstrom, beyond
        which their noise costs more than their lines give; for SDSS 3850 to 9150 Angstrom, which all releases have; for others all of it.
    binning : int, optional
        Number of neighbouring pixels to average, weighted by their inverse variances, as part of the one step that also
        shifts the spectrum to rest. Bins are counted from a survey's first pixel, so they are the same for all files.
        Default: 3 for low-resolution spectra of LAMOST, whose single pixels oversample the resolution; 1 for others.
    normalization : "auto", "none", "quantile" or "polynomial"
        Way to find the continuum: a running 90% quantile over 100 Angstrom, or a polynomial of degree 4 per detector.
        "auto" takes the quantile where the files are not normalised, and "none" where they are. Ridge regression on 92
        stars of LAMOST DR1 errs by 198 K, 0.345 dex in log g and 0.166 dex in [Fe/H] with the quantile, by 184 K, 0.346
        and 0.189 dex with the polynomial: neither is better in all. Default: "auto".
    noise_limit : float
        Pixels whose median error, over the stars that have them, is more than this many times the median of these errors
        over all pixels get no weight; the cores of strong lines, where surveys state larger errors, keep theirs. The grid stays. In a catalogue all stars decide, in a dataset the first files that
        it is made of (48); files added later follow, as spectra do that are made `like` others. ``inf`` keeps all.
        Default: 5.
    error_factor : float
        Multiplies the stated errors of the spectra, where they are known to be too large or too small. Models can learn
        that noise is larger than stated, never that it is smaller.
    spectra_name, labels_name : str
        Names of the two outputs of the catalogue.
    also : mapping of str to path or Measurements
        Further instruments of the same stars, by the name of their output: a table of Gaia (``source_id`` with
        ``phot_g_mean_mag`` or ``parallax``; more than one kind gives ``<name>_parallax``), its BP and RP spectra, a table that
        ``luxjax lightcurve`` wrote, or columns with errors in pairs (``J`` with ``J_err`` or ``e_J``). They are matched by
        identifier, else by position. Every spectrum is kept; a star that lacks an instrument has no weight there.

    Raises
    ------
    InputError
        A value cannot be used; the message says what is accepted.

    Examples
    --------
    >>> from luxjax.surveys import IngestOptions
    >>> options = IngestOptions(labels=("teff", "fe_h"), wavelength_range=(4000, 6800), normalization="quantile")
    >>> options.binning is None, options.join
    (True, 'auto')
    """

    labels: Sequence[str] = ()
    label_catalog: str | Path | LabelTable | None = None
    survey: str = ""
    release: str = ""
    cuts: str | Preset | None = None
    join: str = "auto"
    rest: bool = True
    grid: ArrayLike | None = None
    wavelength_range: tuple[float, float] | None = None
    normalization: str = "auto"
    error_factor: float = 1.0
    spectra_name: str = "spectra"
    labels_name: str = "labels"
    like: "str | Path | FittedModel | Catalog | Spectra | None" = None
    binning: int | None = None
    noise_limit: float = NOISE_LIMIT
    columns: Mapping[str, str] = field(default_factory=dict)
    label_errors: Mapping[str, float] = field(default_factory=dict)
    classes: Sequence[str] = ("STAR",)
    also: Mapping[str, str | Path | Measurements] = field(default_factory=dict)

    def __post_init__(self):
        put = object.__setattr__
        put(self, "labels", _names(self.labels))
        put(self, "cuts", self.cuts or None)
        put(self, "label_catalog", None if isinstance(c := self.label_catalog, str) and not c else c)
        put(self, "grid", None if self.grid is None else _grid(self.grid))
        put(self, "wavelength_range", _range(self.wavelength_range))
        put(self, "classes", (self.classes,) if isinstance(self.classes, str) else tuple(self.classes or ()))
        put(self, "columns", dict(self.columns or {}))
        put(self, "label_errors", _errors(self.label_errors))
        check_columns(self.columns)
        if not isinstance(self.label_catalog, str | Path | LabelTable | None):
            raise InputError(
                f"label_catalog is the path of a catalogue or a LabelTable; given: {self.label_catalog!r}. "
                "Names of labels go to labels."
            )
        if isinstance(self.cuts, str):
            check_name("quality preset", self.cuts, presets())
        check_name("way to join labels", self.join, JOINS)
        check_name("normalization", self.normalization, ("auto", "none", *CONTINUA))
        self._check_pixels()
        if not isinstance(self.rest, bool | np.bool_):
            raise InputError(f"rest is true or false; given: {self.rest!r}.")
        factor = self.error_factor
        if not isinstance(factor, int | float | np.number) or not (np.isfinite(factor) and factor > 0):
            raise InputError(f"the factor of the errors must be a number above 0; given: {factor!r}.")
        pair = (self.spectra_name, self.labels_name)
        if not all(isinstance(name, str) and name for name in pair) or len(set(pair)) < 2:
            raise InputError(
                f"spectra_name and labels_name are two different names, such as 'spectra' and 'labels'; given: {pair}."
            )
        put(self, "also", also_of(self.also, pair))

    def _check_pixels(self) -> None:
        """Raise `InputError` unless like, binning and noise_limit can be used, and together."""
        put = object.__setattr__
        put(self, "like", None if isinstance(self.like, str) and not self.like else self.like)
        if self.like is not None and not is_template(self.like):
            raise InputError(
                f"like is the folder of a run, a model or a catalogue, a dataset, or one of these; given: {self.like!r}."
            )
        settled = {"grid": self.grid, "wavelength_range": self.wavelength_range, "binning": self.binning}
        given = [name for name, value in settled.items() if value is not None]
        if self.like is not None and (given or not self.rest):
            raise InputError(
                f"like decides about {'the frame' if not given else join_names(given)}; leave "
                f"{'rest' if not given else join_names(given)} out, or like."
            )
        if self.grid is not None and self.binning is not None:
            raise InputError("a grid has its own pixels, which binning would change; give one of them.")
        whole = isinstance(self.binning, int | np.integer) and not isinstance(self.binning, bool)
        if self.binning is not None and not (whole and self.binning >= 1):
            raise InputError(f"binning is a number of pixels, 1 or more; given: {self.binning!r}.")
        limit = self.noise_limit
        if not isinstance(limit, int | float | np.number) or not limit > 1:
            raise InputError(f"noise_limit is a number above 1, or inf to keep all pixels; given: {limit!r}.")

    def replace(self, **settings: Any) -> "IngestOptions":
        """A copy with other values; an unknown name is refused with those that are accepted."""
        for name in settings:
            check_name("option of ingest", name, [f.name for f in fields(self)])
        return replace(self, **settings)

    def check_labels(self) -> None:
        """Refuse what is asked of labels where no catalogue of them is given; nothing asked for is left out in silence."""
        asked = {
            "labels": self.labels,
            "cuts": self.cuts,
            "label_errors": self.label_errors,
            "columns": self.columns,
        }
        if self.label_catalog is None and (given := [name for name, value in asked.items() if value]):
            raise InputError(
                f"{join_names(given)} given without a catalogue that labels come from; give it as label_catalog=, or leave "
                f"{join_names(given)} out."
            )


def _names(given: Any) -> tuple[str, ...]:
    names = () if given is None else given
    if isinstance(names, str | Path | LabelTable | Mapping) or not all(
        isinstance(name, str) for name in names
    ):
        raise InputError(
            f"labels are names such as ['teff', 'logg']; given: {given!r}. A catalogue of labels goes to label_catalog."
        )
    return tuple(names)


def _errors(given: Any) -> dict[str, float]:
    errors = dict(given or {})
    for name, error in errors.items():
        if not isinstance(error, int | float | np.number) or not (np.isfinite(error) and error > 0):
            raise InputError(
                f"the error of a label is a number above 0, such as teff=100; given: {name}={error!r}."
            )
    return {str(name): float(error) for name, error in errors.items()}


def _grid(given: ArrayLike) -> np.ndarray:
    grid = doubles("the grid", given, "Angstrom")
    if (
        grid.ndim != 1
        or len(grid) < 2
        or not np.all(np.isfinite(grid) & (grid > 0))
        or np.any(np.diff(grid) <= 0)
    ):
        raise InputError(
            f"a grid is at least two increasing wavelengths in Angstrom; given: an array of shape {grid.shape}."
        )
    return grid


def _range(given: Any) -> tuple[float, float] | None:
    if given is None or (isinstance(given, list | tuple) and not given):
        return None
    try:
        low, high = (float(v) for v in given)
    except (TypeError, ValueError):
        low = high = np.nan
    if not 0 <= low < high < np.inf:
        raise InputError(
            f"wavelength_range is two wavelengths in Angstrom, (low, high) with low below high; given: {given!r}."
        )
    return low, high
