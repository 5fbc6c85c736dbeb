"""Doppler shifts, and spectra in the rest frame of their stars."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.constants import speed_of_light

from ..core import InputError
from ..core.internal import doubles, join_names
from ..data import Spectra
from ._resample import overlaps, resample, resampled, widths

__all__ = ["doppler_shift", "to_rest"]

C_KMS = speed_of_light / 1e3


def doppler_shift(wavelength: ArrayLike, velocity_kms: ArrayLike) -> np.ndarray:
    """Wavelength at which light of a moving source arrives; relativistic, for motion along the line of sight.

    lambda' = lambda sqrt((1 + v/c) / (1 - v/c)): a positive velocity recedes and makes wavelengths longer. With
    ``-velocity_kms`` the shift is undone exactly.

    Parameters
    ----------
    wavelength : array
        Emitted wavelengths, any unit.
    velocity_kms : array
        Radial velocity, km/s; the two are broadcast.

    Examples
    --------
    >>> from luxjax.preprocessing import doppler_shift
    >>> doppler_shift(5000.0, 30.0).round(3).tolist()
    5000.5
    """
    beta = doubles("velocities", velocity_kms, "km / s") / C_KMS
    if not np.all(np.abs(beta) < 1):
        raise InputError(
            "a radial velocity must be finite and below the speed of light, in km/s; given up to "
            f"{np.max(np.abs(beta)) * C_KMS:g}."
        )
    return doubles("wavelengths", wavelength, "Angstrom") * np.sqrt((1 + beta) / (1 - beta))


def to_rest(
    spectra: Spectra,
    *,
    velocity_kms: ArrayLike | None = None,
    redshift: ArrayLike | None = None,
    grid: ArrayLike | None = None,
    min_coverage: float = 0.5,
    edges: tuple[ArrayLike, ArrayLike] | None = None,
    weighted: bool = False,
) -> Spectra:
    """Spectra in the rest frame of their stars.

    With one velocity for all and no `grid`, only the wavelength array changes. Otherwise every spectrum is shifted
    and then resampled, in one step, onto a common grid by the rules of `resample`.

    Parameters
    ----------
    spectra : Spectra
        In the barycentric or observed frame.
    velocity_kms : float or (star,) array
        Radial velocity of each star in the frame of the spectra, km/s, positive if receding; give this or
        `redshift`.
    redshift : float or (star,) array
        Instead: observed over rest wavelength, minus 1.
    grid : (new pixel,) array, optional
        Rest wavelengths wanted, Angstrom, in the medium of the spectra. Default: the numbers of the grid that the
        spectra are on.
    min_coverage, edges, weighted
        As for `resample`; edges go with `grid`.

    Raises
    ------
    InputError
        The spectra are in the rest frame already, or a velocity is missing (not finite, -9999, -999).

    Examples
    --------
    >>> import numpy as np
    >>> import luxjax
    >>> from luxjax.preprocessing import to_rest
    >>> flux = ivar = np.ones((1, 2))
    >>> spectra = luxjax.Spectra(flux, ivar, [5000.0, 5001.0], "vacuum", ["a"], frame="barycentric")
    >>> rest = to_rest(spectra, velocity_kms=30.0)
    >>> rest.frame, rest.wavelength.round(3).tolist()
    ('rest', [4999.5, 5000.5])
    """
    if spectra.frame == "rest":
        raise InputError(
            "the spectra are in the rest frame already; shifting them again would take them out of it. If the reader "
            "was wrong, correct it with spectra.replace(frame='barycentric')."
        )
    factor = _stretch(spectra, velocity_kms, redshift)
    values, group = np.unique(factor, return_inverse=True)
    if grid is None and len(values) == 1:
        step = f"shifted to rest, wavelengths divided by {values[0]:.9f}"
        return spectra.replace(wavelength=spectra.wavelength / values[0], frame="rest", step=step)
    target = spectra.wavelength if grid is None else doubles("the grid", grid, "Angstrom")
    # On no rows at all: checks the target once, and gives the container its grid.
    out = resample(spectra.select(slice(0)), target, min_coverage=min_coverage, edges=edges)
    shape = (len(spectra), len(target))
    flux, ivar = np.zeros(shape, spectra.ivar.dtype), np.zeros(shape, spectra.ivar.dtype)
    mask = None if spectra.mask is None else np.zeros(shape, np.int64)
    order = np.argsort(group, kind="stable")
    ends = np.cumsum(np.bincount(group, minlength=len(values)))
    for value, rows in zip(values, np.split(order, ends[:-1]), strict=True):
        matrix, width = overlaps(spectra.wavelength / value, out.wavelength, edges)
        old_mask = None if spectra.mask is None else spectra.mask[rows]
        new = resampled(
            matrix,
            width,
            spectra.flux[rows],
            spectra.ivar[rows],
            old_mask,
            min_coverage,
            widths(spectra.wavelength / value) if weighted else None,
        )
        flux[rows], ivar[rows] = new[0], new[1]
        if mask is not None and new[2] is not None:
            mask[rows] = new[2]
    step = f"shifted to rest, each by its velocity, and resampled to {len(target)} pixels"
    return spectra.replace(flux=flux, ivar=ivar, mask=mask, wavelength=target, frame="rest", step=step)


def _stretch(spectra: Spectra, velocity_kms: ArrayLike | None, redshift: ArrayLike | None) -> np.ndarray:
    """Observed over rest wavelength, (star,)."""
    if (velocity_kms is None) == (redshift is None):
        raise InputError("give either velocity_kms or redshift, one number or one per spectrum.")
    name = "redshift" if velocity_kms is None else "velocity_kms"
    given = (
        doubles("redshifts", redshift)
        if velocity_kms is None
        else doubles("velocities", velocity_kms, "km / s")
    )
    if given.ndim > 1 or given.size not in (1, len(spectra)):
        raise InputError(
            f"{name} has shape {given.shape}; give one number or one for each of the {len(spectra)} spectra."
        )
    given = np.broadcast_to(given, (len(spectra),))
    missing = ~np.isfinite(given) | np.isin(given, (-9999.0, -999.0))
    missing |= given <= -1 if velocity_kms is None else np.abs(given) >= C_KMS
    if missing.any():
        raise InputError(
            f"{missing.sum()} of {len(spectra)} spectra have no usable {name} ({join_names(spectra.ids[missing], 4)}: "
            f"{join_names(given[missing], 4)}); leave them out with spectra.select(mask), or measure it first."
        )
    return 1 + given if velocity_kms is None else doppler_shift(1.0, given)
