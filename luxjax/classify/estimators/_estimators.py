"""The estimators behind a classifier: scikit-learn's interface, so that any of them can stand in for another.

The default is the average of extremely randomised and boosted trees: features have different units, are missing where a band is masked,
and matter in combination, all of which trees accept. Of a few hundred stars randomised trees learn more, of many thousands boosted ones. A random
forest and logistic regression are the baselines to beat. XGBoost and LightGBM are optional.
"""

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import QuantileTransformer, RobustScaler
from sklearn.svm import SVC
from sklearn.utils.class_weight import compute_sample_weight

from ...core import InputError, check_name

__all__ = [
    "AVERAGED",
    "ESTIMATORS",
    "REGRESSORS",
    "SEARCH_SPACE",
    "balanced_weights",
    "make_estimator",
    "make_regressor",
]

REGRESSORS = ("boosting", "ridge")
ESTIMATORS = (
    "average",
    "trees",
    "boosting",
    "forest",
    "logistic",
    "svm",
    "neighbours",
    "xgboost",
    "lightgbm",
    "cnn",
)
AVERAGED = ("trees", "boosting")
"""Members of the average."""
ENOUGH = 10_000  # rows that one randomised tree needs to see
QUANTILES = 100  # of the fitting stars, between which features are brought to a normal distribution

#: Where a search for hyperparameters looks, by estimator.
SEARCH_SPACE: dict[str, dict[str, list]] = {
    "boosting": {
        "learning_rate": [0.03, 0.05, 0.1, 0.2],
        "max_iter": [100, 200, 400],
        "max_leaf_nodes": [7, 15, 31],
        "min_samples_leaf": [5, 10, 20, 40],
        "l2_regularization": [0.0, 0.1, 1.0, 10.0],
    },
    "trees": {
        "n_estimators": [300, 600],
        "min_samples_leaf": [1, 2, 4],
        "max_features": ["sqrt", 0.3, 0.6],
    },
    "forest": {
        "n_estimators": [300, 600],
        "min_samples_leaf": [1, 2, 4, 8],
        "max_features": ["sqrt", 0.3, 0.6],
    },
    "logistic": {"model__C": [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]},
    "svm": {
        "model__estimator__C": [0.3, 1.0, 3.0, 10.0, 30.0],
        "model__estimator__gamma": ["scale", 0.001, 0.003, 0.01],
    },
    "neighbours": {"model__n_neighbors": [3, 5, 10, 20, 40]},
    "xgboost": {
        "learning_rate": [0.03, 0.05, 0.1, 0.2],
        "n_estimators": [100, 200, 400],
        "max_depth": [3, 4, 6],
        "min_child_weight": [1, 3, 10],
        "reg_lambda": [0.1, 1.0, 10.0],
    },
    "lightgbm": {
        "learning_rate": [0.03, 0.05, 0.1, 0.2],
        "n_estimators": [100, 200, 400],
        "num_leaves": [7, 15, 31],
        "min_child_samples": [5, 10, 20, 40],
        "reg_lambda": [0.0, 0.1, 1.0, 10.0],
    },
    "cnn": {
        "width": [8, 16, 32],
        "dropout": [0.1, 0.3, 0.5],
        "learning_rate": [5e-4, 1e-3, 2e-3],
        "weight_decay": [1e-4, 1e-3, 1e-2],
    },
}


def _seen(x: np.ndarray) -> np.ndarray:
    """The features with a constant in place of those that no star has: nothing splits by it, and scikit-learn has no bins for none."""
    return np.where(np.isfinite(x).any(axis=0), x, 0.0)


class _ExtraTrees(ExtraTreesClassifier):
    """Trees that see at most `ENOUGH` rows each, so that a survey is no longer a fit; once fitted they are scikit-learn's own class."""

    def fit(self, X, y, sample_weight=None):  # scikit-learn's names
        if sample_weight is not None:
            self.set_params(class_weight=None)  # or rare classes would count twice as much again
        many = len(X) > ENOUGH
        self.set_params(bootstrap=many, max_samples=ENOUGH if many else None, n_jobs=-1 if many else None)
        super().fit(X, y, sample_weight=sample_weight)
        self.set_params(n_jobs=None)
        self.__class__ = ExtraTreesClassifier
        return self


class _NormalScale(QuantileTransformer):
    """Features brought to a normal distribution by quantiles of the fitting stars, of which there may be few; once fitted it is scikit-learn's own class."""

    def fit(self, X, y=None):  # scikit-learn's names
        self.set_params(n_quantiles=min(QUANTILES, len(X)))
        super().fit(X, y)
        self.__class__ = QuantileTransformer
        return self


class _BoostingRegressor(HistGradientBoostingRegressor):
    """Boosting that features of no fitting star do not stop; once fitted it is scikit-learn's own class, as files hold it."""

    def fit(self, X, y, sample_weight=None):  # scikit-learn's names
        super().fit(_seen(X), y, sample_weight=sample_weight)
        self.__class__ = HistGradientBoostingRegressor
        return self


#: Those that want features without gaps, of one scale and without values far from the others, which decide distances alone.
SCALED: dict[str, Callable[[], Any]] = {
    "logistic": partial(LogisticRegression, max_iter=2000),
    "svm": partial(CalibratedClassifierCV, SVC(C=3.0), ensemble=False),
    "neighbours": partial(KNeighborsClassifier, 10, weights="distance"),
}


