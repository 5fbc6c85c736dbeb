"""The loop of cross-validation: every star is predicted by a model that has seen no spectrum of it."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

from .features._features import Features

__all__ = ["answer_by_folds"]


def answer_by_folds(
    features: Features,
    folds: int,
    seed: int,
    answer: Callable[[np.ndarray, np.ndarray], pd.DataFrame],
    *,
    classes: ArrayLike | None = None,
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
    """
    kind = GroupKFold if classes is None else StratifiedGroupKFold
    split = kind(folds, shuffle=True, random_state=seed)
    parts = [
        answer(fit, held).assign(fold=k, row=held)
        for k, (fit, held) in enumerate(split.split(features.values, classes, features.ids))
    ]
    return pd.concat(parts).sort_values("row").drop(columns="row")
