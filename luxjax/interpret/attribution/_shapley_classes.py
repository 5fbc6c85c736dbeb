"""Shapley values of class scores, feature by feature, and how sure the order of the features is.

Boosted trees and linear models give each class a score s_k of which the probabilities are the softmax. Scores are free up to a
constant common to all classes, which changes no probability; so what is explained is what the probabilities fix, the centred
log-ratio ln p_k - mean_j ln p_j (Aitchison 1986). With two classes it is half the log-odds. Forests average
probabilities, and these themselves are explained.

A ranking by mean |value| says what the model uses, not what the class is made by: where features go together, the
credit is divided as the trees happened to grow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ...core import InputError, check_name
from ...stats import Ranking
from ...stats.internal import star_means
from ._shapley import Shapley, exact_shapley, import_shap, sampled_shapley
from ._shapley_callable import EXACT_FEATURES, ORDERS

__all__ = ["LOG_RATIO", "FeatureRanks", "class_output", "rank_features", "shapley_classes"]

LOG_RATIO, PROBABILITY = "centred log-ratio (nats)", "probability"
"""What is explained: ln p_k - mean_j ln p_j of every class, or its probability."""
OVERALL = "all"
BACKGROUND = 100
BOOSTED = ("HistGradientBoostingClassifier", "XGBClassifier")
FORESTS = ("RandomForestClassifier", "ExtraTreesClassifier")


def shapley_classes(
    predictor: Any,
    x: ArrayLike,
    names: Sequence[str],
    classes: Sequence[str],
    *,
    background: ArrayLike | None = None,
    seed: int = 0,
) -> Shapley:
    """Shapley values of every class for every row; ``found.to_shap("G")`` is one class for the shap library's figures.

    Parameters
    ----------
    predictor
        A boosted or random forest of scikit-learn or XGBoost: exact values from the trees, "by branches", unknown features
        following the training stars (Lundberg et al. 2020, Nature Machine Intelligence 2, 56). A pipeline of column-wise steps that ends
        in a linear classifier: exact independent values, coefficient times distance from the background's mean. Otherwise anything with
        ``predict_proba``, or a function (row, feature) -> (row, class): random orders of the features, walked both ways.
    x : (row, feature) array
        NaN where a feature could not be measured.
    names, classes : sequences of str
        Names of the columns of `x`, and of the predictor's classes in its order.
    background : (row, feature) array, optional
        Stars from which unknown features are drawn. Default: `x` itself. Trees do without.
    seed : int
        For the sampled orders, and the 100 stars that a larger background is thinned to for a function.

    Returns
    -------
    Shapley
        Its `labels` are the classes; base and values add up to `class_output`.
    """
    x = np.asarray(x, float)
    if x.ndim != 2 or x.shape[1] != len(names) or len(x) == 0:
        raise InputError(
            f"{len(names)} features are named, so rows are (row, {len(names)}), at least one; given shape {x.shape}."
        )
    output, back = class_output(predictor, x), x if background is None else np.asarray(background, float)
    if output.shape != (len(x), len(classes)):
        raise InputError(
            f"the predictor gives {output.shape[-1]} classes; {len(classes)} are named: {', '.join(classes)}."
        )
    if type(predictor).__name__ in BOOSTED + FORESTS:
        kind, (values, base) = "by branches", _tree_values(predictor, x)
    elif _is_linear(predictor):
        kind, (values, base) = "independent", _linear_values(predictor, x, back, names)
    else:
        values, error, base = _function_values(predictor, x, back, seed)
        return Shapley("independent", tuple(names), tuple(classes), values, base, x, error, PROBABILITY)
    unit = _unit(predictor)
    values, base = one_per_class(values, predictor), one_per_class(base, predictor)
    worst = np.abs(base + values.sum(axis=1) - output).max()
    if worst > 1e-4 * max(1.0, np.abs(output).max()):  # XGBoost's trees are in single precision
        raise InputError(
            f"the values of this {type(predictor).__name__} miss its output by {worst:.2g}; it cannot be explained."
        )
    return Shapley(kind, tuple(names), tuple(classes), values, base, x, np.zeros(values.shape), unit)


def class_output(predictor: Any, x: ArrayLike) -> np.ndarray:
    """What is explained of every class, (row, class): centred log-ratios, or probabilities of a forest or a function."""
    x = np.asarray(x, float)
    p = np.asarray(predictor.predict_proba(x) if hasattr(predictor, "predict_proba") else predictor(x), float)
    if _unit(predictor) == PROBABILITY:
        return p
    logs = np.log(np.maximum(p, np.finfo(float).tiny))
    return logs - logs.mean(axis=1, keepdims=True)


def one_per_class(values: np.ndarray, predictor: Any) -> np.ndarray:
    """From scores to what is explained, last axis: two classes may share one score, the log-odds of the second, and scores are centred."""
    if values.shape[-1] == 1:
        values = np.concatenate([-values, values], axis=-1) / 2
    return values - values.mean(axis=-1, keepdims=True) if _unit(predictor) == LOG_RATIO else values


def _unit(predictor: Any) -> str:
    boosted = type(predictor).__name__ in BOOSTED
    return LOG_RATIO if boosted or _is_linear(predictor) else PROBABILITY


def _is_linear(predictor: Any) -> bool:
    last = predictor[-1] if hasattr(predictor, "steps") else predictor
    return hasattr(last, "coef_") and hasattr(last, "predict_proba")


def _tree_values(predictor: Any, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (row, feature, score) and base (score,)."""
    explainer = import_shap().TreeExplainer(predictor)
    values = np.asarray(explainer.shap_values(x, check_additivity=False), float)
    return values.reshape(*x.shape, -1), np.atleast_1d(np.asarray(explainer.expected_value, float))


