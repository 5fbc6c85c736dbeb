"""Surveys with other people's mistakes: other physics than `toy_survey`, sharing no code with it, to test a verdict independently.

Giants of the branch and the clump with 700 pixels in air. Opacities add, with Voigt-like profiles, and the flux is
exp(- opacity), blurred by rotation and the spectrograph: lines saturate before they are blurred. There are molecular bands, a
Stark-broadened line, activity that fills lines in, seven elements that no label names, and noise that is correlated from
pixel to pixel with outliers. Barium follows the other labels on a bent trend, up to a skewed scatter. What an observer gets
wrong is there on request: stated errors, correlated label errors, a hidden element that goes along with barium, a bad column
in one of two fields, an unlisted element on all of its lines, and a line list that is shifted, half wrong or crowded.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from ..core import InputError, check_name
from ..data import Catalog, LabelTable, Spectra
from ..lines import LineList
from ._flawed_sky import BA, RESOLUTION, WAVE, FlawedSky, N, set_strength

__all__ = ["FlawedSurvey", "flawed_survey"]

LABELS = ("teff", "logg", "fe_h", "mg_fe", "ba_fe")
OTHERS_ERROR = np.array([55.0, 0.10, 0.05, 0.04])

Lists = Literal["right", "shifted", "half wrong", "crowded"]


@dataclass(frozen=True, eq=False)
class FlawedSurvey:
    """A survey, the line list that comes with it, and what made it. Host arrays in float64.

    Attributes
    ----------
    train, held_out : Catalog
        Outputs ``"flux"`` and ``"labels"``.
    lines : LineList
        As an observer has it.
    resolution : float
    truth : (star, label) array
        True labels of the held-out stars.
    tau : float
        Scatter of the true [Ba/Fe] about its trend with the true other labels, dex.
    bound : float
        Cramer-Rao bound on [Ba/Fe] with the other labels known and hidden elements and activity unknown, dex; infinite without
        lines.
    """

    train: Catalog
    held_out: Catalog
    lines: LineList
    resolution: float
    truth: np.ndarray
    tau: float
    bound: float

    label = "ba_fe"


def flawed_survey(
    key: int,
    n_train: int = 1000,
    n_held_out: int = 1000,
    *,
    snr: float = 100.0,
    tau: float = 0.07,
    label_error: float = 0.08,
    n_lines: int = 4,
    ratio: float = 0.0,
    stated_error: float = 1.0,
    stated_flux_error: float = 1.0,
    error_correlation: float = 0.0,
    follower: float = 0.0,
    bad_column: bool = False,
    on_all_lines: bool = False,
    line_list: Lists = "right",
) -> FlawedSurvey:
    """Simulate a small survey with mistakes in its errors, lines or detector.

    Parameters
    ----------
    key : int
        Source of randomness.
    n_train, n_held_out : int
        Stars.
    snr : float
        Median signal-to-noise ratio per pixel; it differs by 30% between stars.
    tau : float
        Scatter of [Ba/Fe] about its trend with the other labels, dex.
    label_error : float
        True error of the observed [Ba/Fe], dex; those of the other labels are 55 K, 0.10, 0.05 and 0.04 dex.
    n_lines : int
        Barium lines.
    ratio : float
        Tau over the bound that they allow; 0 for none.
    stated_error, stated_flux_error : float
        Stated over true errors of labels and of flux.
    error_correlation : float
        Correlation of the errors of [Ba/Fe] and [Mg/Fe].
    follower : float
        Correlation of a hidden element (silicon) with barium off trend.
    bad_column : bool
        Whether a column of the detector is low in one of two fields, whose stars differ in barium, at its strongest line.
    on_all_lines : bool
        Whether an element that no list names follows barium off trend on all of its lines and nowhere else.
    line_list : "right", "shifted", "half wrong" or "crowded"
        Two pixels off; half of barium's lines somewhere else; or with 25 more of them on other features.
    """
    check_name("line list", line_list, get_args(Lists))
    for what, value in (("snr", snr), ("tau", tau), ("label_error", label_error), ("n_lines", n_lines)):
        if not value > 0:
            raise InputError(f"{what} is {value}; give a number above 0.")
    for what, value in (("error_correlation", error_correlation), ("follower", follower)):
        if not -1 <= value <= 1:
            raise InputError(f"{what} is a correlation; give a number from -1 to 1, not {value}.")
    if not ratio >= 0:
        raise InputError(f"ratio is {ratio}; give 0 for no lines, or tau over the bound that they allow.")
    rng = np.random.default_rng([20_26, int(key)])
    sky = FlawedSky(rng, n_lines)
    params, off_trend, rotation = _stars(rng, n_train + n_held_out, tau, follower)
    noise_sd = np.exp(0.3 * rng.standard_normal((len(params), 1))) / snr
    bound = set_strength(sky, params[:16], rotation[:16], snr, tau, ratio)
    flux = sky.flux(params, rotation)
    own = np.flatnonzero(sky.element == "Ba")
    if on_all_lines:
        flux = flux - 1.5 / snr * off_trend[:, None] * np.exp(
            -0.5 * ((np.arange(N) - sky.centre[own, None]) / 1.9) ** 2
        ).sum(axis=0)
    if bad_column:
        field = rng.random(len(params)) < 1 / (1 + np.exp(-2 * off_trend))
        flux[field, round(sky.centre[own[np.argmax(sky.log_strength[own])]])] -= 3.0 / snr
    flux = flux + _continuum(rng, len(params)) + noise_sd * _noise(rng, flux.shape)
    error = np.where(
        rng.random(flux.shape) < 0.008, np.inf, noise_sd * stated_flux_error * np.ones_like(flux)
    )
    sigma = np.append(OTHERS_ERROR, label_error)
    miss = rng.standard_normal((len(params), 5))
    miss[:, 4] = error_correlation * miss[:, 3] + np.sqrt(1 - error_correlation**2) * miss[:, 4]
    truth = params[:, [0, 1, 2, 3, BA]]
    catalog = _catalog(flux, error, truth + sigma * miss, sigma * stated_error)
    return FlawedSurvey(
        catalog.select(slice(n_train)),
        catalog.select(slice(n_train, None)),
        _listed(rng, sky, line_list),
        RESOLUTION,
        truth[n_train:],
        tau,
        bound,
    )


def _stars(rng, n: int, tau: float, follower: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Parameters (star, param), barium off trend in units of tau, and rotation in pixels."""
    normal = rng.standard_normal
    old = rng.random(n) < 0.4
    fe_h = np.where(old, -0.15 - 0.18 * rng.gamma(2.0, 1.0, n), 0.1 - 0.12 * rng.gamma(2.0, 1.0, n))
    mg = np.where(old, 0.26 + 0.10 * np.tanh(-2 * fe_h - 1), 0.03 - 0.15 * fe_h) + 0.03 * normal(n)
    clump = rng.random(n) < 0.35
    teff = np.where(clump, 4830 + 60 * normal(n), 5080 - 170 * rng.gamma(2.0, 1.0, n))
    teff = np.clip(teff - 150 * fe_h, 4150, 5300)
    logg = np.where(
        clump, 2.45 + 0.07 * normal(n), 2.75 + (teff - 4800) / 420 + 0.5 * fe_h + 0.14 * normal(n)
    )
    off = np.where(rng.random(n) < 0.5, rng.gamma(4.0, 0.5, n) - 2.0, 0.9 * normal(n))
    off = (off - off.mean()) / off.std()
    hidden = rng.uniform(-0.3, 0.6, 7) * mg[:, None] + rng.uniform(-0.3, 0.3, 7) * fe_h[:, None]
    scatter = normal((n, 7))
    scatter[:, 2] = follower * off + np.sqrt(1 - follower**2) * scatter[:, 2]
    hidden = hidden + rng.uniform(0.03, 0.09, 7) * scatter
    bent = 0.08 - 0.15 * fe_h - 0.45 * (fe_h + 0.2) ** 2 + 0.5 * mg - 0.6 * mg * fe_h
    activity = rng.gamma(1.2, 0.5, n)
    rotation = np.where(rng.random(n) < 0.1, rng.uniform(0.5, 1.8, n), 0.2)
    params = np.column_stack([teff, logg, fe_h, mg, hidden, bent + tau * off, activity])
    return params, off, rotation


