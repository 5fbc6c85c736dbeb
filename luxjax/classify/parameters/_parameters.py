"""Atmospheric parameters from the features of spectra, with intervals that cover whatever the model is worth.

Conformalised quantile regression (Romano, Patterson & Candes 2019, NeurIPS): two models give the quantiles (1 -+ coverage) / 2, and stars
that neither has seen say by how much the interval between them must grow, or may shrink, to hold its share of them. The models
of the quantiles learn from residuals of stars that were out of the fold of a model of the mean: where a label runs over a wide range, boosting finds the
quantiles of small residuals far sooner than those of the label itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.model_selection import GroupKFold, cross_val_predict

from ...core import InputError, check_name
from ...core.internal import join_names
from ...data import LabelTable
from .._folds import answer_by_folds
from ..estimators._estimators import make_regressor
from ..features._features import Features, matrix_of

__all__ = ["Parameter", "ParameterModel", "cross_validate_parameters", "train_parameters"]

LEAST = 20  # stars with a label; fewer cannot be divided between fitting and calibration


@dataclass(frozen=True, eq=False)
class Parameter:
    """What predicts one parameter.

    Attributes
    ----------
    models : tuple of estimators
        For the mean, and for both quantiles of the residual; the mean alone where the error is the same for all stars.
    margin : float
        By which the interval between the quantiles grows on either side, in the unit of the parameter; it may be negative.
    unit : str
    n_fitted, n_calibration : int
        Stars.
    """

    models: tuple[Any, ...]
    margin: float
    unit: str
    n_fitted: int
    n_calibration: int

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The value and both ends of the interval, (row, 3)."""
        value, low, high = _ends(self.models, x)
        # An interval that a negative margin turned inside out still holds the value: coverage is never lost.
        return np.stack(
            [value, np.minimum(low - self.margin, value), np.maximum(high + self.margin, value)], axis=1
        )


@dataclass(frozen=True, eq=False)
class ParameterModel:
    """Predicts parameters of stars from features.

    Attributes
    ----------
    parameters : dict of str to Parameter
    families : dict of str to str
        The features, in the order of the columns that the models know, and the family of each.
    coverage : float
        The chance with which an interval holds the label of a new star.
    about : dict
        How it was made.
    """

    parameters: Mapping[str, Parameter]
    families: Mapping[str, str]
    coverage: float
    about: Mapping[str, Any]

    def predict(self, features: Features) -> pd.DataFrame:
        """Parameters of each spectrum with the ends of their intervals.

        Returns
        -------
        DataFrame
            Columns ``teff``, ``teff_lower``, ``teff_upper`` and so on; index ``id``.
        """
        x = matrix_of(features, list(self.families))
        out: dict[str, np.ndarray] = {}
        for name, parameter in self.parameters.items():
            found = parameter.predict(x) if len(x) else np.empty((0, 3))
            out |= {name: found[:, 0], f"{name}_lower": found[:, 1], f"{name}_upper": found[:, 2]}
        return pd.DataFrame(out, index=pd.Index(features.ids, name="id"))


def train_parameters(
    features: Features,
    labels: LabelTable,
    names: Sequence[str] = ("teff", "logg", "fe_h", "alpha_fe"),
    *,
    coverage: float = 0.68,
    estimator: str = "boosting",
    calibration_share: float = 0.2,
    seed: int = 0,
    **settings: Any,
) -> ParameterModel:
    """Train models of parameters, all spectra of a star on one side of every split.

    Parameters
    ----------
    features : Features
        Components or latents among them should not have been learnt from these stars, or intervals are a little too narrow for new ones.
    labels : LabelTable
        Labels of the same stars, matched by identifier. Stars without a label are left out for that label alone. The errors of labels do
        not weigh; intervals are for labels as noisy as these.
    names : sequence of str
        The labels to predict.
    coverage : float
        Chance with which an interval holds the label of a new star.
    estimator : str
        ``"boosting"`` or ``"ridge"``; see `make_regressor`. Ridge regression has one width of the interval for all stars.
    calibration_share : float
        Share of the stars kept for the margins; one spectrum of each is used, drawn at random, because spectra of
        a star do not count as independent.
    seed : int
    settings
        Of the estimator of the mean.

    Raises
    ------
    InputError
        If a label has too few stars, or a name is unknown.
    """
    if not 0.05 <= calibration_share <= 0.5:
        raise InputError(
            f"the share of stars for calibration is between 0.05 and 0.5; given: {calibration_share}."
        )
    if not 0 < coverage < 1:
        raise InputError(f"the coverage is a probability between 0 and 1, such as 0.68; given: {coverage}.")
    truth = labels_of(features.ids, labels, names)
    x = matrix_of(features, features.names)
    star = np.unique(features.ids, return_inverse=True)[1]
    rng = np.random.default_rng(seed)
    found = {}
    for name in names:
        known = np.flatnonzero(truth[name].notna())
        kept, apart = _dealt(name, star[known], calibration_share, coverage, rng)
        y = truth[name].to_numpy()
        models = _fitted(
            estimator, coverage, seed, settings, x[known[kept]], y[known[kept]], star[known[kept]]
        )
        _, low, high = _ends(models, x[known[apart]])
        score = np.maximum(low - y[known[apart]], y[known[apart]] - high)
        found[name] = Parameter(
            models,
            float(np.sort(score)[_rank(len(score), coverage) - 1]),
            labels.units.get(name, ""),
            len(np.unique(star[known[kept]])),
            len(score),
        )
    about = {"estimator": estimator, "settings": dict(settings), "seed": seed}
    return ParameterModel(found, {n: features.families[n] for n in features.names}, coverage, about)


