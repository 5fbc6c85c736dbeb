"""Classes of every spectrum of a dataset, and what they rest on, by the classifier of a run."""

import hashlib
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...classify import Classifier, load_classifier
from ...core import Progress
from .._folder import RunFolder
from ._data import ClassData, read_class_data
from ._dataset import Answers, ClassTable, fill_classes
from ._reasons import explain_classes
from ._train import class_answers

if TYPE_CHECKING:
    from ...dataset import Dataset

__all__ = ["classify_dataset", "explain_class_dataset"]

BACKGROUND = 100  # training spectra that estimators other than trees are explained against


def classify_dataset(
    run: RunFolder,
    dataset: "Dataset",
    to: str | os.PathLike,
    *,
    coverage: float = 0.9,
    need_class: bool = True,
    spectra_name: str | None = None,
    progress: bool | Progress | None = None,
) -> ClassTable:
    """Classes of every spectrum of a dataset, in a folder of parquet files that is written incrementally.

    Spectra are read ahead of the one block in use, so memory does not depend on how many there are. It may be killed at any
    moment: the same call resumes after the last part that is there, to the same files.

    Parameters
    ----------
    run : RunFolder
        Run of the classifier.
    dataset : Dataset
        All of it, or a selection.
    to : path or str
        A new folder, or that of an earlier call with the same run, spectra and settings.
    coverage : float
        Chance with which a set holds the true class.
    need_class : bool
        Whether to leave out spectra that the survey did not classify as a star of class O to M.
    spectra_name : str, optional
        Output to classify by. Default: the only one that is of spectra.
    progress : bool or Progress, optional
        True shows the spectra that are done on standard error; a function is called with ``("stars", done, total)``.

    Raises
    ------
    InputError
        The folder holds classes by another classifier, of other spectra or with other settings.
    """
    answers = Answers("classes", class_answers(run, coverage), _digest(run), {"coverage": coverage})
    return fill_classes(dataset, to, answers, progress=progress, **_how(run, need_class, spectra_name))


def explain_class_dataset(
    run: RunFolder,
    dataset: "Dataset",
    to: str | os.PathLike,
    *,
    need_class: bool = True,
    spectra_name: str | None = None,
    seed: int = 0,
    progress: bool | Progress | None = None,
) -> ClassTable:
    """What the class of every spectrum of a dataset rests on: Shapley values of the families of features for the likeliest class.

    The columns ``from_`` with each family and ``base`` add up to the output of the classifier for the class, which the facts of
    the folder name; options as for `classify_dataset`.
    """
    classifier = load_classifier(run.path / "classifier")
    rows = _attributions(classifier, read_class_data(run), seed)
    answers = Answers("explanations of classes", rows, _digest(run), {"seed": seed})
    return fill_classes(dataset, to, answers, progress=progress, **_how(run, need_class, spectra_name))


def _attributions(
    classifier: Classifier, trained: ClassData, seed: int
) -> Callable[[ClassData], pd.DataFrame]:
    background = trained.features.select(slice(None, None, max(1, len(trained.table) // BACKGROUND)))
    families = list(dict.fromkeys(classifier.families.values()))
    member = np.array(list(classifier.families.values()))

    def rows(data: ClassData) -> pd.DataFrame:
        found = classifier.classify(data.features)[["class", "probability"]].reset_index(drop=True)
        if not len(found):
            return found.assign(base=0.0, **{f"from_{name}": 0.0 for name in families})
        shapley = explain_classes(classifier, data.features, background=background, seed=seed)
        at = pd.Index(shapley.labels).get_indexer(pd.Index(found["class"]))
        own = shapley.values[np.arange(len(at)), :, at]
        sums = {f"from_{name}": own[:, member == name].sum(axis=1) for name in families}
        return found.assign(base=shapley.base[at], **sums)

    return rows


def _how(run: RunFolder, need_class: bool, spectra_name: str | None) -> dict[str, Any]:
    """Spectra are treated as those of the training were."""
    trained = run.config
    return {
        "need_class": need_class,
        "spectra_name": spectra_name or trained.get("spectra_name") or None,
        "reject_cosmic_rays": bool(trained.get("reject_cosmic_rays", trained.get("clean", False))),
    }


def _digest(run: RunFolder) -> str:
    """What tells the classifiers of a run from those of others."""
    total = hashlib.sha256()
    for folder in ("classifier", "levels", "heads", "parameters"):
        for file in sorted((run.path / folder).rglob("*")):
            if file.is_file():
                total.update(f"{file.relative_to(run.path)}\0".encode() + file.read_bytes())
    return total.hexdigest()[:32]
