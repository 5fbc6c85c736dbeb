"""Shapley values: how a prediction divides among latents, labels or stretches of wavelength.

Two kinds answer two questions. *Independent* (interventional) values ask what the model does with each feature, the others
being drawn without regard to it; for a linear map they are coef_i (x_i - mean_i) exactly. *Correlation-aware*
(observational) values ask what each feature tells, given how features go together; a feature that the model does
not use at all gets credit for what it betrays of one that it does. Neither says that a label was measured.

The value of feature i is its mean contribution over all orders of adding features,
phi_i = sum over S without i of |S|! (G - |S| - 1)! / G! [v(S + i) - v(S)]  (Shapley 1953; Lundberg & Lee 2017, NeurIPS).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...core import InputError, check_name
from ...core.internal import short_repr
from ...fitted import FittedModel
from ...models import Linear
from ..representation._gauge import slope_at_origin

__all__ = ["Shapley", "exact_shapley", "latent_shapley", "linear_shapley", "sampled_shapley"]

MOST_EXACT = 15
CHUNK = 256

Game = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Shapley:
    """Shapley values of the predictions of some stars. ``base + values.sum(1)`` are the predictions.

    Attributes
    ----------
    kind : "independent", "correlation-aware" or "by branches"
    features, labels : tuples of str
    values : (star, feature, label) array
    base : (label,) array
        The prediction where nothing is known of a star.
    data : (star, feature) array
        What the features were.
    error : (star, feature, label) array
        Standard error where orders were sampled; zero where exact.
    output : str
        What the values add up to, where it is not a label in its own unit.
    """

    kind: str
    features: tuple[str, ...]
    labels: tuple[str, ...]
    values: np.ndarray
    base: np.ndarray
    data: np.ndarray
    error: np.ndarray
    output: str = ""

    __repr__ = short_repr

    @property
    def prediction(self) -> np.ndarray:
        """What the values add up to, (star, label)."""
        return self.base + self.values.sum(1)

    @property
    def importance(self) -> np.ndarray:
        """Mean absolute value over the stars, (feature, label)."""
        return np.abs(self.values).mean(0)

    def to_shap(self, label: str) -> Any:
        """The values of one label as a ``shap.Explanation``, for that library's figures."""
        check_name("label", label, self.labels)
        j = self.labels.index(label)
        return import_shap().Explanation(
            values=self.values[:, :, j],
            base_values=np.full(len(self.values), self.base[j]),
            data=self.data,
            feature_names=list(self.features),
            output_names=label,
        )


def import_shap() -> Any:
    """The shap library, imported only now: it is slow to load, warns of others' deprecations, and is optional."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import shap
        except ImportError as problem:
            raise InputError("this needs the package 'shap'; install luxjax[explain].") from problem
    return shap


def exact_shapley(game: Game, n: int) -> np.ndarray:
    """Shapley values of a game of `n` players by all 2^n coalitions, (player, ...).

    Parameters
    ----------
    game : callable
        Takes who takes part, (n,) bool, and returns a number or an array.

    Examples
    --------
    >>> exact_shapley(lambda there: 3.0 * there[0] + there[0] * there[1], 2).tolist()
    [3.5, 0.5]
    """
    if n > MOST_EXACT:
        raise InputError(
            f"{n} players have 2^{n} coalitions; exact values are for up to {MOST_EXACT}. Sample instead."
        )
    weight = [1 / (n * math.comb(n - 1, s)) for s in range(n)]
    total: np.ndarray | float = 0.0
    for start in range(0, 2**n, CHUNK):
        numbers = np.arange(start, min(start + CHUNK, 2**n))
        inside = (numbers[:, None] >> np.arange(n)) & 1 == 1
        size = inside.sum(1)[:, None]
        # A coalition with i adds to phi_i as the larger one of its pair, one without i as the smaller.
        share = np.where(inside, np.take(weight, size - 1), -np.take([*weight, 0.0], size))
        total = total + np.tensordot(share.T, np.stack([game(who) for who in inside]), axes=1)
    return np.asarray(total)


def sampled_shapley(game: Game, n: int, *, n_orders: int = 100, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Shapley values from random orders of the players, each walked forward and backward; and their standard errors.

    Parameters
    ----------
    game : callable
        As in `exact_shapley`.
    n : int
        Players.
    n_orders : int
        At least 2. Walking an order backward too removes what is odd in it (Mitchell et al. 2022, JMLR 23, 43).

    Returns
    -------
    values, error : (player, ...) arrays
    """
    if n_orders < 2:
        raise InputError(f"n_orders is {n_orders}; a standard error needs at least 2.")
    rng = np.random.default_rng(seed)
    empty, full = np.asarray(game(np.zeros(n, bool))), np.asarray(game(np.ones(n, bool)))
    mean, squares = np.zeros((n, *empty.shape)), np.zeros((n, *empty.shape))
    for k in range(n_orders):
        order = rng.permutation(n)
        forward, backward = (_walk(game, o, empty, full) for o in (order, order[::-1]))
        both = (forward + backward) / 2
        step = both - mean
        mean += step / (k + 1)
        squares += step * (both - mean)
    return mean, np.sqrt(squares / (n_orders - 1) / n_orders)


