"""A posterior in a run folder.

posterior/                 the posterior, as `luxjax.posterior.save_posterior` writes it
posterior_values.npz       what its figures show beyond it
labels.csv, labels.fits    mean, standard deviation and quantiles of every label, a row per star
metrics.json               ``posterior``: the diagnosis, and how labels compare with those known
"""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np
import pandas as pd

from ..core import InputError, check_name
from ..core.internal import join_names
from ..data import Catalog, Spectra
from ..fitted import FittedModel
from ..posterior import AbstractMethod, AbstractPosterior, Diagnosis, diagnose, infer, save_posterior
from ..posterior.internal import label_draws
from ..stats import binomial_interval, coverage, rmse
from ._folder import RunFolder
from ._kinds import LABELS, RunKind
from ._posterior_values import VALUES, keep_values

__all__ = ["infer_run", "infer_stars", "write_posterior"]

QUANTILES = {"q025": 0.025, "q16": 0.16, "q50": 0.5, "q84": 0.84, "q975": 0.975}
MOST_FREE = 5000  # parameters of a joint posterior
LEVELS = (0.68, 0.95)

KINDS = (
    RunKind(
        "infer",
        "luxjax infer",
        "Posteriors of the latents and labels of stars, and whether they can be believed.",
        {
            "posterior": "The posterior, as `luxjax.posterior.load_posterior` reads it.",
            VALUES: "What its figures show beyond it: known labels, and data of the first stars.",
            "labels.csv": "Mean, standard deviation and quantiles of every label, a row per star.",
            **LABELS,
        },
        ("posterior_diagnosis", "posterior_labels", "posterior_spectra", "posterior_chains"),
    ),
)


def infer_stars(
    fitted: FittedModel,
    catalog: Catalog,
    method: AbstractMethod | None,
    *,
    seed: int,
    sample: Sequence[str] = ("latents",),
    inputs: Sequence[str] = (),
    progress=None,
) -> AbstractPosterior:
    """The posterior of stars from their spectra; with decoders or scatter sampled, from their labels too.

    Parameters
    ----------
    fitted : FittedModel
    catalog : Catalog
    method : AbstractMethod, optional
    seed : int
    sample, progress
        As for `luxjax.infer`.
    inputs : sequence of str
        Spectra to infer from. Default: all that model and catalogue share.
    """
    joint = tuple(sample) != ("latents",)
    if joint and not fitted.read_outs:  # which `infer` refuses, whatever their size
        _check_size(fitted, sample)
    used = catalog if joint else catalog.only(*_spectra(fitted, catalog, inputs))
    return infer(fitted, used, method, key=seed, sample=sample, progress=progress)


def write_posterior(
    run: RunFolder, posterior: AbstractPosterior, catalog: Catalog, *, seed: int
) -> Diagnosis:
    """Write a posterior, its labels and its diagnosis into a run; `luxjax.report.render` draws the page.

    Parameters
    ----------
    run : RunFolder
        New.
    posterior : AbstractPosterior
    catalog : Catalog
        Its stars; labels there are compared with, and true ones, in columns ``true_<label>`` of its table.
    seed : int
        Random seed of predictive draws.
    """
    diagnosis, fitted = diagnose(posterior), posterior.fitted
    save_posterior(posterior, run.path / "posterior")
    draws = label_draws(posterior, key=seed)
    observed, truth = _known(fitted, catalog)
    table = _table(posterior, draws)
    run.write_csv("labels.csv", table)
    run.write_labels(table, fitted.info(fitted.label_output()).units)
    run.write_metrics(
        {
            "posterior": {
                "method": posterior.method,
                "settings": dict(posterior.settings),
                "n_stars": len(posterior),
                "inputs": list(posterior.batch.names) if posterior.batch else [],
                "diagnosis": diagnosis.to_dict(),
                "labels": _scores(posterior, draws, observed, truth),
            }
        }
    )
    keep_values(run, posterior, observed, truth, seed)
    for line in str(diagnosis).splitlines():
        run.log(line)
    return diagnosis


