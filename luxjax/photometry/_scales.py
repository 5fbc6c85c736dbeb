"""Scales on which a star's brightness is linear in the logarithms of what it is: magnitudes, and 5 log10 of the parallax."""

import dataclasses
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import InputError, LuxWarning
from ..core.internal import identifiers, number, values
from ..data import Measurements
from ..system.internal import lazy_import

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

__all__ = ["parallax_scale", "with_floor"]


def with_floor(measurements: Measurements, floor: float) -> Measurements:
    """Measurements with an error added in quadrature: what zero points, variability and the model leave uncertain.

    Parameters
    ----------
    measurements : Measurements
    floor : float
        In the unit of the measurements, such as 0.01 mag.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.photometry import with_floor
    >>> photometry = luxjax.Measurements([[10.2]], [[0.003]], ["G"], ["a"], units={"G": "mag"})
    >>> with_floor(photometry, 0.004).error.tolist()
    [[0.005]]
    """
    if not 0 <= (floor := number("the floor of the errors", floor)) < np.inf:
        raise InputError(f"a floor of errors is a number of 0 or more in their unit; given {floor}.")
    return dataclasses.replace(measurements, error=np.hypot(measurements.error, floor))


def parallax_scale(
    parallax: Any,
    error: Any,
    ids: Sequence | np.ndarray,
    *,
    zero_point: Any = 0.0,
    least: float = 5.0,
    floor: float = 0.02,
    survey: str = "gaia",
) -> Measurements:
    """``5 log10(parallax / mas)``: together with apparent magnitudes it gives absolute ones, by a difference.

    The scale holds where the parallax is well known; elsewhere its errors are skew, and it is missing. Linear in the parallax
    itself no linear model finds luminosities.

    Parameters
    ----------
    parallax, error : (star,) arrays
        Milliarcseconds.
    ids : sequence of str or int
    zero_point : float or (star,) array
        Subtracted from the parallaxes, mas; that of Gaia DR3 is about -0.03 and depends on magnitude, colour and position
        (Lindegren et al. 2021, A&A 649, A4).
    least : float
        Parallaxes below this many standard errors, negative ones among them, are missing. A `LuxWarning` says how many.
    floor : float
        Magnitudes, added to the error in quadrature.

    Returns
    -------
    Measurements
        One, called ``"parallax"``, in mag. Its table has the parallaxes and errors as given, in mas.

    Examples
    --------
    >>> from luxjax.photometry import parallax_scale
    >>> found = parallax_scale([10.0, 4.0], [0.1, 0.1], ["a", "b"])
    >>> found["parallax"].round(3).tolist(), found.error.round(3).tolist()
    ([5.0, 3.01], [[0.03], [0.058]])
    """
    given = values("parallaxes", parallax, "mas").astype(np.float64)
    sigma = np.broadcast_to(values("errors of parallaxes", error, "mas").astype(np.float64), given.shape)
    found = given - values("zero points of parallaxes", zero_point, "mas").astype(np.float64)
    with np.errstate(invalid="ignore"):
        known = np.isfinite(found) & (sigma > 0) & np.isfinite(sigma)
        used = known & (found >= least * sigma)
    if (lost := int((known & ~used).sum())) > 0:
        negative = int((known & (found < 0)).sum())
        warnings.warn(
            f"{lost} of {int(known.sum())} parallaxes are below {least:g} standard errors ({negative} of them negative) and are "
            "left out; these stars keep their other measurements.",
            LuxWarning,
            stacklevel=2,
        )
    safe = np.where(used, found, 1.0)
    value = np.where(used, 5 * np.log10(safe), np.nan)
    noise = np.hypot(5 / np.log(10) * sigma / safe, floor)
    return Measurements(
        value[:, None],
        noise[:, None],
        ("parallax",),
        identifiers("ids", ids),
        units={"parallax": "mag"},
        survey=survey,
        table=pd.DataFrame({"parallax": given, "parallax_error": sigma}),
    )
