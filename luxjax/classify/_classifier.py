"""A classifier of stars: features in, probabilities that can be believed and sets of classes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.model_selection import RandomizedSearchCV, StratifiedGroupKFold

from ..core import InputError
from ..core.internal import classes_of, join_names
from ._class_scores import SEQUENCE, class_codes
from ._folds import answer_by_folds
from .calibration._calibrators import Calibrator, fit_calibrator
from .calibration._sets import ConformalSets
from .estimators._estimators import SEARCH_SPACE, balanced_weights, fit_estimator, make_estimator
from .features._features import Features, matrix_of

__all__ = ["LEAST_OF_A_FOLD", "Classifier", "cross_validate_classifier", "train_classifier"]

LEAST = 10  # stars of a class; fewer cannot be divided between fitting and calibration
LEAST_OF_A_FOLD = 4  # of these, in the training stars of one fold


@dataclass(frozen=True, eq=False)
class Classifier:
    """A fitted estimator, with the calibrator of its probabilities and the conformal sets.

    Attributes
    ----------
    estimator
        With scikit-learn's interface; classes are numbers to it.
    classes : tuple of str
        In the order of their numbers; along the sequence O B A F G K M where they belong to it.
    families : dict of str to str
        The features, in the order of the estimator's columns, and the family of each.
    calibrator : Calibrator or None
    sets : ConformalSets or None
    about : dict
        How it was made: estimator, settings, seed, numbers of stars.
    """

    estimator: Any
    classes: tuple[str, ...]
    families: Mapping[str, str]
    calibrator: Calibrator | None
    sets: ConformalSets | None
    about: Mapping[str, Any]

    def matrix(self, features: Features) -> np.ndarray:
        """The columns that the estimator knows, in its order, (row, feature)."""
        return matrix_of(features, list(self.families))

    def probabilities(self, features: Features) -> pd.DataFrame:
        """Calibrated probabilities, one row for each spectrum and one column for each class."""
        p = (
            self.estimator.predict_proba(self.matrix(features))
            if len(features)
            else np.empty((0, len(self.classes)))
        )
        p = np.asarray(p, float) if self.calibrator is None else self.calibrator(np.asarray(p, float))
        return pd.DataFrame(p, columns=list(self.classes), index=pd.Index(features.ids, name="id"))

    def classify(self, features: Features, *, coverage: float = 0.9) -> pd.DataFrame:
        """The likeliest class of each spectrum, its probability and the set that holds the class with chance `coverage`.

        Returns
        -------
        DataFrame
            Columns ``class``, ``probability``, ``set`` (classes joined by spaces; empty if none is likely enough; left out
            without calibration stars) and ``p_`` with each class; index ``id``.
        """
        p = self.probabilities(features)
        values = p.to_numpy()
        table = pd.DataFrame(
            {"class": p.columns[values.argmax(axis=1)], "probability": values.max(axis=1)}, index=p.index
        )
        if self.sets is not None:
            inside = self.sets.contains(values, coverage)
            table["set"] = [" ".join(np.array(self.classes)[row]) for row in inside]
        return pd.concat([table, p.add_prefix("p_")], axis=1)


def train_classifier(
    features: Features,
    truth: Sequence[str] | ArrayLike,
    *,
    estimator: str = "boosting",
    calibration: str | None = "temperature",
    calibration_share: float = 0.2,
    balanced: bool = False,
    tune: int = 0,
    seed: int = 0,
    least: int = LEAST,
    **settings: Any,
) -> Classifier:
    """Train a classifier, all spectra of a star on one side of every split.

    Parameters
    ----------
    features : Features
    truth : (row,) sequence of str
        Class of each row of the features; text or whole numbers. Rows whose class is missing are left out.
    estimator : str
        ``"boosting"``, ``"forest"``, ``"logistic"``, ``"xgboost"`` or, for the features of `pixel_features`, ``"cnn"``; see `make_estimator`.
    calibration : str or None
        ``"temperature"`` or ``"isotonic"``, on stars that the estimator does not see; these also make the conformal sets, which hold
        as they are for temperature (one number hardly bends to its stars) and are a little too small for isotonic
        regression. None keeps all stars for the estimator.
    calibration_share : float
        Share of the stars kept for it.
    balanced : bool
        Whether every class counts the same however rare. Probabilities are then those of a sample with as many stars of
        every class.
    tune : int
        Number of random settings to compare by cross-validation on the fitting stars (the log-likelihood decides); 0 for none.
    seed : int
    least : int
        Stars that every class must have.
    settings
        Of the estimator.

    Raises
    ------
    InputError
        If a class has fewer stars, or a name is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from luxjax.classify import train_classifier
    >>> from luxjax.classify.features import Features
    >>> heat = np.linspace(0.0, 1.999, 120)
    >>> values = pd.DataFrame({"H_beta": heat, "Mg_b": 2 - heat})
    >>> families, none = {"H_beta": "balmer", "Mg_b": "magnesium"}, pd.DataFrame(columns=["row", "id", "reason"])
    >>> features = Features(values, 0.1 + 0 * values, families, np.arange(120).astype(str), np.arange(120), none)
    >>> truth = np.array(["K", "G"])[heat.astype(int)]
    >>> classifier = train_classifier(features, truth, estimator="logistic", seed=1)
    >>> classifier.classes, bool((classifier.classify(features)["class"] == truth).mean() > 0.9)
    (('G', 'K'), True)
    """
    features, truth = _known(features, truth)
    codes, classes = _coded(features, truth, least)
    if estimator == "cnn" and set(features.families.values()) != {"pixels"}:
        raise InputError(
            "a convolutional network reads spectra pixel by pixel; give it the features of pixel_features and no others."
        )
    star = np.unique(features.ids, return_inverse=True)[1]
    x = matrix_of(features, features.names)
    kept = np.ones(len(codes), bool)
    if calibration is not None:
        if not 0.05 <= calibration_share <= 0.5:
            raise InputError(
                f"the share of stars for calibration is between 0.05 and 0.5; given: {calibration_share}."
            )
        folds = StratifiedGroupKFold(round(1 / calibration_share), shuffle=True, random_state=seed)
        kept[next(iter(folds.split(x, codes, star)))[1]] = False
    weight = balanced_weights(codes) if balanced else np.ones(len(codes))
    model = make_estimator(estimator, seed=seed, **settings)
    chosen = dict(settings)
    if tune:
        model, chosen = _tuned(model, estimator, tune, x[kept], codes[kept], weight[kept], star[kept], seed)
    else:
        fit_estimator(
            model, x[kept], codes[kept], weight[kept] if balanced else None, **_stars(model, star[kept])
        )
    calibrator = sets = None
    if calibration is not None:
        p = np.asarray(model.predict_proba(x[~kept]), float)
        calibrator = fit_calibrator(calibration, p, codes[~kept], weight[~kept] if balanced else None)
        sets = ConformalSets.fit(calibrator(p), codes[~kept])
    about = {
        "estimator": estimator,
        "settings": chosen,
        "calibration": calibration,
        "balanced": balanced,
        "seed": seed,
        "fitted_stars": len(np.unique(star[kept])),
        "calibration_stars": len(np.unique(star[~kept])),
    }
    families = {n: features.families[n] for n in features.names}
    return Classifier(model, classes, families, calibrator, sets, about)


def cross_validate_classifier(
    features: Features,
    truth: Sequence[str] | ArrayLike,
    *,
    folds: int = 5,
    coverage: float = 0.9,
    seed: int = 0,
    groups: ArrayLike | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Classify every star by a classifier that has seen no spectrum of it, fold after fold.

    Each fold calibrates, and tunes where asked to, on its own training stars.

    Parameters
    ----------
    features, truth
        As for `train_classifier`.
    folds : int
    coverage : float
        Chance with which a conformal set holds the true class.
    seed : int
    groups : (row,) array, optional
        What stays on one side of every split, such as the blocks of the sky of `sky_blocks`; default: the stars.
    options
        Of `train_classifier`.

    Returns
    -------
    DataFrame
        As from `Classifier.classify`, in the order of the features, with columns ``truth`` and ``fold``. Stars whose class is missing
        are classified as well; their truth is blank.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from luxjax.classify import cross_validate_classifier
    >>> from luxjax.classify.features import Features
    >>> heat = np.linspace(0.0, 1.999, 120)
    >>> values = pd.DataFrame({"H_beta": heat, "Mg_b": 2 - heat})
    >>> families, none = {"H_beta": "balmer", "Mg_b": "magnesium"}, pd.DataFrame(columns=["row", "id", "reason"])
    >>> features = Features(values, 0.1 + 0 * values, families, np.arange(120).astype(str), np.arange(120), none)
    >>> truth = np.array(["K", "G"])[heat.astype(int)]
    >>> found = cross_validate_classifier(features, truth, estimator="logistic", folds=3, seed=1)
    >>> len(found), bool((found["class"] == found["truth"]).mean() > 0.9)
    (120, True)
    """
    known = _classes(features, truth)
    codes, _ = _coded(*_known(features, known))
    dealt = np.zeros(len(features), int)  # unknown classes go anywhere
    dealt[known != ""] = codes

    def answer(fit: np.ndarray, held: np.ndarray) -> pd.DataFrame:
        trained = train_classifier(
            features.select(fit), known[fit], seed=seed, least=LEAST_OF_A_FOLD, **options
        )
        return trained.classify(features.select(held), coverage=coverage).assign(truth=known[held])

    return answer_by_folds(features, folds, seed, answer, classes=dealt, groups=groups)


