"""The mean of several classifiers, weighted by what each says of stars that it has not seen."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..calibration._calibrators import Temperature

__all__ = ["Average", "blend", "floored", "full_probabilities"]

FLOOR = 1e-3  # no forest of a few hundred trees can say that a class is rarer
NEGLIGIBLE = 0.02  # weight below which a member is left out
CYCLES = 500


@dataclass(frozen=True, eq=False)
class Average:
    """Fitted classifiers whose probabilities are brought to a common sureness and averaged.

    The members differ in how sure they are of themselves: forests too little, boosted trees too much. So each has its own temperature.

    Attributes
    ----------
    members : dict of str to estimator
    temperatures, weights : dict of str to float
        By member; the weights sum to one.
    """

    members: Mapping[str, Any]
    temperatures: Mapping[str, float]
    weights: Mapping[str, float]

    @property
    def strongest(self) -> str:
        """The member of the largest weight."""
        return max(self.weights, key=lambda name: self.weights[name])

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """Probabilities, (row, class)."""
        n = max(len(m.classes_) for m in self.members.values())
        return self.mixed({name: full_probabilities(m, x, n) for name, m in self.members.items()})

    def mixed(self, p: Mapping[str, np.ndarray]) -> np.ndarray:
        """The average of the members' own probabilities."""
        return np.sum(
            [w * Temperature(self.temperatures[name])(floored(p[name])) for name, w in self.weights.items()],
            axis=0,
        )


def blend(
    p: Mapping[str, np.ndarray], codes: np.ndarray, weight: np.ndarray | None = None
) -> tuple[dict[str, float], dict[str, float]]:
    """Temperatures and weights of the members of an average, which make the classes of stars apart likeliest.

    Parameters
    ----------
    p : mapping of str to (row, class) array
        Probabilities of each member for stars that it was not fitted to.
    codes : (row,) int array
    weight : (row,) array, optional

    Returns
    -------
    temperatures, weights : dict of str to float
        Members of a negligible weight are left out of both.
    """
    count = np.ones(len(codes)) if weight is None else weight
    temperatures = {name: Temperature.fit(floored(one), codes, weight).temperature for name, one in p.items()}
    rows = np.arange(len(codes))
    own = np.column_stack([Temperature(temperatures[n])(floored(one))[rows, codes] for n, one in p.items()])
    share = np.full(own.shape[1], 1 / own.shape[1])
    for _ in range(
        CYCLES
    ):  # the EM algorithm for the shares of a mixture (Dempster et al. 1977), which always rises
        credit = own * share
        credit /= credit.sum(axis=1, keepdims=True)
        share = count @ credit / count.sum()
    share = np.where(share < NEGLIGIBLE, 0, share)
    kept = {name: float(s / share.sum()) for name, s in zip(p, share, strict=True) if s > 0}
    return {name: temperatures[name] for name in kept}, kept


def floored(p: np.ndarray) -> np.ndarray:
    """Probabilities of which none is below the floor, (row, class)."""
    high = np.maximum(np.asarray(p, float), FLOOR)
    return high / high.sum(axis=1, keepdims=True)


def full_probabilities(estimator: Any, x: np.ndarray, n_classes: int) -> np.ndarray:
    """Probabilities with a column for each class, 0 for those of which no star was in the fit, (row, class)."""
    p = np.asarray(estimator.predict_proba(x), float)
    if p.shape[1] == n_classes:
        return p
    full = np.zeros((len(p), n_classes))
    full[:, np.asarray(estimator.classes_, int)] = p
    return full
