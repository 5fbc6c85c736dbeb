"""Why a classifier says what it says: Shapley values on the scale of its calibrated probabilities, and rankings side by side."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...classify import Classifier, compare_rankings, condition_on, permute_families
from ...classify.features import Features
from ...classify.internal import Average, FamilyAblation, RankingComparison, Temperature
from ...interpret.attribution import rank_features, shapley_classes
from ...interpret.internal import LOG_RATIO, FeatureRanks, Shapley
from ...stats import Ranking

__all__ = ["ClassReasons", "class_reasons", "explain_classes", "explained_member"]


def explain_classes(
    classifier: Classifier, features: Features, *, background: Features | None = None, seed: int = 0
) -> Shapley:
    """Shapley values of every class of every spectrum, (row, feature, class).

    Where they explain log-ratios and the calibrator is a temperature T, they are divided by T, which makes them those of the calibrated probabilities
    exactly: ln p_k - mean_j ln p_j is base plus values. Of an average, the member of the largest weight is explained.

    Parameters
    ----------
    classifier : Classifier
    features : Features
    background : Features, optional
        Features of training stars, for estimators that are not trees. Default: the features themselves.
    seed : int
    """
    x, names = classifier.matrix(features), list(classifier.families)
    back = None if background is None else classifier.matrix(background)
    whole = classifier.estimator
    if isinstance(whole, Average):
        return shapley_classes(
            whole.members[whole.strongest], x, names, classifier.classes, background=back, seed=seed
        )
    found = shapley_classes(whole, x, names, classifier.classes, background=back, seed=seed)
    if found.output != LOG_RATIO or not isinstance(classifier.calibrator, Temperature):
        return found
    t = classifier.calibrator.temperature
    return dataclasses.replace(found, values=found.values / t, base=found.base / t, error=found.error / t)


def explained_member(classifier: Classifier) -> dict[str, Any] | None:
    """Name and weight of the member of an average whose Shapley values are taken; None for a single estimator."""
    whole = classifier.estimator
    if not isinstance(whole, Average):
        return None
    return {"name": whole.strongest, "weight": whole.weights[whole.strongest]}


@dataclass(frozen=True, eq=False)
class ClassReasons:
    """What moves a classifier.

    Attributes
    ----------
    shapley : Shapley
        Shapley values of the evaluated spectra.
    ranks : FeatureRanks
        By mean |value|, of features and of families, for each class and for all.
    comparison : RankingComparison
        The families so ranked, compared with the honest rankings, and the claim tested.
    """

    shapley: Shapley
    ranks: FeatureRanks
    comparison: RankingComparison


def class_reasons(
    classifier: Classifier,
    features: Features,
    truth: Sequence[str],
    *,
    like: Mapping[str, ArrayLike] | None = None,
    ablation: FamilyAblation | None = None,
    background: Features | None = None,
    first: Sequence[str] = ("ca_hk", "magnesium"),
    second: Sequence[str] = ("balmer",),
    n_repeats: int = 10,
    n_draws: int = 200,
    seed: int = 0,
) -> ClassReasons:
    """Rank families by Shapley values, naively, and by what is lost without them.

    Parameters
    ----------
    classifier : Classifier
    features : Features
        Features of stars that it was not trained on.
    truth : (row,) sequence of str
    like : mapping of str to (row,) array, optional
        Quantities, such as ``{"Teff": teff}``, among stars of like value of which families are permuted too.
    ablation : FamilyAblation, optional
        From `luxjax.classify.ablate_families`, which takes long.
    background : Features, optional
        As in `explain_classes`.
    first, second : sequences of str
        The claim, as in `luxjax.classify.compare_rankings`.
    n_repeats, n_draws, seed : int
        Permutations, bootstrap samples.
    """
    shapley = explain_classes(classifier, features, background=background, seed=seed)
    ranks = rank_features(shapley, classifier.families, features.ids, n_draws=n_draws, seed=seed)
    several: dict[str, Any] = {"n_repeats": n_repeats, "n_draws": n_draws, "seed": seed}
    rankings: dict[str, Ranking] = {"mean absolute Shapley value": ranks.families["all"]}
    rankings["permutation"] = permute_families(classifier, features, truth, **several)
    for name, values in (like or {}).items():
        group = condition_on(values, features.ids)
        if np.any(group >= 0):
            rankings[f"permutation at like {name}"] = permute_families(
                classifier, features, truth, within=group, **several
            )
    if ablation is not None:
        rankings |= {
            "training without the family": ablation.without,
            "training on the family alone": ablation.only,
        }
    return ClassReasons(shapley, ranks, compare_rankings(rankings, first, second))
