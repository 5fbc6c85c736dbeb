"""Mutual information of continuous quantities, by equal-frequency bins with the bias of finite samples removed."""

import numpy as np
from numpy.typing import ArrayLike

from ...core import InputError
from ...core.internal import doubles

__all__ = ["bin_count", "mutual_information"]

MOST_BINS = 20
STARS_PER_CELL = 5
FEWEST_STARS = 20


def bin_count(n_stars: int) -> int:
    """Bins of each axis: as many as leave 5 stars per cell of the table, at most 20."""
    return int(np.clip(np.sqrt(n_stars / STARS_PER_CELL), 2, MOST_BINS))


def mutual_information(
    latents: ArrayLike, labels: ArrayLike, *, bins: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Mutual information of each latent with each label, and the entropies of the binned labels.

    Parameters
    ----------
    latents : (star, latent) array
    labels : (star, label) array
        NaN where missing.
    bins : int, optional
        Number of bins of each axis. Default: `bin_count`.

    Returns
    -------
    information : (latent, label) array
        Nats. Scatters about zero, below it too, where latent and label are independent.
    entropy : (label,) array
        Nats; ln(bins) for a label without ties.

    Notes
    -----
    I = H(z) + H(y) - H(z, y) of the binned variables, each entropy with Miller's (1955) correction
    (occupied cells - 1) / 2n. Together they remove the bias of about (bins - 1)^2 / 2n that makes independent
    variables look related (Roulston 1999, Physica D 125, 285). Bins of equal frequency make the value the same for
    any monotonic rescaling of latent or label, bound it by the entropy, and cost so little that null, interval and
    rotations can be had. Nearest-neighbour estimates (Kraskov et al. 2004) are sharper for very strong relations, but
    unbounded, without an entropy to divide by, and a hundred times slower. Bins blur: I comes out low, by 5% at a
    correlation of 0.9 and 20 bins, by up to 20% where a sharp relation bends.

    Examples
    --------
    >>> import numpy as np
    >>> latents = np.random.default_rng(0).normal(size=(1000, 2))
    >>> information, entropy = mutual_information(latents, latents[:, :1] ** 3)
    >>> information.round(1).tolist()
    [[2.6], [-0.0]]
    """
    z, y = doubles("latents", latents), doubles("labels", labels)
    known = np.isfinite(y)
    if len(y) != len(z) or known.sum(0).min() < FEWEST_STARS:
        raise InputError(
            f"mutual information needs latents and labels of the same stars, each label known for at least {FEWEST_STARS}; "
            f"given {len(z)} stars of latents and labels known for {known.sum(0).tolist()} of {len(y)}."
        )
    b = bin_count(len(y)) if bins is None else bins
    where = np.arange(z.shape[1]) * b + _binned(z, b)
    information, entropy = np.zeros((z.shape[1], y.shape[1])), np.zeros(y.shape[1])
    for j, seen in enumerate(known.T):
        cell = where[seen] * b + _binned(y[seen, j, None], b)
        table = np.bincount(cell.ravel(), minlength=z.shape[1] * b * b).reshape(-1, b, b)
        entropy[j] = _entropy(table[:1].sum(1))[0]
        joint = _entropy(table.reshape(len(table), -1))
        information[:, j] = _entropy(table.sum(2)) + entropy[j] - joint
    return information, entropy


def _binned(x: np.ndarray, bins: int) -> np.ndarray:
    """Bin numbers of each column; equal values share a bin."""
    edges = np.quantile(x, np.arange(1, bins) / bins, axis=0)
    return np.stack([np.searchsorted(e, c, side="right") for e, c in zip(edges.T, x.T, strict=True)], axis=1)


def _entropy(counts: np.ndarray) -> np.ndarray:
    """Entropy of each row of counts, nats, with Miller's correction."""
    n = counts.sum(1)
    logs = np.log(np.where(counts > 0, counts, 1))
    return np.log(n) - (counts * logs).sum(1) / n + ((counts > 0).sum(1) - 1) / (2 * n)
