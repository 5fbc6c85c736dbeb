"""Disentanglement, whether each label has one latent: MIG, SAP, DCI and modularity, with null, interval and gauge distribution.

All of these depend on the choice of latent axes, which in this model is free: a label that a linear probe recovers with
R2 = 0.9 has a MIG of 0.4 if it happens to lie on an axis and of 0.01 after a random rotation. A low value is therefore no
evidence that a label was not learned, nor a high one that it was measured. Quote a value in a stated gauge
(`canonical_gauge`) with its distribution over rotations. Labels that are correlated with one another share latents
rightly, and lower every one of these scores (Traeuble et al. 2021, ICML).
"""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from ...core import InputError
from ...core.internal import doubles
from ...stats.internal import label_columns
from ._gauge_score import DRAWS, Draws, GaugeScore, gauge_score
from ._information import bin_count, mutual_information

__all__ = ["dci", "linear_importance", "mig", "modularity", "sap", "tree_importance"]

Importance = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, float]]


def mig(
    latents: ArrayLike,
    labels: Mapping[str, ArrayLike],
    *,
    draws: Draws = DRAWS,
    seed: int,
) -> GaugeScore:
    """Mutual information gap: (I(z_a; y) - I(z_b; y)) / H(y), a and b the two latents that know most of label y.

    Chen et al. (2018, NeurIPS). 1 for a label that is one latent, 0 for one spread over several or over none.
    Information and entropy are those of `mutual_information`.

    Parameters
    ----------
    latents : (star, latent) array
        Latents of held-out stars, in the gauge to be evaluated.
    labels : mapping of str to (star,) array
        A missing label leaves its star out for that label.
    draws : Draws, optional
        How many for the null, the interval and the gauges.
    seed : int

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.interpret.representation import Draws, mig
    >>> latents = np.random.default_rng(0).normal(size=(500, 3))
    >>> labels = {"teff": latents[:, 0], "fe_h": latents[:, 1] + latents[:, 2]}
    >>> found = mig(latents, labels, draws=Draws(5, 5, 5), seed=1)
    >>> found.names, found.value.round(1).tolist()
    (('teff', 'fe_h', 'mean'), [1.0, 0.0, 0.5])
    """
    z, names, y = _checked(latents, labels, 2)
    statistic = partial(_mig, bins=bin_count(len(z)))
    return gauge_score("MIG", (*names, "mean"), statistic, z, y, draws, seed)


def sap(
    latents: ArrayLike,
    labels: Mapping[str, ArrayLike],
    *,
    draws: Draws = DRAWS,
    seed: int,
) -> GaugeScore:
    """Separated attribute predictability: gap between the two largest squared correlations of a label with a latent.

    Kumar et al. (2018, ICLR), for continuous labels. Parameters as in `mig`.

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.interpret.representation import Draws, sap
    >>> latents = np.random.default_rng(0).normal(size=(500, 3))
    >>> found = sap(latents, {"teff": latents[:, 0]}, draws=Draws(5, 5, 5), seed=1)
    >>> found.value.round(1).tolist()  # of teff, and the mean
    [1.0, 1.0]
    >>> bool(found.rotations.mean() < 0.9)  # turned latents score otherwise
    True
    """
    z, names, y = _checked(latents, labels, 2)
    return gauge_score("SAP", (*names, "mean"), _sap, z, y, draws, seed)


def modularity(
    latents: ArrayLike,
    labels: Mapping[str, ArrayLike],
    *,
    draws: Draws = DRAWS,
    seed: int,
) -> GaugeScore:
    """Modularity, whether each latent knows one label only: 1 - sum of I^2 over its other labels / (I_max^2 (labels - 1)), averaged.

    Ridgeway & Mozer (2018, NeurIPS). They average over latents alike, which lets latents that know nothing score by
    chance, higher even than good ones; here each counts in proportion to its I_max. The null remains high: compare
    with it. Parameters as in `mig`.
    """
    z, _, y = _checked(latents, labels, 1)
    _several(y, "modularity")
    statistic = partial(_modularity, bins=bin_count(len(z)))
    return gauge_score("modularity", ("mean",), statistic, z, y, draws, seed)


