"""Classifiers on disk: a folder with readable JSON, plain arrays and the estimator. Loading one never runs code."""

import os
from pathlib import Path

import numpy as np

from ..core import check_name
from ..files.internal import FolderKind
from ._classifier import Classifier
from .calibration._calibrators import CALIBRATORS
from .calibration._sets import ConformalSets
from .estimators._estimators import ESTIMATORS
from .estimators._files import ESTIMATOR_ENDINGS, checked_families, read_estimator, write_estimator

__all__ = ["CLASSIFIER_FOLDER", "load_classifier", "save_classifier"]

CLASSIFIER_FOLDER = FolderKind(
    "classifier",
    "classifier.json",
    schema=1,
    files=(rf"estimator{ESTIMATOR_ENDINGS}",),
    keys=("luxjax", "classes", "families", "calibrator"),
    remedy="train it again",
)


def save_classifier(classifier: Classifier, folder: str | os.PathLike) -> Path:
    """Write a classifier to a folder; an earlier classifier there is replaced, anything else is refused.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import pandas as pd
    >>> from luxjax.classify import load_classifier, save_classifier, train_classifier
    >>> from luxjax.classify.features import Features
    >>> heat = np.linspace(0.0, 1.999, 120)
    >>> values = pd.DataFrame({"H_beta": heat, "Mg_b": 2 - heat})
    >>> families, none = {"H_beta": "balmer", "Mg_b": "magnesium"}, pd.DataFrame(columns=["row", "id", "reason"])
    >>> features = Features(values, 0.1 + 0 * values, families, np.arange(120).astype(str), np.arange(120), none)
    >>> truth = np.array(["K", "G"])[heat.astype(int)]
    >>> classifier = train_classifier(features, truth, estimator="logistic", seed=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = load_classifier(save_classifier(classifier, f"{folder}/classifier"))
    >>> again.classes
    ('G', 'K')
    """
    header = {
        "classes": list(classifier.classes),
        "families": dict(classifier.families),
        "calibrator": None if classifier.calibrator is None else classifier.calibrator.kind,
        "about": dict(classifier.about),
    }
    arrays: dict[str, np.ndarray] = {}
    if classifier.calibrator is not None:
        arrays |= {f"calibrator/{k}": v for k, v in classifier.calibrator.arrays().items()}
    if classifier.sets is not None:
        arrays["scores"] = classifier.sets.scores
    with CLASSIFIER_FOLDER.replacing(folder) as part:
        CLASSIFIER_FOLDER.put(part, header, arrays)
        write_estimator(classifier.about["estimator"], classifier.estimator, part / "estimator")
    return Path(folder)


def load_classifier(folder: str | os.PathLike) -> Classifier:
    """Read a classifier back; it gives the identical probabilities.

    Raises
    ------
    InputError
        If there is none, it was written by a newer luxjax, or its files are damaged or hold anything but a classifier.
    """
    folder = Path(folder)
    header = CLASSIFIER_FOLDER.read(folder)
    with CLASSIFIER_FOLDER.reading(folder):
        arrays = CLASSIFIER_FOLDER.arrays(folder)
        families = checked_families(header["families"])
        kind = header["calibrator"]
        calibrator = None
        if kind is not None:
            check_name("calibration", kind, CALIBRATORS)
            own = {k.split("/", 1)[1]: v for k, v in arrays.items() if k.startswith("calibrator/")}
            calibrator = CALIBRATORS[kind].from_arrays(own)
        sets = ConformalSets(arrays["scores"]) if "scores" in arrays else None
        name = str(header["about"]["estimator"])
        check_name("estimator", name, ESTIMATORS)
        estimator = read_estimator(name, folder / "estimator", len(families), "classifier")
        return Classifier(estimator, tuple(header["classes"]), families, calibrator, sets, header["about"])
