"""Intervals that cover whatever the errors are worth: split conformal prediction."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..core import InputError, check_name
from ..core.internal import choose_from, identifiers
from ..data import LabelTable
from ..fitted.internal import check_alike
from ._prediction import Prediction

__all__ = ["Conformal", "conformal"]

ALL = "all"


@dataclass(frozen=True)
class Conformal:
    """Intervals ``value +- q error``, q a quantile of how far stars kept apart lay from their predictions.

    Attributes
    ----------
    names : tuple of str
    scores : dict of str to dict of str to (star,) array
        By label and group: the sorted |predicted - observed| / predicted error of the calibration stars.
    shrunk : tuple of str
        Labels that were replaced by what the other labels say of them; it holds for such predictions alone.
    """

    names: tuple[str, ...]
    scores: Mapping[str, Mapping[str, np.ndarray]]
    shrunk: tuple[str, ...] = ()

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups of stars with separate quantiles; ``("all",)`` where there was no grouping."""
        return tuple(next(iter(self.scores.values())))

    def factor(self, label: str, level: float = 0.68, group: str = ALL) -> float:
        """The factor of the predicted error: the k-th smallest of n scores, k = ceil((n + 1) level).

        Raises
        ------
        InputError
            If n is so small that only an infinite interval is sure to cover.
        """
        check_name("label", label, self.names)
        if not 0 < level < 1:
            raise InputError(f"a level is a probability between 0 and 1, such as 0.68; given: {level}.")
        if group not in self.scores[label]:
            raise InputError(choose_from("group", group, self.groups, "Calibrate with stars of that group"))
        scores = self.scores[label][group]
        n = len(scores)
        # Rounded first: 0.95 * 20 may come out a hair above 19.
        rank = int(np.ceil(np.round((n + 1) * level, 9)))
        if rank > n:
            least = int(np.ceil(np.round(level / (1 - level), 9)))
            where = "" if group == ALL else f" in group '{group}'"
            raise InputError(
                f"{n} calibration stars have '{label}'{where}; a {level:.4g} interval would be infinite, and needs at "
                f"least {least}: calibrate on more stars, ask for a lower level or make larger groups."
            )
        return float(scores[rank - 1])

    def interval(
        self, prediction: Prediction, level: float = 0.68, groups: ArrayLike | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends of the interval of each observed label, each (star, label).

        Parameters
        ----------
        prediction : Prediction
            Made and, if so, calibrated like that of the calibration stars.
        level : float
        groups : (star,) array, optional
            The group of each star, by the rule that grouped the calibration stars.
        """
        check_alike(prediction, self.names, self.shrunk)
        member = _membership(groups, len(prediction))
        factor = np.empty(prediction.value.shape)
        for group in np.unique(member):
            found = [self.factor(name, level, str(group)) for name in self.names]
            factor[member == group] = found
        half = factor * prediction.error
        return prediction.value - half, prediction.value + half

    def to_dict(self) -> dict[str, dict]:
        """Plain numbers by label, for JSON; undone by `from_dict`."""
        return {
            name: {
                "scores": {group: s.tolist() for group, s in self.scores[name].items()},
                "shrunk": name in self.shrunk,
            }
            for name in self.names
        }

    @classmethod
    def from_dict(cls, entries: Mapping[str, Mapping]) -> "Conformal":
        """The intervals that `to_dict` described."""
        scores = {
            name: {group: np.array(s, float) for group, s in entry["scores"].items()}
            for name, entry in entries.items()
        }
        return cls(tuple(entries), scores, tuple(name for name, entry in entries.items() if entry["shrunk"]))


def conformal(prediction: Prediction, observed: LabelTable, groups: ArrayLike | None = None) -> Conformal:
    """Learn intervals of observed labels from stars kept out of training, assuming nothing of the errors' form.

    With n calibration stars, and a new star exchangeable with them, the interval from the k-th smallest score,
    k = ceil((n + 1) level), holds the new star's *observed* label with a probability of k / (n + 1) >= level, exactly so
    for scores without ties, whatever model made the prediction (Vovk, Gammerman & Shafer 2005, Algorithmic Learning in
    a Random World; Lei et al. 2018, JASA 113, 1094). Over many new stars the coverage that one calibration sample gives is
    itself a draw from Beta(k, n + 1 - k); `luxjax.stats.familywise_band` knows it.

    What is covered is the observed label, its noise included. The interval is therefore that of a catalogue value and is
    wider than one for the true label, much so where catalogue errors exceed the predicted ones; stars whose labels are more or
    less noisy than those of the calibration stars are not exchangeable with them. `calibrate` instead learns errors of the
    true label, at the price of assuming their form. And the promise is one on average over all stars (of a group): to
    have it at low and at high signal-to-noise ratio alike, group by it.

    Parameters
    ----------
    prediction : Prediction
        Prediction of the calibration stars, which must be neither training nor test stars. Its errors set the relative widths; calibrated
        ones vary better from star to star.
    observed : LabelTable
        Their catalogue labels, row for row. Missing ones are left out.
    groups : (star,) array, optional
        Group of each star; each group gets separate quantiles. Numbers or names, such as
        ``np.digitize(snr, [50, 100])`` with edges chosen beforehand.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.prediction import conformal
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars.select(slice(0, 60)), key=1)
    >>> kept = stars.select(slice(60, 90))  # stars kept out of training
    >>> found = conformal(luxjax.transfer(fitted, kept), kept.labels())
    >>> found.factor("label_1", 0.95) > found.factor("label_1", 0.68) > 0  # predicted errors that make an interval
    True
    """
    if not np.array_equal(prediction.ids, observed.ids):
        raise InputError("prediction and observed labels must hold the same stars in the same order.")
    member = _membership(groups, len(prediction))
    scores: dict[str, dict[str, np.ndarray]] = {}
    for j, name in enumerate(prediction.names):
        score = np.abs(prediction.value[:, j] - observed[name]) / prediction.error[:, j]
        seen = np.isfinite(score)
        scores[name] = {str(g): np.sort(score[seen & (member == g)]) for g in np.unique(member)}
    return Conformal(prediction.names, scores, prediction.shrunk)


def _membership(groups: ArrayLike | None, n: int) -> np.ndarray:
    """The group of each star as text."""
    if groups is None:
        return np.full(n, ALL)
    member = identifiers("groups", groups)
    if member.shape != (n,):
        raise InputError(f"groups have shape {member.shape}; give one group for each of the {n} stars.")
    return member
