"""Scores of class levels: how often answers are right, how far off they are, and how often sets hold the true class."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import matthews_corrcoef

from ...core import InputError, check_name
from ...core.internal import classes_of, identifiers
from ...stats.internal import percentiles, share_interval, star_means
from .._ordinal import sequence_position
from ._labels import CLASS_LEVELS, STAGES

__all__ = ["holds", "score_levels"]

_ROMAN = {name: float(k) for k, name in enumerate(("I", "II", "III", "IV", "V", "VI"))}
_STEPS = {name: float(k) for k, name in enumerate(STAGES)}


def score_levels(
    answers: pd.DataFrame,
    truth: pd.DataFrame,
    ids: Sequence | np.ndarray | None = None,
    *,
    n_draws: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """Score the answers of class levels where both the answer and the true class are known.

    Parameters
    ----------
    answers : DataFrame
        From `ClassLevels.classify` or `cross_validate_levels`.
    truth : DataFrame
        Row for row, from `class_labels`, or any table with the levels as columns; blank where unknown.
    ids : (row,) sequence, optional
        Star of each row. Default: the index of the answers.
    n_draws, seed : int
        Bootstrap samples of stars; all spectra of a star go together.

    Returns
    -------
    DataFrame
        One row for each level: ``spectra`` and ``stars``; ``right``, the share of right answers with the ends of its 95% interval, ``lower`` and
        ``upper``; ``baseline``, the share of the commonest class; ``balanced`` (mean recall) and ``matthews`` (correlation coefficient), which
        take a range of subclasses that holds the true one for it. ``apart``, the mean distance between answer and truth with its interval
        ``apart_lower`` and ``apart_upper``, in subclasses, luminosity classes (I to VI) or stages, and ``apart_baseline`` with all at the
        median (NaN for classes without an order). Where there are sets, ``inside``, the share that hold the true class, with
        ``inside_lower`` and ``inside_upper``; and ``size``, their mean number of classes.
    """
    if len(answers) != len(truth):
        raise InputError(
            f"every answer needs its true class; given {len(answers)} answers and {len(truth)} rows of truth."
        )
    names = identifiers("ids", answers.index if ids is None else ids)
    rows = {}
    for level in (h for h in CLASS_LEVELS if h in answers and h in truth):
        given, true = (classes_of(f"column '{level}'", t[level]) for t in (answers, truth))
        known = (given != "") & (true != "")
        if known.any():
            sets = answers[f"{level}_set"].to_numpy(str)[known] if f"{level}_set" in answers else None
            rows[level] = _row(level, given[known], true[known], sets, names[known], n_draws, seed)
    return pd.DataFrame.from_dict(rows, orient="index")


def _row(level: str, given, true, sets, ids, n_draws: int, seed: int) -> dict[str, float]:
    right = pd.Series([holds(g, t) for g, t in zip(given, true, strict=True)])
    share, ends = share_interval(right, pd.Series(ids))
    named = np.where(right, true, given)
    shares = pd.Series(true).value_counts(normalize=True)
    row: dict[str, float] = {
        "spectra": len(true),
        "stars": len(np.unique(ids)),
        "right": share,
        "lower": ends.lower,
        "upper": ends.upper,
        "baseline": float(shares.iloc[0]),
        "balanced": float(pd.Series(right.to_numpy(float)).groupby(true).mean().mean()),
        "matthews": float(matthews_corrcoef(true, named)) if len(shares) > 1 else np.nan,
    }
    place, own = _place(level, given), _place(level, true)
    apart = np.where(right, 0.0, np.abs(place - own))
    row |= dict.fromkeys(("apart", "apart_lower", "apart_upper", "apart_baseline"), np.nan)
    if np.isfinite(apart).all():
        mean, draws = star_means(apart[:, None], ids, n_draws=n_draws, seed=seed)
        low, high = percentiles(draws[:, 0])
        plain = float(np.mean(np.abs(own - np.median(own))))
        row |= {
            "apart": float(mean[0]),
            "apart_lower": float(low),
            "apart_upper": float(high),
            "apart_baseline": plain,
        }
    if sets is not None:
        held = [[any_of for any_of in s.split() if holds(any_of, t)] for s, t in zip(sets, true, strict=True)]
        inside, ends = share_interval(pd.Series([bool(h) for h in held]), pd.Series(ids))
        row |= {"inside": inside, "inside_lower": ends.lower, "inside_upper": ends.upper}
        row["size"] = float(np.mean([len(s.split()) for s in sets]))
    return row


def holds(given: str, true: str) -> bool:
    """Whether a label, or a range of subclasses such as F0-F4, holds another."""
    low, _, high = given.partition("-")
    return low <= true <= (high or low)


def _place(level: str, names: np.ndarray) -> np.ndarray:
    """Position of classes along their order; a range stands at its middle."""
    check_name("class level", level, CLASS_LEVELS)
    if level in ("class", "subclass"):
        ends = [sequence_position([str(n).split("-")[k] for n in names]) for k in (0, -1)]
        return (ends[0] + ends[1]) / 2 / (10 if level == "class" else 1)
    return np.array(
        [{"luminosity": _ROMAN, "stage": _STEPS}.get(level, {}).get(str(n), np.nan) for n in names]
    )