def _linear_values(predictor: Any, x, background, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Values and base of a linear classifier; columns that a step made of a feature, such as 'is missing', count with it."""
    last, columns, mean, made = predictor, x, background, list(names)
    if hasattr(predictor, "steps"):
        last, before = predictor[-1], predictor[:-1]
        columns, mean = before.transform(x), before.transform(background)
        made = [n.removeprefix("missingindicator_") for n in before.get_feature_names_out(list(names))]
    place = {name: i for i, name in enumerate(names)}
    for name in made:
        check_name("column of the pipeline", name, place, "Explain predict_proba as a function instead")
    mean = np.asarray(mean, float).mean(axis=0)
    each = (np.asarray(columns, float) - mean)[:, :, None] * last.coef_.T
    owner = np.zeros((len(made), len(names)))
    owner[np.arange(len(made)), [place[n] for n in made]] = 1
    return np.einsum("njk,jf->nfk", each, owner), last.intercept_ + last.coef_ @ mean


def _function_values(predictor: Any, x, background, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, their standard error and base of any function, from all coalitions of few features and else from sampled orders."""
    rows = np.sort(np.random.default_rng(seed).permutation(len(background))[:BACKGROUND])
    others, n = background[rows], x.shape[1]

    def game(who: np.ndarray) -> np.ndarray:
        mixed = np.where(who, x[:, None, :], others).reshape(-1, n)
        return class_output(predictor, mixed).reshape(len(x), len(others), -1).mean(axis=1)

    if n <= EXACT_FEATURES:
        values = exact_shapley(game, n)
        error = np.zeros(values.shape)
    else:
        values, error = sampled_shapley(game, n, n_orders=ORDERS, seed=seed)
    return np.moveaxis(values, 0, 1), np.moveaxis(error, 0, 1), game(np.zeros(n, bool))[0]


@dataclass(frozen=True, eq=False)
class FeatureRanks:
    """Rankings by mean |Shapley value|, of features and of their families.

    Attributes
    ----------
    features, families : dict of str to Ranking
        For each class, and for ``"all"``: the mean over classes. The value of a family is the mean |sum of its features' values|, so that
        features that only cancel each other count for nothing.
    """

    features: Mapping[str, Ranking]
    families: Mapping[str, Ranking]

    def table(self) -> pd.DataFrame:
        """One row for each class and name: columns ``class``, ``kind``, ``name`` and those of `Ranking.table`."""
        parts = [
            ranking.table().reset_index().assign(**{"class": name, "kind": kind})
            for kind, rankings in (("feature", self.features), ("family", self.families))
            for name, ranking in rankings.items()
        ]
        table = pd.concat(parts, ignore_index=True)
        return table[["class", "kind", *(c for c in table.columns if c not in ("class", "kind"))]]


def rank_features(
    shapley: Shapley,
    families: Mapping[str, str],
    ids: Sequence | np.ndarray | None = None,
    *,
    n_draws: int = 200,
    seed: int = 0,
) -> FeatureRanks:
    """Order features, and families of them, by how much they move the class scores.

    Parameters
    ----------
    shapley : Shapley
        As from `shapley_classes`, of stars that the classifier was not trained on.
    families : mapping of str to str
        Family of each feature.
    ids : (row,) sequence, optional
        Star of each row: bootstrap samples are of stars.
    n_draws, seed : int
        Bootstrap samples, the same ones for every ranking.
    """
    for name in shapley.features:
        check_name("feature", name, families, "Every explained feature needs its family")
    kinds = tuple(dict.fromkeys(families[n] for n in shapley.features))
    member = np.array([[families[n] == kind for n in shapley.features] for kind in kinds], float)
    found = {}
    for what, names, values in (
        ("feature", shapley.features, shapley.values),
        ("family", kinds, np.einsum("gf,nfk->ngk", member, shapley.values)),
    ):
        size = np.abs(values)
        size = np.concatenate([size.mean(axis=2, keepdims=True), size], axis=2)
        mean, draws = star_means(size.reshape(len(size), -1), ids, n_draws=n_draws, seed=seed)
        mean, draws = mean.reshape(size.shape[1:]), draws.reshape(n_draws, *size.shape[1:])
        title = f"mean absolute Shapley value of the {what}"
        found[what] = {
            name: Ranking(title, shapley.output, names, mean[:, k], draws[:, :, k])
            for k, name in enumerate((OVERALL, *shapley.labels))
        }
    return FeatureRanks(found["feature"], found["family"])