def cross_validate_parameters(
    features: Features,
    labels: LabelTable,
    names: Sequence[str] = ("teff", "logg", "fe_h", "alpha_fe"),
    *,
    folds: int = 5,
    seed: int = 0,
    groups: ArrayLike | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Predict every star by a model that has seen no spectrum of it, fold after fold.

    Parameters
    ----------
    features, labels, names
        As for `train_parameters`.
    folds : int
    seed : int
    groups : (row,) array, optional
        What stays on one side of every split, such as the blocks of the sky of `sky_blocks`; default: the stars.
    options
        Of `train_parameters`.

    Returns
    -------
    DataFrame
        As from `ParameterModel.predict`, in the order of the features, with the column ``fold``.
    """
    labels_of(features.ids, labels, names)

    def answer(fit: np.ndarray, held: np.ndarray) -> pd.DataFrame:
        model = train_parameters(features.select(fit), labels, names, seed=seed, **options)
        return model.predict(features.select(held))

    return answer_by_folds(features, folds, seed, answer, groups=groups)


def labels_of(ids: np.ndarray, labels: LabelTable, names: Sequence[str]) -> pd.DataFrame:
    """The labels of these stars, by identifier, one row for each; NaN for stars that have none."""
    for name in names:
        check_name("label", name, labels.names)
    if len(set(labels.ids)) == len(labels):
        place = pd.Index(labels.ids).get_indexer(pd.Index(ids))
    elif np.array_equal(labels.ids, ids):
        place = np.arange(len(labels))
    else:
        raise InputError(
            "the labels name a star more than once and are not row by row those of the spectra; give one row for each star."
        )
    if not np.any(place >= 0):
        raise InputError(
            f"none of the stars has labels; the spectra are of {join_names(ids[:3])}..., the labels of {join_names(labels.ids[:3])}...."
        )
    return pd.DataFrame({n: np.where(place >= 0, labels[n][place], np.nan) for n in names})


def _ends(models: tuple[Any, ...], x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The value and both ends before conformalisation, which are the value itself where there is no model of the quantiles."""
    value = models[0].predict(x)
    off = np.stack([np.zeros(len(x)), *(m.predict(x) for m in models[1:])])
    return value, value + off.min(axis=0), value + off.max(axis=0)


def _fitted(
    estimator: str, coverage: float, seed: int, settings: Mapping[str, Any], x, y, star
) -> tuple[Any, ...]:
    mean = make_regressor(estimator, seed=seed, **settings)
    if estimator == "ridge":
        return (mean.fit(x, y),)
    folds = GroupKFold(4, shuffle=True, random_state=seed)
    residual = y - cross_val_predict(mean, x, y, groups=star, cv=folds)
    quantiles = (
        make_regressor(estimator, quantile=q, seed=seed) for q in ((1 - coverage) / 2, (1 + coverage) / 2)
    )
    return (mean.fit(x, y), *(q.fit(x, residual) for q in quantiles))


def _dealt(name: str, star: np.ndarray, share: float, coverage: float, rng) -> tuple[np.ndarray, np.ndarray]:
    """Rows to fit, and one row of every star that is kept for calibration."""
    stars = rng.permutation(np.unique(star))
    n_apart = round(share * len(stars))
    least = max(LEAST, int(np.ceil(np.ceil(np.round(coverage / (1 - coverage), 9)) / share)))
    if len(stars) < least:
        raise InputError(
            f"{len(stars)} stars have '{name}'; training with intervals at {coverage:.0%} needs at least {least}: give more stars or "
            "leave this label out."
        )
    apart = np.isin(star, stars[:n_apart])
    shuffled = rng.permutation(np.flatnonzero(apart))
    return np.flatnonzero(~apart), shuffled[np.unique(star[shuffled], return_index=True)[1]]


def _rank(n: int, coverage: float) -> int:
    # rounded first: 0.95 * 20 may come out a hair above 19
    return int(np.ceil(np.round((n + 1) * coverage, 9)))