def _noise(rng, shape: tuple[int, int]) -> np.ndarray:
    """Unit noise, correlated over neighbours, with the tails of Student's t at five degrees of freedom."""
    white = rng.standard_t(5, (shape[0], shape[1] + 2)) / np.sqrt(5 / 3)
    mixed = 0.25 * white[:, :-2] + white[:, 1:-1] + 0.25 * white[:, 2:]
    return mixed / np.sqrt(1 + 2 * 0.25**2)


def _continuum(rng, n: int) -> np.ndarray:
    x = np.linspace(-1, 1, N)
    return 0.003 * (rng.standard_normal((n, 3)) @ np.vstack([np.ones(N), x, 1.5 * x**2 - 0.5]))


def _listed(rng, sky: FlawedSky, kind: str) -> LineList:
    """The lines as an observer has them."""
    kept = np.isin(sky.element, ("Fe", "Mg", "Si", "Ba"))
    element, centre = sky.element[kept], sky.centre[kept].copy()
    ion, energy = sky.ionised[kept], sky.excitation[kept]
    # Strengths as listed: without barium's true strength, which may be nought, and with errors.
    log_gf = np.where(element == "Ba", -1.0, -1.5 + sky.log_strength[kept])
    log_gf = np.where(np.isfinite(log_gf), log_gf, -1.0) + 0.1 * rng.standard_normal(len(element))
    own = np.flatnonzero(element == "Ba")
    if kind == "shifted":
        centre += 2.0
    elif kind == "half wrong":
        wrong = own[: len(own) // 2]
        centre[wrong] = rng.uniform(10, N - 10, len(wrong))
    elif kind == "crowded":
        more = rng.choice(sky.centre[sky.element != "Ba"], 25, replace=False)
        centre, element = np.append(centre, more), np.append(element, np.full(25, "Ba"))
        ion, energy = np.append(ion, np.ones(25, bool)), np.append(energy, rng.uniform(0.4, 2.0, 25))
        log_gf = np.append(log_gf, -1.0 + 0.1 * rng.standard_normal(25))
    inside = (centre > 1) & (centre < N - 2)
    centre = centre[inside]
    wavelength = np.interp(centre, np.arange(N), WAVE)
    order = np.argsort(wavelength)
    text = np.full(len(order), "simulated")
    ions = np.where(ion[inside], "II", "I")
    return LineList(
        element[inside][order], ions[order], wavelength[order], "air", energy[inside][order], log_gf[inside][order], text
    )  # fmt: skip


def _catalog(flux, error, labels, sigma) -> Catalog:
    ids = np.array([f"flawed-{i + 1:05d}" for i in range(len(flux))])
    spectra = Spectra.from_error(flux, error, WAVE, "air", ids, survey="flawed spectra", normalized=True)
    units = {name: "K" if name == "teff" else "dex" for name in LABELS}
    species = {"fe_h": "Fe", "mg_fe": "Mg", "ba_fe": "Ba"}
    table = LabelTable(
        labels,
        np.broadcast_to(sigma, labels.shape),
        LABELS,
        ids,
        units=units,
        species=species,
        survey="flawed labels",
    )
    return Catalog({"flux": spectra, "labels": table})
