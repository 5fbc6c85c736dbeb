"""A classifier of stars: features in, probabilities that can be believed and sets of classes out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ._domain import Domain, measured_of
from .calibration._calibrators import Calibrator
from .calibration._sets import ConformalSets
from .estimators._average import full_probabilities
from .features._features import Features, matrix_of
from .features._learned import FeatureFamily, with_learned

__all__ = ["Classifier"]


@dataclass(frozen=True, eq=False)
class Classifier:
    """A fitted estimator, with the calibrator of its probabilities and the conformal sets.

    Attributes
    ----------
    estimator
        With scikit-learn's interface, or an average of such; classes are numbers to it.
    classes : tuple of str
        In the order of their numbers; along the sequence O B A F G K M where they belong to it.
    families : dict of str to str
        The features, in the order of the estimator's columns, and the family of each.
    calibrator : Calibrator or None
    sets : ConformalSets or None
    about : dict
        How it was made: estimator, settings, seed, numbers of stars.
    learned : dict of str to FeatureFamily
        Families of features that were learned from spectra of the training stars.
    domain : Domain or None
        Where the training spectra lie among all features, by which other spectra are called outside.
    """

    estimator: Any
    classes: tuple[str, ...]
    families: Mapping[str, str]
    calibrator: Calibrator | None
    sets: ConformalSets | None
    about: Mapping[str, Any]
    learned: Mapping[str, FeatureFamily] = field(default_factory=dict)
    domain: Domain | None = None

    def complete(self, features: Features) -> Features:
        """The features with those that were learned from spectra, such as latents; without spectra."""
        return with_learned(features, self.learned)

    def matrix(self, features: Features) -> np.ndarray:
        """The columns that the estimator knows, in its order, (row, feature)."""
        return matrix_of(self.complete(features), list(self.families))

    def probabilities(self, features: Features) -> pd.DataFrame:
        """Calibrated probabilities, one row for each spectrum and one column for each class."""
        n = len(self.classes)
        p = (
            full_probabilities(self.estimator, self.matrix(features), n)
            if len(features)
            else np.empty((0, n))
        )
        if self.calibrator is not None:
            p = self.calibrator(p)
        return pd.DataFrame(p, columns=list(self.classes), index=pd.Index(features.ids, name="id"))

    def classify(self, features: Features, *, coverage: float = 0.9) -> pd.DataFrame:
        """The likeliest class of each spectrum, its probability and the set that holds the class with chance `coverage`.

        Returns
        -------
        DataFrame
            Columns ``class``, ``probability``, ``set`` (classes joined by spaces; empty if none is likely enough; left out
            without calibration stars), ``far`` (distance to the training spectra in measured features, over that which 95% of stars do not exceed that
            the classifier had not seen), ``outside`` (whether that is above 1, so that the class means little; both are left out where fewer than
            19 stars could set the limit) and ``p_`` with each class; index ``id``.
        """
        features = self.complete(features)
        p = self.probabilities(features)
        values = p.to_numpy()
        table = pd.DataFrame(
            {"class": p.columns[values.argmax(axis=1)], "probability": values.max(axis=1)}, index=p.index
        )
        if self.sets is not None:
            inside = self.sets.contains(values, coverage)
            table["set"] = [" ".join(np.array(self.classes)[row]) for row in inside]
        if self.domain is not None and np.isfinite(self.domain.limit):
            table["far"] = self.domain.relative(*measured_of(features, self.families, self.learned))
            table["outside"] = table["far"] > 1
        return pd.concat([table, p.add_prefix("p_")], axis=1)
