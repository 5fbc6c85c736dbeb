"""Scores of each class against the rest: precision, recall, F1, and the areas under the ROC and the precision-recall curve.

The values are scikit-learn's. Bootstrap samples compute the same from how often every spectrum was drawn, because the order of
the probabilities, which is what takes time, never changes between samples.
"""

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_fscore_support, roc_auc_score

__all__ = ["SCORES_BY_CLASS", "RankedClasses", "scores_by_class"]

SCORES_BY_CLASS = ("precision", "recall", "f1", "roc_auc", "average_precision")


def scores_by_class(p: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Scores of each class, (score, class); NaN where one is not defined, such as the precision of a class that is never given.

    Parameters
    ----------
    p : (row, class) array
    codes : (row,) int array
        The true class.
    """
    labels = np.arange(p.shape[1])
    counted = precision_recall_fscore_support(codes, p.argmax(axis=1), labels=labels, zero_division=np.nan)
    ranked = np.full((2, len(labels)), np.nan)
    for k in labels:
        own = codes == k
        if 0 < own.sum() < len(own):
            ranked[:, k] = roc_auc_score(own, p[:, k]), average_precision_score(own, p[:, k])
    scores = np.concatenate([counted[:3], ranked])
    return np.where(np.isin(labels, codes), scores, np.nan)


class RankedClasses:
    """The same scores for stars drawn with replacement.

    Parameters
    ----------
    p : (row, class) array
    codes : (row,) int array
    """

    def __init__(self, p: np.ndarray, codes: np.ndarray):
        n, classes = p.shape
        self.found = p.argmax(axis=1)
        self.own = codes[:, None] == np.arange(classes)
        self.order = np.argsort(-p, axis=0, kind="stable")
        self.hits = np.take_along_axis(self.own, self.order, axis=0)
        ranked = np.take_along_axis(p, self.order, axis=0)
        last = np.concatenate([ranked[1:] != ranked[:-1], np.ones((1, classes), bool)])
        # rows of one probability pass a threshold together: all of them stand at the last
        place = np.where(last, np.arange(n)[:, None], n)
        self.tied = np.minimum.accumulate(place[::-1], axis=0)[::-1]

    def __call__(self, times: np.ndarray) -> np.ndarray:
        """Scores, (score, class), with every row counted as often as `times` (row,) says."""
        called = self.found[:, None] == np.arange(self.own.shape[1])
        hit, true, given = (times @ a for a in (called & self.own, self.own, called))
        weight = times[self.order]
        right, wrong = (
            np.take_along_axis(np.cumsum(weight * w, axis=0), self.tied, axis=0)
            for w in (self.hits, ~self.hits)
        )
        rise, run = (np.diff(a, axis=0, prepend=0) for a in (right, wrong))
        with np.errstate(invalid="ignore", divide="ignore"):
            roc = np.sum(run * (right - rise / 2), axis=0) / (true * (times.sum() - true))
            average = np.nansum(rise * right / (right + wrong), axis=0) / true
            counted = [hit / given, hit / true, 2 * hit / (true + given), roc, average]
        return np.where((true > 0) & (true < times.sum()), counted, [[np.nan]])
