"""Closed-form concept erasure: what latents still know of a label once other labels are erased from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ...core import InputError, check_name
from ...core.internal import doubles
from ...stats.internal import label_columns, percentiles, r2_of_sums, r2_terms, resampled_sums
from ._probes import fold_numbers, ridge_predictions

__all__ = ["Amnesic", "Eraser", "amnesic_probe", "eraser"]


class Eraser(NamedTuple):
    """An affine map of latents to latents that are uncorrelated with some quantities."""

    mean: np.ndarray
    removed: np.ndarray

    def __call__(self, latents: ArrayLike) -> np.ndarray:
        """Latents (star, latent) without what was correlated."""
        z = doubles("latents", latents)
        return z - (z - self.mean) @ self.removed.T


def eraser(latents: ArrayLike, concepts: ArrayLike) -> Eraser:
    """The smallest change of the latents after which no linear probe finds the concepts.

    LEACE (Belrose et al. 2023, NeurIPS): with W the whitening of the latents and U an orthonormal basis of
    W cov(z, c), subtract W^-1 U U' W (z - mean). Noise in the concepts that is independent of the latents leaves
    cov(z, c), and so the result, unbiased. The result turns along with the gauge.

    Parameters
    ----------
    latents : (star, latent) array
    concepts : (star, concept) array
        Finite; labels, say.

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.interpret.representation import eraser
    >>> latents = np.random.default_rng(1).normal(size=(500, 3))
    >>> label = latents[:, 0] + latents[:, 1]
    >>> left = eraser(latents, label[:, None])(latents)
    >>> [round(abs(float(np.corrcoef(z, label)[0, 1])), 6) for z in left.T]
    [0.0, 0.0, 0.0]
    """
    z, c = doubles("latents", latents), doubles("concepts", concepts)
    if z.ndim != 2 or c.ndim != 2 or len(z) != len(c) or not np.isfinite(c).all() or len(z) < 3:
        raise InputError(
            f"erasing needs latents (star, latent) and finite concepts (star, concept) of the same stars; given shapes "
            f"{z.shape} and {c.shape}."
        )
    mean = z.mean(0)
    centred, standard = z - mean, (c - c.mean(0)) / np.where(c.std(0) > 0, c.std(0), 1)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(z))
    kept = values > 1e-10 * values.max()
    root, axes = np.sqrt(values[kept]), vectors[:, kept]
    left, size, _ = np.linalg.svd((axes / root).T @ centred.T @ standard / len(z), full_matrices=False)
    u = left[:, size > 1e-10]
    return Eraser(mean, (axes * root) @ u @ u.T @ (axes / root).T)


@dataclass(frozen=True, eq=False)
class Amnesic:
    """R2 of linear probes for each label after labels were erased. Cross-validated by star, erasers too.

    Attributes
    ----------
    labels : tuple of str
    r2 : (label,) array
        Nothing erased.
    without : (erased, probed) array
        After one label was erased; the diagonal is near 0.
    without_others : (label,) array
        After the others were erased: what of the label is not theirs. Near 0 for one that is guessed along a
        straight trend with the others; a curved trend survives.
    random : (draw, label) array
        After as many random directions were erased as `without_others` erases: how much is lost to that alone.
    interval : (2, label) array
        95% interval of `without_others`, by bootstrap over stars.
    """

    labels: tuple[str, ...]
    r2: np.ndarray
    without: np.ndarray
    without_others: np.ndarray
    random: np.ndarray
    interval: np.ndarray


def amnesic_probe(
    latents: ArrayLike,
    labels: Mapping[str, ArrayLike],
    *,
    others: Mapping[str, Sequence[str]] | None = None,
    folds: int = 5,
    n_random: int = 5,
    n_bootstrap: int = 500,
    seed: int,
) -> Amnesic:
    """Erase labels from the latents and probe again (Elazar et al. 2021, TACL 9, 160).

    Parameters
    ----------
    latents : (star, latent) array
        Latents of held-out stars.
    labels : mapping of str to (star,) array
        At least 2. Stars that lack any of them are left out.
    others : mapping of str to sequence of str, optional
        By label, which labels to erase for `Amnesic.without_others`. Default: all others. A label that is itself a
        guess belongs to none: erasing it erases what it was guessed from.
    folds, n_random, n_bootstrap, seed : int
    """
    z = doubles("latents", latents)
    names, y = label_columns(labels, len(z))
    seen = np.isfinite(y).all(1)
    z, y = z[seen], y[seen]
    n_labels = len(names)
    if n_labels < 2 or len(z) < 10 * folds:
        raise InputError(
            f"erasing labels needs at least 2 labels and {10 * folds} stars that have them all; given {n_labels} labels "
            f"and {len(z)} such stars."
        )
    rng = np.random.default_rng(seed)
    draws = [rng.standard_normal((len(z), n_labels - 1)) for _ in range(n_random)]
    every = np.arange(n_labels)
    rest = [_columns(names, name, others) for name in names]
    erased = [None, *(y[:, [j]] for j in every), *(y[:, r] for r in rest), *draws]
    fold = fold_numbers(np.ones(len(z), bool), folds, seed)
    predicted = np.stack([_predictions(z, y, concepts, fold) for concepts in erased])
    terms = r2_terms(y, predicted)
    r2 = r2_of_sums(terms.sum(1))
    own = terms[1 + n_labels + every, :, every]  # each label without all the others: (label, star, 4)
    sums = resampled_sums(np.moveaxis(own, 1, 0).reshape(len(z), -1), n=n_bootstrap, seed=seed)
    return Amnesic(
        names,
        r2[0],
        r2[1 : 1 + n_labels],
        r2[1 + n_labels + every, every],
        r2[1 + 2 * n_labels :],
        percentiles(r2_of_sums(sums.reshape(n_bootstrap, n_labels, 4))),
    )


def _columns(names: tuple[str, ...], label: str, others: Mapping[str, Sequence[str]] | None) -> list[int]:
    """The columns to erase before a label is probed."""
    chosen = [n for n in names if n != label] if others is None else others.get(label, ())
    for name in chosen:
        check_name("label to erase", name, [n for n in names if n != label])
    return [names.index(n) for n in chosen]


def _predictions(z: np.ndarray, y: np.ndarray, concepts: np.ndarray | None, fold: np.ndarray) -> np.ndarray:
    """Out-of-fold predictions of all labels (star, label) from latents without the concepts."""
    out = np.zeros(y.shape)
    for k in range(fold.max() + 1):
        fit, judge = fold != k, fold == k
        clean = z if concepts is None or concepts.shape[1] == 0 else eraser(z[fit], concepts[fit])(z)
        for j, column in enumerate(y.T):
            out[judge, j] = ridge_predictions(clean[fit], column[fit], clean[judge])
    return out
