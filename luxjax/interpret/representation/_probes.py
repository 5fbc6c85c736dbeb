"""Probes of the latents: what can be read from them, and what would be read where there is nothing.

A probe tells that a label is *decodable* from the latents, not that it was measured: a label that is only guessed from
others is decoded as well as they allow (Belinkov 2022, Computational Linguistics 48, 207). A score therefore comes with
its control task, with a representation that learned nothing, with the ceiling that label noise sets, and with what
remains when the other labels are erased (`amnesic_probe`). Scores of linear probes are the same in every gauge.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist

from ...core import Batch, InputError, check_name
from ...core.internal import doubles
from ...data import Catalog
from ...fitted import FittedModel
from ...stats import Interval
from ...stats.internal import percentiles, r2_of_sums, r2_terms, resampled_sums
from ._gauge import input_names
from ._mlp import mlp_predictions

__all__ = ["Probe", "probe", "random_projection", "ridge_predictions"]

KINDS = ("linear", "mlp")
FEWEST_STARS = 40
CELLS = 100
STARS_PER_CELL = 20
PENALTIES = np.logspace(-4, 4, 17)


@dataclass(frozen=True, eq=False)
class Probe:
    """How well a label can be read from a representation. All R2 are of stars that the probe was not fitted to.

    Attributes
    ----------
    kind : "linear" or "mlp"
    n : int
        Stars with the label.
    r2 : float
        Cross-validated by star, against observed labels.
    interval : Interval
        95%, by bootstrap over stars.
    control : (draw,) array
        R2 on control tasks (see `probe`): what the probe can memorise.
    baseline : float
        R2 from the representation given for comparison; NaN if none was.
    baseline_interval : Interval
    ceiling : float
        1 - mean(error^2) / var(label): the R2 of a perfect prediction of the true label; NaN without errors.
    predicted : (star,) array
        Out-of-fold predictions, NaN where the label is missing.
    """

    kind: str
    n: int
    r2: float
    interval: Interval
    control: np.ndarray
    baseline: float
    baseline_interval: Interval
    ceiling: float
    predicted: np.ndarray

    @property
    def selectivity(self) -> float:
        """R2 minus that of the control tasks."""
        return self.r2 - float(self.control.mean())


def probe(
    latents: ArrayLike,
    label: ArrayLike,
    *,
    error: ArrayLike | None = None,
    baseline: ArrayLike | None = None,
    kind: str = "linear",
    folds: int = 5,
    n_control: int = 3,
    n_bootstrap: int = 500,
    seed: int,
) -> Probe:
    """Predict a label from the latents of other stars.

    Parameters
    ----------
    latents : (star, latent) array
        Latents of stars held out from the model's training, one row per star.
    label : (star,) array
        Observed; NaN where missing.
    error : (star,) array, optional
        One-sigma errors of the label, for the ceiling.
    baseline : (star, feature) array, optional
        Another representation of the same stars, such as `random_projection`.
    kind : "linear" or "mlp"
        Ridge regression, its penalty by leave-one-out among the fitted stars; or a network of one hidden layer
        stopped early on some of the fitted stars.
    folds : int
    n_control : int
        Control tasks. In each, latent space is divided into cells about random stars (100, or fewer, so that a cell
        holds about 20 stars), and every cell gets the label of a star drawn at random: a function of the latents with no
        astrophysics in it. A probe that does well here can learn anything, and what it says of a real label means less
        (Hewitt & Liang 2019, EMNLP; their word types become cells).
    n_bootstrap, seed : int

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.interpret.representation import probe
    >>> rng = np.random.default_rng(0)
    >>> latents = rng.normal(size=(300, 3))
    >>> found = probe(latents, latents[:, 0] + 0.1 * rng.normal(size=300), n_bootstrap=50, seed=1)
    >>> found.n, round(found.r2, 1)
    (300, 1.0)
    >>> bool(found.control.mean() < 0.3)  # it does not learn just anything
    True
    """
    check_name("kind of probe", kind, KINDS)
    z, y = doubles("latents", latents), doubles("the label", label)
    seen = np.isfinite(y)
    if z.ndim != 2 or y.shape != (len(z),) or seen.sum() < FEWEST_STARS or not np.isfinite(z).all():
        raise InputError(
            f"a probe needs finite latents (star, latent) and at least {FEWEST_STARS} known labels of the same stars; "
            f"given latents of shape {z.shape} and {seen.sum()} known labels of {y.size}."
        )
    fold = fold_numbers(seen, folds, seed)
    tasks = np.stack([y, *_control_tasks(z, y, n_control, seed)])
    predicted = _out_of_fold(z, tasks, fold, kind, seed)
    r2, interval = _r2(y, predicted[0], n_bootstrap, seed)
    control = np.array([_r2(t, p, 1, seed)[0] for t, p in zip(tasks[1:], predicted[1:], strict=True)])
    other, other_interval = float("nan"), Interval(float("nan"), float("nan"))
    if baseline is not None:
        x = doubles("the baseline", baseline)
        other, other_interval = _r2(y, _out_of_fold(x, y[None], fold, kind, seed)[0], n_bootstrap, seed)
    ceiling = float("nan")
    if error is not None:
        ceiling = float(1 - np.nanmean(doubles("errors", error)[seen] ** 2) / y[seen].var())
    return Probe(kind, int(seen.sum()), r2, interval, control, other, other_interval, ceiling, predicted[0])


def _r2(y: np.ndarray, predicted: np.ndarray, n: int, seed: int) -> tuple[float, Interval]:
    terms = r2_terms(y[:, None], predicted[:, None])[:, 0]
    low, high = percentiles(r2_of_sums(resampled_sums(terms, n=n, seed=seed)))
    return float(r2_of_sums(terms.sum(0))), Interval(float(low), float(high))


def fold_numbers(seen: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """The fold that holds out each star, -1 for stars without the label, folds of equal size."""
    if not 2 <= folds <= seen.sum():
        raise InputError(f"folds is {folds} for {seen.sum()} stars; give at least 2 and at most the stars.")
    numbers = np.full(len(seen), -1)
    numbers[seen] = np.random.default_rng(seed).permutation(np.arange(seen.sum()) % folds)
    return numbers


def _control_tasks(z: np.ndarray, y: np.ndarray, n: int, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng([seed, 1])
    known = y[np.isfinite(y)]
    cells = int(min(CELLS, len(known) // STARS_PER_CELL))
    tasks = []
    for _ in range(n):
        nearest = cdist(z, z[rng.choice(len(z), cells, replace=False)]).argmin(1)
        tasks.append(np.where(np.isfinite(y), rng.choice(known, cells)[nearest], np.nan))
    return tasks


def _out_of_fold(z: np.ndarray, tasks: np.ndarray, fold: np.ndarray, kind: str, seed: int) -> np.ndarray:
    """Predictions of each task (task, star), every star by probes of the other folds."""
    out = np.full(tasks.shape, np.nan)
    numbers = range(fold.max() + 1)
    if kind == "mlp":
        fitted = np.stack([(fold >= 0) & (fold != k) for k in numbers])
        every = np.repeat(np.nan_to_num(tasks), len(fitted), axis=0)
        found = mlp_predictions(z, every, np.tile(fitted, (len(tasks), 1)), seed=seed)
        found = found.reshape(len(tasks), len(fitted), -1)
        for k in numbers:
            out[:, fold == k] = found[:, k, fold == k]
        return out
    for k in numbers:
        fit, judge = (fold >= 0) & (fold != k), fold == k
        for task, row in zip(tasks, out, strict=True):
            row[judge] = ridge_predictions(z[fit], task[fit], z[judge])
    return out


def ridge_predictions(z: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Ridge regression with the penalty that leave-one-out prefers, from one eigendecomposition.

    With the eigenvectors V and eigenvalues d of Z'Z, the fit is H y, H = Z V diag(1/(d + p)) V'Z', and the
    left-out residual of a star is its residual divided by 1 - H_nn.
    """
    # One scale for all latents, so that rotated latents are penalised alike.
    loc, scale = z.mean(0), np.sqrt(z.var(0).mean())
    x, target = (z - loc) / scale, y - y.mean()
    values, vectors = np.linalg.eigh(x.T @ x)
    turned = x @ vectors
    products = turned.T @ target
    best, coef = np.inf, np.zeros(len(values))
    for penalty in PENALTIES * len(z):
        shrunk = 1 / (np.maximum(values, 0) + penalty)
        residual = target - turned @ (shrunk * products)
        left_out = residual / (1 - 1 / len(z) - (turned**2) @ shrunk)
        if (score := np.sum(left_out**2)) < best:
            best, coef = score, vectors @ (shrunk * products)
    return y.mean() + (new - loc) / scale @ coef


def random_projection(
    fitted: FittedModel, data: Catalog | Batch, *, inputs: Sequence[str] | None = None, seed: int
) -> np.ndarray:
    """As many random mixtures of the pixels as the model has latents, (star, latent): nothing learned.

    Residuals from the model's mean spectrum, bad pixels at the mean, pixels weighed by their mean inverse error.
    """
    batch = fitted.batch(data, *input_names(fitted, data, inputs))
    rng = np.random.default_rng(seed)
    out = np.zeros((batch.n_stars, fitted.model.n_latents))
    for name in batch.names:
        value, ivar = (np.asarray(a) for a in (batch[name].value, batch[name].ivar))
        good = ivar > 0
        count = np.maximum(good.sum(0), 1)
        mean = (value * good).sum(0) / count
        mix = rng.standard_normal((value.shape[1], out.shape[1])) * np.sqrt(ivar.sum(0) / count)[:, None]
        out += np.where(good, value - mean, 0) @ mix.astype(value.dtype)
    return out