#: Optional libraries: the class, and settings for hundreds to tens of thousands of stars.
ELSEWHERE: dict[str, tuple[str, dict[str, Any]]] = {
    "xgboost": (
        "XGBClassifier",
        {"n_estimators": 200, "learning_rate": 0.06, "max_depth": 4, "tree_method": "hist"},
    ),
    "lightgbm": (
        "LGBMClassifier",
        {
            "n_estimators": 200,
            "learning_rate": 0.06,
            "num_leaves": 15,
            "min_child_samples": 10,
            "verbose": -1,
        },
    ),
}


def make_estimator(name: str, *, seed: int = 0, **settings: Any):
    """An estimator that has not been fitted, with scikit-learn's interface.

    Parameters
    ----------
    name : str
        One of `ESTIMATORS`: ``"trees"`` (extremely randomised trees; Geurts et al. 2006), ``"boosting"`` (scikit-learn's histogram gradient boosting;
        Friedman 2001, Ke et al. 2017), ``"forest"`` (Breiman 2001), ``"logistic"``, ``"svm"`` and ``"neighbours"`` (missing values set to the median, features
        scaled by their quartiles), ``"xgboost"`` (Chen & Guestrin 2016) and ``"lightgbm"`` (Ke et al. 2017), which are to be installed, or ``"cnn"`` (a convolutional
        network, `SpectralCNN`, whose features must be those of `pixel_features`). ``"average"``, the weighted mean of `AVERAGED`, is made in training.
    seed : int
    settings
        Of the estimator itself, in its own words; they replace the defaults.
    """
    check_name("estimator", name, ESTIMATORS)
    if name == "average":
        raise InputError(
            f"the average has no settings and no search; name one of its members ({', '.join(AVERAGED)}) or another estimator for that."
        )
    if settings and name not in ELSEWHERE:  # which take any
        known = _built(name, seed, {}).get_params()
        for setting in settings:
            check_name(f"setting of the estimator '{name}'", setting, known)
    return _built(name, seed, settings)


def _built(name: str, seed: int, settings: dict[str, Any]):
    """The estimator, of settings that it knows."""
    if name == "trees":
        plain = {"n_estimators": 300, "min_samples_leaf": 2, "max_features": 0.3, "class_weight": "balanced"}
        return _ExtraTrees(**{**plain, **settings}, random_state=seed)
    if name == "boosting":
        # Small leaves and trees: samples of hundreds of stars must work as well as tens of thousands.
        plain = {"max_iter": 200, "learning_rate": 0.06, "max_leaf_nodes": 15, "min_samples_leaf": 10}
        return HistGradientBoostingClassifier(
            **{**plain, **settings}, early_stopping=False, random_state=seed
        )
    if name == "forest":
        plain = {"n_estimators": 400, "min_samples_leaf": 2}
        return RandomForestClassifier(**{**plain, **settings}, random_state=seed)
    if name in SCALED:
        model = SCALED[name]()
        if "random_state" in model.get_params():
            model.set_params(random_state=seed)
        steps = [
            (
                "impute",
                SimpleImputer(strategy="median", add_indicator=name == "logistic", keep_empty_features=True),
            ),
            ("scale", _NormalScale(output_distribution="normal")),
            ("model", model),
        ]
        return Pipeline(steps).set_params(**settings)
    if name == "cnn":
        from ._cnn import SpectralCNN  # loads optax only where it is used

        return SpectralCNN(random_state=seed, **settings)
    return _boosted_elsewhere(name, seed, settings)


def make_regressor(name: str, *, quantile: float | None = None, seed: int = 0, **settings: Any):
    """A model of one number that has not been fitted, with scikit-learn's interface.

    Parameters
    ----------
    name : str
        ``"boosting"`` (histogram gradient boosting) or ``"ridge"`` (missing values set to the median, features scaled by their quartiles,
        penalty by leave-one-out cross-validation).
    quantile : float, optional
        Which quantile the boosting predicts, instead of the mean.
    seed : int
    settings
        Of the model itself, in its own words; they replace the defaults.
    """
    check_name("estimator", name, REGRESSORS)
    if name == "ridge":
        steps = [
            ("impute", SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)),
            ("scale", RobustScaler()),
            ("model", RidgeCV(alphas=np.geomspace(1e-2, 1e5, 15))),
        ]
        return Pipeline(steps).set_params(**settings)
    plain = {
        "max_iter": 300,
        "learning_rate": 0.08,
        "max_leaf_nodes": 15,
        "min_samples_leaf": 10,
        "max_features": 0.3,
    }
    if quantile is None:
        loss: dict[str, Any] = {"loss": "squared_error"}
    else:
        # A quantile far out in a leaf of few stars is little more than the farthest of them.
        loss = {"loss": "quantile", "quantile": quantile}
        plain |= {"max_iter": 60, "max_leaf_nodes": 8, "min_samples_leaf": 40}
    return _BoostingRegressor(**{**plain, **settings}, **loss, early_stopping=False, random_state=seed)


def balanced_weights(codes: np.ndarray) -> np.ndarray:
    """Weights that give every class the same sum, with mean 1, (row,)."""
    return compute_sample_weight("balanced", codes)


def _boosted_elsewhere(name: str, seed: int, settings: dict[str, Any]):
    """Boosted trees of another library, if it is installed."""
    kind, plain = ELSEWHERE[name]
    try:
        made = getattr(importlib.import_module(name), kind)
    except ImportError as error:
        raise InputError(
            f"estimator '{name}' needs the {name} package, which is not installed: pip install {name}, or use 'boosting'."
        ) from error
    return made(**{**plain, **settings}, random_state=seed)
