"""Spectra from and to specutils, which knows units and uncertainties, and neither air and vacuum nor what the wavelengths are relative to.

What luxjax knows beyond it goes along as ``meta["luxjax"]``, so that spectra come back as they were.
"""

import re
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ..._exports import MissingExtra
from ...core import InputError
from ...core.internal import chosen_rows
from ...system.internal import lazy_import

if TYPE_CHECKING:
    import pandas as pd

    from .._spectra import Spectra
else:
    pd = lazy_import("pandas")

__all__ = ["fields_of", "spectrum_of"]

KEY = "luxjax"
NO_UNIT = ("", "relative")
# Powers of the unit of the flux, by what specutils calls a kind of uncertainty.
POWERS = {"std": 1, "var": 2, "ivar": -2}


def fields_of(spectrum: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Fields of `Spectra` from a spectrum of specutils and what the caller says; None there is taken from where `spectrum_of` left it."""
    flux, order, wavelength = _axes(spectrum)
    n = len(flux)
    meta = getattr(spectrum, "meta", None) or {}
    known = dict(meta.get(KEY) or {})
    if len(known.get("ids", ())) != n:  # rows were taken out or put together since
        known = {name: value for name, value in known.items() if name not in ("ids", "table")}
    known |= {name: value for name, value in given.items() if value is not None}
    if known.get("medium") is None:
        raise InputError(
            "a spectrum of specutils does not say whether its wavelengths are in air or vacuum; state medium='air' or medium='vacuum'. It is "
            "never guessed."
        )
    known.setdefault("ids", [str(row) for row in range(n)])
    unit, text = spectrum.flux.unit, known.pop("flux_unit", None)
    known["flux_unit"] = text if text is not None and _unit(text) == unit else str(unit)
    ivar = _ivar(spectrum, flux.shape, unit)
    if spectrum.mask is not None:
        ivar = np.where(_rows(np.asarray(spectrum.mask), spectrum) != 0, 0, ivar)
    known["table"] = _with_redshift(spectrum, known, n)
    known["history"] = (*known.get("history", ()), "from a spectrum of specutils")
    return known | {"flux": flux[:, order], "ivar": ivar[:, order], "wavelength": wavelength}


def _axes(spectrum: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The flux as rows, the order of the pixels, and their wavelengths in it, Angstrom."""
    from astropy import units

    if not all(hasattr(spectrum, name) for name in ("flux", "spectral_axis", "uncertainty", "mask")):
        raise InputError(
            f"a specutils.Spectrum was expected, and an object of type {type(spectrum).__name__} given; take several one by one, and put them together "
            "with luxjax.Spectra.stack."
        )
    if spectrum.flux.ndim not in (1, 2):
        raise InputError(
            f"the flux has {spectrum.flux.ndim} dimensions; spectra are one, or a row for each star. Reshape a cube first."
        )
    axis = units.Quantity(spectrum.spectral_axis.value, spectrum.spectral_axis.unit)
    try:
        wavelength = axis.to_value(units.AA, units.spectral())
    except units.UnitConversionError:
        raise InputError(
            f"the spectral axis is in '{axis.unit}', which is no wavelength, wave number, frequency or energy; convert it first."
        ) from None
    order = np.argsort(wavelength, kind="stable")
    return _rows(spectrum.flux.value, spectrum), order, wavelength[order]


def _rows(values: np.ndarray, spectrum: Any) -> np.ndarray:
    """Values with the pixels along the last of two axes."""
    index = getattr(spectrum, "spectral_axis_index", None)
    values = np.broadcast_to(values, spectrum.flux.shape)
    return np.atleast_2d(values if values.ndim < 2 or index is None else np.moveaxis(values, index, -1))


def _ivar(spectrum: Any, shape: tuple[int, ...], unit: Any) -> np.ndarray:
    found = spectrum.uncertainty
    kind = getattr(found, "uncertainty_type", None)
    if kind not in POWERS:
        raise InputError(
            f"the spectrum has {'no uncertainty' if found is None else f'an uncertainty of the kind {kind!r}'}; give it one of astropy.nddata: "
            "StdDevUncertainty, VarianceUncertainty or InverseVariance (luxjax.preprocessing.error_from_scatter finds errors)."
        )
    power = POWERS[kind]
    values = np.asarray(found.array, float)
    if found.unit is not None:
        values = (values * found.unit).to_value(unit**power)
    values = _rows(values, spectrum)
    if kind == "ivar":
        return values
    good = np.isfinite(values) & (values > 0)
    return np.where(good, 1 / np.where(good, values, 1) ** (2 / power), 0)


def _with_redshift(spectrum: Any, known: dict[str, Any], n: int) -> "pd.DataFrame":
    """The table of the stars, with the redshift that specutils has of a spectrum; refused where it should be at rest."""
    table = pd.DataFrame(index=range(n)) if known.get("table") is None else pd.DataFrame(known["table"])
    z = getattr(spectrum, "redshift", None)
    z = 0.0 if z is None else float(np.atleast_1d(getattr(z, "value", z))[0])
    if not np.isfinite(z) or z == 0:
        return table
    if known.get("frame", "rest") == "rest":
        raise InputError(
            f"the spectrum has a redshift of {z:g} in specutils, so it is not at rest; state frame='barycentric' or frame='observed', or shift it first "
            "(shift_spectrum_to(redshift=0))."
        )
    return table if "z" in table else table.assign(z=z)


def spectrum_of(spectra: "Spectra", row: Any) -> Any:
    """A `specutils.Spectrum` of one row, or of all as its two dimensions."""
    try:
        from astropy.nddata import InverseVariance
        from specutils import Spectrum
    except ModuleNotFoundError as missing:
        if (missing.name or "").split(".")[0] != "specutils":
            raise
        raise MissingExtra(
            "Spectra.to_specutils needs specutils, which is not installed: pip install luxjax[specutils]",
            name="specutils",
        ) from None
    from astropy import units

    one = isinstance(row, int | np.integer)
    chosen = spectra if row is None else spectra.select(chosen_rows(row, len(spectra), spectra.ids))
    table = pd.DataFrame(chosen.table)
    moving = "z" in table and len(chosen) == 1 and chosen.frame != "rest"
    z = float(pd.to_numeric(table["z"], errors="coerce").iloc[0]) if moving else 0.0
    unit = _unit(chosen.flux_unit)
    names = ("medium", "frame", "survey", "normalized", "flux_unit", "resolution", "history")
    facts = {name: getattr(chosen, name) for name in names} | {"ids": chosen.ids.tolist(), "table": table}

    def shaped(values: np.ndarray) -> np.ndarray:
        return values[0] if one else values

    return Spectrum(
        flux=shaped(chosen.flux) * unit,
        spectral_axis=chosen.wavelength * units.AA,
        uncertainty=InverseVariance(shaped(chosen.ivar)),
        mask=shaped(~chosen.good),
        meta={KEY: facts},
        **({} if one else {"spectral_axis_index": 1}),
        **({"redshift": z} if np.isfinite(z) and z != 0 else {}),
    )


def _unit(text: str) -> Any:
    from astropy import units

    if text in NO_UNIT:
        return units.dimensionless_unscaled
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", units.UnitsWarning)  # of several slashes, as surveys write them
            # In the units of spectra A is an Angstrom, in astropy's an ampere.
            return units.Unit(re.sub(r"\bA\b", "Angstrom", text))
    except ValueError:
        raise InputError(
            f"the flux unit '{text}' is none that astropy knows; state it otherwise, such as "
            "spectra.replace(flux_unit='erg / (s cm2 Angstrom)')."
        ) from None
