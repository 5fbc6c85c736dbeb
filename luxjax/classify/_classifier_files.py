"""Classifiers on disk: a folder with readable JSON, plain arrays and the estimator. Loading one never runs code."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core import check_name
from ..files.internal import FolderKind
from ._classifier import Classifier
from ._domain import Domain
from .calibration._calibrators import CALIBRATORS
from .calibration._sets import ConformalSets
from .estimators._average import Average
from .estimators._estimators import AVERAGED
from .estimators._files import ESTIMATOR_ENDINGS, checked_families, read_estimator, write_estimator
from .features import _metadata  # noqa: F401  (registers its families, so that classifiers of them can be loaded)
from .features._learned import learned_arrays, learned_from

__all__ = ["CLASSIFIER_FOLDER", "load_classifier", "save_classifier"]

CLASSIFIER_FOLDER = FolderKind(
    "classifier",
    "classifier.json",
    schema=2,  # 2 added averages and families of features learned from spectra; 1 is read
    files=(rf"estimator(_\w+)?{ESTIMATOR_ENDINGS}",),
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
        "learned": list(classifier.learned),
    }
    arrays = learned_arrays(classifier.learned)
    whole = classifier.estimator
    parts = (
        {f"_{name}": m for name, m in whole.members.items()} if isinstance(whole, Average) else {"": whole}
    )
    if isinstance(whole, Average):
        header["average"] = {"temperatures": dict(whole.temperatures), "weights": dict(whole.weights)}
    if classifier.calibrator is not None:
        arrays |= {f"calibrator/{k}": v for k, v in classifier.calibrator.arrays().items()}
    if classifier.sets is not None:
        arrays["scores"] = classifier.sets.scores
    if classifier.domain is not None:
        arrays |= {f"domain/{k}": v for k, v in classifier.domain.arrays().items()}
    with CLASSIFIER_FOLDER.replacing(folder) as part:
        CLASSIFIER_FOLDER.put(part, header, arrays)
        for name, estimator in parts.items():
            write_estimator(estimator, part / f"estimator{name}")
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
        families = checked_families(header["families"], header.get("learned", []))
        kind = header["calibrator"]
        calibrator = None
        if kind is not None:
            check_name("calibration", kind, CALIBRATORS)
            own = {k.split("/", 1)[1]: v for k, v in arrays.items() if k.startswith("calibrator/")}
            calibrator = CALIBRATORS[kind].from_arrays(own)
        sets = ConformalSets(arrays["scores"]) if "scores" in arrays else None
        learned = learned_from(header.get("learned", []), arrays, folder)
        estimator = _estimator(folder, header, len(families))
        classes = tuple(header["classes"])
        near = {k.removeprefix("domain/"): v for k, v in arrays.items() if k.startswith("domain/")}
        domain = Domain.from_arrays(near) if near else None  # classifiers of luxjax 0.1 have none
        return Classifier(estimator, classes, families, calibrator, sets, header["about"], learned, domain)


def _estimator(folder: Path, header: Mapping[str, Any], n_features: int) -> Any:
    """The estimator, or the average of several."""
    if "average" not in header:
        return read_estimator(folder / "estimator", n_features, "classifier")
    mix = {
        k: {str(n): float(v) for n, v in header["average"][k].items()} for k in ("temperatures", "weights")
    }
    for name in mix["weights"]:
        check_name("member of the average", name, AVERAGED)
    members = {n: read_estimator(folder / f"estimator_{n}", n_features, "classifier") for n in mix["weights"]}
    return Average(members, **mix)
