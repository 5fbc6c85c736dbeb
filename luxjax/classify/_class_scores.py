"""Scores of class probabilities, with intervals and baselines."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.metrics import confusion_matrix, matthews_corrcoef

from ..core import InputError, check_name
from ..core.internal import classes_of, doubles, identifiers
from ..stats import Interval, binomial_interval
from ._by_class import SCORES_BY_CLASS, RankedClasses, scores_by_class
from ._reliability import Reliability, reliability

__all__ = ["SEQUENCE", "ClassScores", "class_codes", "resampled_stars", "score_classes"]

SEQUENCE = ("O", "B", "A", "F", "G", "K", "M")
"""Main classes of the Morgan-Keenan system from hot to cool."""


@dataclass(frozen=True, eq=False)
class ClassScores:
    """Scores of classified stars, each with a 95% interval, and those of a classifier that knows only how common classes are.

    Attributes
    ----------
    classes : tuple of str
    value : dict of str to float
        ``accuracy``, ``balanced_accuracy`` (mean recall), ``macro_f1``, ``matthews`` (correlation coefficient of true and given class),
        ``roc_auc`` and ``average_precision`` (areas under the ROC and the precision-recall curve of each class against the rest, the
        mean of the classes), ``log_loss`` (nats), ``brier`` (sum over classes), ``ece``, and ``adjacent``, the share of errors that
        fall in a neighbouring class of the sequence O B A F G K M (NaN without errors, or for other classes).
    interval : dict of str to Interval
        From bootstrap samples of stars; all spectra of a star go together.
    baseline : dict of str to float
        With every star given the classes' shares as probabilities.
    by_class : pandas.DataFrame
        One row for each class: ``n`` spectra, their ``share``, and ``precision``, ``recall``, ``f1``, ``roc_auc`` and
        ``average_precision`` with the ends of their intervals as ``_lower`` and ``_upper``. Guessing by the shares alone has the share
        itself as precision, recall, F1 and average precision, and a ROC area of 0.5.
    confusion : (true class, predicted class) int array
    reliability : Reliability
    n : int
    """

    classes: tuple[str, ...]
    value: Mapping[str, float]
    interval: Mapping[str, Interval]
    baseline: Mapping[str, float]
    by_class: pd.DataFrame
    confusion: np.ndarray
    reliability: Reliability
    n: int

    def __getitem__(self, name: str) -> float:
        check_name("score", name, self.value)
        return self.value[name]

    def table(self) -> pd.DataFrame:
        """One row per score: value, ends of its interval, baseline."""
        rows = {
            k: {
                "value": v,
                "lower": self.interval[k].lower,
                "upper": self.interval[k].upper,
                "baseline": self.baseline[k],
            }
            for k, v in self.value.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index")


def score_classes(
    probabilities: pd.DataFrame,
    truth: Sequence[str] | ArrayLike,
    *,
    ids: Sequence | None = None,
    n_draws: int = 200,
    seed: int = 0,
) -> ClassScores:
    """Score probabilities against known classes.

    Parameters
    ----------
    probabilities : DataFrame, (row, class)
        One column for each class.
    truth : (row,) sequence of str
        Spectra whose class is missing are left out.
    ids : (row,) sequence, optional
        Star of each row, where stars have several spectra.
    n_draws, seed : int
        Bootstrap samples.

    Examples
    --------
    >>> import pandas as pd
    >>> from luxjax.classify import score_classes
    >>> p = pd.DataFrame({"F": [0.9, 0.2, 0.6, 0.1], "G": [0.1, 0.8, 0.4, 0.9]})
    >>> score_classes(p, ["F", "G", "F", "G"], n_draws=20).value["accuracy"]
    1.0
    """
    classes = tuple(str(c) for c in probabilities.columns)
    p, codes = doubles("probabilities", probabilities), class_codes(truth, classes)
    if len(p) != len(codes) or len(p) == 0:
        raise InputError(
            f"scores need the class of every spectrum; given {len(p)} spectra and {len(codes)} classes."
        )
    if not np.any(codes >= 0):
        raise InputError("scores need known classes; that of every spectrum given is missing.")
    star = None if ids is None else identifiers("ids", ids)[codes >= 0]
    p, codes = p[codes >= 0], codes[codes >= 0]
    place = np.array([SEQUENCE.index(c) for c in classes]) if set(classes) <= set(SEQUENCE) else None
    prior = np.broadcast_to(np.bincount(codes, minlength=len(classes)) / len(codes), p.shape)
    each, ranked = scores_by_class(p, codes), RankedClasses(p, codes)
    value = _scores(p, codes, place, each)
    samples, drawn = [], []
    for rows in resampled_stars(star, len(codes), n_draws, seed):
        drawn.append(ranked(np.bincount(rows, minlength=len(codes))))
        samples.append(_scores(p[rows], codes[rows], place, drawn[-1]))
    interval = {name: Interval(*_ends(np.array([s[name] for s in samples]))) for name in value}
    value["matthews"] = float(matthews_corrcoef(codes, p.argmax(axis=1)))
    stars = np.arange(len(codes)) if star is None else star
    return ClassScores(
        classes,
        value,
        interval,
        _scores(prior, codes, place, scores_by_class(prior, codes)),
        _class_table(classes, p, codes, stars, each, np.array(drawn)),
        confusion_matrix(codes, p.argmax(axis=1), labels=np.arange(len(classes))),
        reliability(p, codes),
        len(codes),
    )


def class_codes(truth: Sequence[str] | ArrayLike, classes: Sequence[str]) -> np.ndarray:
    """Position of each class among `classes`, (row,) int; -1 where it is missing."""
    place, given = (
        {"": -1} | {name: k for k, name in enumerate(classes)},
        classes_of("classes", truth).tolist(),
    )
    for name in dict.fromkeys(given):
        if name:
            check_name("class", name, classes, "Leave out stars of other classes first")
    return np.array([place[name] for name in given], int)


def _scores(p: np.ndarray, codes: np.ndarray, place: np.ndarray | None, each: np.ndarray) -> dict[str, float]:
    """Scores of all classes together; those of `each` class, (score, class), are averaged."""
    n_classes, found = p.shape[1], p.argmax(axis=1)
    # By counts rather than by a library's functions, which check their input at length for every bootstrap sample.
    counts = np.bincount(codes * n_classes + found, minlength=n_classes**2).reshape(n_classes, n_classes)
    true, called, hits = counts.sum(axis=1), counts.sum(axis=0), np.diagonal(counts)
    n, present = counts.sum(), true > 0
    errors, adjacent = n - hits.sum(), np.nan
    if place is not None and errors:
        adjacent = counts[np.abs(place[:, None] - place) == 1].sum() / errors
    likelihood = np.maximum(p[np.arange(len(codes)), codes], np.finfo(float).eps)
    spread = np.sqrt(float(n**2 - true @ true) * float(n**2 - called @ called))
    areas = each[[SCORES_BY_CLASS.index(k) for k in ("roc_auc", "average_precision")]]
    roc, average = [float(a[np.isfinite(a)].mean()) if np.isfinite(a).any() else np.nan for a in areas]
    return {
        "accuracy": float(hits.sum() / len(codes)),
        "balanced_accuracy": float(np.mean(hits[present] / true[present])),
        "macro_f1": float(np.mean(2 * hits[present] / (true + called)[present])),
        "matthews": float(hits.sum() * n - true @ called) / spread if spread else 0.0,
        "roc_auc": roc,
        "average_precision": average,
        "log_loss": float(-np.mean(np.log(likelihood))),
        "brier": float(np.mean(np.sum((p - np.eye(n_classes)[codes]) ** 2, axis=1))),
        "ece": reliability(p, codes).error,
        "adjacent": float(adjacent),
    }


def _class_table(classes, p, codes, star, each: np.ndarray, drawn: np.ndarray) -> pd.DataFrame:
    """Scores of each class with the ends of their intervals; `drawn` is (sample, score, class)."""
    found, rows = p.argmax(axis=1), {}
    for k, name in enumerate(classes):
        n = int(np.sum(codes == k))
        row: dict[str, float] = {"n": n, "share": n / len(codes)}
        for s, score in enumerate(SCORES_BY_CLASS):
            low, high = _ends(drawn[:, s, k])
            if score in ("precision", "recall") and each[s, k] in (0.0, 1.0):
                # all alike: samples have no spread, and the exact interval says how few the stars are
                among = len(np.unique(star[(found if score == "precision" else codes) == k]))
                low, high = binomial_interval(round(each[s, k] * among), among, 0.95, "exact")
            row |= {score: float(each[s, k]), f"{score}_lower": float(low), f"{score}_upper": float(high)}
        rows[name] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def _ends(draws: np.ndarray) -> tuple[float, float]:
    """Both ends of the central 95% of the finite draws."""
    finite = draws[np.isfinite(draws)]
    if not len(finite):
        return np.nan, np.nan
    low, high = np.quantile(finite, [0.025, 0.975])
    return float(low), float(high)


def resampled_stars(
    ids: Sequence | np.ndarray | None, n: int, n_draws: int, seed: int
) -> Iterator[np.ndarray]:
    """Rows of bootstrap samples of stars."""
    star = np.arange(n) if ids is None else np.unique(identifiers("ids", ids), return_inverse=True)[1]
    rows = np.argsort(star, kind="stable")
    start = np.searchsorted(star[rows], np.arange(star.max() + 2))
    rng = np.random.default_rng(seed)
    for _ in range(n_draws):
        drawn = rng.integers(start.size - 1, size=start.size - 1)
        if start.size == n + 1:  # one spectrum of each
            yield rows[drawn]
        else:
            yield np.concatenate([rows[start[s] : start[s + 1]] for s in drawn])
