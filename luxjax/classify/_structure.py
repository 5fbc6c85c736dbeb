"""Structure of the stars without their classes: maps of feature space, and the clusters in it.

A map shows neighbours, not distances: between far groups of a t-SNE or UMAP map nothing is to be read. How far neighbours on the
map are neighbours in truth is its trustworthiness (Venna & Kaski 2001, ICANN), given with every map.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.cluster import HDBSCAN
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from ..core import InputError, check_name
from ..core.internal import classes_of, doubles
from ..stats import Interval
from ..stats.internal import star_means
from .features._features import Features, matrix_of

__all__ = ["EMBEDDINGS", "Clusters", "Embedding", "cluster", "embed", "trustworthiness"]

EMBEDDINGS = ("pca", "tsne", "umap")
FARTHEST = 5.0  # interquartile ranges from the median: a line that is nearly absent has no sensible width
BLOCK = 256

Points = Features | ArrayLike


@dataclass(frozen=True, eq=False)
class Embedding:
    """Stars on a plane.

    Attributes
    ----------
    method : str
    coordinates : (row, 2) array
    trustworthiness : float
        1 if all neighbours on the map are neighbours in truth.
    interval : Interval
        Its interval, from bootstrap samples of the stars on this map.
    null : float
        Its value on the same map with the stars shuffled at random, about 0.5.
    n_neighbors : int
        Neighbours that were looked at.
    """

    method: str
    coordinates: np.ndarray
    trustworthiness: float
    interval: Interval
    null: float
    n_neighbors: int


def embed(
    points: Points,
    method: str = "pca",
    *,
    n_neighbors: int = 15,
    n_draws: int = 200,
    seed: int = 0,
    **settings: Any,
) -> Embedding:
    """Lay stars out on a plane.

    Parameters
    ----------
    points : Features, or (row, dimension) array such as the latents of a model
        Columns are scaled by their quartiles; missing values are put at the median.
    method : str
        ``"pca"``, linear; ``"tsne"`` (van der Maaten & Hinton 2008, JMLR 9, 2579); ``"umap"`` (McInnes, Healy & Melville 2018; to be installed with
        ``pip install luxjax[umap]``).
    n_neighbors : int
        For the trustworthiness, and UMAP's own.
    n_draws, seed : int
    settings
        Of the method, in scikit-learn's or umap-learn's words.
    """
    check_name("embedding", method, EMBEDDINGS)
    x, ids = _scaled(points)
    if not 1 <= n_neighbors < len(x) / 2:
        raise InputError(
            f"{n_neighbors} neighbours of {len(x)} stars cannot be evaluated; give 1 to {max((len(x) - 1) // 2, 1)}."
        )
    if method == "pca":
        found = PCA(2, random_state=seed, **settings).fit_transform(x)
    elif method == "tsne":
        plain = {"perplexity": min(30.0, (len(x) - 1) / 3), "init": "pca"}
        found = TSNE(2, **{**plain, **settings}, random_state=seed).fit_transform(x)
    else:
        found = _umap({"n_neighbors": n_neighbors, **settings}, seed).fit_transform(x)
    found = np.asarray(found, float)
    each = trustworthiness(x, found, n_neighbors)
    mean, draws = star_means(each[:, None], ids, n_draws=n_draws, seed=seed)
    low, high = np.quantile(draws, [0.025, 0.975])
    dealt = found[np.random.default_rng(seed).permutation(len(found))]
    null = float(trustworthiness(x, dealt, n_neighbors).mean())
    return Embedding(method, found, float(mean[0]), Interval(float(low), float(high)), null, n_neighbors)


def trustworthiness(x: ArrayLike, map_: ArrayLike, n_neighbors: int = 15) -> np.ndarray:
    """Trustworthiness of every star's neighbours on a map, (row,); their mean is that of the map.

    1 - 2 / (k (2n - 3k - 1)) sum_j max(0, r_ij - k) over the k neighbours j on the map, r_ij their rank as neighbours in truth
    (Venna & Kaski 2001); row by row, so that bootstrap samples cost nothing, and in bounded memory.
    """
    x, y = np.asarray(x, float), np.asarray(map_, float)
    n, k = len(x), n_neighbors
    out = np.empty(n)
    for start in range(0, n, BLOCK):
        rows = np.arange(start, min(start + BLOCK, n))
        far, near = (_squared_distances(a, rows) for a in (x, y))
        neighbours = np.argpartition(near, k, axis=1)[:, :k]
        place = np.argsort(np.argsort(far, axis=1, kind="stable"), axis=1)
        rank = np.take_along_axis(place, neighbours, axis=1) + 1
        out[rows] = 1 - 2 / (k * (2 * n - 3 * k - 1)) * np.maximum(rank - k, 0).sum(axis=1)
    return out


def _squared_distances(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """From some rows to all, (row, star); infinite to themselves."""
    square = (x**2).sum(axis=1)
    distance = square[rows, None] + square - 2 * x[rows] @ x.T
    distance[np.arange(len(rows)), rows] = np.inf
    return distance


@dataclass(frozen=True, eq=False)
class Clusters:
    """Groups of stars found without their classes.

    Attributes
    ----------
    labels : (row,) int array
        Group of each star; -1 for noise, stars in no group.
    rand, information : float
        Agreement with the classes: adjusted Rand index (Hubert & Arabie 1985) and adjusted mutual information (Vinh, Epps & Bailey 2010, JMLR 11,
        2837), 1 where groups are the classes and 0 by chance; noise counts as one more group. NaN without classes.
    rand_interval, information_interval : Interval
        From bootstrap samples of stars, for these groups.
    rand_null, information_null : float
        95th percentile with the classes shuffled at random.
    """

    labels: np.ndarray
    rand: float
    information: float
    rand_interval: Interval
    information_interval: Interval
    rand_null: float
    information_null: float

    @property
    def n(self) -> int:
        """Number of groups, noise not among them."""
        return int(self.labels.max()) + 1

    @property
    def noise(self) -> float:
        """Share of stars in no group."""
        return float(np.mean(self.labels == -1))


def cluster(
    points: "Points | Embedding",
    truth: Sequence[str] | None = None,
    *,
    min_size: int = 20,
    n_draws: int = 100,
    seed: int = 0,
    **settings: Any,
) -> Clusters:
    """Find groups by density: HDBSCAN (Campello, Moulavi & Sander 2013, PAKDD), which leaves stars between groups as noise.

    Parameters
    ----------
    points : Features, Embedding or (row, dimension) array
        In many dimensions nearly all stars are noise; on a map, groups are those of the map.
    truth : (row,) sequence of str, optional
        Classes to compare with; they play no part in finding the groups. Stars whose class is missing are not compared.
    min_size : int
        Stars that make a group.
    n_draws, seed : int
        Bootstrap samples, and random deals.
    settings
        Of scikit-learn's HDBSCAN.
    """
    x = points.coordinates if isinstance(points, Embedding) else _scaled(points)[0]
    if not 2 <= min_size <= len(x):
        raise InputError(
            f"groups of at least {min_size} cannot be sought among {len(x)} stars; give 2 to {len(x)}."
        )
    labels = HDBSCAN(min_cluster_size=min_size, **{"copy": True, **settings}).fit(x).labels_
    if truth is None:
        blank = Interval(np.nan, np.nan)
        return Clusters(labels, np.nan, np.nan, blank, blank, np.nan, np.nan)
    known = classes_of("classes", truth)
    if len(known) != len(x):
        raise InputError(
            f"every star needs a class to compare with; given {len(x)} stars and {len(known)} classes."
        )
    given, labels_known = known[known != ""], labels[known != ""]
    if len(given) == 0:
        raise InputError("there is no class to compare with: that of every star is missing.")
    rng, found = np.random.default_rng(seed), []
    drawn = [rng.integers(len(given), size=len(given)) for _ in range(n_draws)]
    dealt = [rng.permutation(given) for _ in range(n_draws)]
    for score in (adjusted_rand_score, adjusted_mutual_info_score):
        low, high = np.quantile([score(given[rows], labels_known[rows]) for rows in drawn], [0.025, 0.975])
        null = float(np.quantile([score(other, labels_known) for other in dealt], 0.95))
        found.append((float(score(given, labels_known)), Interval(float(low), float(high)), null))
    (rand, rand_interval, rand_null), (information, information_interval, information_null) = found
    return Clusters(
        labels, rand, information, rand_interval, information_interval, rand_null, information_null
    )


def _scaled(points: Points) -> tuple[np.ndarray, np.ndarray | None]:
    """Columns over their interquartile range, outliers drawn in, missing values at the median; constant columns left out."""
    ids = points.ids if isinstance(points, Features) else None
    x = matrix_of(points, points.names) if isinstance(points, Features) else doubles("points", points)
    if x.ndim != 2 or len(x) < 3:
        raise InputError(
            f"a map needs features, or an array (row, dimension), of 3 stars or more; given shape {x.shape}."
        )
    x = x[:, np.isfinite(x).any(axis=0)]
    low, middle, high = np.nanquantile(x, [0.25, 0.5, 0.75], axis=0)
    spread = high - low
    varied = spread > 0
    if not varied.any():
        raise InputError("no feature differs between these stars, so there is no map of them.")
    x = (x[:, varied] - middle[varied]) / spread[varied]
    return np.nan_to_num(np.clip(x, -FARTHEST, FARTHEST), nan=0.0), ids


def _umap(settings: dict[str, Any], seed: int):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of others' deprecations
        try:
            from umap import UMAP
        except ImportError as error:
            raise InputError(
                "the embedding 'umap' needs the umap-learn package: pip install 'luxjax[umap]', or use 'tsne'."
            ) from error
    return UMAP(random_state=seed, n_jobs=1, **settings)
