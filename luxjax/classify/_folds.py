"""The loop of cross-validation: every star is predicted by a model that has seen no spectrum of it."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

from ..core import InputError
from ..core.internal import join_names
from .features._features import Features

__all__ = ["answer_by_folds", "checked_groups"]


def answer_by_folds(
    features: Features,
    folds: int,
    seed: int,
    answer: Callable[[np.ndarray, np.ndarray], pd.DataFrame],
    *,
    classes: ArrayLike | None = None,
    groups: ArrayLike | None = None,
) -> pd.DataFrame:
    """Answers for every spectrum, in the order of the features, with the column ``fold``.

    Parameters
    ----------
    features : Features
    folds : int
    seed : int
    answer : callable
        From the rows to train on and the rows held out, a row for each of the latter. All spectra of a star are on one side.
    classes : (row,) array, optional
        Divided among the folds in equal shares, so that no fold lacks a rare one. (`luxjax.data.folds` knows of no classes.)
    groups : (row,) array, optional
        What stays on one side of every split, such as the number of a block of the sky; all spectra of a star are of one group.
        Default: the stars.
    """
    together = features.ids if groups is None else checked_groups(groups, features.ids, folds)
    kind = GroupKFold if classes is None else StratifiedGroupKFold
    split = kind(folds, shuffle=True, random_state=seed)
    parts = [
        answer(fit, held).assign(fold=k, row=held)
        for k, (fit, held) in enumerate(split.split(features.values, classes, together))
    ]
    return pd.concat(parts).sort_values("row").drop(columns="row")


def checked_groups(groups: ArrayLike, ids: np.ndarray, folds: int) -> np.ndarray:
    """Groups of rows, after a check that none divides a star and that there are enough for the folds."""
    found = np.asarray(groups)
    if found.shape != ids.shape:
        raise InputError(f"every row needs its group; given {found.size} groups for {len(ids)} rows.")
    pairs = pd.DataFrame({"id": ids, "group": found}).drop_duplicates()
    if len(divided := pairs["id"][pairs["id"].duplicated()]):
        raise InputError(
            f"the spectra of a star belong to one group; those of {join_names(divided)} are of several."
        )
    n = pairs["group"].nunique()
    if n < folds:
        raise InputError(
            f"{folds} folds need as many groups; there are {n}. Give smaller groups or fewer folds."
        )
    return found
