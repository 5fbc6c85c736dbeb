"""More than the main class: subclass, luminosity class and stage, and atmospheric parameters, trained and judged on the same stars.

levels/, levels.csv              classifiers that never contradict each other, and their answers for the stars held out
parameters/, parameters.csv    models of Teff, log g, [Fe/H], [alpha/Fe], and their answers with the ends of their intervals
metrics.json                   ``class_levels``, ``class_parameters``
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from ...classify.internal import class_labels, cross_validate_levels
from ...classify.levels import load_levels, save_levels, train_levels
from ...classify.parameters import (
    cross_validate_parameters,
    load_parameters,
    save_parameters,
    score_parameters,
    train_parameters,
)
from ...core import InputError, check_name
from ...data import LabelTable
from ...plots import one_to_one
from ...plots.internal import label_html, number, save, share_interval
from ...runs import RunFolder
from ...runs.internal import PARAMETERS, ClassData
from .._section import Cell, Section, Shown, Table

__all__ = [
    "check_levels",
    "class_more",
    "more_answers",
    "train_levels_run",
    "train_parameters_run",
    "with_parameters",
]

UNITS = {"teff": "K", "logg": "dex", "fe_h": "dex", "alpha_fe": "dex"}
OTHER_NAMES = {"feh": "fe_h", "alpha_m": "alpha_fe", "filename": "file"}
LEAST = 12  # training stars of a finer class; rarer ones are joined or left out
FACTS = ["id", "file", "obsid", "snr"]


def with_parameters(data: ClassData, labels: Path) -> ClassData:
    """Parameters from a catalogue, CSV, joined by its column ``obsid``, ``id`` or ``file`` (also ``filename``, without folders)."""
    if not Path(labels).is_file():
        raise InputError(
            f"there is no catalogue {labels}; give a CSV file with columns such as teff, logg, fe_h."
        )
    table = pd.read_csv(labels, dtype={"obsid": str, "id": str}, low_memory=False).rename(columns=OTHER_NAMES)
    names = [n for n in PARAMETERS if n in table]
    keys = [k for k in ("file", "obsid", "id") if k in table]
    if not names or not keys:
        raise InputError(
            f"{labels} needs a column file, obsid or id and one of {', '.join(PARAMETERS)}; it has {', '.join(table.columns)}."
        )
    own = data.table[keys[0]].astype(str)
    given = table[keys[0]].astype(str)
    if keys[0] == "file":
        own, given = (c.map(lambda f: Path(f).name.removesuffix(".gz")) for c in (own, given))
    found = table[names].apply(pd.to_numeric, errors="coerce").where(lambda v: v > -900)
    found = found[~given.duplicated().to_numpy()].set_index(given[~given.duplicated()]).reindex(own)
    if not found.notna().any().any():
        raise InputError(
            f"no spectrum is in {labels} by its column '{keys[0]}'; give the catalogue of these spectra."
        )
    new = data.table.drop(columns=[n for n in names if n in data.table])
    return ClassData(
        data.features, pd.concat([new, found.reset_index(drop=True)], axis=1), data.left_out, data.spectra
    )


def train_levels_run(
    run: RunFolder, data: ClassData, levels: Sequence[str], split, folds: int, seed: int, **options: Any
) -> dict[str, Any]:
    """Train classifiers of subclass, luminosity class and stage, and judge them on stars held out; returns the scores."""
    fit, judge = split[0]
    options["min_per_class"] = LEAST
    if folds:
        found = cross_validate_levels(data.features, data.table, levels, folds=folds, seed=seed, **options)
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
    entry = {h: _level(answers[h], truth[h], judged["id"]) for h in shown}
    notes = trained.notes.to_dict(orient="records")
    return {"scores": entry, "notes": notes}


def _level(answer: pd.Series, truth: pd.Series, ids: pd.Series) -> dict[str, Any]:
    """How often an answer is right where both are known, beside the commonest answer; joined subclasses hold a range."""
    known = ((truth != "") & (answer != "")).to_numpy()
    if not known.any():
        return {"spectra": 0}
    given, true, who = answer[known], truth[known], ids[known]
    right = pd.Series([_holds(g, t) for g, t in zip(given, true, strict=True)], index=who.index)
    share, ends = share_interval(right, who)
    entry = {"spectra": int(known.sum()), "right": share, "lower": ends.lower, "upper": ends.upper}
    return entry | {"baseline": float(true.value_counts(normalize=True).iloc[0])}


def _holds(given: str, true: str) -> bool:
    """Whether a label, or a range of subclasses such as F0-F4, holds another."""
    low, _, high = given.partition("-")
    return low <= true <= (high or low)


def train_parameters_run(run: RunFolder, data: ClassData, split, folds: int, seed: int) -> dict[str, Any]:
    """Train models of the parameters that are known, and judge them on stars held out; returns the scores."""
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
        found = cross_validate_parameters(data.features, labels, names, folds=folds, seed=seed)
        trained, rows = train_parameters(data.features, labels, names, seed=seed), np.arange(len(value))
    else:
        trained = train_parameters(data.features.select(fit), labels.select(fit), names, seed=seed)
        found, rows = trained.predict(data.features.select(judge)), judge
    save_parameters(trained, run.path / "parameters")
    scores = score_parameters(found, labels.select(rows), seed=seed)
    judged = data.table.iloc[rows].reset_index(drop=True)
    table = pd.concat([judged[FACTS], found.reset_index(drop=True)], axis=1)
    run.write_csv("parameters.csv", table.assign(**{f"{n}_truth": judged[n] for n in names}))
    return {"level": trained.coverage, "scores": scores.to_dict(orient="index")}


def more_answers(run: RunFolder, data: ClassData, coverage: float) -> pd.DataFrame:
    """Answers of the run's levels and parameters, where it has them, row for row."""
    parts = [pd.DataFrame(index=range(len(data.table)))]
    levels = run.path / ("levels" if (run.path / "levels").is_dir() else "heads")  # as it was called
    if levels.is_dir():
        found = load_levels(levels).classify(data.features, coverage=coverage)
        parts.append(found[[c for c in found if not str(c).startswith("class")]].reset_index(drop=True))
    if (run.path / "parameters").is_dir():
        parts.append(load_parameters(run.path / "parameters").predict(data.features).reset_index(drop=True))
    return pd.concat(parts, axis=1)


