"""Fluxes and their inverse variances as users give them: units, masks, precision and scale."""

from typing import Any

import numpy as np

from ..core import InputError
from ..core.internal import converted, opened, unit_text, values_and_unit

__all__ = ["SMALLEST", "float_pair", "mask_bits", "narrowed", "native", "scale_of", "with_unit"]

SMALLEST = float(np.finfo(np.float32).tiny)
ORDINARY = (1e-3, 1e3)  # a flux of such a size has the scale 1
WIDE = 1e8  # beyond a scale of this, or its inverse, squares and their sums leave single precision
SAMPLE = 1_000_000  # values are enough to find a power of ten


def native(array, dtype=None) -> np.ndarray:
    """The array in this machine's byte order (FITS stores big-endian, which JAX and pandas refuse)."""
    array = np.asarray(array)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return array if dtype is None else array.astype(dtype, copy=False)


def narrowed(array: np.ndarray) -> np.ndarray:
    """The array in single precision if that holds every value of it, else in double."""
    array = native(array)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        narrow, size = array.astype(np.float32), np.abs(array)
        lost = np.isfinite(array) & (~np.isfinite(narrow) | ((size > 0) & (size < SMALLEST)))
    return array.astype(np.float64) if lost.any() else narrow


def with_unit(flux: Any, noise: Any, unit: str, power: int = -2) -> tuple[np.ndarray, np.ndarray, str]:
    """Flux and its errors (power 1) or inverse variances (power -2) as bare numbers in one unit, and that unit."""
    f, own = values_and_unit("flux", flux)
    n, noise_unit = values_and_unit("errors of the flux" if power == 1 else "ivar", noise)
    unit = str(unit)
    if own is not None:
        if unit:
            f = _to("flux", f, own, unit)
        else:
            f, unit = (f, unit_text(own)) if _has_dimension(own) else (converted("flux", f, own, ""), "")
    if noise_unit is not None:
        what = "errors of the flux" if power == 1 else "ivar"
        n = _to(what, n, noise_unit, unit if power == 1 or not unit else _inverse_square(unit))
    return f, n, unit


def _to(what: str, array: np.ndarray, own: Any, unit: str) -> np.ndarray:
    # 1e-17 of the unit in single precision squared is 1e34, which it holds; 1e-20 is not.
    found = converted(what, array.astype(np.float64), own, unit)
    same = np.array_equal(found, array, equal_nan=True)
    return array if same else found


def _inverse_square(unit: str) -> str:
    from astropy import units

    try:
        return str(units.Unit(unit) ** -2)
    except ValueError:
        return f"1 / ({unit})2"  # no unit that astropy knows: only the same one will do


def _has_dimension(unit: Any) -> bool:
    physical = getattr(unit, "physical_type", "")
    return str(physical) != "dimensionless"


def mask_bits(mask: Any) -> np.ndarray:
    """Mask bits as int64, bit 63 being its sign; none set where the value is itself missing."""
    bare = opened("the mask", mask)
    array = bare.values
    if array.dtype.kind not in "iubfO":
        raise InputError(
            f"a mask of pixels holds whole numbers, one bit for every flag; given {array.dtype}."
        )
    absent = np.zeros(array.shape, bool) if bare.missing is None else bare.missing
    if array.dtype.kind == "f":
        absent = absent | ~np.isfinite(array)
        if np.any((array != np.floor(array)) & ~absent):
            raise InputError("a mask of pixels holds whole numbers, one bit for every flag; given fractions.")
    if absent.any():
        array = np.where(absent, 0, array)
    if array.dtype.kind == "f":
        array = np.where(array >= 2.0**63, array.astype(np.uint64), array.astype(np.int64).view(np.uint64))
    if array.dtype == object:
        array = np.array([int(v) & (2**64 - 1) for v in array.flat], np.uint64).reshape(array.shape)
    return array.view(np.int64) if array.dtype == np.uint64 else array.astype(np.int64, copy=False)


def scale_of(flux: np.ndarray, good: np.ndarray) -> float:
    """The power of ten nearest the median of the absolute good flux; 1 where that is of order one, or nothing is good."""
    step = max(flux.size // SAMPLE, 1)
    size = np.abs(flux.reshape(-1)[::step][good.reshape(-1)[::step]], dtype=np.float64)
    size = size[size > 0]
    # The lower one of two in the middle: their mean could be that of a star and a cosmic ray.
    middle = float(np.quantile(size, 0.5, method="lower")) if len(size) else 1.0
    return 1.0 if ORDINARY[0] <= middle <= ORDINARY[1] else 10.0 ** round(np.log10(middle))


def float_pair(flux: np.ndarray, ivar: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Flux and inverse variance in the type of the flux, or in double precision where single cannot hold them."""
    if flux.dtype == np.float64:
        return flux, ivar.astype(np.float64, copy=False)
    with np.errstate(over="ignore", under="ignore"):
        narrow = ivar.astype(flux.dtype, copy=False)
    held = np.isfinite(narrow) & ((narrow >= SMALLEST) | (ivar == 0))
    if held.all() and 1 / WIDE <= scale <= WIDE:
        return flux, narrow
    return flux.astype(np.float64), ivar.astype(np.float64)
