"""Other instruments that look at the stars of a simulated survey, each with its noise and with stars that it has not seen."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...core import InputError, LuxWarning, check_name
from ...core.internal import PRNGKeyArray
from ...data import Catalog, LabelTable, Measurements
from ...data.internal import Output, taken
from ...lines.internal import column
from ...photometry import parallax_scale
from ...system.internal import lazy_import
from .._oscillations import SimulatedOscillations, simulate_oscillations
from .._random import generator
from .._survey import SimulatedSurvey
from ..physics._optical import OpticalSynthesis
from ._dust import extinction
from ._light import BANDS, apparent_magnitudes, surface_flux
from ._xp import Observed, observe_bands

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

__all__ = ["INSTRUMENTS", "SimulatedInstruments", "simulate_instruments"]

INSTRUMENTS = ("xp", "photometry", "parallax", "kepler")
#: What stars are known by besides the labels of their survey: unit and typical error.
MORE_LABELS = {"log_mass": ("dex", 0.05), "ebv": ("mag", 0.03), "modulus": ("mag", 0.15)}
_BAND_ERROR = np.array([0.003, 0.004, 0.004, 0.022, 0.025, 0.022, 0.025, 0.025])
_BAND_FLOOR = 0.005  # zero points and variability; stated with the errors
_PARALLAX_ERROR = 0.018  # mas
_SUN_LIKE = 4.7  # absolute magnitude of a star of solar luminosity
_NU_MAX_SUN, _TEFF_SUN, _LOGG_SUN = 3090.0, 5777.0, 4.438


@dataclass(frozen=True, eq=False)
class SimulatedInstruments:
    """Stars as several instruments see them, and the truth about them.

    Parameters
    ----------
    catalog : Catalog
        The outputs of the survey, with ``xp``, ``photometry`` and ``parallax`` as far as they were asked for, and ``labels`` with
        ``log_mass``, ``ebv`` and ``modulus`` added. An output that a star lacks has no weight.
    truth : pandas.DataFrame
        One row per star: true labels, ``log_radius`` (solar), ``log_luminosity`` (solar), ``parallax`` (mas), ``nu_max`` (microhertz) and
        the magnitudes.
    oscillations : SimulatedOscillations, optional
        Power spectra of all stars, where ``"kepler"`` was asked for.
    observed : (star,) bool array
        Which stars have a light curve.
    """

    catalog: Catalog
    truth: "pd.DataFrame"
    oscillations: SimulatedOscillations | None = None
    observed: np.ndarray | None = None


def simulate_instruments(
    survey: SimulatedSurvey,
    *,
    key: "PRNGKeyArray | int",
    instruments: Sequence[str] = INSTRUMENTS,
    missing: Mapping[str, float] | None = None,
    xp_form: str = "samples",
    xp_noise: float = 1.0,
    xp_floor: float = 0.003,
    xp_correlations: Sequence[np.ndarray] | None = None,
    days: float = 90.0,
    optical: OpticalSynthesis | None = None,
) -> SimulatedInstruments:
    """Give the stars of a survey masses, distances and dust, and let other instruments look at them.

    Parameters
    ----------
    survey : SimulatedSurvey
        From `luxjax.simulate`; its own spectra see no dust.
    key : jax random key or int
    instruments : sequence of str
        ``"xp"``: ln flux in 48 samples of two low-resolution bands, with correlated noise. ``"photometry"``: eight magnitudes from 0.4 to
        4.6 micrometres. ``"parallax"``: on the scale of `luxjax.photometry.parallax_scale`. ``"kepler"``: power spectra of light curves.
    missing : mapping of output to float, optional
        Fraction of stars, drawn at random, that lack an output; of spectra by their window.
    xp_form : "samples" or "coefficients"
        ``"xp"`` as ln flux in samples, or as 55 coefficients of each band divided by a star's mean flux.
    xp_noise : float
        Factor of the noise of ``"xp"``.
    xp_floor : float
        Independent relative error of each sample of ``"xp"``, of what calibration leaves.
    xp_correlations : two (55, 55) arrays, optional
        Correlations of the noise of the coefficients of BP and RP. Default: like those of Gaia's sources.
    days : float
        Length of the light curves.
    optical : OpticalSynthesis, optional
        Made before, to save time.

    Returns
    -------
    SimulatedInstruments

    Examples
    --------
    >>> from luxjax.simulation import simulate, simulate_instruments
    >>> survey = simulate(4, key=1, windows=("apogee",))
    >>> found = simulate_instruments(survey, key=2, instruments=("parallax",))
    >>> sorted(found.catalog.outputs), found.catalog.labels().names[-3:]
    (['apogee', 'labels', 'parallax'], ('log_mass', 'ebv', 'modulus'))
    """
    for name in instruments:
        check_name("instrument", name, INSTRUMENTS)
    check_name("form of xp", xp_form, ("samples", "coefficients"))
    rng, ids, lost = generator(key), survey.truth.ids, missing or {}
    if optical is None and {"xp", "photometry"} & set(instruments):
        optical = OpticalSynthesis()
    sky = _seen_from_earth(survey.truth.params, optical, rng)
    outputs = {name: o for name, o in survey.catalog.outputs.items() if name != "labels"}
    if "photometry" in instruments:
        outputs["photometry"] = _photometry(sky, ids, rng)
    if "parallax" in instruments:
        outputs["parallax"] = _parallaxes(sky.facts["parallax"], ids, rng)
    if "xp" in instruments:
        given = observe_bands(*sky.dimmed(), sky.apparent, rng, xp_noise, xp_correlations)
        outputs["xp"] = _low_resolution(given, ids, rng, xp_form, xp_floor)
    oscillations = _oscillations(sky, ids, days, rng) if "kepler" in instruments else None
    outputs = {name: _thinned(o, lost.get(name, 0.0), rng) for name, o in outputs.items()}
    observed = rng.random(len(ids)) >= lost.get("kepler", 0.0)
    labels = _labels(survey, sky.facts, rng)
    own = dict(zip(survey.truth.labels, survey.truth.label_values.T, strict=True))
    truth = pd.DataFrame({"id": ids, **sky.facts, **own})
    return SimulatedInstruments(
        Catalog({**outputs, "labels": labels}, survey.catalog.table), truth, oscillations, observed
    )


class _Sky(NamedTuple):
    """Stars as their light arrives: parameters, facts by name, G, and the flux of their surface where it is wanted."""

    params: np.ndarray
    facts: dict[str, np.ndarray]
    apparent: np.ndarray
    flux: np.ndarray
    wavelength: np.ndarray

    def dimmed(self) -> tuple[np.ndarray, np.ndarray]:
        """Flux behind dust, up to a factor for each star, and its wavelengths."""
        dust = 10 ** (-0.4 * self.facts["ebv"][:, None] * extinction(self.wavelength))
        return self.flux * dust, self.wavelength


def _seen_from_earth(params: np.ndarray, optical: OpticalSynthesis | None, rng: np.random.Generator) -> _Sky:
    """Stars at the distances at which all instruments see them."""
    facts = _facts(params, rng)
    apparent = rng.uniform(9.0, 13.5, len(params))
    absolute = _SUN_LIKE - 2.5 * facts["log_luminosity"]
    flux, wavelength = np.zeros((len(params), 0)), np.zeros(0)
    if optical is not None:
        flux, wavelength = surface_flux(params, optical), optical.window.wavelength
        facts["modulus"] = np.zeros(len(params))
        absolute = apparent_magnitudes(params, flux, wavelength, facts)[:, 0]
    facts["modulus"] = apparent - absolute
    facts["parallax"] = 10 ** (2 - facts["modulus"] / 5)
    return _Sky(params, facts, apparent, flux, wavelength)


def _photometry(sky: _Sky, ids: np.ndarray, rng: np.random.Generator) -> Measurements:
    """Magnitudes with their errors; the true ones go to the facts."""
    magnitudes = apparent_magnitudes(sky.params, sky.flux, sky.wavelength, sky.facts)
    sky.facts.update(zip(BANDS, magnitudes.T, strict=True))
    error = np.hypot(_BAND_ERROR * np.exp(0.15 * rng.standard_normal(magnitudes.shape)), _BAND_FLOOR)
    value = magnitudes + error * rng.standard_normal(error.shape)
    return Measurements(value, error, BANDS, ids, units=dict.fromkeys(BANDS, "mag"), survey="simulated")


def _parallaxes(true: np.ndarray, ids: np.ndarray, rng: np.random.Generator) -> Measurements:
    error = _PARALLAX_ERROR * np.exp(0.15 * rng.standard_normal(len(true)))
    seen = true + error * rng.standard_normal(len(true))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LuxWarning)  # some are too uncertain, as they should be
        return parallax_scale(seen, error, ids, survey="simulated", floor=0.0)


def _oscillations(sky: _Sky, ids: np.ndarray, days: float, rng: np.random.Generator) -> SimulatedOscillations:
    found = simulate_oscillations(
        len(ids),
        key=int(rng.integers(2**31)),
        days=days,
        nu_max=sky.facts["nu_max"].tolist(),
        teff=sky.params[:, column("teff")].tolist(),
    )
    found.table["id"] = ids
    return found


def _facts(params: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Mass, radius, luminosity, reddening and nu_max of stars of these parameters."""
    teff, logg, n = params[:, column("teff")], params[:, column("logg")], len(params)
    mass = np.exp(rng.normal(np.log(1.15), 0.22, n)).clip(0.75, 2.6)
    log_radius = 0.5 * (np.log10(mass) - (logg - _LOGG_SUN))
    exact = _NU_MAX_SUN * 10 ** (logg - _LOGG_SUN) * (teff / _TEFF_SUN) ** -0.5
    return {
        "log_mass": np.log10(mass),
        "log_radius": log_radius,
        "log_luminosity": 2 * log_radius + 4 * np.log10(teff / _TEFF_SUN),
        "ebv": rng.lognormal(np.log(0.12), 0.9, n).clip(0.0, 1.2),
        "nu_max": exact * np.exp(0.01 * rng.standard_normal(n)),
    }


