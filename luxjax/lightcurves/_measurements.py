"""What light curves say of stars, as measurements that a model takes."""

from typing import TYPE_CHECKING

import numpy as np

from ..core.internal import identifiers
from ..data import Measurements

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["seismic_measurements"]


def seismic_measurements(table: "pd.DataFrame", *, survey: str = "kepler") -> Measurements:
    """log10 nu_max and the amplitude of granulation of the stars that the gate accepts.

    Both are on scales on which stars are linear: nu_max is a product of powers of gravity and temperature.

    Parameters
    ----------
    table : DataFrame
        From `luxjax.lightcurves.seismic_log_g`.
    survey : str

    Returns
    -------
    Measurements
        ``"log_nu_max"`` and ``"granulation"`` (log10, relative to its scaling relation); missing for stars that are not accepted. Its
        table is `table`, with the reasons.

    Examples
    --------
    >>> from luxjax.lightcurves import PowerSpectrum, seismic_log_g, seismic_measurements
    >>> from luxjax.simulation import simulate_oscillations
    >>> stars = simulate_oscillations(2, key=4, nu_max=[30.0, 2000.0], teff=4800.0)
    >>> table = seismic_log_g([PowerSpectrum(**star) for star in stars.spectra()])
    >>> found = seismic_measurements(table)
    >>> found.names, found["log_nu_max"].round(1).tolist()
    (('log_nu_max', 'granulation'), [1.5, nan])
    """
    accepted = table["accepted"].to_numpy(bool)
    value = np.stack([np.log10(table["nu_max"]), table["granulation"]], axis=1)
    error = np.stack([table["log_nu_max_err"], table["granulation_err"]], axis=1)
    return Measurements(
        np.where(accepted[:, None], value, np.nan),
        error,
        ("log_nu_max", "granulation"),
        identifiers("column 'id'", table["id"]),
        units={"log_nu_max": "dex", "granulation": "dex"},
        survey=survey,
        table=table,
    )
