"""One spectrum per star from the spectra of its visits."""

import numpy as np
import pandas as pd
import scipy.sparse as sp

from ..core import InputError, check_name
from ..core.internal import identifiers
from ..data import Spectra

__all__ = ["combine"]


def combine(spectra: Spectra, by: str = "ids", *, clip: float | None = None) -> Spectra:
    """Inverse-variance-weighted mean of the spectra of each star, on their common grid.

    Flux sum_v w f / sum_v w and ivar sum_v w, with w the ivar of each visit: exact if the visits differ by
    noise only. Spectra whose flux levels differ between visits have to be normalised or scaled first. Masked
    pixels never contribute; a pixel bad in every visit is bad. Mask bits of all visits are OR-ed.

    Parameters
    ----------
    spectra : Spectra
        Visits, in the rest or barycentric frame.
    by : str
        ``"ids"``, or a column of ``spectra.table``: rows that share its value are visits of one star. The new ids
        are these values.
    clip : float, optional
        Leave out, pixel by pixel, visits further than this many of their sigmas from the median of the
        star's good visits, where there are three or more. Cosmic rays go at 5 or so; at less than 4 good values go too,
        and the summed ivar no longer describes the scatter.

    Returns
    -------
    Spectra
        One row per star in the order of first appearance; the table keeps the columns that agree between the
        visits of every star, and gains ``n_visits``.

    Examples
    --------
    >>> import numpy as np
    >>> import luxjax
    >>> from luxjax.preprocessing import combine
    >>> flux, ivar = [[1.0, 0.8], [0.9, 0.8]], [[1.0, 1.0], [3.0, 0.0]]
    >>> visits = luxjax.Spectra(flux, ivar, [5000.0, 5001.0], "vacuum", ["a", "a"])
    >>> star = combine(visits)
    >>> star.flux.round(3).tolist(), star.ivar.tolist()
    ([[0.925, 0.8]], [[4.0, 1.0]])
    """
    if spectra.frame == "observed":
        raise InputError(
            "visits in the observed frame are shifted against each other by the motion of the Earth; bring them to the "
            "rest frame with luxjax.preprocessing.to_rest before combining."
        )
    if clip is not None and not clip > 0:
        raise InputError(f"clip is a number of sigmas above 0; given: {clip}.")
    table = spectra.table
    assert table is not None  # the container always has one
    if by != "ids":
        check_name("column", by, table.columns, "Combine by 'ids' or a column of spectra.table")
        if table[by].isna().any():
            raise InputError(
                f"column '{by}' is empty for {table[by].isna().sum()} spectra; fill it in first."
            )
    star, names = pd.factorize(spectra.ids if by == "ids" else table[by].to_numpy())
    first = np.unique(star, return_index=True)[1]
    weight = spectra.ivar.astype(np.float64)
    flux = np.where(spectra.good, spectra.flux, 0).astype(np.float64)
    if clip is not None:
        weight = np.where(_outliers(flux, weight, star, clip), 0, weight)
    group = sp.csr_array((np.ones(len(star)), (star, np.arange(len(star)))), shape=(len(names), len(star)))
    ivar = group @ weight
    total = group @ (weight * flux)
    mask = None
    if spectra.mask is not None:
        mask = np.zeros(ivar.shape, np.int64)
        np.bitwise_or.at(mask, star, spectra.mask)
    agreeing = [c for c in table.columns if _agrees(table[c], first[star])]
    combined = table.iloc[first][agreeing].reset_index(drop=True)
    return spectra.replace(
        flux=np.where(ivar > 0, total / np.where(ivar > 0, ivar, 1), 0).astype(spectra.ivar.dtype),
        ivar=ivar.astype(spectra.ivar.dtype),
        ids=identifiers(f"column '{by}'", names),
        mask=mask,
        table=combined.assign(n_visits=np.bincount(star, minlength=len(names))),
        step=f"combined {len(star)} visits of {len(names)} stars"
        + (f", clipped at {clip:g}" if clip else ""),
    )


def _outliers(flux: np.ndarray, weight: np.ndarray, star: np.ndarray, clip: float) -> np.ndarray:
    """Visits too far from the median of their star, (row, pixel) bool."""
    out = np.zeros(flux.shape, bool)
    order = np.argsort(star, kind="stable")
    for rows in np.split(order, np.cumsum(np.bincount(star))[:-1]):
        if len(rows) < 3:
            continue
        good = weight[rows] > 0
        enough = good.sum(axis=0) >= 3
        values = np.where(good, flux[rows], np.nan)[:, enough]
        pull = np.abs(values - np.nanmedian(values, axis=0)) * np.sqrt(weight[rows][:, enough])
        # A comparison with the NaN of a bad pixel is False: it has no weight to lose.
        out[np.ix_(rows, np.flatnonzero(enough))] = pull > clip
    return out


def _agrees(column: pd.Series, first: np.ndarray) -> bool:
    """Whether every row has the value of the first visit of its star, missing ones included."""
    values = column.reset_index(drop=True)
    of_first = values.iloc[first].reset_index(drop=True)
    return bool(((values == of_first) | (values.isna() & of_first.isna())).all())
