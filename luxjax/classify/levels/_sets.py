"""Conformal sets of finer classes, from those of the coarser class and those within each of its classes.

A set of coarse classes misses the true one with chance a/2 at most, and within the true one a set of finer classes misses with chance a/2 at
most. So the union of the finer sets over the coarse set misses with chance a at most (Bonferroni): it holds the true finer class with
chance 1 - a or more, and never contradicts the coarser answer. It takes no star from training. The price is that sets are larger than
they need to be, by as much as the coverage found exceeds the one asked for.
"""

from collections.abc import Mapping

import numpy as np

from ...core import InputError
from .._classifier import Classifier
from ..features._features import Features

__all__ = ["finer_sets"]


def finer_sets(
    coarse: Classifier, members: Mapping[str, "Classifier | str"], features: Features, coverage: float
) -> list[str] | None:
    """The set of finer classes of each spectrum, joined by spaces; None without calibration stars.

    Parameters
    ----------
    coarse : Classifier
    members : mapping of str to (Classifier or str)
        Within each coarse class, the classifier of the finer ones, or the only one.
    features : Features
    coverage : float
        Chance with which the set holds the true finer class, where it is one of those that were learnt.
    """
    inside = [m for m in members.values() if isinstance(m, Classifier)]
    if coarse.sets is None or any(m.sets is None for m in inside):
        return None
    each = (1 + coverage) / 2 if inside else coverage
    outer = _contained(coarse, features, each)
    held = np.zeros((len(features), 0), bool)
    names: list[str] = []
    for name, member in members.items():
        here = outer[:, [coarse.classes.index(name)]]
        if isinstance(member, Classifier):
            names += member.classes
            here = here & _contained(member, features, each)
        else:
            names.append(member)
        held = np.concatenate([held, here], axis=1)
    return [" ".join(np.array(names, dtype=object)[row]) for row in held]


def _contained(classifier: Classifier, features: Features, coverage: float) -> np.ndarray:
    """Which classes are in each set, (row, class); all where calibration stars are too few to leave one out."""
    p = classifier.probabilities(features).to_numpy()
    try:
        return classifier.sets.contains(p, coverage)  # type: ignore[union-attr]
    except InputError:
        if not 0 < coverage < 1:
            raise
        return np.ones(p.shape, bool)
