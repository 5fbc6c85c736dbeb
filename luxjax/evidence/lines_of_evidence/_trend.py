"""What is left of labels when their trend with other labels, to second order, is taken away."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ...fitted import Trend

__all__ = ["residualize", "second_order", "standard_trend"]


def second_order(others: ArrayLike) -> np.ndarray:
    """All terms to second order of (star, other) labels, standardised first: (star, term), the constant among them.

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.evidence import second_order
    >>> second_order(np.random.default_rng(1).normal(size=(100, 2))).shape  # 1, x, y, x^2, x y, y^2
    (100, 6)
    """
    return standard_trend(np.asarray(others, float)).terms(others)


def residualize(values: ArrayLike, terms: np.ndarray) -> np.ndarray:
    """`values` (star,) or (star, column), less their least-squares fit on `terms` (star, term).

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.evidence import residualize, second_order
    >>> others = np.random.default_rng(1).normal(size=(100, 2))
    >>> label = 1.0 + others[:, 0] - 0.5 * others[:, 1] ** 2
    >>> bool(np.allclose(residualize(label, second_order(others)), 0.0))  # a trend to second order and no more
    True
    """
    values = np.asarray(values, float)
    return values - terms @ np.linalg.lstsq(terms, values)[0]


def standard_trend(others: np.ndarray, names: Sequence[str] = ()) -> Trend:
    """A trend without coefficients that standardises these labels."""
    names = tuple(names) or tuple(f"other_{j + 1}" for j in range(others.shape[1]))
    scale = others.std(axis=0)
    k = len(names)
    return Trend(
        names, others.mean(axis=0), np.where(scale > 0, scale, 1.0), np.zeros(1 + k + k * (k + 1) // 2), 0.0
    )