def class_more(run: RunFolder) -> Section | None:
    """The section of the page; None for runs that have neither."""
    metrics = run.metrics if run.has("metrics") else {}
    levels, parameters = (
        metrics.get("class_levels") or metrics.get("class_heads"),
        metrics.get("class_parameters"),
    )
    tables = ([] if not levels else [_levels_table(levels)]) + (
        [] if not parameters else [_parameters_table(parameters)]
    )
    figures: tuple[Shown, ...] = ()
    if parameters:
        names = list(parameters["scores"])
        table = pd.read_csv(run.file("parameters.csv"))
        half = {f"{n}_err": (table[f"{n}_upper"] - table[f"{n}_lower"]) / 2 for n in names}
        frame = table.assign(**half).rename(columns={f"{n}_truth": f"{n}_true" for n in names})
        save(one_to_one(frame, names, "true", UNITS), run.figures, "classes_parameters")
        whose = "true ones" if run.config.get("simulate") else "those of the catalogue"
        caption = f"Parameters of the stars held out against {whose}. A cloud flatter than the dashed line is shrinkage to the mean."
        figures = (Shown("classes_parameters.png", "Predicted against known parameters", caption),)
    return Section("Finer classes and parameters", tables=tuple(tables), figures=figures) if tables else None


def _levels_table(found: dict[str, Any]) -> Table:
    rows: list[list[str | Cell]] = []
    for level, e in found["scores"].items():
        if e["spectra"]:
            right = Cell(f"{e['right']:.1%}", f"{e['lower']:.1%} to {e['upper']:.1%}")
            rows.append([level.capitalize(), f"{e['spectra']:,}", right, f"{e['baseline']:.1%}"])
    caption = "Where both are known. Rare subclasses were joined with their neighbours: a range that holds the true one is right. Small print: 95% interval."
    return Table(["Level", "Spectra", "Right", "Commonest answer"], rows, caption)


def _parameters_table(found: dict[str, Any]) -> Table:
    rows: list[list[str | Cell]] = []
    for name, e in found["scores"].items():
        unit = UNITS.get(name, "")
        rows.append([
            Markup(label_html(name)), f"{e['n']:,.0f}",
            Cell(f"{number(e['mae'])} {unit}", f"{number(e['mae_lower'], like=e['mae'])} to {number(e['mae_upper'], like=e['mae'])}"),
            number(e["bias"], like=e["mae"], signed=True), number(e["baseline"], like=e["mae"]),
            Cell(f"{e['coverage']:.1%}", f"{e['coverage_lower']:.1%} to {e['coverage_upper']:.1%}"), f"{number(e['width'])} {unit}",
        ])  # fmt: skip
    head = [
        "Parameter",
        "Spectra",
        "Mean |error|",
        "Bias",
        "Mean |error| of a constant",
        f"In {found['level']:.0%} intervals",
        "Width",
    ]
    return Table(
        head,
        rows,
        "Small print: 95% intervals, bootstrap over stars (exact for the coverage). Width: median of the intervals.",
    )


def check_levels(levels: Sequence[str]) -> None:
    """Raise on class levels that do not exist."""
    for level in levels:
        check_name("class level", level, ("subclass", "luminosity", "stage"))
