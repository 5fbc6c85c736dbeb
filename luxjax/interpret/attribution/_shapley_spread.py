"""Spread of the Shapley values of each label over wavelength windows: how widely a prediction is told."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core import Batch, InputError
from ...data import Catalog
from ...fitted import FittedModel
from ...stats.internal import percentiles, resampled_sums
from ..representation._gauge import input_names
from ._shapley_windows import Windows, contributions, window_groups, window_sums, window_values

__all__ = ["ShapleySpread", "shapley_spread"]


@dataclass(frozen=True, eq=False)
class ShapleySpread:
    """How evenly the absolute Shapley values of each label are spread over wavelength windows.

    Attributes
    ----------
    labels, windows : tuples of str
    importance : (window, label) array
        Mean absolute independent Shapley value.
    value : (label,) array
        Entropy of the shares of importance over ln(windows): 1 for a label that every window tells alike, 0 for one that
        a single window tells.
    lower, upper : (label,) arrays
        95% interval, by bootstrap over stars.
    participation : (label,) array
        1 / sum of squared shares: the number of windows that tell it, effectively.
    widest : (label,) array
        Share of bootstrap samples in which the label is spread most widely of all.
    null : (draw,) array
        The value for random mixtures of the latents: what a label that is nothing in particular would have.
    """

    labels: tuple[str, ...]
    windows: tuple[str, ...]
    importance: np.ndarray
    value: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    participation: np.ndarray
    widest: np.ndarray
    null: np.ndarray


def shapley_spread(
    fitted: FittedModel,
    data: Catalog | Batch,
    windows: Windows = 40,
    *,
    inputs: Sequence[str] | None = None,
    n_null: int = 200,
    n_bootstrap: int = 500,
    seed: int,
    block: int = 256,
) -> ShapleySpread:
    """Spread of each label's Shapley values over wavelength windows; the same in every gauge.

    A label guessed from several others is told by all the lines that tell those: its values spread widely. So do those
    of a label with many element lines, such as [Fe/H]. A wide spread is therefore a hint and no verdict.

    Parameters
    ----------
    fitted : FittedModel
        With linear decoders of the inputs.
    data : Catalog or Batch
        Held-out stars.
    windows : int or mapping of str to (pixel,) bool array
        As in `window_shapley`.
    inputs : sequence of str, optional
    n_null, n_bootstrap, seed : int
    block : int
        Stars handled at a time.
    """
    batch = fitted.batch(data, *input_names(fitted, data, inputs))
    names, group = window_groups(fitted, batch, windows)
    if len(names) < 2:
        raise InputError("a spread needs at least 2 windows; given 1.")
    output = fitted.label_output()
    info = fitted.info(output)
    random = np.random.default_rng(seed).standard_normal((n_null, fitted.model.n_latents))
    sums = window_sums(fitted, batch, group, len(names), block)
    pieces = [contributions(gram, rhs) for gram, rhs, _ in sums]
    size = np.concatenate([np.abs(window_values(fitted, output, p)) for p in pieces])  # (star, window, label)
    null = sum(np.abs(p @ random.T).sum(0) for p in pieces)
    draws = resampled_sums(size.reshape(len(size), -1), n=n_bootstrap, seed=seed)
    spreads = _entropy(draws.reshape(n_bootstrap, *size.shape[1:]))
    lower, upper = percentiles(spreads)
    importance = size.mean(0)
    share = importance / importance.sum(0)
    most = np.bincount(spreads.argmax(1), minlength=len(info.names)) / n_bootstrap
    return ShapleySpread(
        info.names,
        names,
        importance * info.scale,
        _entropy(importance),
        lower,
        upper,
        1 / (share**2).sum(0),
        most,
        _entropy(np.asarray(null)),
    )


def _entropy(importance: np.ndarray) -> np.ndarray:
    """Entropy of the shares over the windows, axis -2, in units of its maximum."""
    share = importance / importance.sum(-2, keepdims=True)
    return -(share * np.log(np.where(share > 0, share, 1))).sum(-2) / np.log(importance.shape[-2])
