"""Train a classifier, evaluate it on stars that it has not seen, and write both into a run folder.

classifier/        the classifier, as `luxjax.classify.save_classifier` writes it
predictions.csv    the evaluated spectra: class, probabilities before (raw_) and after (p_) calibration, set, fold
metrics.json       ``classes``: scores with intervals, coverage of the sets, the other estimators on the same stars
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from ...classify import (
    Classifier,
    coverage_band,
    load_classifier,
    save_classifier,
    score_classes,
    train_classifier,
)
from ...classify.internal import (
    CALIBRATORS,
    LEARNED,
    LEAST_OF_A_FOLD,
    ClassScores,
    ConformalSets,
    as_estimator,
    check_savable,
    estimator_from,
    make_estimator,
)
from ...core import InputError, LuxWarning, check_name
from ...stats import binomial_interval
from .._folder import RunFolder
from .._kinds import RunKind
from ._data import ClassData, survey_facts, write_class_data
from ._examples import choose_examples, write_examples
from ._finer import check_levels, finer_answers, train_levels_run, train_parameters_run
from ._groups import check_groups, gap_entry, groups_of

__all__ = [
    "SET_LEVELS",
    "check_class_options",
    "class_answers",
    "class_folds",
    "classify_data",
    "train_classes",
]

KINDS = (
    RunKind(
        "classify train",
        "luxjax classify train",
        "A classifier of spectra, evaluated on stars that it has not seen.",
        {
            "features.npz": "Features of the spectra and their errors, a row per spectrum.",
            "spectra.csv": "What is known of the same spectra, and their part of the split.",
            "left_out.csv": "What could not be used, and why.",
            "class_spectra.npz": "A few spectra of each class, to be looked at.",
            "classifier": "The classifier, as `luxjax.classify.load_classifier` reads it.",
            "predictions.csv": "Classes and probabilities of the stars held out.",
            "levels": "The classifiers of finer classes.",
            "heads": "The same, as written by luxjax 0.1.",
            "levels.csv": "Finer classes of the stars held out.",
            "heads.csv": "The same, as written by luxjax 0.1.",
            "parameters": "The models of atmospheric parameters.",
            "parameters.csv": "Parameters of the stars held out, with intervals.",
        },
        (
            "class_scores",
            "class_probabilities",
            "class_snr",
            "class_sequence",
            "class_finer",
            "class_mistakes",
            "class_losses",
        ),
    ),
)
SET_LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


@runtime_checkable
class Stages(Protocol):
    """Names stages while they run, as `luxjax.cli.Steps` does."""

    def __call__(self, name: str) -> AbstractContextManager[Any]: ...


def check_class_options(options: Mapping[str, Any]) -> None:
    """Check the options of a training before anything is read or written; raises `InputError`."""
    settings = dict(options.get("settings") or {})
    for name in (options["estimator"], *options["compare"]):
        given = settings if name == options["estimator"] else {}
        if name == "cnn":
            raise InputError(
                "estimator 'cnn' sees pixels, not the features measured here; train it in Python on luxjax.classify.features.pixel_features, "
                "or choose another."
            )
        if name != "average":
            made = estimator_from(name, given, 0)
            model = as_estimator(made, seed=0, settings=given if isinstance(made, str) else {})
            if not isinstance(made, str):  # our own can be saved once they are fitted
                check_savable(model, name)
        elif given or options["tune"]:
            make_estimator(name)  # raises: it has none
    for name in options.get("learned") or ():
        check_name("family to learn", name, LEARNED)
    check_name("calibration", options["calibration"], CALIBRATORS)
    check_levels(options["levels"])
    _check_split(options["folds"], options["test_fraction"])
    check_groups(options.get("groups", "star"), options["folds"], bool(options.get("simulate")))


def class_folds(
    data: ClassData,
    *,
    folds: int = 0,
    test_fraction: float = 0.25,
    seed: int = 0,
    groups: np.ndarray | None = None,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows to train on and rows to evaluate, all spectra of a star on one side, classes in equal shares.

    Parameters
    ----------
    data : ClassData
    folds : int
        Every star is evaluated once, by the classifier of its fold; 0 for a single split.
    test_fraction : float
        Share of the stars that a single split evaluates.
    seed : int
    groups : (row,) array, optional
        What stays on one side of every split, such as blocks of the sky. Default: the stars.
    """
    _check_split(folds, test_fraction)
    star = np.unique(data.features.ids if groups is None else groups, return_inverse=True)[1]
    split = StratifiedGroupKFold(folds or round(1 / test_fraction), shuffle=True, random_state=seed)
    parts = list(split.split(star[:, None], data.table["class"], star))
    return parts if folds else parts[:1]


def _check_split(folds: int, test_fraction: float) -> None:
    if folds == 1 or folds < 0:
        raise InputError(f"folds are 0 (one split) or at least 2; given: {folds}.")
    if not 0.05 <= test_fraction <= 0.5:
        raise InputError(f"the share of stars to evaluate is between 0.05 and 0.5; given: {test_fraction}.")


