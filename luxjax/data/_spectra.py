"""Spectra of many stars on one wavelength grid, with everything needed to read them rightly."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np

from ..core import InputError, check_name
from ..core.internal import chosen_rows, identifiers, number, values
from ..system.internal import lazy_import
from ._flux import SMALLEST, float_pair, mask_bits, scale_of, with_unit
from .tables._frames import frame_of

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

__all__ = ["Frame", "Medium", "Role", "Spectra"]

Medium = Literal["air", "vacuum"]
Frame = Literal["rest", "barycentric", "observed"]
Role = Literal["input", "label"]
"""What an output is to a model: inputs say where a star lies among the latents, labels are read off there."""


@dataclass(frozen=True, eq=False)
class Spectra:
    """Spectra of `star` rows on a shared grid of `pixel` wavelengths. Host arrays, never changed in place.

    Parameters
    ----------
    flux : (star, pixel) array
        Flux; the unit is `flux_unit`. A quantity brings its unit along, or is converted to `flux_unit` where that is stated.
    ivar : (star, pixel) array
        Inverse variance of the flux. Zero marks a bad pixel; where flux or ivar is masked or not finite, or ivar is
        negative, it is set to zero here. Both are kept in double precision where single precision cannot hold them.
    wavelength : (pixel,) array
        Angstrom, strictly increasing. Other units of length are converted.
    medium : "air" or "vacuum"
        What the wavelengths were measured in. Mandatory: it is never guessed.
    ids : sequence of str or int
        One identifier per row. A row is a star or, with repeated ids, one of its visits.
    frame : "rest", "barycentric" or "observed"
        The velocity frame of the wavelengths.
    survey : str
        Where the spectra come from, such as ``"apogee"``.
    normalized : bool
        Whether the continuum has been divided out.
    flux_unit : str
        Unit of the flux in words; empty for normalised flux.
    mask : (star, pixel) int64 array, optional
        Survey mask bits of each pixel, up to bit 63. A value that is itself masked has none set.
    bits : mapping of str to int, optional
        Name of every mask bit and its number.
    table : pandas.DataFrame, optional
        One row per spectrum of star-level facts (``snr``, ``rv_kms``, ``file``, ...).
    history : tuple of str
        What was done to the spectra, in order.
    resolution : float, optional
        Resolving power, lambda / FWHM. Default: None, not known.
    scale : float, optional
        Typical size of the flux, a positive number. Models and datasets hold ``flux / scale`` in single precision, whatever the
        physical unit. Default: the power of ten nearest the median of the absolute good flux, or 1 where that median is between
        0.001 and 1000.

    Examples
    --------
    >>> import numpy as np
    >>> import luxjax
    >>> flux = np.array([[1.0, 0.8, np.nan], [1.0, 0.9, 1.0]])
    >>> ivar, wavelength = np.full((2, 3), 1e4), [5000.0, 5001.0, 5002.0]
    >>> spectra = luxjax.Spectra(flux, ivar, wavelength, "vacuum", ids=["a", "b"])
    >>> len(spectra), spectra.n_pixels
    (2, 3)
    >>> spectra.good  # what is not finite is bad
    array([[ True,  True, False],
           [ True,  True,  True]])
    >>> spectra.select([1]).ids.tolist()
    ['b']
    """

    role: ClassVar[Role] = "input"

    flux: np.ndarray
    ivar: np.ndarray
    wavelength: np.ndarray
    medium: Medium
    ids: np.ndarray
    frame: Frame = "rest"
    survey: str = ""
    normalized: bool = False
    flux_unit: str = ""
    mask: np.ndarray | None = None
    bits: Mapping[str, int] = field(default_factory=dict)
    table: "pd.DataFrame | None" = None
    history: tuple[str, ...] = ()
    resolution: float | None = None
    scale: float | None = None

    def __post_init__(self):
        flux, ivar, flux_unit = with_unit(self.flux, self.ivar, self.flux_unit)
        flux, ivar = np.atleast_2d(flux), np.atleast_2d(ivar)
        wavelength = np.atleast_1d(values("wavelengths", self.wavelength, "Angstrom")).astype(np.float64)
        ids = identifiers("ids", self.ids)
        if self.medium not in get_args(Medium):
            raise InputError(
                f"wavelength medium {self.medium!r} is not known; say 'air' or 'vacuum' "
                "(the two differ by up to 4.6 Angstrom in the H band, so it is never guessed)."
            )
        check_name("velocity frame", self.frame, get_args(Frame))
        resolution = None if self.resolution is None else number("the resolution", self.resolution)
        if resolution is not None and not 0 < resolution < np.inf:
            raise InputError(
                f"a resolution is lambda / FWHM, a positive number, or None where it is not known; given {resolution}."
            )
        if flux.shape != ivar.shape or flux.shape != (len(ids), len(wavelength)):
            raise InputError(
                f"flux has shape {flux.shape} and ivar {ivar.shape}, but {len(ids)} ids and "
                f"{len(wavelength)} wavelengths ask for ({len(ids)}, {len(wavelength)})."
            )
        if not (np.all(np.isfinite(wavelength)) and np.all(np.diff(wavelength) > 0)):
            raise InputError(
                "wavelengths must be finite and strictly increasing; sort the pixels (apVisit detectors run "
                "from long to short wavelength) before building Spectra."
            )
        table = (
            pd.DataFrame(index=range(len(ids))) if self.table is None else frame_of("star table", self.table)
        )
        if len(table) != len(ids):
            raise InputError(f"the star table has {len(table)} rows for {len(ids)} spectra.")
        mask = None if self.mask is None else np.atleast_2d(mask_bits(self.mask))
        if mask is not None and mask.shape != flux.shape:
            raise InputError(f"mask has shape {mask.shape}, the flux {flux.shape}; they must agree.")
        with np.errstate(invalid="ignore"):
            good = np.isfinite(flux) & np.isfinite(ivar) & (ivar > 0)
        scale = scale_of(flux, good) if self.scale is None else number("the scale of the flux", self.scale)
        if not 0 < scale < np.inf:
            raise InputError(f"the scale of the flux is a positive number; given {scale:g}.")
        flux, ivar = float_pair(flux, np.where(good, ivar, 0), scale)
        for name, value in dict(
            flux=flux,
            ivar=ivar,
            wavelength=wavelength,
            ids=ids,
            table=table,
            mask=mask,
            bits=dict(self.bits),
            flux_unit=flux_unit,
            resolution=resolution,
            scale=scale,
        ).items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_error(cls, flux, error, *args, error_limit: float = np.inf, **kwargs) -> "Spectra":
        """Build from one-sigma errors; an error <= 0, masked, not finite or >= `error_limit` marks a bad pixel.

        An error with a unit is converted to that of the flux.
        """
        flux, error, unit = with_unit(flux, error, kwargs.pop("flux_unit", ""), power=1)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
            # A number of Python's keeps the type of the errors; a limit of double precision would not.
            good = np.isfinite(error) & (error > 0) & (error < number("error_limit", error_limit))
            ivar = 1.0 / np.where(good, error, np.inf) ** 2
            # The square of an error of 1e-20 is no number of single precision.
            if good.any() and not (np.isfinite(ivar[good]).all() and (ivar[good] >= SMALLEST).all()):
                ivar = 1.0 / np.where(good, error, np.inf).astype(np.float64) ** 2
        return cls(flux, ivar, *args, flux_unit=unit, **kwargs)

    @classmethod
    def from_specutils(
        cls,
        spectrum: Any,
        medium: Medium | None = None,
        ids: Sequence | None = None,
        *,
        frame: Frame | None = None,
        survey: str | None = None,
        normalized: bool | None = None,
        resolution: float | None = None,
    ) -> "Spectra":
        """Build from a ``specutils.Spectrum``, of one star or with a row for each.

        Its wavelengths, frequencies, energies or wave numbers become increasing wavelengths in Angstrom, its uncertainty of whichever kind (standard
        deviation, variance, inverse variance) and unit becomes `ivar`, and pixels that it masks get no weight. Its redshift goes to column ``z`` of the table.

        Parameters
        ----------
        spectrum : specutils.Spectrum
        medium : "air" or "vacuum"
            Mandatory, because specutils does not know it; but for what `to_specutils` made, which says it.
        ids : sequence of str or int, optional
            One identifier per row. Default: those of `to_specutils`, or the numbers of the rows.
        frame, survey, normalized, resolution
            As in `Spectra`. Default: as `to_specutils` had them, else those of `Spectra`.

        Raises
        ------
        InputError
            No medium is stated, there is no uncertainty, the spectral axis is none, or a spectrum with a redshift should be at rest.
        """
        from .exchange._specutils import fields_of

        given = {"medium": medium, "ids": ids, "frame": frame, "survey": survey, "normalized": normalized}
        return cls(**fields_of(spectrum, given | {"resolution": resolution}))

    def to_specutils(self, row: Any = None) -> Any:
        """A ``specutils.Spectrum`` of one row; of several, or of all (None), one of two dimensions with a row for each.

        Bad pixels are masked. What specutils has no place for (medium, frame, identifiers, the table, ...) is in ``meta["luxjax"]``, where
        `from_specutils` finds it. Bits of the survey's mask do not go along.

        Raises
        ------
        MissingExtra
            specutils is not installed.
        InputError
            There is no such row, or astropy does not know the unit of the flux.
        """
        from .exchange._specutils import spectrum_of

        return spectrum_of(self, row)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index) -> "Spectra":
        """The rows that `select` chooses."""
        return self.select(index)

    def __iter__(self) -> Iterator["Spectra"]:
        """One row after the other."""
        return (self.select(row) for row in range(len(self)))

    def __repr__(self) -> str:
        span = f"{self.wavelength[0]:.1f}-{self.wavelength[-1]:.1f} A {self.medium}"
        return (
            f"Spectra({self.survey or 'unnamed'}: {len(self)} x {self.n_pixels} pixels, {span}, "
            f"{self.frame} frame, {self.good.mean() if self.good.size else 0:.1%} of pixels good)"
        )

    @property
    def n_pixels(self) -> int:
        return len(self.wavelength)

    @property
    def good(self) -> np.ndarray:
        """Pixels with weight, (star, pixel) bool."""
        return self.ivar > 0

    @property
    def error(self) -> np.ndarray:
        """One-sigma errors, infinite at bad pixels."""
        with np.errstate(divide="ignore"):
            return 1.0 / np.sqrt(self.ivar)

    @property
    def snr(self) -> np.ndarray:
        """Median signal-to-noise ratio per good pixel of each spectrum, (star,); NaN without good pixels."""
        ratio = np.where(self.good, self.flux * np.sqrt(self.ivar), np.nan)
        out = np.full(len(self), np.nan)
        some = self.good.any(axis=1)
        out[some] = np.nanmedian(ratio[some], axis=1)
        return out

    def replace(self, *, step: str = "", **changes: Any) -> "Spectra":
        """A copy with fields changed; `step` is added to the history."""
        if step:
            changes["history"] = (*self.history, step)
        if "flux" in changes:  # the scale was that of the flux as it was
            changes = {"scale": None, **changes}
        return dataclasses.replace(self, **changes)

    def select(self, index) -> "Spectra":
        """The rows chosen by a number, slice, integer array, boolean mask or identifiers."""
        rows = chosen_rows(index, len(self), self.ids)
        return dataclasses.replace(
            self,
            flux=self.flux[rows],
            ivar=self.ivar[rows],
            ids=self.ids[rows],
            mask=None if self.mask is None else self.mask[rows],
            table=self.table.iloc[rows],  # type: ignore[union-attr]
        )

    def pixels(self, index) -> "Spectra":
        """The pixels chosen by a slice, integer array or boolean mask."""
        index = index if isinstance(index, slice) else chosen_rows(index, self.n_pixels)
        return dataclasses.replace(
            self,
            flux=self.flux[:, index],
            ivar=self.ivar[:, index],
            wavelength=self.wavelength[index],
            mask=None if self.mask is None else self.mask[:, index],
        )

    def flagged(self, names: Iterable[str]) -> np.ndarray:
        """Pixels with any of the named mask bits set, (star, pixel) bool."""
        names = list(names)
        for name in names:
            check_name("mask bit", name, self.bits)
        if self.mask is None:
            raise InputError("these spectra carry no mask, so no bit can be looked up; read them with one.")
        wanted = np.uint64(sum(1 << _bit(name, self.bits[name]) for name in set(names)))
        return (self.mask.view(np.uint64) & wanted) != 0

    def drop_flagged(self, names: Sequence[str]) -> "Spectra":
        """Give zero weight to pixels with any of the named mask bits set."""
        bad = self.flagged(names)
        return self.replace(
            ivar=np.where(bad, 0, self.ivar), step=f"dropped pixels flagged {', '.join(names)}"
        )

    def mask_counts(self) -> dict[str, int]:
        """How many pixels carry each named mask bit."""
        return {name: int(self.flagged([name]).sum()) for name in self.bits} if self.mask is not None else {}

    @staticmethod
    def stack(parts: Sequence["Spectra"]) -> "Spectra":
        """Rows of several `Spectra` one below the other; they must share grid, medium and frame."""
        if not parts:
            raise InputError("there are no spectra to stack; give at least one.")
        first = parts[0]
        for part in parts[1:]:
            for what in ("medium", "frame", "normalized"):
                if getattr(part, what) != getattr(first, what):
                    raise InputError(
                        f"cannot stack spectra whose {what} differs ({getattr(first, what)!r} for "
                        f"'{first.ids[0]}', {getattr(part, what)!r} for '{part.ids[0]}'); convert one of them "
                        "with luxjax.preprocessing first."
                    )
            if part.n_pixels != first.n_pixels or not np.allclose(
                part.wavelength, first.wavelength, rtol=1e-9, atol=0
            ):
                raise InputError(
                    f"cannot stack spectra on different grids: '{first.ids[0]}' has {first.n_pixels} pixels from "
                    f"{first.wavelength[0]:.3f} A, '{part.ids[0]}' {part.n_pixels} from {part.wavelength[0]:.3f} A; "
                    "bring them to one grid with luxjax.preprocessing.resample first."
                )
        masks = [p.mask for p in parts]
        return dataclasses.replace(
            first,
            flux=np.concatenate([p.flux for p in parts]),
            ivar=np.concatenate([p.ivar for p in parts]),
            ids=np.concatenate([p.ids for p in parts]),
            scale=next((p.scale for p in parts if p.good.any()), first.scale),
            mask=None if any(m is None for m in masks) else np.concatenate(masks),  # type: ignore[arg-type]
            table=pd.concat([p.table for p in parts], ignore_index=True),  # type: ignore[arg-type]
        )


def _bit(name: str, bit: Any) -> int:
    if not 0 <= int(bit) <= 63:
        raise InputError(f"mask bit '{name}' has the number {bit}; bits are numbered 0 to 63.")
    return int(bit)
