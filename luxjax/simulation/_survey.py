"""A survey with known truth: spectra, labels and their errors as observed, and everything that made them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..core import InputError, check_name
from ..core.internal import PRNGKeyArray
from ..data import Catalog, LabelTable, Spectra
from ..lines import LineList
from ..lines.internal import PARAMETERS, column
from ._plants import BreakCorrelation, Confounder, Impostor, Plant, PlantLine
from ._population import LABELS, Population, draw_population, label_matrix
from ._random import generator
from ._truth import Truth
from .physics._spectrum import Synthesis, builtin

__all__ = ["SimulatedSurvey", "simulate"]


@dataclass(frozen=True, eq=False)
class SimulatedSurvey:
    """A simulated survey: its catalogue, its truth and repeat visits.

    Parameters
    ----------
    catalog : Catalog
        One output per window, named by survey, and ``labels``. Its table has positions, identifiers, the
        signal-to-noise ratio of each window and the ``split`` (``train`` or ``test``).
    truth : Truth
        What made it.
    repeats : tuple of Catalog
        Further visits: the same stars and labels, the spectra observed again with other noise.

    Examples
    --------
    >>> from luxjax.simulation import simulate
    >>> survey = simulate(2, key=1, windows=("apogee",))
    >>> sorted(survey.catalog.outputs), survey.truth.names[:3]
    (['apogee', 'labels'], ('teff', 'logg', 'fe_h'))
    """

    catalog: Catalog
    truth: Truth
    repeats: tuple[Catalog, ...] = ()

    def with_truth(self) -> Catalog:
        """The catalogue with the true labels in its table, as columns ``true_<label>``."""
        truth = {f"true_{n}": self.truth.label_values[:, j] for j, n in enumerate(self.truth.labels)}
        return Catalog(self.catalog.outputs, self.catalog.table.assign(**truth))


def simulate(
    n_stars: int = 2000,
    *,
    key: "PRNGKeyArray | int",
    windows: Sequence[str] = ("apogee", "galah"),
    snr: float | Mapping[str, float] = 120.0,
    snr_scatter: float = 0.3,
    bad_fraction: float = 0.01,
    missing_labels: float | Mapping[str, float] = 0.0,
    labels: Sequence[str] = tuple(LABELS),
    label_errors: Mapping[str, float] | None = None,
    offsets: Mapping[str, tuple[float, float]] | None = None,
    continuum_tilt: float = 0.0,
    rv_jitter: float = 0.0,
    plants: Sequence[Plant] = (),
    n_train: int | None = None,
    visits: int = 1,
    lines: LineList | None = None,
) -> SimulatedSurvey:
    """Simulate a survey of disc stars.

    Parameters
    ----------
    n_stars : int
    key : JAX key or int
        Source of randomness.
    windows : sequence of str
        Surveys whose spectra are made: ``"apogee"``, ``"galah"``.
    snr : float or mapping of window to float
        Median signal-to-noise ratio per pixel; log-normal between stars with `snr_scatter`.
    bad_fraction : float
        Fraction of pixels lost at random (flux and ivar 0), in addition to the gaps between detectors.
    missing_labels : float or mapping of label to float
        Fraction of labels that are missing.
    labels : sequence of str
        Labels reported: ``alpha_fe``, or any name in `PARAMETERS`.
    label_errors : mapping of str to float
        Median one-sigma errors, if not 60 K, 0.12, 0.05, 0.04 and 0.08 dex for the five default labels and 0.05
        for others. Each star's stated error scatters by 20% about it, and its noise follows the stated error.
    offsets : mapping of label to (constant, slope)
        How the label survey's scale differs from the truth: y + constant + slope (y - median).
    continuum_tilt : float
        Scatter of a linear continuum error, as a fraction at either end of a detector.
    rv_jitter : float
        Scatter of the velocity left in the spectra, km/s.
    plants : sequence of PlantLine, Confounder, Impostor or BreakCorrelation
        Effects planted on purpose.
    n_train : int
        The first this many stars are the training part. Default: half of them.
    visits : int
        Times each star is observed; visits after the first are in `SimulatedSurvey.repeats`.
    lines : LineList
        Instead of the built-in table.
    snr_scatter : float
        Standard deviation of ln S/N between stars.

    Examples
    --------
    >>> import luxjax
    >>> survey = luxjax.simulate(3, key=1, windows=("apogee",), labels=("teff", "fe_h"))
    >>> survey.catalog.sizes
    {'apogee': 8575, 'labels': 2}
    >>> survey.truth.labels
    ('teff', 'fe_h')
    """
    _check(bad_fraction, missing_labels, visits, plants, windows, n_stars, n_train, labels)
    rng = generator(key)
    confounders = [p for p in plants if isinstance(p, Confounder)]
    population = draw_population(n_stars, rng, confounders=confounders)
    n_train = (n_stars + 1) // 2 if n_train is None else n_train
    split = np.where(np.arange(n_stars) < n_train, "train", "test")
    params = _broken(population, split, [p for p in plants if isinstance(p, BreakCorrelation)], rng)
    truth = Truth(
        params=params,
        labels=tuple(labels),
        ids=np.array([f"sim-{i + 1:06d}" for i in range(n_stars)]),
        split=split,
        syntheses=_syntheses(windows, lines, [p for p in plants if isinstance(p, PlantLine)]),
        impostors=tuple(p for p in plants if isinstance(p, Impostor)),
        rv=rv_jitter * rng.standard_normal((visits, n_stars)),
        tilt=continuum_tilt * rng.standard_normal((visits, n_stars)),
        prior=np.cov(draw_population(4000, generator(0), confounders=confounders).params.T),
    )
    table = population.table.assign(split=split)
    median = {w: (snr[w] if isinstance(snr, Mapping) else snr) for w in windows}
    for window in windows:
        table[f"snr_{window}"] = median[window] * np.exp(snr_scatter * rng.standard_normal(n_stars))
    label_table = _observed_labels(truth, table, missing_labels, label_errors or {}, offsets or {}, rng)
    catalogs = []
    for visit in range(visits):
        outputs: dict[str, Spectra | LabelTable] = {}
        for window in windows:
            outputs[window] = _observed_spectra(
                truth, window, table[f"snr_{window}"], bad_fraction, visit, rng
            )
        catalogs.append(Catalog({**outputs, "labels": label_table}, table))
    return SimulatedSurvey(catalogs[0], truth, tuple(catalogs[1:]))


def _syntheses(windows, lines: LineList | None, planted: Sequence[PlantLine]) -> dict[str, Synthesis]:
    for plant in planted:
        check_name(
            "window for a planted line", plant.window, windows, "Simulate it, or plant the line elsewhere"
        )
    out = {}
    for window in windows:
        extra = [p.lines() for p in planted if p.window == window]
        base = LineList.builtin() if lines is None else lines
        plain = lines is None and not extra
        out[window] = builtin(window) if plain else Synthesis(window, LineList.stack([base, *extra]))
    return out


def _broken(population: Population, split, breaks: Sequence[BreakCorrelation], rng) -> np.ndarray:
    params = population.params.copy()
    for plant in breaks:
        name = f"{plant.element.lower()}_fe"
        check_name("element", plant.element, [p[:-3].capitalize() for p in PARAMETERS if p.endswith("_fe")])
        part = np.flatnonzero((split == plant.where) | (plant.where == "all"))
        params[part, column(name)] = params[rng.permutation(part), column(name)]
    return params


def _observed_labels(truth: Truth, table, missing, errors, offsets, rng) -> LabelTable:
    for name in (*errors, *offsets, *(missing if isinstance(missing, Mapping) else ())):
        check_name("label", name, truth.labels)
    names = truth.labels
    clean = truth.label_values
    base = np.array([errors.get(n, LABELS[n][1] if n in LABELS else 0.05) for n in names])
    error = base * np.exp(0.2 * rng.standard_normal(clean.shape))
    value = clean + error * rng.standard_normal(clean.shape)
    for j, name in enumerate(names):
        constant, slope = offsets.get(name, (0.0, 0.0))
        value[:, j] += constant + slope * (clean[:, j] - np.median(clean[:, j]))
        fraction = missing.get(name, 0.0) if isinstance(missing, Mapping) else missing
        value[rng.random(len(value)) < fraction, j] = np.nan
    units = {n: LABELS[n][0] if n in LABELS else ("km/s" if n.startswith("v") else "dex") for n in names}
    species = {
        n: LABELS[n][2] if n in LABELS else n[:-3].capitalize() for n in names if n.endswith(("_fe", "_h"))
    }
    return LabelTable(
        value, error, names, truth.ids, units=units, species=species, survey="simulated", table=table
    )


def _observed_spectra(truth: Truth, name: str, snr: pd.Series, bad_fraction, visit: int, rng) -> Spectra:
    window = truth.syntheses[name].window
    flux = truth.flux(name, visit=visit)
    error = (1 / snr.to_numpy()[:, None] * np.exp(0.1 * rng.standard_normal(window.n_pixels))).astype(
        flux.dtype
    )
    flux += error * rng.standard_normal(flux.shape, dtype=flux.dtype)
    bad = rng.random(flux.shape, dtype=np.float32) < bad_fraction
    bad |= ~window.good
    ivar = error**-2.0
    flux[bad], ivar[bad] = 0.0, 0.0
    return Spectra(
        flux,
        ivar,
        window.wavelength,
        medium=window.medium,
        ids=truth.ids,
        survey=name,
        normalized=True,
        table=pd.DataFrame({"snr": snr.to_numpy(), "rv_kms": truth.rv[visit]}),
        history=("simulated, normalised, in the rest frame",),
    )


def _check(bad_fraction, missing, visits, plants, windows, n_stars, n_train, labels) -> None:
    fractions = {"bad_fraction": bad_fraction}
    fractions |= {"missing_labels": missing} if not isinstance(missing, Mapping) else dict(missing)
    for what, fraction in fractions.items():
        if not 0 <= fraction < 1:
            raise InputError(f"{what} is {fraction}; give a fraction from 0 up to, not including, 1.")
    if int(visits) != visits or visits < 1:
        raise InputError(f"visits is {visits}; give a whole number of at least 1.")
    if n_train is not None and not 0 <= n_train <= n_stars:
        raise InputError(f"n_train is {n_train} of {n_stars} stars; give a number from 0 to {n_stars}.")
    if isinstance(windows, str) or len(windows) == 0:
        raise InputError(
            f"windows is {windows!r}; give a sequence of survey names such as ('apogee', 'galah')."
        )
    label_matrix(labels)
    for plant in plants:
        if not isinstance(plant, Plant):
            raise InputError(
                f"{plant!r} cannot be planted; give PlantLine, Confounder, Impostor or BreakCorrelation objects."
            )