def infer_run(
    run: RunFolder,
    fitted: FittedModel,
    catalog: Catalog,
    method: AbstractMethod | None,
    *,
    seed: int,
    sample: Sequence[str] = ("latents",),
    inputs: Sequence[str] = (),
    progress=None,
) -> tuple[AbstractPosterior, Diagnosis]:
    """Infer stars with `infer_stars`, then write the result with `write_posterior`."""
    posterior = infer_stars(
        fitted, catalog, method, seed=seed, sample=sample, inputs=inputs, progress=progress
    )
    return posterior, write_posterior(run, posterior, catalog, seed=seed)


def _spectra(fitted: FittedModel, catalog: Catalog, inputs: Sequence[str]) -> list[str]:
    spectra = [
        name for name, o in catalog.outputs.items() if isinstance(o, Spectra) and name in fitted.model.names
    ]
    for name in inputs:
        check_name("spectra", name, spectra)
    if not spectra:
        raise InputError(
            f"model and catalogue share no spectra (the model's outputs: {join_names(fitted.model.names)}; the catalogue's: "
            f"{join_names(catalog.outputs)})."
        )
    return list(inputs) or spectra


def _check_size(fitted: FittedModel, sample: Sequence[str]) -> None:
    groups = [g for g in ("decoders", "scatter") if g in sample]
    n = sum(
        a.size for g in groups for a in jax.tree.leaves(getattr(fitted.model, g)) if eqx.is_inexact_array(a)
    )
    if n > MOST_FREE:
        raise InputError(
            f"{' and '.join(groups)} of this model are {n:,} numbers, too many to infer together (at most {MOST_FREE:,}); keep "
            "fewer pixels, such as --wavelength-range 15200,15300, or sample the scatter alone."
        )


def _table(posterior: AbstractPosterior, draws: np.ndarray) -> pd.DataFrame:
    columns: dict[str, Any] = {"id": posterior.ids}
    mean, error = posterior.label_moments(draws)
    for j, name in enumerate(posterior.fitted.info(posterior.fitted.label_output()).names):
        columns[name], columns[f"{name}_err"] = mean[:, j], error[:, j]
        for end, q in QUANTILES.items():
            columns[f"{name}_{end}"] = np.quantile(draws[:, :, j], q, axis=0)
    return pd.DataFrame(columns)


def _known(fitted: FittedModel, catalog: Catalog):
    """The catalogue's labels, and the true ones in the model's order, where it has them."""
    output = fitted.label_output()
    observed = catalog.labels(output) if output in catalog.outputs else None
    columns = [f"true_{name}" for name in fitted.info(output).names]
    truth = catalog.table[columns].to_numpy(float) if set(columns) <= set(catalog.table.columns) else None
    return observed, truth


def _scores(posterior: AbstractPosterior, draws, observed, truth) -> dict[str, Any]:
    """Per label: typical error, and RMSE and coverage against the truth, or else against observed labels."""
    info = posterior.fitted.info(posterior.fitted.label_output())
    found: dict[str, Any] = {}
    means, errors = posterior.label_moments(draws)
    for j, name in enumerate(info.names):
        mean, sd = means[:, j], errors[:, j]
        entry: dict[str, Any] = {"unit": info.units.get(name, ""), "median_error": float(np.median(sd))}
        reference, error = None, 0.0
        if truth is not None:
            reference, entry["against"] = truth[:, j], "true"
        elif observed is not None and name in observed.names:
            k = observed.names.index(name)
            reference, error, entry["against"] = observed.value[:, k], observed.error[:, k], "observed"
        if reference is not None and np.isfinite(reference).any():
            pull = (mean - reference) / np.sqrt(sd**2 + np.square(error))
            entry |= {"n": int(np.isfinite(pull).sum()), "rmse": rmse(mean, reference)}
            for level in LEVELS:
                inside = coverage(pull, level)
                entry[f"coverage{level * 100:.0f}"] = inside.fraction
                entry[f"coverage{level * 100:.0f}_interval"] = list(
                    binomial_interval(inside.inside, inside.n, 0.95, "exact")
                )
        found[name] = entry
    return found
