"""Conditional gain: how much better a label is predicted with the spectrum's prediction than from other labels alone.

Two models of the observed label y are fitted to some held-out stars and scored on the rest, fold by fold: all terms to second
order in the *predicted* other labels, and the same with the predicted label as one more term. On observed others the
gain would flatter the spectrum, which also denoises them: 0.06 was seen where no line was there.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from ...core import InputError
from ...stats import Interval
from ...stats.internal import same_stars
from .._evidence import Evidence
from ._line import AbstractLine
from ._trend import residualize, second_order

if TYPE_CHECKING:
    from .._case import Case

__all__ = ["ConditionalGain", "Gain", "conditional_gain"]


@dataclass(frozen=True, eq=False)
class Gain:
    """What a predicted label adds to the other predicted labels, on stars not used for the fit.

    Attributes
    ----------
    r2 : float
        Share of the squared residuals from the other labels that the predicted label takes away. The label's own
        noise stays, so even a perfect prediction gains less than 1.
    r2_interval : Interval
        At 95%, over stars.
    loglik : float
        Gain in Gaussian log-likelihood, nats per star.
    loglik_interval : Interval
        At 95%, over stars.
    null : (draw,) array
        `r2` where the off-trend part of the prediction is shuffled among the stars.
    p_value : float
        (1 + draws that reach `r2`) / (1 + draws).
    n : int
        Stars used.
    """

    r2: float
    r2_interval: Interval
    loglik: float
    loglik_interval: Interval
    null: np.ndarray
    p_value: float
    n: int


def conditional_gain(
    predicted: ArrayLike,
    predicted_others: ArrayLike,
    observed: ArrayLike,
    error: ArrayLike,
    *,
    n_null: int = 200,
    n_folds: int = 5,
    seed: int = 0,
) -> Gain:
    """Held-out gain of a predicted label over the other predicted labels.

    Parameters
    ----------
    predicted : (star,) array
        The label as predicted from the spectrum alone.
    predicted_others : (star, other) array
        The other labels, likewise.
    observed, error : (star,) arrays
        The label as catalogued, and its one-sigma error.
    n_null : int
        Permutations.
    n_folds : int
    seed : int
        Random seed of folds and permutations.
    """
    o, p, y, s = same_stars("the conditional gain", predicted_others, predicted, observed, error)
    good = np.all(np.isfinite(np.column_stack([p, o, y, s])), axis=1)
    p, o, y, s = p[good], o[good], y[good], s[good]
    terms = second_order(o) if len(o) else np.zeros((0, 1))
    n, n_terms = terms.shape
    if n < 4 * n_terms:
        raise InputError(
            f"{n} held-out stars have this label and its predictions; {n_folds}-fold cross-fitting of {n_terms} terms asks "
            f"for at least {4 * n_terms}; give more stars or fewer other labels."
        )
    rng = np.random.default_rng(seed)
    off_trend = residualize(p, terms)
    dealt = np.column_stack([off_trend, *(rng.permutation(off_trend) for _ in range(n_null))])
    columns = (p - off_trend)[:, None] + dealt
    fold = rng.permutation(np.arange(n) % n_folds)
    base, full, nats = np.empty(n), np.empty((n, n_null + 1)), np.empty(n)
    for k in range(n_folds):
        test = fold == k
        base[test], full[test], nats[test] = _score(terms, columns, y, s, ~test, test)
    r2 = 1 - np.sum(full**2, axis=0) / np.sum(base**2)
    squares = base**2 - full[:, 0] ** 2 - r2[0] * base**2  # delta method for a ratio of means
    half = 1.96 * squares.std(ddof=1) / np.sqrt(n) / np.mean(base**2)
    spread = 1.96 * nats.std(ddof=1) / np.sqrt(n)
    return Gain(
        float(r2[0]),
        Interval(float(r2[0] - half), float(r2[0] + half)),
        float(nats.mean()),
        Interval(float(nats.mean() - spread), float(nats.mean() + spread)),
        r2[1:],
        float((1 + np.sum(r2[1:] >= r2[0])) / (1 + n_null)),
        n,
    )


def _score(terms, columns, y, error, train, test):
    """Test residuals without and with each column, and the gain in log-likelihood of the first column."""
    coef = np.linalg.lstsq(terms[train], np.column_stack([y, columns])[train])[0]
    left = np.column_stack([y, columns]) - terms @ coef
    # Adding one term to a least-squares fit: a fit of residuals on residuals (Frisch & Waugh 1933).
    base, extra = left[:, 0], left[:, 1:]
    slope = (extra[train].T @ base[train]) / np.sum(extra[train] ** 2, axis=0)
    full = base[:, None] - extra * slope
    gain = _log_density(full[:, 0], error, train) - _log_density(base, error, train)
    return base[test], full[test], gain[test]


def _log_density(residual, error, train):
    """Gaussian, its variance the label error's plus a scatter learned from the training stars."""
    scatter2 = max(np.mean(residual[train] ** 2) - np.mean(error[train] ** 2), 0.0)
    variance = error**2 + scatter2
    return -0.5 * (residual**2 / variance + np.log(2 * np.pi * variance))


class ConditionalGain(AbstractLine):
    """What the predicted label adds to the predicted others, on stars not used for the comparison's fit."""

    name: ClassVar[str] = "gain"
    title: ClassVar[str] = "Conditional gain"
    question: ClassVar[str] = (
        "How much better is the label predicted with the spectrum than from the other predicted labels alone?"
    )

    def measure(self, case: "Case") -> Evidence:
        try:
            found = conditional_gain(*case.given()[:4], seed=case.asked.seed)
        except InputError as problem:
            return self.missing(str(problem))
        return self.evidence(
            found.r2,
            found.r2_interval,
            found.null,
            statement=f"Beyond the predicted other labels the spectrum takes away {found.r2:.1%} of the label's remaining "
            f"variance, noise included, and gains {found.loglik:.3f} [{found.loglik_interval.lower:.3f}, "
            f"{found.loglik_interval.upper:.3f}] nats per star; shuffled stars reach {np.max(found.null):.1%} at most.",
            arrays={"loglik": np.array([found.loglik]), "loglik_interval": np.array(found.loglik_interval)},
        )
