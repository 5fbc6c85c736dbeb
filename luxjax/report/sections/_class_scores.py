"""Sections of a run with a classifier: how good it is, its surest errors, and what was left out."""

from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from ...plots import plot_confusion
from ...plots.internal import plot_class_curves, save
from ...runs import RunFolder
from .._section import Cell, Section, Shown, Table
from .classes._each import each_class, each_class_shown
from .classes._gap import gap_tables
from .classes._tables import metadata_tables, truth_tables

__all__ = ["class_headline", "class_losses", "class_mistakes", "class_scores", "classes_found", "read_judged"]

ESTIMATORS = {
    "average": "Randomised and boosted trees (averaged)",
    "trees": "Extremely randomised trees",
    "boosting": "Boosted trees",
    "forest": "Random forest",
    "logistic": "Logistic regression",
    "svm": "Support-vector machines",
    "neighbours": "Nearest neighbours",
    "xgboost": "XGBoost",
    "cnn": "Convolutional network",
}
SCORES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy (mean recall)",
    "macro_f1": "Macro F1",
    "matthews": "Matthews correlation",
    "roc_auc": "ROC area (mean of the classes)",
    "average_precision": "Precision-recall area (mean of the classes)",
    "adjacent": "Errors in a neighbouring class",
    "log_loss": "Log loss (nats)",
    "brier": "Brier score",
    "ece": "Calibration error (ECE)",
}
NONE = dict.fromkeys(("value", "lower", "upper", "baseline"))  # a score that an estimator's entry lacks


def classes_found(run: RunFolder) -> dict[str, Any]:
    """What the metrics say of the classes; empty where the run has no classifier."""
    return run.metrics.get("classes") or {} if run.has("metrics") else {}


def read_judged(run: RunFolder) -> pd.DataFrame:
    """The evaluated spectra of a run."""
    text: dict[str, Any] = {c: str for c in ("id", "file", "obsid", "subclass", "luminosity", "truth", "class", "set")}  # fmt: skip
    return pd.read_csv(
        run.file("predictions.csv"), dtype=text, keep_default_na=False, na_values={"snr": [""]}
    )


def _whose(run: RunFolder) -> str:
    """Whose classes are the truth."""
    return "true" if run.config.get("simulate") else "survey's own"


def class_headline(run: RunFolder) -> str:
    """One sentence; nothing where the run has no classifier."""
    found = classes_found(run)
    if not found:
        return ""
    score = found["scores"]["accuracy"]
    folds = f", in {found['folds']} folds" if found["folds"] else ""
    what = ESTIMATORS.get(found["about"]["estimator"], found["about"]["estimator"])
    return (
        f"{what} on spectral features give {score['value']:.1%} ({score['lower']:.1%} to {score['upper']:.1%}) of the spectra "
        f"of {found['stars']['judged']:,} held-out stars their {_whose(run)} class among {', '.join(found['names'])}{folds}."
    )


def class_scores(run: RunFolder) -> Section | None:
    """Scores with intervals, compared with the other estimators and a baseline; recall and precision of each class; confusion."""
    found = classes_found(run)
    if not found:
        return None
    columns = {found["about"]["estimator"]: found["scores"], **found["others"]}
    rows: list[list[str | Cell]] = []
    for key, name in SCORES.items():
        if found["scores"].get(key, {}).get("value") is None:
            continue
        row: list[str | Cell] = [name]
        for scores in columns.values():
            e = scores.get(key, NONE)
            ends = "" if e["lower"] is None else f"{e['lower']:.3f} to {e['upper']:.3f}"
            row.append(Cell("\N{EN DASH}" if e["value"] is None else f"{e['value']:.3f}", ends))
        row.append(
            "\N{EN DASH}"
            if found["scores"][key]["baseline"] is None
            else f"{found['scores'][key]['baseline']:.3f}"
        )
        rows.append(row)
    spectra, stars = found["spectra"], found["stars"]
    how = (
        f"each evaluated once, in {found['folds']} folds"
        if found["folds"]
        else f"trained on {spectra['trained']:,} others"
    )
    whole = Table(
        ["Score", *(ESTIMATORS.get(n, n) for n in columns), "Shares of classes alone"],
        rows,
        f"{spectra['judged']:,} spectra of {stars['judged']:,} stars, {how}; all spectra of a star on one side of every split. "
        "Small print: 95% bootstrap interval over stars. The last column knows only how common classes are.",
    )
    matrix = np.asarray(found["confusion"])
    save(plot_confusion(matrix, found["names"]), run.figures, "classes_confusion")
    save(plot_class_curves(read_judged(run)), run.figures, "classes_curves")
    return Section(
        "Classes",
        tables=(whole, each_class(found), *gap_tables(found), *metadata_tables(found), *truth_tables(found)),
        figures=(
            Shown("classes_confusion.png", "Confusion matrix",
                  "Shares and numbers of the spectra of each true class (row) by the class given (column). Classes are cuts through a "
                  "continuous sequence: errors should lie next to the diagonal.", wide=False),
            Shown("classes_curves.png", "ROC and precision-recall curves of each class against the rest",
                  "Each class against all others, as the threshold on its probability falls. Dashed: guessing. Dotted: precision of "
                  "guessing, the share of the class."),
            *each_class_shown(run, found),
        ),
    )  # fmt: skip


def class_mistakes(run: RunFolder, most: int = 12) -> Section | None:
    """The surest errors: mistakes of the classifier, or of the classes that it was evaluated with."""
    if not classes_found(run):
        return None
    judged = read_judged(run)
    wrong = judged[judged["class"] != judged["truth"]].sort_values("probability", ascending=False)
    if wrong.empty:
        return None
    rows: list[list[str | Cell]] = []
    for _, r in wrong.head(most).iterrows():
        snr = f"{r['snr']:.0f}" if np.isfinite(r["snr"]) else ""
        given = [r["class"], f"{r['probability']:.2f}", f"{r['p_' + r['truth']]:.2f}"]
        rows.append([r["id"], r["subclass"] or r["truth"], *given, snr])
    caption = (
        f"The {len(rows)} of {len(wrong):,} errors that the classifier was surest of. Look at these spectra: some are mistakes of "
        "the classifier, some of the class in the file. All are in predictions.csv."
    )
    table = Table(["Star", "Its class", "Class given", "Probability", "of its class", "S/N"], rows, caption)
    return Section("Surest errors", tables=(table,))


def class_losses(run: RunFolder) -> Section | None:
    """What was left out, and why."""
    found = classes_found(run)
    if not found:
        return None
    lost = pd.read_csv(run.file("left_out.csv"), dtype=str, keep_default_na=False)
    if lost.empty:
        return Section("Left out", "Nothing was left out.")
    wrap = Markup('<span class="words">{}</span>').format
    if len(lost) <= 30:
        named: list[list[str | Cell]] = [
            [f.rsplit("/", 1)[-1] or i, wrap(r)] for f, i, r in lost.itertuples(index=False)
        ]
        table = Table(["File", "Reason"], named)
    else:
        counts = lost["reason"].value_counts()
        rows: list[list[str | Cell]] = [[wrap(str(r)), f"{n:,}"] for r, n in counts.items()]
        table = Table(["Reason", "Spectra"], rows[:40], "Every file with its reason is in left_out.csv.")
    said = f"{len(lost):,} {'file or spectrum was' if len(lost) == 1 else 'files or spectra were'} not used."
    return Section("Left out", said, tables=(table,))
