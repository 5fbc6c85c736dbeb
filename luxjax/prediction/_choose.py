"""Hyper-parameters by cross-validation: number of latents, regularisation, kind of decoder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from ..core import InputError, PRNGKeyArray, check_name
from ..data import Catalog, folds
from ..fitting import AbstractFitter, fit
from ..models import Lux
from ._transfer import transfer

__all__ = ["Choice", "choose"]


@dataclass(frozen=True)
class Choice:
    """The outcome of a cross-validation.

    Attributes
    ----------
    best : str
        The candidate of the highest mean score.
    table : pandas.DataFrame
        By candidate: ``score``, the mean log predictive density of a held-out observed label (nats; differences
        matter), ``error``, its standard error over stars relative to the best candidate's, and ``rmse_<label>``.
    """

    best: str
    table: pd.DataFrame


def choose(
    catalog: Catalog,
    candidates: Mapping[str, tuple[Lux, AbstractFitter | None]],
    *,
    inputs: list[str] | tuple[str, ...],
    key: PRNGKeyArray | int,
    labels: str = "labels",
    n_folds: int = 4,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Choice:
    """Compare models by how probable they find the labels of stars they were not fitted to.

    The score sees errors as well as values: a model that is right but timid, or wrong but bold, loses. Give
    training stars only; what is chosen on test stars cannot be judged on them.

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
        Of the folds.
    progress : callable, optional
        Called with the name of each candidate.
    """
    if not candidates:
        raise InputError("there is nothing to choose from; give at least one candidate model.")
    for name in inputs:
        check_name("output", name, catalog.outputs)
    number, table = folds(list(catalog.ids), n_folds, seed=seed), catalog.labels(labels)
    scores, rows = {}, {}
    for name, (model, fitter) in candidates.items():
        if progress:
            progress(name)
        density, residual = np.full(table.value.shape, np.nan), np.full(table.value.shape, np.nan)
        for k in range(n_folds):
            held = number == k
            fitted = fit(model, catalog.select(~held).only(*model.names), fitter, key=key)
            found = transfer(fitted, catalog.select(held), inputs=inputs, labels=labels)
            residual[held] = found.value - table.value[held]
            # Densities in units of each label's spread, so that labels weigh alike whatever their units.
            spread = np.nanstd(table.value, axis=0)
            total = np.hypot(found.error, table.error[held])
            density[held] = norm.logpdf(residual[held] / spread, scale=total / spread)
        scores[name] = np.nanmean(density, axis=1)
        rows[name] = {
            "score": float(np.nanmean(scores[name])),
            **{
                f"rmse_{n}": float(np.sqrt(np.nanmean(residual[:, j] ** 2)))
                for j, n in enumerate(table.names)
            },
        }
    best = max(rows, key=lambda n: rows[n]["score"])
    for name in rows:
        difference = scores[name] - scores[best]
        rows[name]["error"] = float(np.nanstd(difference) / np.sqrt(np.isfinite(difference).sum()))
    return Choice(best, pd.DataFrame.from_dict(rows, orient="index"))