def linear_importance(z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """Absolute standardised coefficients of a linear fit, and its R2 on the stars not fitted (two halves, swapped).

    The linear variant of Eastwood & Williams (2018, ICLR), and the apt one for linear decoders.
    """
    coef = _least_squares(_standard(z), y)
    wrong = 0.0
    for fold in range(2):
        fit, judge = np.arange(len(y)) % 2 != fold, np.arange(len(y)) % 2 == fold
        found = _least_squares(z[fit] - z[fit].mean(0), y[fit])
        wrong += np.sum((y[judge] - y[fit].mean() - (z[judge] - z[fit].mean(0)) @ found) ** 2)
    return np.abs(coef), float(1 - wrong / np.sum((y - y.mean()) ** 2))


def tree_importance(z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """Importances of gradient-boosted trees, and their R2 on stars not fitted: for decoders that bend. Slow."""
    from sklearn.ensemble import GradientBoostingRegressor

    fit = np.arange(len(y)) % 2 == 0
    trees = GradientBoostingRegressor(random_state=0).fit(z[fit], y[fit])
    return trees.feature_importances_, float(trees.score(z[~fit], y[~fit]))


def dci(
    latents: ArrayLike,
    labels: Mapping[str, ArrayLike],
    *,
    importance: Importance = linear_importance,
    draws: Draws = DRAWS,
    seed: int,
) -> GaugeScore:
    """Disentanglement, completeness and informativeness (Eastwood & Williams 2018, ICLR).

    From importances R (latent, label): disentanglement is 1 - entropy of a latent's importances over the labels,
    in units of ln(labels), averaged with the latents' total importance as weight; completeness is 1 - entropy of a
    label's importances over the latents, in units of ln(latents), given for each label and as the mean; informativeness is
    the R2 of the predictor on stars it was not fitted to (mean over labels), nearly the same in every gauge if linear.

    Parameters
    ----------
    latents, labels, draws, seed
        As in `mig`.
    importance : callable
        Takes latents and one label, returns importances (latent,) >= 0 and the R2: `linear_importance`,
        `tree_importance` or another.

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.interpret.representation import Draws, dci
    >>> latents = np.random.default_rng(0).normal(size=(500, 2))
    >>> found = dci(latents, {"teff": latents[:, 0], "fe_h": latents[:, 1]}, draws=Draws(5, 5, 5), seed=1)
    >>> dict(zip(found.names[:3], found.value[:3].round(2).tolist()))
    {'disentanglement': 1.0, 'completeness': 1.0, 'informativeness': 1.0}
    """
    z, labelled, y = _checked(latents, labels, 2)
    _several(y, "DCI")
    names = (
        "disentanglement",
        "completeness",
        "informativeness",
        *(f"completeness of {n}" for n in labelled),
    )
    statistic = partial(_dci, importance=importance)
    return gauge_score("DCI", names, statistic, z, y, draws, seed)


def _mig(z: np.ndarray, y: np.ndarray, bins: int) -> np.ndarray:
    information, entropy = mutual_information(z, y, bins=bins)
    gaps = [_gap(column) for column in information.T] / entropy
    return np.append(gaps, np.mean(gaps))


def _sap(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    gaps = []
    for column in y.T:
        seen = np.isfinite(column)
        centred = column[seen] - column[seen].mean()
        r = _standard(z[seen]).T @ centred / np.sqrt(seen.sum() * np.sum(centred**2))
        gaps.append(_gap(r**2))
    return np.append(gaps, np.mean(gaps))


def _modularity(z: np.ndarray, y: np.ndarray, bins: int) -> np.ndarray:
    squared = np.maximum(mutual_information(z, y, bins=bins)[0], 0) ** 2
    largest = squared.max(1)
    some = largest > 0
    others = (squared.sum(1) - largest)[some] / (largest[some] * (y.shape[1] - 1))
    weight = np.sqrt(largest[some])
    return np.array([weight @ (1 - others) / weight.sum() if some.any() else 0.0])


def _dci(z: np.ndarray, y: np.ndarray, importance: Importance) -> np.ndarray:
    columns, r2 = [], []
    for column in y.T:
        seen = np.isfinite(column)
        found, score = importance(z[seen], column[seen])
        columns.append(found)
        r2.append(score)
    matrix = np.stack(columns, axis=1)
    completeness = 1 - _spread(matrix.T)
    disentanglement = (1 - _spread(matrix)) @ matrix.sum(1) / matrix.sum()
    return np.array([disentanglement, completeness.mean(), np.mean(r2), *completeness])


def _spread(rows: np.ndarray) -> np.ndarray:
    """Entropy of each row's shares, from 0 (one entry has all) to 1 (all the same)."""
    total = rows.sum(1, keepdims=True)
    share = np.divide(rows, total, out=np.full(rows.shape, 1 / rows.shape[1]), where=total > 0)
    return -(share * np.log(np.where(share > 0, share, 1))).sum(1) / np.log(rows.shape[1])


def _gap(values: np.ndarray) -> float:
    second, first = np.sort(values)[-2:]
    return float(first - second)


def _least_squares(centred: np.ndarray, y: np.ndarray) -> np.ndarray:
    gram = centred.T @ centred
    level = 1e-10 * np.trace(gram) / len(gram)  # latents may be copies of one another
    return np.linalg.solve(gram + level * np.eye(len(gram)), centred.T @ (y - y.mean()))


def _standard(z: np.ndarray) -> np.ndarray:
    scale = z.std(0)
    return (z - z.mean(0)) / np.where(scale > 0, scale, 1)


def _checked(latents: ArrayLike, labels: Mapping[str, ArrayLike], n_latents: int):
    z = doubles("latents", latents)
    if z.ndim != 2 or z.shape[1] < n_latents or not np.isfinite(z).all():
        raise InputError(
            f"latents are finite and of shape (star, latent) with at least {n_latents} latents; given shape {z.shape}."
        )
    return z, *label_columns(labels, len(z))


def _several(y: np.ndarray, metric: str) -> None:
    if y.shape[1] < 2:
        raise InputError(f"{metric} compares labels and needs at least 2; given 1.")