def train_classes(
    run: RunFolder,
    data: ClassData,
    *,
    estimator: str = "average",
    settings: Mapping[str, Any] | None = None,
    learned: Sequence[str] | None = None,
    compare: Sequence[str] = (),
    calibration: str = "temperature",
    balanced: bool = False,
    tune: int = 0,
    folds: int = 5,
    groups: str = "star",
    test_fraction: float = 0.25,
    coverage: float = 0.9,
    levels: Sequence[str] = (),
    parameters: bool = False,
    seed: int = 0,
    stage: Stages,
) -> Mapping[str, Any]:
    """Train a classifier, evaluate it on stars held out, and write both into a run.

    Parameters
    ----------
    run : RunFolder
    data : ClassData
        Data of classes with enough stars, as from `keep_classes`.
    estimator : str
        As for `luxjax.classify.train_classifier`, or the full name of a class, such as ``"sklearn.svm.SVC"``.
    settings : mapping of str to value, optional
        Of the estimator.
    learned, calibration, balanced, tune
        As for `luxjax.classify.train_classifier`.
    compare : sequence of str
        Other estimators, evaluated on the same stars.
    folds, test_fraction
        As for `class_folds`. With folds the saved classifier is trained on all stars.
    groups : "star" or "sky"
        What a fold never divides. With ``"sky"``, blocks of the sky; the estimator is judged in folds by star too, and the metrics have
        the difference.
    coverage : float
        Chance with which a set of ``predictions.csv`` holds the true class.
    levels : sequence of str
        Levels to train and evaluate too: ``"subclass"``, ``"luminosity"``, ``"stage"``.
    parameters : bool
        Whether Teff, log g, [Fe/H] and [alpha/Fe] are too, as far as the table of the data has them.
    seed : int
    stage : callable
        Names each stage while it runs.

    Returns
    -------
    mapping
        What ``metrics.json`` holds.
    """
    blocks = groups_of(data, groups, folds)
    split: dict[str, Any] = {"folds": folds, "test_fraction": test_fraction, "seed": seed}
    parts = class_folds(data, groups=blocks, **split)
    how: dict[str, Any] = {"calibration": calibration, "balanced": balanced, "learned": learned}
    options = {**how, "seed": seed}
    given = dict(settings or {})
    asked = {"estimator": estimator_from(estimator, given, seed), "tune": tune}
    asked |= given if isinstance(asked["estimator"], str) else {}
    with stage(f"train {estimator} and evaluate it on stars held out") as told:
        judged, trained = _judged(data, parts, coverage, told, **asked, **options)
    gap: Mapping[str, Any] = {}
    if blocks is not None:
        with stage(f"evaluate {estimator} in folds by star too") as told:
            plain, _ = _judged(data, class_folds(data, **split), coverage, told, **asked, **options)  # fmt: skip
            gap = gap_entry(judged, plain, blocks, seed)
    others = {}
    for name in compare:
        with stage(f"train and evaluate {name}") as told:
            other, _ = _judged(
                data,
                parts,
                coverage,
                told,
                estimator=estimator_from(name, {}, seed),
                tune=tune if name != "average" else 0,
                **options,
            )
            others[name] = _entry(_scores(other, seed))
    classifier = trained[0]
    if folds:
        with stage(f"train {estimator} on all stars"):
            truth = list(data.table["class"])
            classifier = train_classifier(data.features, truth, **asked, **options)
    part = np.full(len(data.table), "train", dtype=object)
    part[judged["row"]] = [f"fold {k}" for k in judged["fold"]] if folds else "test"
    write_class_data(run, replace(data, table=data.table.assign(part=part)))
    write_examples(run, data, choose_examples(judged))
    save_classifier(classifier, run.path / "classifier")
    run.write_csv(
        "predictions.csv", judged.drop(columns=[c for c in judged if str(c).startswith("in_")] + ["row"])
    )
    classes, scores = list(classifier.classes), _scores(judged, seed)
    metrics: dict[str, Any] = {
        "classes": {
            "names": classes,
            "about": dict(classifier.about),
            "folds": folds,
            "groups": {"by": groups, **gap},
            "level": coverage,
            "spectra": {"trained": int(np.sum(part == "train")) if not folds else len(part), "judged": len(judged)},
            "stars": {"all": int(data.table["id"].nunique()), "judged": int(judged["id"].nunique())},
            "left_out": data.left_out["reason"].value_counts().to_dict(),
            "scores": _entry(scores),
            "by_class": scores.by_class.to_dict(orient="index"),
            "confusion": scores.confusion,
            "uncalibrated": {k: _scores(judged, seed, "raw_")[k] for k in ("ece", "brier", "log_loss")},
            "sets": _coverage(judged, [t.sets for t in trained if t.sets is not None]),
            "others": others,
        }
    }  # fmt: skip
    if levels:
        with stage(f"train and evaluate {', '.join(levels)}"):
            metrics["class_levels"] = train_levels_run(
                run,
                data,
                levels,
                parts,
                folds,
                seed,
                groups=blocks,
                **{k: v for k, v in asked.items() if k != "tune"},
                **how,
            )
    if parameters:
        with stage("train and evaluate models of parameters"):
            try:
                metrics["class_parameters"] = train_parameters_run(run, data, parts, folds, seed, blocks)
            except InputError as error:  # which must not cost the classes
                warnings.warn(f"parameters are not predicted: {error}", LuxWarning, stacklevel=2)
    run.write_metrics({**(run.metrics if run.has("metrics") else {}), **metrics})
    return metrics


