"""Training: all stars fit the estimator; what calibrates it comes from classifiers that did not see the star.

In each of five folds by star, features are learned and the estimator is fitted without the fold, and asked about it. These out-of-fold
probabilities give the weights of an average, the temperature and the scores of the conformal sets (cross-conformal prediction; Vovk 2015,
Annals of Mathematics and Artificial Intelligence 74, 9). Then everything is fitted again to all stars, a fifth more than
any of the five saw, so that calibration is a little modest rather than too sure.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.model_selection import RandomizedSearchCV, StratifiedGroupKFold

from ..core import InputError, Progress
from ..core.internal import classes_of, join_names, reporting
from ._class_scores import SEQUENCE, class_codes
from ._classifier import Classifier
from ._domain import Domain, apart, measured_of
from ._folds import answer_by_folds
from .calibration._calibrators import fit_calibrator
from .calibration._sets import ConformalSets
from .estimators._average import Average, blend, full_probabilities
from .estimators._estimators import AVERAGED, SEARCH_SPACE, balanced_weights
from .estimators._open import as_estimator, fit_classifier, name_of
from .features._features import Features, matrix_of
from .features._learned import FeatureFamily, check_families, learn_families, with_learned

__all__ = ["LEAST", "LEAST_OF_A_FOLD", "cross_validate_classifier", "train_classifier"]

LEAST = 10  # stars of a class; fewer cannot be divided between fitting and calibration
LEAST_OF_A_FOLD = 4  # of these, in the training stars of one fold
FOLDS = 5
PLENTY = 5000  # out-of-fold spectra, after which no more folds are fitted
ISOTONIC = 300  # calibration stars that a free monotonic function wants


def train_classifier(
    features: Features,
    truth: Sequence[str] | ArrayLike,
    *,
    estimator: Any = "average",
    learned: Sequence[str] | None = None,
    calibration: str | None = "temperature",
    balanced: bool = False,
    tune: int = 0,
    seed: int = 0,
    least: int = LEAST,
    progress: bool | Progress | None = None,
    **settings: Any,
) -> Classifier:
    """Train a classifier on all stars, calibrated by stars that it had not seen.

    Parameters
    ----------
    features : Features
    truth : (row,) sequence of str
        Class of each row of the features; text or whole numbers. Rows whose class is missing are left out.
    estimator : str or object
        A name, see `make_estimator`, or any unfitted classifier of scikit-learn's interface that gives probabilities: support-vector machines, stacks,
        searches (which get folds by star), pipelines of imbalanced-learn. ``"average"`` is the mean of randomised and boosted trees,
        weighted by what each says of stars that it has not seen.
    learned : sequence of str, optional
        Families of features to learn from the spectra at rest of the training stars: ``"latent"`` (20 of a linear Lux model), ``"pca"`` (30 principal
        components) and those of `register_family`. Default: these two if the features come with spectra, as from `extract_features`.
    calibration : str or None
        ``"temperature"``, or ``"isotonic"``, which needs 300 stars. None leaves the probabilities as they are and makes no sets.
    balanced : bool
        Whether every class counts the same however rare. Probabilities are then those of a sample with as many stars of
        every class.
    tune : int
        Number of random settings to compare by cross-validation by star (the log-likelihood decides); 0 for none.
    seed : int
    least : int
        Stars that every class must have.
    progress : bool or Progress, optional
        True shows the fits that are done on standard error; a function is called with ``("fits", done, total)``.
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
    work = _Training(
        features, codes, estimator, check_families(learned, features), balanced, tune, seed, settings
    )
    if calibration == "isotonic" and work.n_stars < ISOTONIC:
        raise InputError(
            f"isotonic calibration needs {ISOTONIC} stars, or its sets hold the true class too seldom; there are {work.n_stars}. Use 'temperature'."
        )
    splits = work.splits() if calibration is not None or work.averages else []
    calibrator = sets = mix = None
    rows = np.empty(0, int)
    with reporting(progress, "train the classifier") as tell:
        if splits:
            rows, unseen = work.out_of_fold(splits, tell)
            weight = None if work.weight is None else work.weight[rows]
            if work.averages:
                mix = blend(unseen, codes[rows], weight)
            if calibration is not None:
                p = next(iter(unseen.values())) if mix is None else Average({}, *mix).mixed(unseen)
                calibrator = fit_calibrator(calibration, p, codes[rows], weight)
                sets = ConformalSets.fit(calibrator(p), codes[rows])
        members = None if mix is None else tuple(mix[0])
        seen, found, families, models = work.fitted(np.arange(len(codes)), members)
        tell("fits", len(splits) + 1, len(splits) + 1)
    about = {
        "estimator": name_of(estimator),
        "settings": work.settings,
        "learned": list(found),
        "calibration": calibration,
        "balanced": balanced,
        "seed": seed,
        "fitted_stars": work.n_stars,
        "calibration_stars": len(np.unique(features.ids[rows])),
    }
    one = next(iter(models.values())) if mix is None else Average(models, *mix)
    far = np.concatenate(work.distances) if work.distances else None
    domain = Domain.fit(*measured_of(seen, families, found), far, seed)
    return Classifier(one, classes, families, calibrator, sets, about, found, domain)