def _low_resolution(
    given: Observed, ids: np.ndarray, rng: np.random.Generator, form: str, relative: float
) -> Measurements:
    """BP and RP spectra in one of their forms, with an independent error of each value."""
    value, error, correlation, names = given.coefficients() if form == "coefficients" else given.samples()
    floor = relative * (np.abs(value) if form == "coefficients" else np.ones_like(value))
    return Measurements(
        value + floor * rng.standard_normal(value.shape),
        np.hypot(error, floor),
        tuple(names),
        ids,
        correlation=_with_floor(correlation, error, floor),
        survey="simulated",
    )


def _with_floor(correlation: np.ndarray, error: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """Correlations of a typical star once an independent error is added to each sample."""
    typical = np.nanmedian(error, axis=0)
    cov = correlation * typical * typical[:, None] + np.diag(np.nanmedian(floor, axis=0) ** 2)
    return cov / np.sqrt(np.diag(cov)) / np.sqrt(np.diag(cov))[:, None]


def _thinned(output: Output, fraction: float, rng: np.random.Generator) -> Output:
    """The output with a fraction of the stars not seen."""
    if not 0 <= fraction < 1:
        raise InputError(f"a fraction of missing stars is from 0 to below 1; given {fraction}.")
    keep = rng.random(len(output)) >= fraction
    return taken(output, np.where(keep, np.arange(len(keep)), -1), output.ids)


def _labels(survey: SimulatedSurvey, facts: Mapping[str, np.ndarray], rng) -> LabelTable:
    """The survey's labels with those of mass, dust and distance."""
    had = survey.catalog.labels()
    n = len(had)
    error = np.stack([e * np.exp(0.2 * rng.standard_normal(n)) for _, e in MORE_LABELS.values()], axis=1)
    clean = np.stack([facts[name] for name in MORE_LABELS], axis=1)
    return LabelTable(
        np.concatenate([had.value, clean + error * rng.standard_normal(error.shape)], axis=1),
        np.concatenate([had.error, error], axis=1),
        (*had.names, *MORE_LABELS),
        had.ids,
        units={**had.units, **{name: unit for name, (unit, _) in MORE_LABELS.items()}},
        species=had.species,
        survey=had.survey,
    )
