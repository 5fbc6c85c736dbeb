"""Errors of a flux that comes without any, from how it scatters from pixel to pixel."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..core import InputError
from ..core.internal import doubles

__all__ = ["error_from_scatter"]

LEAST = 1e-4  # of the typical flux: a model, or a spectrum written with few digits, has errors too
NORMAL = 1.4826  # standard deviation of a normal deviate over its median absolute value


def error_from_scatter(flux: ArrayLike, window: int = 201) -> np.ndarray:
    """One-sigma errors of fluxes from their own scatter.

    The scatter is that of 2 f(i) - f(i-2) - f(i+2), in which continuum and resolved lines cancel (Stoehr et al. 2008, ADASS XVII, 505): its
    median absolute value over a running window, over the square root of 6. Where lines fill the window, as in cool stars, some of their structure
    counts as noise and errors are too large; where neighbouring pixels are correlated, as after resampling, they are too small.

    Parameters
    ----------
    flux : (star, pixel) or (pixel,) array
        Missing values are NaN.
    window : int
        Pixels over which the errors are taken to change little.

    Returns
    -------
    array of the same shape
        At least 0.0001 of the spectrum's median absolute flux. NaN where the flux is missing, and where nothing about it tells.

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.preprocessing import error_from_scatter
    >>> flux = 1 + 0.02 * np.random.default_rng(1).normal(size=2000)
    >>> round(float(np.median(error_from_scatter(flux))), 2)
    0.02
    """
    given = doubles("flux", flux)
    rows = np.atleast_2d(given)
    if rows.ndim != 2 or window < 5:
        raise InputError(
            f"errors come from fluxes (star, pixel) and a window of at least 5 pixels; given an array of shape {given.shape} and {window}."
        )
    rows = np.where(np.isfinite(rows), rows, np.nan)
    second = np.full(rows.shape, np.nan)
    second[:, 2:-2] = np.abs(2 * rows[:, 2:-2] - rows[:, :-4] - rows[:, 4:])
    rolling = pd.DataFrame(second.T).rolling(window, center=True, min_periods=min(window // 10 + 1, 20))
    error = NORMAL / np.sqrt(6) * rolling.median().to_numpy().T
    floor = LEAST * np.array(
        [np.median(np.abs(r[np.isfinite(r)])) if np.isfinite(r).any() else np.nan for r in rows]
    )
    error = np.where(np.isfinite(rows), np.maximum(error, floor[:, None]), np.nan)
    return error.reshape(given.shape)
