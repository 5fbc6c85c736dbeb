"""Shapley values of anything that can be called, by the shap library."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from ...core import InputError
from ...core.internal import doubles
from ._shapley import Shapley, import_shap

__all__ = ["callable_shapley"]

EXACT_FEATURES = 8
ORDERS = 10


def callable_shapley(
    function: Callable[[np.ndarray], np.ndarray],
    data: ArrayLike,
    background: ArrayLike,
    *,
    features: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    n_orders: int = ORDERS,
    seed: int = 0,
) -> Shapley:
    """Independent Shapley values of a function of a few dozen features, such as a curved trend or a neural decoder.

    All coalitions up to 8 features, random orders (forward and backward) beyond; the values add up to the
    prediction either way. The sampling error is then not known, and `error` is NaN. For linear maps
    use `linear_shapley`, which is exact.

    Parameters
    ----------
    function : callable
        Takes (row, feature), returns (row,) or (row, label).
    data : (star, feature) array
    background : (row, feature) array
        Stars that stand for all; every row is used, so a hundred are plenty.
    features, labels : sequences of str, optional
    n_orders, seed : int
        For sampled values.
    """
    x, back = doubles("the data", data), doubles("the background", background)
    if x.ndim != 2 or back.ndim != 2 or x.shape[1] != back.shape[1] or len(back) == 0:
        raise InputError(
            f"data (star, feature) and background (row, feature) share their features; given shapes {x.shape} and {back.shape}."
        )
    shap, n = import_shap(), x.shape[1]
    # Without max_samples shap silently keeps 100 rows of the background.
    masker = shap.maskers.Independent(back, max_samples=len(back))
    if n <= EXACT_FEATURES:
        found = shap.explainers.Exact(function, masker)(x, max_evals=2**n, silent=True)
    else:
        explainer = shap.explainers.Permutation(function, masker, seed=seed)
        found = explainer(x, max_evals=n_orders * (2 * n + 1), silent=True)
    values = np.asarray(found.values, float).reshape(len(x), n, -1)
    n_labels = values.shape[2]
    base = np.asarray(found.base_values, float).reshape(len(x), n_labels)[0]
    exact = n <= EXACT_FEATURES
    return Shapley(
        "independent",
        tuple(features) if features is not None else tuple(f"x_{i}" for i in range(n)),
        tuple(labels) if labels is not None else tuple(f"y_{j}" for j in range(n_labels)),
        values,
        base,
        x,
        np.full(values.shape, 0.0 if exact else np.nan),
    )
