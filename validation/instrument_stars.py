"""Simulated stars that five instruments look at, for the claims about models of several inputs."""

import numpy as np

from luxjax import Catalog
from luxjax.lightcurves import PowerSpectrum, seismic_log_g, seismic_measurements
from luxjax.simulation import SimulatedInstruments, simulate, simulate_instruments

INPUTS = ("apogee", "xp", "photometry", "parallax", "seismic")
MISSING = {"apogee": 0.4, "xp": 0.2, "photometry": 0.1, "parallax": 0.1, "kepler": 0.5}
TEFF_ERROR = 100.0  # K, of the temperatures that the gate of the light curves sees
GIANTS = (8.0, 250.0)  # microhertz


def observed(
    n_train: int, n_others: int, seed: int, **options
) -> tuple[Catalog, Catalog, SimulatedInstruments]:
    """Training stars that lack inputs at random, other stars that lack only what their gates refuse, and all that made them.

    Every tenth pixel of the APOGEE spectra at S/N 40 is kept, so that no instrument has all the say.
    """
    survey = simulate(n_train + n_others, key=seed, windows=("apogee",), snr=40.0, n_train=n_train)
    made = simulate_instruments(survey, key=seed + 1, **options)
    stars = made.catalog
    if made.oscillations is not None:
        rng = np.random.default_rng(seed)
        teff = made.truth["teff"] + TEFF_ERROR * rng.standard_normal(len(made.truth))
        table = seismic_log_g(
            [PowerSpectrum(**s) for s in made.oscillations.spectra()],
            teff=dict(zip(made.truth["id"], teff, strict=True)),
            teff_err=TEFF_ERROR,
        )
        # The 2.5% that the fit adds for real stars are not in simulated ones, which follow the template's own relations.
        seen = seismic_measurements(table.assign(log_nu_max_err=table["noise_err"]))
        stars = Catalog({**stars.outputs, "seismic": seen}, stars.table)
    if "apogee" in stars:
        few = stars.spectra("apogee").pixels(slice(None, None, 10))
        stars = Catalog({**stars.outputs, "apogee": few}, stars.table)
    train = with_gaps(stars.select(slice(0, n_train)), seed + 2)
    return train, stars.select(slice(n_train, None)), made


def with_gaps(stars: Catalog, seed: int) -> Catalog:
    """The stars with inputs taken away from a part of them, each drawn on its own."""
    rng, names = np.random.default_rng(seed), {"seismic": "kepler"}
    kept = {}
    for name, output in stars.outputs.items():
        lacks = MISSING.get(names.get(name, name), 0.0)
        kept[name] = output.select(rng.random(len(stars)) >= lacks) if lacks else output
    joined = Catalog.join({"labels": kept.pop("labels"), **kept}, how="outer").select(list(stars.ids))
    return Catalog(joined.outputs, stars.table)


def has(stars: Catalog, *names: str) -> np.ndarray:
    """Which stars have all of these inputs, (star,) bool."""
    return np.logical_and.reduce([(stars[name].ivar > 0).any(axis=1) for name in names])
