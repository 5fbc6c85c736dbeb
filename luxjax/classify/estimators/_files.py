"""Estimators on disk, without code: scikit-learn's by skops, XGBoost's in its own JSON, networks as the leaves of their tree of arrays.

skops rebuilds known scikit-learn types from arrays and refuses everything else. Trees are walked by compiled code that trusts
their node numbers, so these are checked before first use.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...core import InputError, check_name
from ..features._features import FAMILIES
from ._estimators import make_estimator

__all__ = ["ESTIMATOR_ENDINGS", "checked_families", "read_estimator", "write_estimator"]

ESTIMATOR_ENDINGS = r"\.(json|eqx|skops)"
"""Endings of the files of estimators, as a regular expression."""
# skops leaves these to the reader: nodes of trees are checked below, and the others hold no code.
CHECKED = (
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
    "numpy.dtype",
)


def checked_families(families: Mapping[str, str]) -> dict[str, str]:
    """The features of a header with their families, all of which must be known."""
    for name, family in families.items():
        check_name(f"family of feature '{name}'", family, FAMILIES)
    return {str(name): family for name, family in families.items()}


def write_estimator(name: str, estimator: Any, stem: Path) -> None:
    """Write a fitted estimator, made by this name, to the file `stem` with the ending that its kind has."""
    if name == "xgboost":
        estimator.save_model(stem.with_suffix(".json"))
    elif name == "cnn":
        estimator.save(stem.with_suffix(".eqx"))
    else:
        stem.with_suffix(".skops").write_bytes(_skops().dumps(estimator))


def read_estimator(name: str, stem: Path, n_features: int, kind: str) -> Any:
    """Read it back. Any error but `InputError` means a damaged file.

    Parameters
    ----------
    name : str
        By which it was made.
    stem : Path
        Name of its file, as written.
    n_features : int
        Columns that it may ask for.
    kind : str
        Kind of the folder, for messages: ``"classifier"``.
    """
    if name == "xgboost":
        estimator = make_estimator(name)
        estimator.load_model(stem.with_suffix(".json"))
        return estimator
    if name == "cnn":
        from ._cnn import SpectralCNN

        return SpectralCNN.load(stem.with_suffix(".eqx"), n_features)
    io = _skops()
    content = stem.with_suffix(".skops").read_bytes()
    foreign = [t for t in io.get_untrusted_types(data=content) if t not in CHECKED]
    if foreign:
        raise InputError(
            f"the {kind} at '{stem.parent}' holds {', '.join(foreign)}, which no {kind} of luxjax does; it was not loaded."
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
