"""Classifiers on disk: a folder with readable JSON, plain arrays and the trees. Loading one never runs code.

Estimators are stored by skops, which rebuilds known scikit-learn types from arrays and refuses everything else, XGBoost's in
its own JSON. Trees are walked by compiled code that trusts their node numbers, so these are checked before first use.
"""

import json
import os
from pathlib import Path

import numpy as np

from ..core import InputError, check_name, read_header, replaced_folder
from ._calibrators import CALIBRATORS
from ._classifier import Classifier
from ._estimators import ESTIMATORS, make_estimator
from ._features import FAMILIES
from ._sets import ConformalSets

__all__ = ["load_classifier", "save_classifier"]

SCHEMA = 1
HEADER = "classifier.json"
# skops leaves these to the reader: nodes of trees are checked below, and the type of an array holds no code.
CHECKED = (
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
    "numpy.dtype",
)


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
        if classifier.about["estimator"] == "xgboost":
            classifier.estimator.save_model(part / "estimator.json")
        else:
            (part / "estimator.skops").write_bytes(_skops().dumps(classifier.estimator))
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
    try:
        with np.load(folder / "arrays.npz", allow_pickle=False) as file:
            arrays = {k: file[k] for k in file.files}
        families = {str(k): str(v) for k, v in header["families"].items()}
        for name, family in families.items():
            check_name(f"family of feature '{name}'", family, FAMILIES)
        kind = header["calibrator"]
        calibrator = None
        if kind is not None:
            check_name("calibration", kind, CALIBRATORS)
            own = {k.split("/", 1)[1]: v for k, v in arrays.items() if k.startswith("calibrator/")}
            calibrator = CALIBRATORS[kind].from_arrays(own)
        sets = ConformalSets(arrays["scores"]) if "scores" in arrays else None
        estimator = _estimator(folder, str(header["about"]["estimator"]), len(families))
        return Classifier(estimator, tuple(header["classes"]), families, calibrator, sets, header["about"])
    except InputError:
        raise
    except Exception as error:  # a damaged file fails anywhere in three libraries, each in its own way
        raise InputError(f"the classifier at '{folder}' is damaged ({error}); train it again.") from error


def _estimator(folder: Path, name: str, n_features: int):
    check_name("estimator", name, ESTIMATORS)
    if name == "xgboost":
        estimator = make_estimator(name)
        estimator.load_model(folder / "estimator.json")
        return estimator
    io = _skops()
    content = (folder / "estimator.skops").read_bytes()
    foreign = [t for t in io.get_untrusted_types(data=content) if t not in CHECKED]
    if foreign:
        raise InputError(
            f"the classifier at '{folder}' holds {', '.join(foreign)}, which no classifier of luxjax does; it was not loaded."
        )
    estimator = io.loads(content, trusted=list(CHECKED))
    for trees in getattr(estimator, "_predictors", []):
        for tree in trees:
            leaf = tree.nodes["is_leaf"] != 0
            _check_nodes(
                leaf, (tree.nodes["left"], tree.nodes["right"]), tree.nodes["feature_idx"], n_features
            )
            if np.any(tree.nodes["is_categorical"]):
                raise ValueError("a tree splits by categories, which features do not have")
    for one in getattr(estimator, "estimators_", []):
        nodes = one.tree_
        _check_nodes(
            nodes.children_left == -1, (nodes.children_left, nodes.children_right), nodes.feature, n_features
        )
    return estimator


def _check_nodes(
    leaf: np.ndarray, children: tuple[np.ndarray, ...], feature: np.ndarray, n_features: int
) -> None:
    """Children come after their parent and are nodes of the same tree, and features exist, so that every walk ends."""
    parent = np.flatnonzero(~leaf)
    for child in (side[parent].astype(np.int64) for side in children):
        if np.any(child <= parent) or np.any(child >= len(leaf)):
            raise ValueError("a tree has a branch that leads nowhere")
    if np.any(feature[parent] < 0) or np.any(feature[parent] >= n_features):
        raise ValueError("a tree asks for a feature that does not exist")


def _skops():
    try:
        import skops.io
    except ImportError as error:
        raise InputError(
            "saving and loading classifiers needs the skops package: pip install 'luxjax[classify]'."
        ) from error
    return skops.io
