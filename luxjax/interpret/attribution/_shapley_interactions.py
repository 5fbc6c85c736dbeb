"""Shapley interaction values of trees, added up by family.

The interaction of two features is what both together move a score beyond what each moves it by itself (Lundberg et al. 2020, Nature
Machine Intelligence 2, 56). Over features they add up to the Shapley values, and so do families: the diagonal is what a family does by itself,
its features' interactions among themselves included.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ...core import InputError, check_name
from ...core.internal import join_names
from ._shapley import import_shap
from ._shapley_classes import BOOSTED, FORESTS, one_per_class

__all__ = ["FamilyInteractions", "family_interactions"]

BLOCK = 16  # rows at a time: every row has (feature, feature, class) numbers


@dataclass(frozen=True, eq=False)
class FamilyInteractions:
    """Shapley values of classes divided among pairs of families.

    Attributes
    ----------
    families, labels : tuples of str
        Families, and classes.
    values : (row, family, family, class) array
        Symmetric; its sum over the second family is the family's Shapley value.
    """

    families: tuple[str, ...]
    labels: tuple[str, ...]
    values: np.ndarray

    def table(self, label: str | None = None) -> pd.DataFrame:
        """Mean |value| over the rows, for one class or as the mean over classes; off the diagonal of both halves of a pair together."""
        if label is not None:
            check_name("class", label, self.labels)
        size = np.abs(self.values).mean(axis=0)
        size = size.mean(axis=-1) if label is None else size[..., self.labels.index(label)]
        size = np.where(np.eye(len(self.families), dtype=bool), size, 2 * size)
        return pd.DataFrame(size, index=list(self.families), columns=list(self.families))


def family_interactions(
    predictor: Any, x: ArrayLike, names: Sequence[str], classes: Sequence[str], families: Mapping[str, str]
) -> FamilyInteractions:
    """Interaction values by family, on the same scale as those of `shapley_classes`.

    A quarter of a second for every row with a hundred features: give some hundred rows.

    Parameters
    ----------
    predictor
        A boosted or random forest of scikit-learn or XGBoost.
    x : (row, feature) array
    names, classes : sequences of str
    families : mapping of str to str
        Family of each feature.
    """
    name = type(predictor).__name__
    if name not in BOOSTED + FORESTS:
        raise InputError(f"interactions are for trees ({join_names(BOOSTED + FORESTS)}); given a {name}.")
    x = np.asarray(x, float)
    if x.ndim != 2 or x.shape[1] != len(names) or len(x) == 0:
        raise InputError(
            f"{len(names)} features are named, so rows are (row, {len(names)}), at least one; given shape {x.shape}."
        )
    for feature in names:
        check_name("feature", feature, families, "Every explained feature needs its family")
    kinds = tuple(dict.fromkeys(families[n] for n in names))
    member = np.array([[families[n] == kind for n in names] for kind in kinds], float)
    explainer, parts = import_shap().TreeExplainer(predictor), []
    for start in range(0, len(x), BLOCK):
        rows = x[start : start + BLOCK]
        found = np.asarray(explainer.shap_interaction_values(rows), float)
        found = found.reshape(len(rows), len(names), len(names), -1)
        parts.append(np.einsum("gi,nijk,hj->nghk", member, found, member, optimize=True))
    return FamilyInteractions(kinds, tuple(classes), one_per_class(np.concatenate(parts), predictor))
