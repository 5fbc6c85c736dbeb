"""Reasons of the classes of a run: rankings on stars held out, the claim about metals and Balmer lines, and single spectra.

reasons/             all that was found (see `luxjax.runs.classes._reason_files`, ``_maps`` and ``_single``)
reasons/trained.csv  scores of the classifiers trained without a family, and with it alone
metrics.json         ``classes_explained`` and ``classes_maps``
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from ...classify import Classifier, ablate_families, load_classifier, train_classifier
from ...classify.internal import ESTIMATORS, LEAST_OF_A_FOLD, SEQUENCE, FamilyAblation
from ...core import InputError
from ...surveys.internal import parse_subclass
from .._folder import RunFolder
from .._kinds import RunKind
from ._data import ClassData, read_class_data
from ._examples import find_examples
from ._maps import lay_out
from ._reason_files import write_reasons
from ._reasons import ClassReasons, class_reasons, explain_classes, explained_member
from ._single import write_single_spectra
from ._train import Stages

__all__ = ["explain_class_run"]

KINDS = (
    RunKind(
        "classify explain",
        "luxjax classify explain",
        "Which features the classes of a run rest on, on stars that the classifier has not seen.",
        {
            "reasons": "Rankings of features, Shapley values, maps, and the spectra that have a page.",
            "class_*.html": "The page of a single spectrum.",
        },
        ("class_why", "class_maps"),
    ),
)

MOST = 1500  # evaluated spectra that are explained, and
BACKGROUND = 200  # training spectra that features are drawn from where trees do not tell


def explain_class_run(
    run: RunFolder,
    *,
    spectra: Sequence[str] = (),
    retrain: bool = True,
    n_repeats: int = 5,
    seed: int = 0,
    stage: Stages,
) -> tuple[ClassReasons, list[Path]]:
    """Rank features on stars that the classifier has not seen, test the claim, and explain single spectra.

    `luxjax.report.render` draws the pages.

    Parameters
    ----------
    run : RunFolder
        Run of a trained classifier.
    spectra : sequence of str
        Identifiers of stars, or obsids, that get a page. Default: some of each class.
    retrain : bool
        Whether to train without each family and with it alone: the one test that allows for features that stand in for
        others, and the slow one.
    n_repeats : int
        Permutations to average over.
    seed : int
    stage : callable
        Names each stage while it runs.

    Returns
    -------
    reasons : ClassReasons
    pages : list of Path
        Pages of single spectra, which `luxjax.report.render` writes.
    """
    data = read_class_data(run)
    examples = find_examples(run, data.table, spectra)
    train, test, options = _parts(run, data)
    with stage("take the classifier"):
        classifier = _classifier(run, train, options)
    train, test = (_told_by(part, classifier) for part in (train, test))
    rows = np.sort(np.random.default_rng(seed).permutation(len(test.table))[:MOST])
    test = test.select(rows)
    ablation = None
    if retrain:
        with stage("train without each family, and with it alone"):
            given = list(train.table["class"])
            ablation = ablate_families(train.features, given, folds=3, seed=seed, **options)
    background = train.features.select(slice(None, None, max(1, len(train.table) // BACKGROUND)))
    heat, word = _heat(test.table)
    with stage(f"Shapley values and permutations of {len(test.table)} spectra held out"):
        truth = list(test.table["class"])
        # Stars of like subclass are of one class, of which nothing could be lost: only a temperature will do.
        like = {word: heat} if word == "Teff" else {}
        how: dict[str, Any] = {"like": like, "ablation": ablation, "background": background}
        reasons = class_reasons(classifier, test.features, truth, **how, n_repeats=n_repeats, seed=seed)
    with stage("lay the stars out on maps"):
        lay_out(run, classifier.complete(test.features), test.table["class"].to_numpy(str), heat, word, seed)
    with stage("write them and explain single spectra"):
        _write(run, classifier, reasons, test, ablation)
        names: list[str] = []
        if examples is not None:
            few = classifier.complete(data.select(examples.rows).features)
            shapley = explain_classes(classifier, few, background=background, seed=seed)
            found = classifier.classify(few, coverage=run.metrics["classes"]["level"])
            names = write_single_spectra(run, data, examples, few, found, shapley)
    return reasons, [run.path / f"{name}.html" for name in names]


def _parts(run: RunFolder, data: ClassData) -> tuple[ClassData, ClassData, dict[str, Any]]:
    """Training stars, stars held out, and how to train: in folds, those of the first."""
    if "part" not in data.table or not run.has("metrics"):
        raise InputError(f"the run {run.path} has no finished training; run classify train again.")
    held = data.table["part"].isin(["test", "fold 0"]).to_numpy()
    about = run.metrics["classes"]["about"]
    options = {k: about[k] for k in ("calibration", "balanced")} | {"learned": about.get("learned", [])}
    if about["estimator"] in ESTIMATORS:
        options |= {"estimator": about["estimator"], **(about.get("settings") or {})}
    else:  # never the class that a file names, which would be imported, but what was read safely
        options["estimator"] = clone(load_classifier(run.path / "classifier").estimator)
    return data.select(~held), data.select(held), options


def _classifier(run: RunFolder, train: ClassData, options: dict[str, Any]) -> Classifier:
    """The run's own; after folds it has seen all stars, so one is trained that has not seen those of the first fold."""
    if not run.metrics["classes"]["folds"]:
        return load_classifier(run.path / "classifier")
    return train_classifier(
        train.features, list(train.table["class"]), seed=run.seed, least=LEAST_OF_A_FOLD, **options
    )


def _told_by(data: ClassData, classifier: Classifier) -> ClassData:
    """Without families of which no training star has a feature, such as those beyond the ends of its spectra."""
    silent = {*data.features.families.values()} - {*classifier.families.values()}
    return replace(data, features=data.features.without(*silent)) if silent else data


def _heat(table: pd.DataFrame) -> tuple[np.ndarray, str]:
    """The temperature of each star, or else its place in the sequence by subclass."""
    if "teff" in table and np.isfinite(table["teff"]).any():
        return table["teff"].to_numpy(float), "Teff"
    parsed = parse_subclass(table["subclass"])
    place = parsed["main"].map({c: 10.0 * k for k, c in enumerate(SEQUENCE)})
    return (place + parsed["subtype"]).to_numpy(float), "subclass"


def _write(
    run: RunFolder,
    classifier: Classifier,
    reasons: ClassReasons,
    test: ClassData,
    ablation: FamilyAblation | None,
) -> None:
    write_reasons(run, reasons)
    if ablation is not None:
        run.write_csv("reasons/trained.csv", ablation.scores.rename_axis("classifier").reset_index())
    entry = {
        "spectra": len(test.table),
        "stars": int(test.table["id"].nunique()),
        "output": reasons.shapley.output,
        "member": explained_member(classifier),
        "noise": None if ablation is None else ablation.noise,
        "words": reasons.comparison.words,
        "claim": reasons.comparison.claim.to_dict(orient="index"),
    }
    run.write_metrics({**run.metrics, "classes_explained": entry})
