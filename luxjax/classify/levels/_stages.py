"""Whether a star is torn between stages only where they meet: the same along gravity as `ordinal_error` is along the sequence."""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ...core import InputError
from ...core.internal import doubles, identifiers
from .._ordinal import border_rows
from ._labels import GRAVITY, STAGES

__all__ = ["stage_borders"]

REACH = 1.0  # dex on either side of a border


def stage_borders(
    answers: pd.DataFrame,
    logg: ArrayLike,
    *,
    ids: Sequence | np.ndarray | None = None,
    n_bins: int = 8,
    n_draws: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """Probability of the more evolved of two neighbouring stages against the distance to their border in log g.

    Parameters
    ----------
    answers : DataFrame
        With the columns ``stage_p_dwarf`` and so on of `ClassLevels.classify`; rows without an answer do not count.
    logg : (row,) array
        True log g, dex; NaN where unknown. Borders are where labels of stages have them: 4.0 and 3.5, and
        3.75 between dwarfs and giants where no subgiant was learnt.
    ids : (row,) sequence, optional
        Star of each row. Default: the index of the answers.
    n_bins : int
        Bins of distance within 1 dex of a border.
    n_draws, seed : int
        Bootstrap samples of stars.

    Returns
    -------
    DataFrame
        One row for each border and bin: ``border`` (``"dwarf|subgiant"``), ``distance`` in dex (positive on the evolved side), ``n``,
        ``probability`` (mean share of the evolved stage in the probability of both) with ``lower`` and ``upper``, ``called`` (share of
        stars for which it is the greater).
    """
    there = [s for s in STAGES if f"stage_p_{s}" in answers]
    if len(there) < 2:
        raise InputError(
            "borders of stages need the probabilities of two stages; give answers with columns such as 'stage_p_dwarf'."
        )
    place = doubles("log g", logg)
    if place.shape != (len(answers),):
        raise InputError(f"every row needs its log g; given {place.shape} for {len(answers)} rows.")
    names = identifiers("ids", answers.index if ids is None else ids)
    p = answers[[f"stage_p_{s}" for s in there]].to_numpy(float)
    known = np.isfinite(p).all(axis=1) & np.isfinite(place)
    p, place, names = p[known], place[known], names[known]
    cuts = {"dwarf|subgiant": GRAVITY[1], "subgiant|giant": GRAVITY[0], "dwarf|giant": sum(GRAVITY) / 2}
    rows = []
    for k, (first, second) in enumerate(itertools.pairwise(there)):
        border = f"{first}|{second}"
        if border in cuts:
            share = p[:, k + 1] / np.maximum(p[:, k] + p[:, k + 1], np.finfo(float).tiny)
            edges = np.linspace(-REACH, REACH, n_bins + 1)
            rows += border_rows(border, share, cuts[border] - place, names, edges, n_draws, seed)
    return pd.DataFrame(rows, columns=["border", "distance", "n", "probability", "lower", "upper", "called"])
