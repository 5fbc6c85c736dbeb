"""Labels that were only guessed, replaced by what they were guessed from."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from ..core import InputError
from ..core.internal import join_names
from ..fitted import Trend, Verdict
from ._prediction import Prediction

__all__ = ["replace_shortcuts", "shortcuts"]


def replace_shortcuts(prediction: Prediction) -> Prediction:
    """The prediction with every label of verdict ``shortcut`` replaced by its posterior given the other labels.

    A shortcut's value says nothing that the other labels do not say, yet its error is as small as if it did: the model
    was told that the correlation always holds. The posterior given the other labels alone is honest about what lies off
    their trend. With the trend t and its scatter tau learned on stars kept out of training, and the predicted other
    labels o with covariance C, to first order in C

        value = t(o),    variance = tau^2 + g' C g,    covariance with o = C g,    g = d t / d o at o.

    So with the rows of T unit vectors for labels that stay and g for those that are replaced, the covariance of all
    labels becomes T C T' + diag(tau^2): symmetric, never negative, and the other labels keep theirs.

    Parameters
    ----------
    prediction : Prediction
        With verdicts. Not calibrated yet: a calibration of shrunk labels is learned from shrunk predictions.

    Returns
    -------
    Prediction
        Its `shrunk` names the labels replaced; their verdict stays, and so do the flags of the prediction given
        (``transfer(..., replace_shortcuts=True)`` flags the values that replace them). Without a shortcut nothing changes.
    """
    if prediction.calibrated:
        raise InputError(
            "the labels of a calibrated prediction are not replaced: predict with transfer(..., replace_shortcuts=True), "
            "which applies the calibration learned for such labels."
        )
    if prediction.shrunk:
        raise InputError(
            f"{join_names(prediction.shrunk)} were shrunk already; shrink the prediction that `transfer` gives."
        )
    trends = _trends(prediction)
    n_labels = len(prediction.names)
    value = prediction.value.copy()
    turn = np.broadcast_to(np.eye(n_labels), (len(prediction), n_labels, n_labels)).copy()
    added = np.zeros(n_labels)
    for name, trend in trends.items():
        row, others = prediction.names.index(name), [prediction.names.index(o) for o in trend.others]
        value[:, row] = trend(prediction.value[:, others])
        turn[:, row] = 0.0
        turn[:, row, others] = trend.gradient(prediction.value[:, others])
        added[row] = trend.scatter**2
    cov = turn @ prediction.cov @ turn.transpose(0, 2, 1) + np.diag(added)
    return dataclasses.replace(
        prediction, value=value, cov=cov, parts=_parts(prediction, turn, added), shrunk=tuple(trends)
    )


def shortcuts(verdicts: Mapping[str, Verdict], names: Sequence[str]) -> tuple[str, ...]:
    """The labels among `names` that are called shortcuts."""
    return tuple(name for name, v in verdicts.items() if v.verdict == "shortcut" and name in names)


def _trends(prediction: Prediction) -> dict[str, Trend]:
    """The trend that each shortcut is shrunk to."""
    found = {}
    for name in shortcuts(prediction.verdicts, prediction.names):
        verdict = prediction.verdicts[name]
        if verdict.trend is None or not np.isfinite(verdict.trend.scatter):
            raise InputError(
                f"the verdict of '{name}' has no trend of known scatter to shrink it to; explain the model again."
            )
        if missing := [o for o in verdict.trend.others if o not in prediction.names]:
            raise InputError(
                f"'{name}' follows {join_names(missing)}, which this prediction lacks; it has {join_names(prediction.names)}."
            )
        found[name] = verdict.trend
    return found


def _parts(prediction: Prediction, turn: np.ndarray, added: np.ndarray) -> dict[str, np.ndarray]:
    """The variances by origin, carried through the same turn; the scatter about the trend counts as scatter."""
    diagonal = {k: v for k, v in prediction.parts.items() if k != "latent"}
    rows = np.arange(len(prediction.names))
    latent = prediction.cov.copy()
    latent[:, rows, rows] -= sum(diagonal.values())
    out = {"latent": np.einsum("nij,njk,nik->ni", turn, latent, turn)}
    out |= {k: np.einsum("nij,nj->ni", turn**2, v) for k, v in diagonal.items()}
    out["scatter"] = out["scatter"] + added
    return {k: out[k] for k in prediction.parts}