def _walk(game: Game, order: np.ndarray, empty: np.ndarray, full: np.ndarray) -> np.ndarray:
    """What each player adds on joining in this order, (player, ...)."""
    who, before = np.zeros(len(order), bool), empty
    added = np.zeros((len(order), *empty.shape))
    for k, player in enumerate(order):
        who[player] = True
        after = full if k + 1 == len(order) else np.asarray(game(who))
        added[player], before = after - before, after
    return added


def linear_shapley(
    coef: ArrayLike,
    data: ArrayLike,
    mean: ArrayLike,
    cov: ArrayLike | None = None,
    *,
    intercept: ArrayLike = 0.0,
    features: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    n_orders: int = 100,
    seed: int = 0,
) -> Shapley:
    """Shapley values of ``intercept + coef @ x``.

    Parameters
    ----------
    coef : (label, feature) array
    data : (star, feature) array
    mean : (feature,) array
        Mean of the features among all stars.
    cov : (feature, feature) array, optional
        Their covariance. Without it the values are independent, coef_i (x_i - mean_i), and exact. With it they are
        correlation-aware, for normal features: the coalition S is worth E[y | x_S], which is linear in x_S. Up to 15
        features exact, beyond from `n_orders` sampled orders, with standard errors.
    intercept : (label,) array or number
    features, labels : sequences of str, optional
    n_orders, seed : int
        For sampled values.

    Examples
    --------
    >>> from luxjax.interpret.attribution import linear_shapley
    >>> found = linear_shapley([[2.0, -1.0]], [[1.0, 3.0]], mean=[0.0, 1.0])
    >>> found.values.tolist(), found.base.tolist()
    ([[[2.0], [-2.0]]], [-1.0])
    """
    c, x, mu = np.atleast_2d(np.asarray(coef, float)), np.asarray(data, float), np.asarray(mean, float)
    n_labels, n = c.shape
    if x.ndim != 2 or x.shape[1] != n or mu.shape != (n,):
        raise InputError(
            f"coefficients (label, feature) of shape {c.shape} need data (star, {n}) and a mean ({n},); given shapes "
            f"{x.shape} and {mu.shape}."
        )
    centred = x - mu
    error = np.zeros((len(x), n, n_labels))
    if cov is None:
        kind, values = "independent", centred[:, :, None] * c.T
    else:
        kind, game = "correlation-aware", _gaussian_game(c, np.asarray(cov, float))
        if n <= MOST_EXACT:
            values = np.einsum("ilf,nf->nil", exact_shapley(game, n), centred)
        else:
            found = sampled_shapley(lambda who: centred @ game(who).T, n, n_orders=n_orders, seed=seed)
            values, error = (np.moveaxis(a, 0, 1) for a in found)
    return Shapley(
        kind,
        tuple(features) if features is not None else tuple(f"x_{i}" for i in range(n)),
        tuple(labels) if labels is not None else tuple(f"y_{j}" for j in range(n_labels)),
        values,
        np.broadcast_to(np.asarray(intercept, float) + c @ mu, (n_labels,)),
        x,
        error,
    )


def _gaussian_game(coef: np.ndarray, cov: np.ndarray) -> Game:
    """What the features of a coalition tell: the matrix M_S (label, feature) of E[y | x_S] - E[y] = M_S (x - mean)."""
    if cov.shape != (coef.shape[1],) * 2:
        raise InputError(
            f"the covariance of {coef.shape[1]} features is ({coef.shape[1]}, {coef.shape[1]}); given {cov.shape}."
        )
    level = 1e-12 * np.trace(cov)  # features may be copies of one another

    def worth(who: np.ndarray) -> np.ndarray:
        known, hidden = np.flatnonzero(who), np.flatnonzero(~who)
        out = np.zeros(coef.shape)
        out[:, known] = coef[:, known]
        if len(known) and len(hidden):
            inner = cov[np.ix_(known, known)] + level * np.eye(len(known))
            out[:, known] += coef[:, hidden] @ np.linalg.solve(inner, cov[np.ix_(known, hidden)]).T
        return out

    return worth


def latent_shapley(
    fitted: FittedModel, latents: ArrayLike, *, correlated: bool = False, n_orders: int = 100, seed: int = 0
) -> Shapley:
    """Shapley values of the predicted labels on the latents, for linear label decoders.

    Latents and so these values depend on the gauge, though their sum does not: use `canonical_gauge`, and prefer
    `window_shapley`, which no rotation changes.

    Parameters
    ----------
    fitted : FittedModel
    latents : (star, latent) array
        As from ``star_latents(...).mean``.
    correlated : bool
        Correlation-aware values, with the sample covariance of the latents; otherwise independent ones.
    n_orders, seed : int
        As in `linear_shapley`.
    """
    output = fitted.label_output()
    decoder = fitted.model[output]
    if not isinstance(decoder, Linear):
        raise InputError(
            f"the decoder of '{output}' is a {type(decoder).__name__}; exact Shapley values are for linear "
            "ones. Use callable_shapley."
        )
    info, z = fitted.info(output), np.asarray(latents, float)
    coef = slope_at_origin(fitted, output) * info.scale[:, None]
    loc = np.asarray(decoder.intercept, float) * info.scale + info.loc
    mean, cov = (z.mean(0), np.cov(z.T)) if correlated else (np.zeros(z.shape[1]), None)
    names = tuple(f"z_{d}" for d in range(z.shape[1]))
    return linear_shapley(
        coef, z, mean, cov, intercept=loc, features=names, labels=info.names, n_orders=n_orders, seed=seed
    )
