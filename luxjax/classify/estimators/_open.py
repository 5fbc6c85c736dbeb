"""Any classifier with scikit-learn's interface, made ready for features of stars."""

import importlib
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter

from ...core import InputError, check_name
from ._estimators import make_estimator

__all__ = ["Folds", "as_estimator", "estimator_from", "fit_classifier", "name_of"]

Folds = list[tuple[np.ndarray, np.ndarray]]


def name_of(estimator: Any) -> str:
    """What an estimator is called in tables: its name, or that of its class."""
    return estimator if isinstance(estimator, str) else type(estimator).__name__


def estimator_from(name: str, settings: dict[str, Any], seed: int) -> Any:
    """What the command line names: a name of luxjax, or an object of a class such as ``sklearn.svm.SVC``."""
    if "." not in name:
        return name
    module, _, kind = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), kind)
        if not (inspect.isclass(found) and hasattr(found, "fit") and hasattr(found, "get_params")):
            raise ImportError("no estimator")
    except (ImportError, AttributeError):
        raise InputError(
            f"there is no estimator {name}; write the full name of its class as in Python, such as sklearn.svm.SVC, and install its package."
        ) from None
    try:
        made: Any = found(**settings)
    except TypeError as error:
        raise InputError(f"{name} cannot be made with these settings: {error}.") from None
    return made.set_params(random_state=seed) if "random_state" in made.get_params() else made


def as_estimator(estimator: Any, *, seed: int, settings: dict[str, Any]) -> Any:
    """An estimator that has not been fitted, of a name that luxjax knows or of an object of scikit-learn's interface.

    Raises
    ------
    InputError
        If the object is a class or gives no probabilities, or does not know a setting.
    """
    if isinstance(estimator, str):
        return make_estimator(estimator, seed=seed, **settings)
    if inspect.isclass(estimator):
        raise InputError(f"an estimator is an object; write {estimator.__name__}() with its settings.")
    if not (hasattr(estimator, "fit") and hasattr(estimator, "get_params")):
        raise InputError(
            f"an estimator is a name or an object of scikit-learn's interface (fit, predict_proba, get_params); given a {type(estimator).__name__}."
        )
    # one that holds others may know only once it is fitted
    if not {"estimator", "estimators"} & set(estimator.get_params(deep=False)):
        _check_probabilities(estimator)
    made = clone(estimator)
    for name in settings:
        check_name(f"setting of {name_of(estimator)}", name, made.get_params())
    return made.set_params(**settings)


def _check_probabilities(estimator: Any) -> None:
    if not hasattr(estimator, "predict_proba"):
        raise InputError(
            f"{name_of(estimator)} gives no probabilities; turn them on, or wrap it in sklearn.calibration.CalibratedClassifierCV."
        )


def fit_classifier(
    estimator: Any,
    x: np.ndarray,
    codes: np.ndarray,
    *,
    weight: np.ndarray | None,
    star: np.ndarray,
    folds: Callable[[], Folds],
) -> tuple[Any, dict[str, Any]]:
    """Fit an estimator, with what else it wants: medians where it knows no missing values, stars, folds by star.

    Searches, stacks and calibrators that divide the rows themselves (their parameter ``cv``) get folds that keep the spectra of a star together.

    Parameters
    ----------
    estimator
        Not fitted; it is changed, or becomes the last step of a pipeline.
    x : (row, feature) array
        NaN where a feature is missing.
    codes : (row,) int array
    weight : (row,) array or None
    star : (row,) int array
    folds : callable
        Gives folds by star, as (fit, held) rows; called only where they are wanted.

    Returns
    -------
    estimator
        What predicts.
    chosen : dict
        Settings that a search chose.
    """
    _give_folds(estimator, folds)
    more: dict[str, Any] = {"star": star} if "held_out" in estimator.get_params(deep=False) else {}
    if weight is not None:
        more |= {_weight_name(estimator): weight}
    if np.isnan(x).any() and not _takes_missing(estimator):
        # with a column for each feature, as the rows are named by them
        estimator = Pipeline([("impute", SimpleImputer(strategy="median")), ("model", estimator)])
        more = {f"model__{name}": value for name, value in more.items()}
    estimator.fit(x, codes, **more)
    _check_probabilities(estimator)
    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    return settled(estimator), dict(getattr(last, "best_params_", {}))


def settled(model: Any) -> Any:
    """What predicts, without what only training needed: the best of a search, a pipeline without steps that make rows."""
    if hasattr(model, "best_estimator_"):
        return settled(model.best_estimator_)
    if not hasattr(model, "steps"):
        return model
    steps = [(name, step) for name, step in model.steps if not hasattr(step, "fit_resample")]
    steps[-1] = (steps[-1][0], settled(steps[-1][1]))
    return Pipeline(steps) if len(steps) > 1 else steps[0][1]


def _give_folds(estimator: Any, folds: Callable[[], Folds]) -> None:
    """Folds by star in place of a number of folds, unless rows are made or dropped before they are divided."""
    last = estimator
    while hasattr(last, "steps"):
        if any(hasattr(step, "fit_resample") for _, step in last.steps[:-1]):
            return
        last = last.steps[-1][1]
    cv = last.get_params(deep=False).get("cv", "none") if hasattr(last, "get_params") else "none"
    if cv is None or isinstance(cv, int):
        last.set_params(cv=folds())


def _takes_missing(estimator: Any) -> bool:
    try:
        return bool(get_tags(estimator).input_tags.allow_nan)
    except (AttributeError, TypeError):
        return False


def _weight_name(estimator: Any) -> str:
    """The keyword of `fit` by which weights of rows reach the estimator."""
    last = estimator
    prefix = ""
    while isinstance(last, Pipeline):
        name, last = last.steps[-1]
        prefix += f"{name}__"
    if not has_fit_parameter(last, "sample_weight") and "estimator" not in last.get_params(deep=False):
        raise InputError(
            f"{name_of(last)} takes no weights of rows, so balanced=True cannot be met; leave it out, or balance the classes in the "
            "estimator itself (class_weight, or a pipeline of imbalanced-learn with SMOTE)."
        )
    return f"{prefix}sample_weight"