class _Training:
    """One training: the same steps for all stars and for those outside a fold."""

    def __init__(
        self, features: Features, codes, estimator, learned, balanced: bool, tune: int, seed: int, settings
    ):
        self.features, self.codes, self.learned, self.seed, self.tune = features, codes, learned, seed, tune
        self.averages = isinstance(estimator, str) and estimator == "average"
        if self.averages and (settings or tune):
            as_estimator(estimator, seed=seed, settings=settings)  # raises: it has none
        members = AVERAGED if self.averages else (estimator,)
        self.estimators = {name_of(one): as_estimator(one, seed=seed, settings=settings) for one in members}
        # and those that a search chooses
        self.settings = {k: _plain(v) for k, v in settings.items()}
        self.weight = balanced_weights(codes) if balanced else None
        self.star = np.unique(features.ids, return_inverse=True)[1]
        self.n_stars = int(self.star.max()) + 1
        self.distances: list[np.ndarray] = []  # of stars out of a fold to those in it
        if "cnn" in self.estimators and set(features.families.values()) != {"pixels"}:
            raise InputError(
                "a convolutional network reads spectra pixel by pixel; give it the features of pixel_features and no others."
            )

    def splits(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Folds by star, as many as are needed for `PLENTY` of spectra held out."""
        found = folds_by_star(self.codes, self.star, self.seed)
        held = np.cumsum([len(part[1]) for part in found])
        return found[: int(np.searchsorted(held, PLENTY)) + 1]

    def out_of_fold(self, splits, tell: Progress) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Rows that are in some fold, and for each member the probabilities of a fit without the fold, (row, class)."""
        n, parts = int(self.codes.max()) + 1, []
        for k, (fit, held) in enumerate(splits):
            tell("fits", k, len(splits) + 1)
            seen, found, families, models = self.fitted(fit)
            new = with_learned(self.features.select(held), found)
            near, far = (measured_of(part, families, found) for part in (seen, new))
            self.distances.append(apart(near, far, self.star[held], self.seed))
            x = matrix_of(new, list(families))
            parts.append({name: full_probabilities(model, x, n) for name, model in models.items()})
        return (
            np.concatenate([held for _, held in splits]),
            {name: np.concatenate([part[name] for part in parts]) for name in self.estimators},
        )

    def fitted(
        self, rows: np.ndarray, members: Sequence[str] | None = None
    ) -> tuple[Features, Mapping[str, FeatureFamily], dict[str, str], dict[str, Any]]:
        """The features of these rows, learned families, the families of the columns in use, and the fitted members."""
        given = self.features.select(rows)
        found = learn_families(self.learned, given, self.seed)
        seen = with_learned(given, found)
        # a network wants all pixels in their places
        families = dict(seen.families) if "cnn" in self.estimators else _telling(seen)
        x, codes, star = matrix_of(seen, list(families)), self.codes[rows], self.star[rows]
        weight = None if self.weight is None else self.weight[rows]
        folds = partial(folds_by_star, codes, star, self.seed)
        models = {}
        for name in self.estimators if members is None else members:
            model: Any = as_estimator(self.estimators[name], seed=self.seed, settings={})
            if self.tune:
                model = _search(model, name, self.tune, folds(), self.seed)
            models[name], chosen = fit_classifier(model, x, codes, weight=weight, star=star, folds=folds)
            self.settings |= {k: _plain(v) for k, v in chosen.items()}
        return seen, found, families, models


def folds_by_star(codes: np.ndarray, star: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows to fit and rows held out, all spectra of a star on one side; five, or as many as the rarest class has stars."""
    rarest = min(len(np.unique(star[codes == k])) for k in np.unique(codes))
    split = StratifiedGroupKFold(max(2, min(FOLDS, rarest)), shuffle=True, random_state=seed)
    return list(split.split(star[:, None], codes, star))


def _telling(features: Features) -> dict[str, str]:
    """The features that differ between some of these stars, with their families; none else reaches an estimator."""
    x = matrix_of(features, features.names)
    low, high = (
        f(np.where(np.isnan(x), fill, x), axis=0) for f, fill in ((np.min, np.inf), (np.max, -np.inf))
    )
    kept = [name for name, tells in zip(features.names, high > low, strict=True) if tells]
    if not kept:
        raise InputError(
            "no feature differs between the stars, so nothing can be learned; give features that were measured."
        )
    return {name: features.families[name] for name in kept}


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


def _search(model, name: str, n: int, folds, seed: int) -> RandomizedSearchCV:
    """A search over `n` random settings, judged by the log-likelihood in folds by star."""
    if name not in SEARCH_SPACE:
        raise InputError(
            f"there is no range of settings for {name}; wrap it in a search of scikit-learn, such as GridSearchCV, and give that."
        )
    how: dict[str, Any] = {
        "scoring": "neg_log_loss",
        "cv": folds,
        "random_state": seed,
        "error_score": "raise",
    }
    return RandomizedSearchCV(model, SEARCH_SPACE[name], n_iter=n, **how)


def _plain(value: Any) -> Any:
    """A setting as a header can hold it: a number, text, or else its description."""
    value = value.item() if isinstance(value, np.generic) else value
    return value if value is None or isinstance(value, (bool, int, float, str)) else repr(value)
