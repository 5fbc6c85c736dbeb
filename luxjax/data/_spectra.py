"""Spectra of many stars on one wavelength grid, with everything needed to read them rightly."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np

from ..core import InputError, check_name
from ..system.internal import lazy_import

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

__all__ = ["Frame", "Medium", "Role", "Spectra", "native"]

Medium = Literal["air", "vacuum"]
Frame = Literal["rest", "barycentric", "observed"]
Role = Literal["input", "label"]
"""What an output is to a model: inputs say where a star lies among the latents, labels are read off there."""


def native(array, dtype=None) -> np.ndarray:
    """The array in this machine's byte order (FITS stores big-endian, which JAX and pandas refuse)."""
    array = np.asarray(array)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return array if dtype is None else array.astype(dtype, copy=False)


@dataclass(frozen=True, eq=False)
class Spectra:
    """Spectra of `star` rows on a shared grid of `pixel` wavelengths. Host arrays, never changed in place.

    Parameters
    ----------
    flux : (star, pixel) array
        Flux; the unit is `flux_unit`.
    ivar : (star, pixel) array
        Inverse variance of the flux. Zero marks a bad pixel; where flux or ivar is not finite, or ivar is
        negative, it is set to zero here.
    wavelength : (pixel,) array
        Angstrom, strictly increasing.
    medium : "air" or "vacuum"
        What the wavelengths were measured in. Mandatory: it is never guessed.
    ids : sequence of str
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
        Survey mask bits of each pixel.
    bits : mapping of str to int, optional
        Name of every mask bit and its number.
    table : pandas.DataFrame, optional
        One row per spectrum of star-level facts (``snr``, ``rv_kms``, ``file``, ...).
    history : tuple of str
        What was done to the spectra, in order.
    resolution : float, optional
        Resolving power, lambda / FWHM. Default: None, not known.

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

    def __post_init__(self):
        flux, ivar = np.atleast_2d(native(self.flux)), np.atleast_2d(native(self.ivar))
        wavelength = native(self.wavelength, np.float64)
        ids = np.asarray(self.ids, dtype=object).astype(str).reshape(-1)
        if self.medium not in get_args(Medium):
            raise InputError(
                f"wavelength medium {self.medium!r} is not known; say 'air' or 'vacuum' "
                "(the two differ by up to 4.6 Angstrom in the H band, so it is never guessed)."
            )
        check_name("velocity frame", self.frame, get_args(Frame))
        if self.resolution is not None and not 0 < self.resolution < np.inf:
            raise InputError(
                f"a resolution is lambda / FWHM, a positive number, or None where it is not known; given {self.resolution}."
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
        with np.errstate(invalid="ignore"):
            good = np.isfinite(flux) & np.isfinite(ivar) & (ivar > 0)
        ivar = np.where(good, ivar, 0).astype(flux.dtype if flux.dtype.kind == "f" else np.float64)
        table = pd.DataFrame(index=range(len(ids))) if self.table is None else self.table
        if len(table) != len(ids):
            raise InputError(f"the star table has {len(table)} rows for {len(ids)} spectra.")
        mask = None if self.mask is None else np.atleast_2d(native(self.mask, np.int64))
        if mask is not None and mask.shape != flux.shape:
            raise InputError(f"mask has shape {mask.shape}, the flux {flux.shape}; they must agree.")
        for name, value in dict(
            flux=flux,
            ivar=ivar,
            wavelength=wavelength,
            ids=ids,
            table=table.reset_index(drop=True),
            mask=mask,
            bits=dict(self.bits),
        ).items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_error(cls, flux, error, *args, error_limit: float = np.inf, **kwargs) -> "Spectra":
        """Build from one-sigma errors; an error <= 0, not finite or >= `error_limit` marks a bad pixel."""
        flux, error = native(flux), native(error)
        with np.errstate(divide="ignore", invalid="ignore"):
            good = np.isfinite(error) & (error > 0) & (error < error_limit)
            ivar = np.where(good, 1.0 / np.where(good, error, 1.0) ** 2, 0.0)
        return cls(flux, ivar, *args, **kwargs)

    def __len__(self) -> int:
        return len(self.ids)

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
        return dataclasses.replace(self, **changes)

    def select(self, index) -> "Spectra":
        """The rows chosen by a slice, integer array or boolean mask."""
        rows = np.arange(len(self))[index].reshape(-1)
        return dataclasses.replace(
            self,
            flux=self.flux[rows],
            ivar=self.ivar[rows],
            ids=self.ids[rows],
            mask=None if self.mask is None else self.mask[rows],
            table=self.table.iloc[rows],  # type: ignore[union-attr]
        )

    def pixels(self, index) -> "Spectra":
        """The pixels chosen by a slice or boolean mask."""
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
        wanted = np.int64(sum(1 << self.bits[name] for name in set(names)))
        return (self.mask & wanted) != 0

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
            mask=None if any(m is None for m in masks) else np.concatenate(masks),  # type: ignore[arg-type]
            table=pd.concat([p.table for p in parts], ignore_index=True),  # type: ignore[arg-type]
        )
