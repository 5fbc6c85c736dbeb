"""The evidence of a run: which stars it may be taken from, and what it says of every label."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import InputError, Progress, check_name
from ..data import Catalog, load_catalog
from ..evidence import Explanation, ExplanationTable, explain, explain_all, explain_dataset
from ..fitted import FittedModel, save
from ..lines import LineList
from ._explanations import read_explanations, verdict_metrics, write_explanations
from ._folder import RunFolder
from ._kinds import RunKind
from ._model import FOLD, FOLDS, fold_model, load_run_model, read_stars

if TYPE_CHECKING:
    from ..dataset import Dataset

__all__ = [
    "catalog_of",
    "explain_run",
    "explain_run_dataset",
    "held_out_stars",
    "with_errors",
]


KINDS = (
    RunKind(
        "explain",
        "luxjax explain",
        "The evidence on whether each label of a run was measured.",
        {
            "explain": "The evidence about every label, a folder for each.",
            "explain_*.html": "The page of a label: was it measured?",
        },
        ("verdicts",),
    ),
)


def held_out_stars(run: RunFolder, catalog: str | Path | None = None) -> Catalog:
    """Stars of a run that its model was neither fitted to nor evaluated on.

    Parameters
    ----------
    run : RunFolder
    catalog : path, optional
        Catalogue folder. Default: the one that the run was fitted to, or, for the demonstration, the survey simulated
        again. Its calibration stars are taken; where it has none of them, all its stars that the run does not know.
    """
    stars = read_stars(run)
    found = catalog_of(run, catalog)
    calibration = np.isin(found.ids, stars.loc[stars["part"] == "calibration", "id"])
    rows = calibration if calibration.any() else ~np.isin(found.ids, stars["id"])
    if not rows.any():
        raise InputError(
            f"all {len(found)} stars of the catalogue trained or tested the model of {run.path}; give others with --catalog."
        )
    return found.select(rows)


def cross_fitted_stars(
    run: RunFolder, catalog: str | Path | None = None
) -> tuple[Catalog, dict[str, Any]] | None:
    """The stars of a run in folds with their folds and the models that did not see these; None of other runs and stars."""
    if not (run.path / FOLDS).is_dir():
        return None
    part = read_stars(run).set_index("id")["part"]
    found = catalog_of(run, catalog)
    rows = np.isin(found.ids, part.index)
    if not rows.any():
        return None
    found = found.select(rows)
    fold = part.loc[found.ids].str.removeprefix(FOLD).astype(int).to_numpy()
    run.log(f"cross-fitted: each of {len(found)} stars is evaluated by a model that did not see it")
    return found, {"fold": fold, "fold_models": [fold_model(run, k) for k in range(fold.max() + 1)]}


def catalog_of(run: RunFolder, catalog: str | Path | None) -> Catalog:
    """The catalogue named, or the one that the run was fitted to; for the demonstration it is simulated again."""
    config = run.config
    if catalog is not None:
        return load_catalog(catalog)
    if config.get("command") == "demo":
        from ._demo import demo_survey

        return demo_survey(run.seed, config).catalog
    named = config.get("catalog")
    if not named or not Path(named).is_dir():
        raise InputError(
            f"the stars of {run.path} are not at hand"
            + (f" (it was fitted to '{named}')" if named else "")
            + "; give their catalogue folder with --catalog."
        )
    return load_catalog(named)


def with_errors(
    catalog: Catalog,
    label_errors: Mapping[str, float],
    labels: str = "labels",
    fitted: FittedModel | None = None,
) -> Catalog:
    """Catalogue with assumed errors of labels, in place of the stated ones.

    Parameters
    ----------
    label_errors : mapping of str to float
        One-sigma error by label, in the label's unit.
    fitted : FittedModel, optional
        The model that they are used with: its factors of stated errors do not hold for these.
    catalog : Catalog
    labels : str
        Name of the output that holds the labels.
    """
    from dataclasses import replace

    table = catalog.labels(labels)
    error = table.error.copy()
    found = None if fitted is None else fitted.read_outs.get(labels)
    factor = {} if found is None else dict(zip(fitted.info(labels).names, found.error_scale, strict=True))  # type: ignore[union-attr]
    for name, assumed in label_errors.items():
        check_name("label", name, table.names)
        if not assumed > 0:
            raise InputError(f"the assumed error of '{name}' is {assumed}; give a positive number.")
        error[:, table.names.index(name)] = assumed / factor.get(name, 1.0)
    # A label that is missing has no value, so an assumed error brings none back.
    return Catalog({**catalog.outputs, labels: replace(table, error=error)}, catalog.table)


def explain_run(
    run: RunFolder,
    *,
    label: str | None = None,
    catalog: str | Path | None = None,
    lines: LineList | None = None,
    condition_on: Sequence[str] | None = None,
    species: Sequence[str] | None = None,
    resolution: float | None = None,
    label_errors: Mapping[str, float] | None = None,
) -> dict[str, Explanation]:
    """Explain all labels of a run, or one, and save the explanations in the run and with its model.

    Parameters
    ----------
    run : RunFolder
        With a saved model.
    label : str, optional
        Default: all labels.
    catalog : path, optional
        As for `held_out_stars`.
    lines : LineList, optional
        Default: the list of the package.
    condition_on, species : sequences of str, optional
        As for `luxjax.evidence.explain`; for one label.
    resolution : float, optional
        lambda / FWHM of the spectra, for surveys where it is not known.
    label_errors : mapping of str to float, optional
        Errors of labels to assume instead of those stated.
    """
    fitted = load_run_model(run.path)
    stars, folds = cross_fitted_stars(run, catalog) or (held_out_stars(run, catalog), {})
    stars = with_errors(stars, label_errors or {}, fitted.label_output(), fitted)
    inputs = (run.metrics.get("inputs") if run.has("metrics") else None) or None
    given: dict[str, Any] = {
        "lines": lines,
        "inputs": inputs,
        "resolution": resolution,
        "key": run.seed,
        **folds,
    }
    given["supporting"] = True  # asked for by hand, so the seconds are well spent
    if label is None:
        if condition_on is not None or species is not None:
            raise InputError("--condition-on and --species are for one label; say which with --label.")
        found = explain_all(fitted, stars, **given)
    else:
        check_name("label", label, fitted.info(fitted.label_output()).names)
        found = {label: explain(fitted, stars, label, condition_on=condition_on, species=species, **given)}
    save_explanations(run, fitted, found)
    return found


def explain_run_dataset(
    run: RunFolder,
    dataset: "Dataset",
    to: str | Path,
    *,
    lines: LineList | None = None,
    resolution: float | None = None,
    progress: bool | Progress | None = None,
) -> ExplanationTable:
    """What the labels of every star of a dataset rest on, by the model of a run (see `explain_dataset`)."""
    inputs = (run.metrics.get("inputs") if run.has("metrics") else None) or None
    return explain_dataset(
        load_run_model(run.path),
        dataset,
        to,
        lines=lines,
        inputs=inputs,
        resolution=resolution,
        progress=progress,
    )


def save_explanations(run: RunFolder, fitted, found: Mapping[str, Explanation]) -> None:
    """Write explanations into a run: their folders, the model with its verdicts, the metrics."""
    write_explanations(run, found)
    save(fitted.with_verdicts({name: e.verdict for name, e in found.items()}), run.model)
    if run.has("metrics"):
        metrics = run.metrics
        for name, entry in verdict_metrics(read_explanations(run)).items():
            metrics.get("labels", {}).setdefault(name, {}).update(entry)
        run.write_metrics(metrics)
