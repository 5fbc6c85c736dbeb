"""Hyper-parameters by cross-validation: number of latents, regularisation, kind of decoder."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy

from ..core import InputError, Progress, check_name
from ..core.internal import PRNGKeyArray, reporting
from ..data import Catalog, folds
from ..fitting import AbstractFitter, fit, log_evidence
from ..models import Lux
from ..system.internal import lazy_import
from ._transfer import transfer

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

__all__ = ["Choice", "select_model"]


@dataclass(frozen=True)
class Choice:
    """The outcome of a cross-validation.

    Attributes
    ----------
    best : str
        The candidate of the highest mean score.
    table : pandas.DataFrame
        By candidate: ``score``, the mean log predictive density of a held-out observed label (nats; differences
        matter), ``error``, its standard error over stars relative to the best candidate's, and ``rmse_<label>``;
        where all candidates are linear, with Gaussian noise and the same outputs, also ``evidence``, the mean log marginal likelihood
        of all measured values of a held-out star (nats; see `luxjax.fitting.log_evidence`), and ``evidence_error``.
    best_evidence : str or None
        The candidate of the highest evidence. It describes whole spectra best; `best` predicts labels best, and hardly
        minds latents too many.
    """

    best: str
    table: "pd.DataFrame"
    best_evidence: str | None = None


def select_model(
    catalog: Catalog,
    candidates: Mapping[str, tuple[Lux, AbstractFitter | None]],
    *,
    inputs: list[str] | tuple[str, ...],
    key: PRNGKeyArray | int,
    labels: str = "labels",
    n_folds: int = 4,
    seed: int = 0,
    progress: bool | Progress | None = None,
) -> Choice:
    """Compare models by the log probability of the labels of stars that they were not fitted to.

    The score sees errors as well as values: a model that is right but timid, or wrong but bold, loses. Give
    training stars only; what is chosen on test stars cannot be evaluated on them.

    Parameters
    ----------
    catalog : Catalog
    candidates : mapping of str to (Lux, fitter)
        By a name of your own, such as ``{"12": (Lux.linear(catalog.sizes, 12), EM()), ...}``.
    inputs : sequence of str
        Outputs that held-out stars are predicted from.
    key : jax random key or int
    labels : str
    n_folds : int
    seed : int
        Random seed of the folds.
    progress : bool or Progress, optional
        True shows the folds that are done on standard error; a function is called with ``("folds of 12", done, total)``,
        where ``12`` is the candidate's name.
    """
    if not candidates:
        raise InputError("there is nothing to choose from; give at least one candidate model.")
    for name in inputs:
        check_name("output", name, catalog.outputs)
    table = catalog.labels(labels)
    number, spread = folds(list(catalog.ids), n_folds, seed=seed), np.nanstd(table.value, axis=0)
    rows: dict[str, dict[str, float]] = {}
    scores, evidence = {}, {}
    with reporting(progress, "compare models") as tell:
        for name, (model, fitter) in candidates.items():
            density, residual = np.full(table.value.shape, np.nan), np.full(table.value.shape, np.nan)
            evidence[name] = np.full(len(catalog), np.nan)
            for k in range(n_folds):
                held = number == k
                stars = catalog.select(held)
                fitted = fit(model, catalog.select(~held).only(*model.names), fitter, key=key)
                found = transfer(fitted, stars, inputs=inputs, labels=labels)
                residual[held] = found.value - table.value[held]
                # Densities in units of each label's spread, so that labels weigh alike whatever their units.
                total = np.hypot(found.error, table.error[held])
                density[held] = scipy.stats.norm.logpdf(residual[held] / spread, scale=total / spread)
                if model.is_linear and model.is_gaussian:
                    evidence[name][held] = log_evidence(fitted, stars)
                tell(f"folds of {name}", k + 1, n_folds)
            scores[name] = np.nanmean(density, axis=1)
            rows[name] = {
                f"rmse_{n}": float(np.sqrt(np.nanmean(r**2)))
                for n, r in zip(table.names, residual.T, strict=True)
            }
    best = _compare(rows, scores, "score", "error")
    comparable = len({model.names for model, _ in candidates.values()}) == 1
    if comparable and all(np.isfinite(e).all() for e in evidence.values()):
        by_evidence = _compare(rows, evidence, "evidence", "evidence_error")
    else:
        by_evidence = None
    return Choice(best, pd.DataFrame.from_dict(rows, orient="index"), by_evidence)


def _compare(rows, values: Mapping[str, np.ndarray], mean: str, error: str) -> str:
    """The candidate of the highest mean over stars; means, and errors of the differences to it, go into the rows."""
    for name, value in values.items():
        rows[name][mean] = float(np.nanmean(value))
    best = max(values, key=lambda name: rows[name][mean])
    for name, value in values.items():
        difference = value - values[best]
        rows[name][error] = float(np.nanstd(difference) / np.sqrt(np.isfinite(difference).sum()))
    return best