def _judged(
    data: ClassData, parts, coverage: float, told, **options
) -> tuple[pd.DataFrame, list[Classifier]]:
    """Every evaluated spectrum with its probabilities and sets, from classifiers that saw no spectrum of its star."""
    truth = data.table["class"].to_numpy(str)
    found, trained = [], []
    for k, (fit, judge) in enumerate(parts):
        told("fold", k + 1, len(parts))
        one = train_classifier(data.features.select(fit), truth[fit], least=LEAST_OF_A_FOLD, **options)
        new = data.features.select(judge)
        raw = replace(one, calibrator=None).probabilities(new).add_prefix("raw_")
        table = pd.concat([one.classify(new, coverage=coverage), raw], axis=1).reset_index(drop=True)
        p = one.probabilities(new).to_numpy()
        codes = pd.Index(one.classes).get_indexer(truth[judge])
        for q in _levels(one.sets):
            inside = one.sets.contains(p, q)  # type: ignore[union-attr]
            table[f"in_{q}"], table[f"in_size_{q}"] = inside[np.arange(len(p)), codes], inside.sum(axis=1)
        facts = data.table.iloc[judge][["id", "file", "obsid", "snr", "subclass", "luminosity"]]
        facts = facts.reset_index(drop=True).assign(truth=truth[judge], fold=k, row=judge)
        found.append(pd.concat([facts, table], axis=1))
        trained.append(one)
    return pd.concat(found, ignore_index=True).sort_values("row", ignore_index=True), trained


def _levels(sets: ConformalSets | None) -> list[float]:
    """Levels that this many calibration stars can support."""
    n = 0 if sets is None else len(sets.scores)
    return [q for q in SET_LEVELS if np.ceil(np.round((n + 1) * q, 9)) <= n]


def _scores(judged: pd.DataFrame, seed: int, prefix: str = "p_") -> ClassScores:
    p = judged[[c for c in judged if str(c).startswith(prefix)]]
    return score_classes(p.rename(columns=lambda c: c.removeprefix(prefix)), judged["truth"], ids=list(judged["id"]), seed=seed)  # fmt: skip


def _entry(scores: ClassScores) -> dict[str, dict[str, float]]:
    return scores.table().to_dict(orient="index")  # type: ignore[return-value]


def _coverage(judged: pd.DataFrame, sets: list[ConformalSets]) -> list[dict[str, float]]:
    """How often sets held the true class, level by level, on one spectrum of each star, with the band of right sets."""
    once = judged.drop_duplicates("id")
    found = []
    for q in [q for q in SET_LEVELS if f"in_{q}" in once and all(q in _levels(s) for s in sets)]:
        inside, n = int(once[f"in_{q}"].sum()), len(once)
        counts = once.groupby("fold").size().to_list()
        low, high = coverage_band(sets, counts, q)
        ends = binomial_interval(inside, n, 0.95)
        found.append({
            "level": q, "inside": inside, "n": n, "fraction": inside / n, "lower": ends.lower, "upper": ends.upper,
            "band_lower": low, "band_upper": high, "size": float(once[f"in_size_{q}"].mean()),
            "empty": float((once[f"in_size_{q}"] == 0).mean()),
        })  # fmt: skip
    return found


def classify_data(run: RunFolder, data: ClassData, *, coverage: float = 0.9) -> pd.DataFrame:
    """Classes of spectra by a classifier trained before.

    Parameters
    ----------
    run : RunFolder
        Run of the classifier.
    data : ClassData
    coverage : float
        Chance with which a set holds the true class.

    Returns
    -------
    pandas.DataFrame
        A row per spectrum: ``id``, ``file``, ``obsid``, ``snr``, the survey's own ``survey_class`` and ``survey_subclass``, then the columns of
        `luxjax.classify.Classifier.classify`, and those of levels and parameters where the run has them.
    """
    return pd.concat([survey_facts(data.table), class_answers(run, coverage)(data)], axis=1)


def class_answers(run: RunFolder, coverage: float) -> Callable[[ClassData], pd.DataFrame]:
    """What a run says of spectra: classes, and those of levels and parameters where it has them, row for row."""
    classifier, more = load_classifier(run.path / "classifier"), finer_answers(run, coverage)

    def answers(data: ClassData) -> pd.DataFrame:
        found = classifier.classify(data.features, coverage=coverage).reset_index(drop=True)
        return pd.concat([found, *more(data)], axis=1)

    return answers
