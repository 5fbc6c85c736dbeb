"""More than the main class: subclass, luminosity class and stage, and atmospheric parameters, trained and evaluated on the same stars.

levels/, levels.csv              classifiers that never contradict each other, and their answers for the stars held out
parameters/, parameters.csv    models of Teff, log g, [Fe/H], [alpha/Fe], and their answers with the ends of their intervals
metrics.json                   ``class_levels``, ``class_parameters``
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...classify.internal import (
    class_labels,
    cross_validate_levels,
    score_levels,
    stage_borders,
)
from ...classify.levels import load_levels, save_levels, train_levels
from ...classify.parameters import (
    cross_validate_parameters,
    load_parameters,
    save_parameters,
    score_parameters,
    train_parameters,
)
from ...core import InputError, check_name
from ...core.internal import join_names
from ...data import LabelTable
from ...surveys.internal import read_parameters
from .._folder import RunFolder
from ._data import PARAMETERS, ClassData

__all__ = [
    "UNITS",
    "check_levels",
    "finer_answers",
    "train_levels_run",
    "train_parameters_run",
    "with_parameters",
]

UNITS = {"teff": "K", "logg": "dex", "fe_h": "dex", "alpha_fe": "dex"}
KEYS = ("file", "obsid", "id")
LEAST = 12  # training stars of a finer class; rarer ones are joined or left out
FACTS = ["id", "file", "obsid", "snr"]


def with_parameters(data: ClassData, labels: Path, columns: Mapping[str, str] | None = None) -> ClassData:
    """Add parameters from a catalogue, joined by the names of files (without folders), by obsid or by designation.

    Parameters
    ----------
    labels : path
        Any table that `luxjax.surveys.read_catalog` reads.
    columns : mapping of str to str, optional
        What the catalogue calls a parameter, or ``file``, ``obsid``, ``id``.
    data : ClassData
        Spectra and their features, as from `lamost_data`.
    """
    table, _ = read_parameters(labels, PARAMETERS, columns)
    names = [n for n in PARAMETERS if n in table]
    joined = [_joined(data.table[key], table[key], table[names], key) for key in KEYS if key in table]
    found = max(joined, key=lambda values: int(values.notna().any(axis=1).sum()))
    if not found.notna().any().any():
        keys = [key for key in KEYS if key in table]
        raise InputError(
            f"no spectrum is in {labels} by its column {join_names(keys)}; give the catalogue of these spectra."
        )
    new = data.table.drop(columns=[n for n in names if n in data.table])
    return ClassData(
        data.features, pd.concat([new, found.reset_index(drop=True)], axis=1), data.left_out, data.spectra
    )


def _joined(own: pd.Series, given: pd.Series, values: pd.DataFrame, key: str) -> pd.DataFrame:
    """The values of each spectrum by one key, missing where the catalogue does not have it."""
    own, given = own.astype(str).str.strip(), given.astype(str).str.strip()
    if key == "file":
        own, given = (
            c.map(lambda f: Path(f).name.removesuffix(".gz").removesuffix(".fits")) for c in (own, given)
        )
    first = ~given.duplicated().to_numpy() & (given != "").to_numpy()
    return values[first].set_index(given[first]).reindex(own)


def train_levels_run(
    run: RunFolder,
    data: ClassData,
    levels: Sequence[str],
    split,
    folds: int,
    seed: int,
    *,
    groups: np.ndarray | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Train classifiers of subclass, luminosity class and stage, and evaluate them on stars held out; returns the scores."""
    fit, judge = split[0]
    options["min_per_class"] = LEAST
    if folds:
        found = cross_validate_levels(
            data.features, data.table, levels, folds=folds, seed=seed, groups=groups, **options
        )
        trained, judged = train_levels(data.features, data.table, levels, seed=seed, **options), data.table
    else:
        some = data.select(fit)
        trained = train_levels(some.features, some.table, levels, seed=seed, **options)
        judged = data.table.iloc[judge].reset_index(drop=True)
        found = trained.classify(data.features.select(judge))
    save_levels(trained, run.path / "levels")
    truth = class_labels(judged)
    answers = found.reset_index(drop=True)
    shown = [h for h in trained.names if h != "class"]
    table = pd.concat(
        [judged[FACTS], answers[[c for c in answers if str(c).startswith(tuple(shown))]]], axis=1
    )
    run.write_csv("levels.csv", table.assign(**{f"{h}_truth": truth[h].to_numpy() for h in shown}))
    ids = judged["id"].to_numpy()
    scores = score_levels(answers[[c for c in answers if str(c).startswith(tuple(shown))]], truth, ids, seed=seed)  # fmt: skip
    entry: dict[str, Any] = {"scores": {h: {"spectra": 0} for h in shown} | scores.to_dict(orient="index")}
    if "logg" in judged and any(str(c).startswith("stage_p_") for c in table):
        borders = stage_borders(answers, judged["logg"], ids=ids, seed=seed)
        entry["stage_borders"] = borders.to_dict(orient="records")
    return entry | {"notes": trained.notes.to_dict(orient="records")}


def train_parameters_run(
    run: RunFolder, data: ClassData, split, folds: int, seed: int, groups: np.ndarray | None = None
) -> dict[str, Any]:
    """Train models of the parameters that are known, and evaluate them on stars held out; returns the scores."""
    names = [n for n in PARAMETERS if n in data.table and data.table[n].notna().any()]
    if not names:
        raise InputError("no star has parameters; give a catalogue of them, or simulated stars.")
    value = data.table[names].to_numpy(float)
    labels = LabelTable(
        value,
        np.where(np.isfinite(value), 1.0, np.nan),
        tuple(names),
        data.features.ids,
        {n: UNITS[n] for n in names},
    )
    fit, judge = split[0]
    if folds:
        found = cross_validate_parameters(data.features, labels, names, folds=folds, seed=seed, groups=groups)
        trained, rows = train_parameters(data.features, labels, names, seed=seed), np.arange(len(value))
    else:
        trained = train_parameters(data.features.select(fit), labels.select(fit), names, seed=seed)
        found, rows = trained.predict(data.features.select(judge)), judge
    save_parameters(trained, run.path / "parameters")
    judged = data.table.iloc[rows].reset_index(drop=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        against = {"log10_snr": np.log10(judged["snr"].to_numpy(float))}
    scores = score_parameters(found, labels.select(rows), against=against, seed=seed)
    table = pd.concat([judged[FACTS], found.reset_index(drop=True)], axis=1)
    run.write_csv("parameters.csv", table.assign(**{f"{n}_truth": judged[n] for n in names}))
    return {"level": trained.coverage, "scores": scores.to_dict(orient="index")}


def finer_answers(run: RunFolder, coverage: float) -> Callable[[ClassData], list[pd.DataFrame]]:
    """What the run's levels and parameters say of spectra, as far as it has them, row for row."""
    place = run.path / ("levels" if (run.path / "levels").is_dir() else "heads")  # as it was called
    levels = load_levels(place) if place.is_dir() else None
    parameters = load_parameters(run.path / "parameters") if (run.path / "parameters").is_dir() else None

    def answers(data: ClassData) -> list[pd.DataFrame]:
        parts = []
        if levels is not None:
            found = levels.classify(data.features, coverage=coverage)
            parts.append(found[[c for c in found if not str(c).startswith("class")]].reset_index(drop=True))
        if parameters is not None:
            parts.append(parameters.predict(data.features).reset_index(drop=True))
        return parts

    return answers


def check_levels(levels: Sequence[str]) -> None:
    """Raise on class levels that do not exist."""
    for level in levels:
        check_name("class level", level, ("subclass", "luminosity", "stage"))
