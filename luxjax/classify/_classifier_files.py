"""Classifiers on disk: a folder with readable JSON, plain arrays and the estimator. Loading one never runs code."""

import json
import os
from pathlib import Path

import numpy as np

from ..core import check_name
from ..files.internal import read_header, replaced_folder
from ._classifier import Classifier
from .calibration._calibrators import CALIBRATORS
from .calibration._sets import ConformalSets
from .estimators._estimators import ESTIMATORS
from .estimators._files import checked_families, read_estimator, refusing_damage, write_estimator

__all__ = ["load_classifier", "save_classifier"]

SCHEMA = 1
HEADER = "classifier.json"


def save_classifier(classifier: Classifier, folder: str | os.PathLike) -> Path:
    """Write a classifier to a folder; an earlier classifier there is replaced, anything else is refused."""
    from .. import __version__

    header = {
        "schema": SCHEMA,
        "luxjax": __version__,
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
    with replaced_folder(folder, HEADER, "classifier") as part:
        (part / HEADER).write_text(json.dumps(header, indent=1) + "\n", encoding="utf-8")
        np.savez(part / "arrays.npz", **arrays)  # type: ignore[arg-type]
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
    header = read_header(folder, HEADER, "classifier", SCHEMA)
    with refusing_damage(folder, "classifier"):
        with np.load(folder / "arrays.npz", allow_pickle=False) as file:
            arrays = {k: file[k] for k in file.files}
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