def _classes(features: Features, truth: Sequence[str] | ArrayLike) -> np.ndarray:
    """The class of each row, blank where it is missing."""
    given = classes_of("classes", truth)
    if len(given) != len(features):
        raise InputError(
            f"every row of the features needs a class; given {len(features)} rows and {len(given)} classes."
        )
    return given


def _known(features: Features, truth: Sequence[str] | ArrayLike) -> tuple[Features, np.ndarray]:
    """The rows whose class is known, and their classes."""
    given = _classes(features, truth)
    return (features, given) if np.all(given != "") else (features.select(given != ""), given[given != ""])


def _coded(features: Features, given: np.ndarray, least: int = LEAST) -> tuple[np.ndarray, tuple[str, ...]]:
    """Numbers of the classes, and the classes: along the sequence where they belong to it, else in alphabetic order."""
    names, number = np.unique(given, return_inverse=True)
    stars = [len(np.unique(features.ids[number == k])) for k in range(len(names))]
    rare = [f"{n} ({s})" for n, s in zip(names, stars, strict=True) if s < least]
    if rare or len(names) < 2:
        raise InputError(
            f"a classifier needs at least 2 classes with {least} stars each; given: {join_names(names) or 'none'}"
            + (
                f", too rare: {join_names(rare)}. Leave these stars out or join their classes."
                if rare
                else "."
            )
        )
    order = sorted(names, key=SEQUENCE.index) if set(names) <= set(SEQUENCE) else list(names)
    return class_codes(given, order), tuple(map(str, order))


def _stars(model, star: np.ndarray) -> dict[str, np.ndarray]:
    """The stars, for an estimator that holds some of them out by itself."""
    return {"star": star} if "held_out" in model.get_params() else {}


def _tuned(model, estimator: str, n: int, x, codes, weight, star, seed: int):
    """The best of `n` random settings by cross-validation grouped by star, fitted to all stars given."""
    folds = list(StratifiedGroupKFold(4, shuffle=True, random_state=seed).split(x, codes, star))
    search = RandomizedSearchCV(
        model,
        SEARCH_SPACE[estimator],
        n_iter=n,
        scoring="neg_log_loss",
        cv=folds,
        random_state=seed,
        error_score="raise",
    )
    fit_estimator(search, x, codes, weight, **_stars(model, star))
    return search.best_estimator_, dict(search.best_params_)
