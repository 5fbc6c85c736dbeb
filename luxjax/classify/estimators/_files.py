"""Estimators on disk, without code: scikit-learn's by skops, XGBoost's in its own JSON, networks as the leaves of their tree of arrays.

skops rebuilds known scikit-learn types from arrays and refuses everything else. Trees are walked by compiled code that trusts
their node numbers, so these are checked before first use.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...core import InputError, check_name
from ...core.internal import join_names
from ..features._family_names import FAMILIES
from ._estimators import make_estimator

__all__ = [
    "ESTIMATOR_ENDINGS",
    "check_savable",
    "checked_families",
    "read_estimator",
    "write_estimator",
]

ESTIMATOR_ENDINGS = r"\.(json|eqx|skops)"
"""Endings of the files of estimators, as a regular expression."""
# skops leaves these to the reader: nodes of trees are checked below, and the others hold no code.
CHECKED = (
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
)
OWN = {"XGBClassifier": ".json", "SpectralCNN": ".eqx"}
"""Kinds with a separate format, and its ending."""


def checked_families(families: Mapping[str, str], learned: Sequence[str] = ()) -> dict[str, str]:
    """The features of a header with their families, all of which must be known; those that were learned are asked for later."""
    for name, family in families.items():
        if family not in learned:
            check_name(f"family of feature '{name}'", family, FAMILIES)
    return {str(name): family for name, family in families.items()}


def check_savable(estimator: Any, name: str) -> None:
    """Refuse an estimator that could not be saved without code, fitted or not.

    Raises
    ------
    InputError
        With the types in question.
    """
    kind = type(estimator).__name__
    if kind in OWN:
        return
    foreign = _foreign(_skops().dumps(estimator))
    if foreign:
        raise InputError(
            f"{name} cannot be saved without code that loading it would run ({join_names(foreign, 4)}); use another estimator, such as "
            "boosting or XGBoost, or keep the classifier in Python."
        )


def write_estimator(estimator: Any, stem: Path) -> None:
    """Write a fitted estimator to the file `stem` with the ending that its kind has."""
    ending = OWN.get(type(estimator).__name__, ".skops")
    if ending == ".json":
        estimator.save_model(stem.with_suffix(ending))
    elif ending == ".eqx":
        estimator.save(stem.with_suffix(ending))
    else:
        check_savable(estimator, type(estimator).__name__)
        stem.with_suffix(ending).write_bytes(_skops().dumps(estimator))


def read_estimator(stem: Path, n_features: int, kind: str) -> Any:
    """Read it back. Any error but `InputError` means a damaged file.

    Parameters
    ----------
    stem : Path
        Name of its file, without the ending.
    n_features : int
        Columns that it may ask for.
    kind : str
        Kind of the folder, for messages: ``"classifier"``.
    """
    if stem.with_suffix(".json").is_file():
        estimator = make_estimator("xgboost")
        estimator.load_model(stem.with_suffix(".json"))
        return estimator
    if stem.with_suffix(".eqx").is_file():
        from ._cnn import SpectralCNN

        return SpectralCNN.load(stem.with_suffix(".eqx"), n_features)
    content = stem.with_suffix(".skops").read_bytes()
    if foreign := _foreign(content):
        raise InputError(
            f"the {kind} at '{stem.parent}' holds {join_names(foreign, 4)}, which no {kind} of luxjax does; it was not loaded."
        )
    estimator = _skops().loads(content, trusted=list(CHECKED))
    if getattr(estimator, "n_features_in_", n_features) > n_features:
        raise ValueError("the estimator asks for a feature that does not exist")
    _check_trees(estimator, n_features, set())
    return estimator


def _foreign(content: bytes) -> list[str]:
    """Types in a skops file that neither skops nor this module knows to be harmless."""
    return [t for t in _skops().get_untrusted_types(data=content) if t not in CHECKED]


def _check_trees(part: Any, n_features: int, seen: set[int]) -> None:
    """Check the trees of an estimator, wherever they are in it; they may ask for `n_features` columns, or for fewer if their owner says so.

    What a step of a pipeline or the last floor of a stack sees is made by others: it must say how many columns it was fitted to, as
    scikit-learn then compares.
    """
    if id(part) in seen:
        return
    seen.add(id(part))
    if hasattr(part, "children_left"):  # the nodes of one tree of a forest
        ends = part.children_left == -1
        _check_nodes(ends, (part.children_left, part.children_right), part.feature, n_features)
    elif hasattr(part, "nodes") and hasattr(part, "raw_left_cat_bitsets"):  # of one boosted tree
        if np.any(part.nodes["is_categorical"]):
            raise ValueError("a tree splits by categories, which features do not have")
        leaf, children = part.nodes["is_leaf"] != 0, (part.nodes["left"], part.nodes["right"])
        _check_nodes(leaf, children, part.nodes["feature_idx"], n_features)
    elif isinstance(part, Mapping):
        for one in part.values():
            _check_trees(one, n_features, seen)
    elif isinstance(part, (list, tuple)) or (isinstance(part, np.ndarray) and part.dtype == object):
        for one in part if not isinstance(part, np.ndarray) else part.ravel():
            _check_trees(one, n_features, seen)
    elif hasattr(part, "steps"):
        for _, step in part.steps:
            _check_trees(step, getattr(step, "n_features_in_", 0), seen)
    elif hasattr(part, "__dict__"):
        columns = min(n_features, getattr(part, "n_features_in_", n_features))
        for name, one in vars(part).items():
            last = name == "final_estimator_"
            _check_trees(one, getattr(one, "n_features_in_", 0) if last else columns, seen)


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
