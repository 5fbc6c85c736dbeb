"""Scores of class probabilities, with intervals and baselines, and the reliability diagram."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.metrics import confusion_matrix

from ..core import InputError, check_name
from ..core.internal import classes_of, doubles, identifiers
from ..stats import Interval

__all__ = ["SEQUENCE", "ClassScores", "Reliability", "calibration_error", "reliability", "score_classes"]

SEQUENCE = ("O", "B", "A", "F", "G", "K", "M")
"""Main classes of the Morgan-Keenan system from hot to cool."""


@dataclass(frozen=True, eq=False)
class Reliability:
    """Stars in bins of the probability of their likeliest class.

    Attributes
    ----------
    edges : (bin + 1,) array
    confidence, accuracy : (bin,) arrays
        Mean probability, and share of stars whose likeliest class is true; NaN in empty bins.
    count : (bin,) int array
    """

    edges: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    count: np.ndarray

    @property
    def error(self) -> float:
        """Expected calibration error: mean |accuracy - confidence|, by stars (Naeini et al. 2015, AAAI)."""
        used = self.count > 0
        gap = np.abs(self.accuracy - self.confidence)[used]
        return float(gap @ self.count[used] / self.count.sum())


@dataclass(frozen=True, eq=False)
class ClassScores:
    """Scores of classified stars, each with a 95% interval, and those of a classifier that knows only how common classes are.

    Attributes
    ----------
    classes : tuple of str
    value : dict of str to float
        ``accuracy``, ``balanced_accuracy`` (mean recall), ``macro_f1``, ``log_loss`` (nats), ``brier`` (sum over classes),
        ``ece``, and ``adjacent``, the share of errors that fall in a neighbouring class of the sequence O B A F G K M (NaN
        without errors, or for other classes).
    interval : dict of str to Interval
        From bootstrap samples of stars; all spectra of a star go together.
    baseline : dict of str to float
        With every star given the classes' shares as probabilities.
    confusion : (true class, predicted class) int array
    reliability : Reliability
    n : int
    """

    classes: tuple[str, ...]
    value: Mapping[str, float]
    interval: Mapping[str, Interval]
    baseline: Mapping[str, float]
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
    value = _scores(p, codes, place)
    draws = [
        _scores(p[rows], codes[rows], place) for rows in resampled_stars(star, len(codes), n_draws, seed)
    ]
    interval = {}
    for name in value:
        found = np.array([d[name] for d in draws])
        found = found[np.isfinite(found)]
        ends = np.quantile(found, [0.025, 0.975]) if len(found) else (np.nan, np.nan)
        interval[name] = Interval(float(ends[0]), float(ends[1]))
    confusion = confusion_matrix(codes, p.argmax(axis=1), labels=np.arange(len(classes)))
    return ClassScores(
        classes, value, interval, _scores(prior, codes, place), confusion, reliability(p, codes), len(codes)
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


def reliability(p: ArrayLike, codes: ArrayLike, *, n_bins: int = 15) -> Reliability:
    """The reliability diagram of the likeliest class, in equal bins; a probability of exactly 1 belongs to the last.

    Parameters
    ----------
    p : (row, class) array
    codes : (row,) int array
        The true class.
    n_bins : int

    Examples
    --------
    >>> from luxjax.classify import reliability
    >>> found = reliability([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]], [0, 0, 1], n_bins=2)
    >>> round(found.error, 3)
    0.2
    """
    p, codes = doubles("probabilities", p), np.asarray(codes)
    top, right = p.max(axis=1), p.argmax(axis=1) == codes
    edges = np.linspace(0, 1, n_bins + 1)
    bins = np.minimum((top * n_bins).astype(int), n_bins - 1)
    count = np.bincount(bins, minlength=n_bins)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = [np.bincount(bins, weights=w, minlength=n_bins) / count for w in (top, right.astype(float))]
    return Reliability(edges, mean[0], mean[1], count)


def calibration_error(p: ArrayLike, codes: ArrayLike, *, n_bins: int = 15) -> float:
    """Expected calibration error of the likeliest class.

    Parameters
    ----------
    p : (row, class) array
        Probabilities.
    codes : (row,) int array
        The true class.
    n_bins : int
        Number of bins of the likeliest class's probability.

    Examples
    --------
    >>> from luxjax.classify import calibration_error
    >>> round(calibration_error([[0.9, 0.1], [0.8, 0.2]], [0, 1]), 2)
    0.45
    """
    return reliability(p, codes, n_bins=n_bins).error


def _scores(p: np.ndarray, codes: np.ndarray, place: np.ndarray | None) -> dict[str, float]:
    n_classes, found = p.shape[1], p.argmax(axis=1)
    # By counts rather than by a library's functions, which check their input at length for every bootstrap sample.
    counts = np.bincount(codes * n_classes + found, minlength=n_classes**2).reshape(n_classes, n_classes)
    true, called, hits = counts.sum(axis=1), counts.sum(axis=0), np.diagonal(counts)
    present = true > 0
    errors, adjacent = counts.sum() - hits.sum(), np.nan
    if place is not None and errors:
        adjacent = counts[np.abs(place[:, None] - place) == 1].sum() / errors
    likelihood = np.maximum(p[np.arange(len(codes)), codes], np.finfo(float).eps)
    return {
        "accuracy": float(hits.sum() / len(codes)),
        "balanced_accuracy": float(np.mean(hits[present] / true[present])),
        "macro_f1": float(np.mean(2 * hits[present] / (true + called)[present])),
        "log_loss": float(-np.mean(np.log(likelihood))),
        "brier": float(np.mean(np.sum((p - np.eye(n_classes)[codes]) ** 2, axis=1))),
        "ece": calibration_error(p, codes),
        "adjacent": float(adjacent),
    }


def resampled_stars(ids: Sequence | np.ndarray | None, n: int, n_draws: int, seed: int):
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
