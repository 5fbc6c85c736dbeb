"""Seismic log g of stars: power spectra in bins, template fit, gate, and the scaling relation of nu_max, as one table."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import InputError, Progress
from ..core.internal import join_names, reporting
from ..system.internal import lazy_import
from ._bins import Binned, bin_edges, binned_power
from ._gate import Gate, reason_against
from ._power import PowerSpectrum
from ._seismic import SYSTEMATIC, fit_template
from ._template import COMPONENTS

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

__all__ = ["UNITS", "log_g_of", "seismic_log_g"]

NU_MAX_SUN, TEFF_SUN, LOG_G_SUN = 3090.0, 5777.0, 4.438
UNITS = {
    "nu_max": "uHz",
    "nu_max_err": "uHz",
    "observed_d": "d",
    "cadence_s": "s",
    "teff": "K",
    "teff_err": "K",
}
UNITS |= dict.fromkeys(("logg", "logg_err", "log_nu_max_err"), "dex")
_BLOCK = 250  # stars whose binned power is held at a time


def log_g_of(log_nu_max: Any, log_nu_max_err: Any, teff: Any, teff_err: Any) -> tuple[np.ndarray, np.ndarray]:
    """Seismic log g and its error by the scaling relation nu_max ~ g / sqrt(Teff).

    Parameters
    ----------
    log_nu_max, log_nu_max_err : (star,) arrays
        log10 of nu_max in microhertz, and its error.
    teff, teff_err : (star,) arrays
        K.
    """
    teff = np.asarray(teff, float)
    logg = LOG_G_SUN + np.asarray(log_nu_max) - np.log10(NU_MAX_SUN) + 0.5 * np.log10(teff / TEFF_SUN)
    return logg, np.hypot(log_nu_max_err, 0.5 * np.asarray(teff_err) / teff / np.log(10.0))


def seismic_log_g(
    spectra: PowerSpectrum | Sequence[PowerSpectrum],
    *,
    teff: Mapping[str, float] | float | None = None,
    teff_err: float = 100.0,
    lowest: float = 5.0,
    progress: bool | Progress | None = None,
) -> "pd.DataFrame":
    """nu_max and log g of stars from their power spectra, each accepted or with the reason why not.

    Parameters
    ----------
    spectra : PowerSpectrum, or sequence of them
    teff : mapping of id to float, or float, optional
        Effective temperatures, K; a mapping goes before what the spectra know. Default: ``meta["teff"]`` of each spectrum.
    teff_err : float
        One-sigma error of the effective temperatures, K.
    lowest : float
        Lowest frequency used, microhertz.
    progress : bool or Progress, optional
        Whether to show the stars done. Default: no.

    Returns
    -------
    DataFrame
        One row a star: ``id``, ``nu_max``, ``nu_max_err`` (microhertz), ``log_nu_max_err`` (dex), ``noise_err`` (the part of it that noise
        explains; the rest is 2.5% of template), ``logg``, ``logg_err`` (missing unless accepted), ``accepted``, ``reason``, ``criterion`` (for
        each bin), the log10 amplitudes ``granulation``, ``hump``, ``activity`` and ``white``, ``granulation_err``, ``teff``, ``teff_err``, ``observed_d``,
        ``cadence_s``.

    Examples
    --------
    >>> from luxjax.lightcurves import PowerSpectrum, seismic_log_g
    >>> from luxjax.simulation import simulate_oscillations
    >>> stars = simulate_oscillations(3, key=4, nu_max=[30.0, 60.0, 120.0], teff=4800.0, days=90.0)
    >>> table = seismic_log_g([PowerSpectrum(**star) for star in stars.spectra()])
    >>> table["accepted"].tolist()
    [True, True, True]
    >>> bool((abs(table["logg"] - stars.table["logg"]) < 0.06).all())
    True
    """
    given = [spectra] if isinstance(spectra, PowerSpectrum) else list(spectra)
    if not given:
        raise InputError("no power spectrum was given; give at least one.")
    if not 0 < teff_err < np.inf:
        raise InputError(
            f"teff_err is {teff_err}; give a positive error of the effective temperatures, in K."
        )
    temperatures = _temperatures(given, teff)
    groups: dict[float, list[int]] = {}  # of one cadence, to a percent
    for k, one in enumerate(given):
        groups.setdefault(round(np.log(one.cadence_s), 2), []).append(k)
    rows: dict[int, dict[str, Any]] = {}
    with reporting(progress, "seismic log g") as told:
        for members in groups.values():
            for start in range(0, len(members), _BLOCK):
                block = members[start : start + _BLOCK]
                rows |= dict(zip(block, _measured([given[k] for k in block], lowest), strict=True))
                told("stars", len(rows), len(given))
    table = pd.DataFrame([rows[k] for k in range(len(given))])
    table["teff"], table["teff_err"] = temperatures, np.where(np.isfinite(temperatures), teff_err, np.nan)
    return _judged(table, lowest)


def _measured(spectra: Sequence[PowerSpectrum], lowest: float) -> list[dict[str, Any]]:
    """What the fit gives for stars of one cadence."""
    nyquist = spectra[0].nyquist
    edges = bin_edges(lowest, nyquist)
    value, error = (np.array(a) for a in zip(*(binned_power(s, edges) for s in spectra), strict=True))
    fit = fit_template(Binned(np.sqrt(edges[1:] * edges[:-1]), value, error), nyquist)
    return [
        {
            "id": one.id,
            "log_nu_max": fit.log_nu_max[k],
            "noise_err": fit.log_nu_max_err[k],
            "criterion": fit.criterion[k] / max(np.isfinite(value[k]).sum(), 1),
            **dict(zip(COMPONENTS, fit.amplitude[k], strict=True)),
            "granulation_err": fit.amplitude_err[k, 0],
            "observed_d": one.observed_d,
            "cadence_s": one.cadence_s,
        }
        for k, one in enumerate(spectra)
    ]


def _judged(table: "pd.DataFrame", lowest: float) -> "pd.DataFrame":
    """The table with errors that hold for real stars, log g, and what the gate says."""
    table["log_nu_max_err"] = np.hypot(table["noise_err"], SYSTEMATIC)
    table["nu_max"] = 10.0 ** table["log_nu_max"]
    table["nu_max_err"] = table["nu_max"] * np.log(10.0) * table["log_nu_max_err"]
    logg, error = log_g_of(table["log_nu_max"], table["log_nu_max_err"], table["teff"], table["teff_err"])
    limits = {
        "nu_max": table["nu_max"],
        "error": table["log_nu_max_err"],
        "nyquist": 0.5e6 / table["cadence_s"],
        **{name: table[name] for name in ("criterion", "teff", "observed_d")},
    }
    table["reason"] = [
        reason_against(Gate(), lowest=lowest, **{name: float(v.iloc[k]) for name, v in limits.items()})
        for k in range(len(table))
    ]
    table["accepted"] = table["reason"] == ""
    table["logg"] = np.where(table["accepted"], logg, np.nan)
    table["logg_err"] = np.where(table["accepted"], error, np.nan)
    first = [
        "id",
        "nu_max",
        "nu_max_err",
        "logg",
        "logg_err",
        "accepted",
        "reason",
        "log_nu_max_err",
        "noise_err",
    ]
    first += ["criterion", *COMPONENTS, "granulation_err", "teff", "teff_err", "observed_d", "cadence_s"]
    return table[first]


def _temperatures(spectra: Sequence[PowerSpectrum], teff: Mapping[str, float] | float | None) -> np.ndarray:
    """Effective temperature of every star, NaN where it is not known."""
    own = np.array([float(s.meta.get("teff", np.nan)) for s in spectra])
    if teff is None:
        return own
    if isinstance(teff, Mapping):
        unknown = set(teff) - {s.id for s in spectra}
        if unknown == set(teff):
            raise InputError(
                f"the effective temperatures are of {join_names(teff, 3)}, the power spectra of {join_names((s.id for s in spectra), 3)}; "
                "they have no star in common: give the ids of the spectra."
            )
        return np.array([float(teff.get(s.id, t)) for s, t in zip(spectra, own, strict=True)])
    return np.full(len(spectra), float(teff))
