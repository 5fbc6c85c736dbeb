"""Toy surveys with one label in question: cheap enough to score a verdict on hundreds of them.

Giants with 600 pixels and about 110 lines of iron, three alpha elements and six elements that no label names; a curve of
growth, blends, bad pixels. Europium follows the other labels up to a scatter tau, and its lines are there or are
not. What can mislead is there on request: a neighbour element correlated with europium off trend, an artefact that
follows it, a curved trend, noisy other labels, correlated label noise. A line l of element X has depth

    a_l = D t / (1 + t),   log10 t = s_l + [X/Fe] + [Fe/H] + c_l (5040 / Teff - 1.1) + g_l (log g - 2.3),

with D = 0.7, and the flux is exp(- sum_l a_l phi_l) with Gaussian profiles phi_l.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from ..core import InputError, check_name
from ..core.internal import PRNGKeyArray
from ..data import Catalog, LabelTable, Spectra
from ..lines import LineList
from ._random import generator
from ._world_lines import (
    ALPHAS,
    EU,
    HIDDEN,
    LABEL_ROWS,
    N_PIXELS,
    WAVELENGTH,
    WorldLines,
    draw_lines,
    follower_pixels,
    informative,
)

__all__ = ["ToySurvey", "toy_survey"]

PARAMS = ("teff", "logg", "fe_h", *(f"{e.lower()}_fe" for e in (*ALPHAS, *HIDDEN)), "eu_fe")
LABELS = ("teff", "logg", "fe_h", "alpha_fe", "eu_fe")
LABEL_ERROR = (60.0, 0.12, 0.05, 0.04)  # of the other labels: K, then dex
BAD_FRACTION = 0.01

Impostor = Literal["none", "train", "all"]


@dataclass(frozen=True, eq=False)
class ToySurvey:
    """A small simulated world: what is observed, and what made it. Host arrays in float64.

    Attributes
    ----------
    train, held_out : Catalog
        Outputs ``"flux"`` and ``"labels"``.
    params : (star, param) array
        Parameters of the held-out stars, in the order of `names`.
    tau : float
        Scatter of the true [Eu/Fe] about its trend with the true other labels, dex.
    bound : float
        Cramer-Rao bound on [Eu/Fe] with the other labels known and all other elements unknown: root mean
        square over some held-out stars, dex. Infinite without lines.
    pixels, profile, line : (pixel,) arrays
        Windows of the listed europium lines (bool), the deepening by 1 dex expected there, and the number of the line
        that each pixel belongs to (-1 outside). They are listed whether or not the lines exist.
    impostor : tuple of int
        Pixels that follow europium for no physical reason.
    """

    train: Catalog
    held_out: Catalog
    params: np.ndarray
    tau: float
    bound: float
    pixels: np.ndarray
    profile: np.ndarray
    line: np.ndarray
    impostor: tuple[int, ...]
    lines: WorldLines

    label, others = "eu_fe", LABELS[:4]
    names = PARAMS
    resolution = 19_000.0  # lambda / FWHM of its lines

    @property
    def line_list(self) -> LineList:
        """The europium lines as listed, real or not."""
        centre = [
            np.average(WAVELENGTH, weights=self.profile * (self.line == k))
            for k in range(self.line.max() + 1)
        ]
        n = len(centre)
        return LineList(
            np.full(n, "Eu"), np.full(n, "II"), np.array(centre), "vacuum", np.full(n, 0.2), np.full(n, 0.5), np.full(n, "")
        )  # fmt: skip

    @property
    def truth(self) -> np.ndarray:
        """True labels of the held-out stars, (star, label)."""
        return self.params @ LABEL_ROWS.T

    def flux(self, params: np.ndarray) -> np.ndarray:
        """Noise-free flux of stars with these parameters, without the impostor, (star, pixel)."""
        return self.lines.flux(params)

    def jacobian(self, params: np.ndarray) -> np.ndarray:
        """Derivative of `flux` by every parameter, (star, pixel, param)."""
        return self.lines.jacobian(params)


def toy_survey(
    key: "PRNGKeyArray | int",
    n_train: int = 800,
    n_held_out: int = 1000,
    *,
    snr: float = 100.0,
    tau: float = 0.06,
    label_error: float = 0.08,
    others_error: float = 1.0,
    curvature: float = 0.0,
    n_lines: int = 4,
    ratio: float = 0.0,
    neighbour: float = 0.0,
    impostor: Impostor = "none",
    impostor_strength: float = 2.0,
    noise_correlation: float = 0.0,
) -> ToySurvey:
    """Simulate a small toy survey with a hidden or visible element.

    Parameters
    ----------
    key : JAX key or int
        Source of randomness.
    n_train, n_held_out : int
        Stars.
    snr : float
        Median signal-to-noise ratio per pixel; it differs by 20% between stars.
    tau : float
        Scatter of [Eu/Fe] about its trend with the other labels, dex.
    label_error : float
        Error of the observed [Eu/Fe], dex.
    others_error : float
        Errors of the other labels in units of 60 K, 0.12, 0.05 and 0.04 dex.
    curvature : float
        Curvature of the trend; 0 is straight, at 1 it bends by about 0.1 dex.
    n_lines : int
        Europium lines in the line list.
    ratio : float
        How informative these lines are: tau over the bound that they allow. At 0 there are no lines at all.
    neighbour : float
        Correlation of a neighbour element with europium off trend; it has two to five lines.
    impostor : "none", "train" or "all"
        Where three adjacent pixels outside the windows follow the true [Eu/Fe].
    impostor_strength : float
        tau over the error to which these pixels give [Eu/Fe] in a star of the median S/N.
    noise_correlation : float
        Correlation of the noise in the observed [Eu/Fe] and [alpha/Fe].

    Examples
    --------
    >>> from luxjax.simulation import toy_survey
    >>> world = toy_survey(1, 60, 30)
    >>> len(world.train), len(world.held_out), world.train.labels().names[-1]
    (60, 30, 'eu_fe')
    """
    check_name("place for the impostor", impostor, get_args(Impostor))
    for what, value in (("neighbour", neighbour), ("noise_correlation", noise_correlation)):
        if not -1 <= value <= 1:
            raise InputError(f"{what} is a correlation; give a number from -1 to 1, not {value}.")
    if not ratio >= 0:
        raise InputError(
            f"ratio is {ratio}; give 0 for no lines, or tau over the bound that they should allow."
        )
    for what, value in (("snr", snr), ("tau", tau), ("label_error", label_error), ("n_lines", n_lines)):
        if not value > 0:
            raise InputError(f"{what} is {value}; give a number above 0.")
    rng = generator(key)
    lines, pixels, profile, number = draw_lines(rng, n_lines, few_neighbour_lines=neighbour != 0)
    params = _population(rng, n_train + n_held_out, tau, curvature, neighbour)
    followers = follower_pixels(rng, pixels)
    error = np.exp(0.2 * rng.standard_normal((len(params), 1))) / snr
    noise = error * rng.standard_normal((len(params), N_PIXELS))
    error = np.where(rng.random(noise.shape) < BAD_FRACTION, np.inf, error)
    seen = slice(n_train, n_train + 24)
    lines, bound = informative(lines, params[seen], error[seen] ** -2.0, tau, ratio)
    flux = lines.flux(params) + noise
    if impostor != "none":
        depth = impostor_strength / (snr * np.sqrt(3) * tau) * (params[:, EU] - params[:, EU].mean())
        if impostor == "train":
            depth[n_train:] = 0.0
        flux[:, followers] -= depth[:, None]
    sigma = np.append(others_error * np.array(LABEL_ERROR), label_error)
    miss = rng.standard_normal((len(params), 5))
    miss[:, 4] = noise_correlation * miss[:, 3] + np.sqrt(1 - noise_correlation**2) * miss[:, 4]
    catalog = _catalog(flux, error, params @ LABEL_ROWS.T + sigma * miss, sigma)
    return ToySurvey(
        catalog.select(slice(n_train)),
        catalog.select(slice(n_train, None)),
        params[n_train:],
        tau,
        bound,
        pixels,
        profile,
        number,
        () if impostor == "none" else tuple(int(p) for p in followers),
        lines,
    )


def _population(rng, n: int, tau: float, curvature: float, neighbour: float) -> np.ndarray:
    """Giants of a thin and a thick disc, (star, param)."""
    thick = rng.random(n) < 0.35
    normal = rng.standard_normal
    fe_h = np.where(thick, -0.5 + 0.25 * normal(n), -0.1 + 0.2 * normal(n))
    alpha = np.where(thick, 0.2 - 0.1 * fe_h + 0.03 * normal(n), 0.02 - 0.1 * fe_h + 0.02 * normal(n))
    teff = 4600 + 220 * np.clip(normal(n), -2.5, 2.5)
    logg = 2.3 + 0.0025 * (teff - 4600) + 0.3 * (fe_h + 0.25) + 0.15 * normal(n)
    elements = alpha[:, None] + 0.02 * normal((n, len(ALPHAS)))
    alpha = elements.mean(axis=1)
    off_trend = normal(n)
    trend = 0.05 + 0.7 * alpha - 0.2 * fe_h
    trend = trend + curvature * (0.5 * (fe_h + 0.25) ** 2 + 1.0 * (alpha - 0.12) * (fe_h + 0.25))
    scatter = normal((n, len(HIDDEN)))
    scatter[:, 0] = neighbour * off_trend + np.sqrt(1 - neighbour**2) * scatter[:, 0]
    hidden = rng.uniform(-0.2, 0.5, len(HIDDEN)) * alpha[:, None]
    hidden = hidden + rng.uniform(-0.3, 0.2, len(HIDDEN)) * fe_h[:, None]
    hidden = hidden + rng.uniform(0.04, 0.09, len(HIDDEN)) * scatter
    return np.column_stack([teff, logg, fe_h, elements, hidden, trend + tau * off_trend])


def _catalog(flux, error, labels, sigma) -> Catalog:
    ids = np.array([f"world-{i + 1:05d}" for i in range(len(flux))])
    spectra = Spectra.from_error(
        flux, error, WAVELENGTH, "vacuum", ids, survey="small world", normalized=True
    )
    units = {name: "K" if name == "teff" else "dex" for name in LABELS}
    table = LabelTable(
        labels, sigma, LABELS, ids, units=units, species={"fe_h": "Fe", "eu_fe": "Eu"}, survey="small world"
    )
    return Catalog({"flux": spectra, "labels": table})
