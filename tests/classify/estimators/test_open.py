"""Any estimator of scikit-learn's interface, averages of several, and what their files may hold."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import PolynomialFeatures
from sklearn.svm import SVC

from luxjax.classify import cross_validate_classifier, load_classifier, save_classifier, train_classifier
from luxjax.classify.estimators._average import Average, blend, floored
from luxjax.classify.estimators._estimators import balanced_weights, make_estimator
from luxjax.classify.estimators._open import as_estimator, estimator_from
from luxjax.classify.features import Features
from luxjax.core import InputError


def stars(n=240, seed=3, rare=0):
    """Three classes along one feature, with gaps, a constant, an infinity and a column that no star has."""
    rng = np.random.default_rng(seed)
    heat = rng.uniform(0, 3, n)
    truth = np.array(list("GFA"))[heat.astype(int)]
    kept = np.ones(n, bool) if not rare else (truth != "A") | (np.cumsum(truth == "A") <= rare)
    columns = {"Hbeta": heat + 0.2 * rng.normal(size=n), "Mg_b": -heat + 0.3 * rng.normal(size=n)}
    values = pd.DataFrame(columns).assign(
        flat=1.0, none=np.nan, odd=np.where(np.arange(n) == 3, np.inf, heat**2)
    )
    values.loc[rng.random(n) < 0.1, "Mg_b"] = np.nan
    values, truth = values[kept].reset_index(drop=True), truth[kept]
    families = {"Hbeta": "balmer", "Mg_b": "magnesium", "flat": "iron", "none": "iron", "odd": "calcium"}
    ids, nothing = np.arange(len(values)).astype(str), pd.DataFrame(columns=["row", "id", "reason"])
    return Features(values, 0 * values + 0.1, families, ids, np.arange(len(values)), nothing), truth


STACK = StackingClassifier([("trees", ExtraTreesClassifier(10)), ("line", LinearDiscriminantAnalysis())])
SOFT = VotingClassifier(
    [("a", ExtraTreesClassifier(10)), ("b", HistGradientBoostingClassifier(max_iter=5))], voting="soft"
)
ANY = {
    "svm": SVC(probability=True),
    "neighbours": KNeighborsClassifier(7, algorithm="brute"),
    "stack": STACK,
    "vote": SOFT,
    "search": GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}),
}


@pytest.mark.parametrize("name", ANY)
def test_any_estimator_learns_and_is_saved(name, tmp_path):
    x, truth = stars()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # scikit-learn's, of the probabilities of SVC
        found = train_classifier(x, truth, estimator=ANY[name], seed=1)
    new, known = stars(seed=4)
    assert (found.classify(new)["class"] == known).mean() > 0.85
    assert list(found.families) == ["Hbeta", "Mg_b", "odd"]  # the constant and the empty column tell nothing
    assert found.about["estimator"] == type(ANY[name]).__name__
    again = load_classifier(save_classifier(found, tmp_path / "c"))
    pd.testing.assert_frame_equal(again.classify(new), found.classify(new), check_exact=True)
    assert not hasattr(ANY[name], "classes_")  # what was given is not touched


def test_a_search_gets_folds_by_star():
    """A search that divided spectra of a star would choose the setting that remembers stars."""
    seen = []

    class Watching(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            seen.append(len(X))
            return super().fit(X, y, sample_weight=sample_weight)

    x, truth = stars()
    twice = x.select(np.repeat(np.arange(len(x)), 2))
    search = GridSearchCV(Watching(), {"C": [1.0]})
    train_classifier(twice, np.repeat(truth, 2), estimator=search, calibration=None)
    assert all(n % 2 == 0 for n in seen)
    assert len(seen) == 6


def test_smote_makes_stars_of_the_training_alone():
    imblearn = pytest.importorskip("imblearn.pipeline", reason="imbalanced-learn is not installed")
    from imblearn.over_sampling import SMOTE

    sizes = []

    class Watching(ExtraTreesClassifier):
        def fit(self, X, y, sample_weight=None):
            sizes.append(np.bincount(y))
            return super().fit(X, y, sample_weight=sample_weight)

    x, truth = stars(rare=20)
    pipe = imblearn.Pipeline(
        [("fill", SimpleImputer()), ("smote", SMOTE(k_neighbors=3, random_state=1)), ("trees", Watching(20))]
    )
    table = cross_validate_classifier(x, truth, estimator=pipe, folds=3, calibration=None)
    assert all(len(set(counts)) == 1 for counts in sizes)  # every class as often as the most frequent
    assert len(table) == len(x)
    found = train_classifier(x, truth, estimator=pipe, calibration=None)
    assert not any(hasattr(step, "fit_resample") for _, step in found.estimator.steps)


def test_what_cannot_be_an_estimator():
    for given, said in (
        (SVC, r"an estimator is an object; write SVC\(\)"),
        (SVC(), "SVC gives no probabilities; turn them on, or wrap"),
        (3, "a name or an object of scikit-learn's interface"),
    ):
        with pytest.raises(InputError, match=said):
            as_estimator(given, seed=0, settings={})
    with pytest.raises(InputError, match=r"no setting of LogisticRegression 'D' \(known: C, "):
        as_estimator(LogisticRegression(), seed=0, settings={"D": 1})
    with pytest.raises(InputError, match=r"there is no estimator sklearn.svm.SVX"):
        estimator_from("sklearn.svm.SVX", {}, 0)
    with pytest.raises(InputError, match=r"cannot be made with these settings"):
        estimator_from("sklearn.svm.SVC", {"depth": 2}, 0)
    assert estimator_from("sklearn.svm.SVC", {"C": 2}, 5).random_state == 5
    x, truth = stars()
    with pytest.raises(InputError, match="takes no weights of rows, so balanced=True cannot be met"):
        train_classifier(x, truth, estimator=KNeighborsClassifier(), balanced=True, calibration=None)


class Strange(ClassifierMixin, BaseEstimator):
    """A class that no file of luxjax may name."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


def test_what_would_need_code_is_not_saved(tmp_path):
    x, truth = stars()
    found = train_classifier(x, truth, estimator=Strange())
    with pytest.raises(
        InputError, match=r"cannot be saved without code that loading it would run \(.*Strange\)"
    ):
        save_classifier(found, tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_isotonic_regression_of_few_stars_is_refused():
    x, truth = stars()
    with pytest.raises(InputError, match="isotonic calibration needs 300 stars.*there are 240"):
        train_classifier(x, truth, estimator="logistic", calibration="isotonic")


def test_weights_of_an_average_are_the_likeliest():
    """Against a grid over weights, and temperatures that undo a known overconfidence."""
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 3, 4000)
    score = np.eye(3)[codes] * 1.5 + rng.normal(size=(2, 4000, 3))
    good, bad = (np.exp(s) / np.exp(s).sum(axis=1, keepdims=True) for s in score)
    sure = good**1.5 / (good**1.5).sum(axis=1, keepdims=True)  # half as much again too sure
    temperatures, weights = blend({"sure": sure, "bad": bad}, codes)
    own = blend({"good": good}, codes)[0]["good"]
    assert temperatures["sure"] == pytest.approx(1.5 * own, rel=0.05)

    def loss(w: float) -> float:
        mixed = Average({}, temperatures, {"sure": w, "bad": 1 - w}).mixed({"sure": sure, "bad": bad})
        return -np.log(mixed[np.arange(4000), codes]).mean()

    grid = np.linspace(0.02, 0.98, 49)
    assert abs(weights["sure"] - grid[np.argmin([loss(w) for w in grid])]) < 0.03
    assert sum(weights.values()) == pytest.approx(1)
    noise = np.full((4000, 3), 1 / 3)
    assert set(blend({"sure": sure, "none": noise}, codes)[1]) == {"sure"}
    assert floored(np.array([[1.0, 0.0]])).min() > 9e-4


def test_more_rows_than_a_tree_needs():
    from luxjax.classify.estimators import _estimators

    x = np.random.default_rng(0).normal(size=(60, 2))
    small = _estimators.make_estimator("trees", n_estimators=3).fit(x, (x[:, 0] > 0).astype(int))
    assert not small.bootstrap
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_estimators, "ENOUGH", 30)
        many = _estimators.make_estimator("trees", n_estimators=3).fit(x, (x[:, 0] > 0).astype(int))
    assert (many.bootstrap, many.max_samples, many.n_jobs) == (True, 30, None)
    assert all(tree.tree_.weighted_n_node_samples[0] <= 31 for tree in many.estimators_)


def test_xgboost_for_real(tmp_path):
    pytest.importorskip("xgboost", reason="xgboost is not installed")
    x, truth = stars()
    new, known = stars(seed=4)
    found = train_classifier(x, truth, estimator="xgboost", n_estimators=20, seed=1)
    assert (found.classify(new)["class"] == known).mean() > 0.85
    folder = save_classifier(found, tmp_path / "c")
    assert (folder / "estimator.json").is_file()
    pd.testing.assert_frame_equal(
        load_classifier(folder).classify(new), found.classify(new), check_exact=True
    )


def test_lightgbm_trains_and_is_not_saved(tmp_path):
    pytest.importorskip("lightgbm", reason="lightgbm is not installed")
    x, truth = stars()
    new, known = stars(seed=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of arrays without names of columns
        found = train_classifier(x, truth, estimator="lightgbm", n_estimators=20, seed=1)
        assert (found.classify(new)["class"] == known).mean() > 0.85
    with pytest.raises(InputError, match="lightgbm"):
        save_classifier(found, tmp_path / "c")


def test_pipelines_whose_steps_make_columns_are_read_back(tmp_path):
    x, truth = stars()
    steps = [
        ("fill", SimpleImputer(add_indicator=True)),
        ("square", PolynomialFeatures(2)),
        ("trees", ExtraTreesClassifier(5)),
    ]
    found = train_classifier(x, truth, estimator=Pipeline(steps), calibration=None)
    again = load_classifier(save_classifier(found, tmp_path / "c"))
    pd.testing.assert_frame_equal(again.classify(x), found.classify(x), check_exact=True)


@pytest.mark.parametrize("where", ["forest", "tree of a forest", "member of a stack", "last floor"])
def test_trees_that_ask_for_columns_that_rows_have_not(where, tmp_path):
    """Compiled code would read past the end of the row; scikit-learn's own check is of the owner alone."""
    x, truth = stars()
    forest = ExtraTreesClassifier(3, random_state=0)
    given = forest if "forest" in where else StackingClassifier([("a", forest)], final_estimator=forest)
    found = train_classifier(x, truth, estimator=given, calibration=None)
    owner = found.estimator
    if where == "member of a stack":
        owner = owner.estimators_[0]
    if where == "last floor":
        owner = owner.final_estimator_
    tree = owner.estimators_[0]
    tree.tree_.feature[0] = 99
    if where != "forest":
        tree.n_features_in_ = 1000
    if where == "last floor":
        del owner.n_features_in_
    folder = save_classifier(found, tmp_path / "c")
    with pytest.raises(InputError, match="does not exist"):
        load_classifier(folder)


def test_balanced_weights_count_once():
    """Randomised trees weigh classes by themselves; with weights of rows too, rare stars would count twice as much again."""
    x = np.random.default_rng(1).normal(size=(200, 2))
    codes = (np.arange(200) < 20).astype(int)
    weight = balanced_weights(codes)
    both = [
        make_estimator("trees", n_estimators=20, seed=1).fit(x, codes, sample_weight=w)
        for w in (None, weight)
    ]
    np.testing.assert_allclose(both[0].predict_proba(x), both[1].predict_proba(x), atol=1e-12)


def test_settings_of_a_search_are_told_in_plain_words(tmp_path):
    x, truth = stars()
    search = GridSearchCV(LogisticRegression(), {"C": np.array([1.0]), "max_iter": np.array([200])})
    found = train_classifier(x, truth, estimator=search, calibration=None)
    assert found.about["settings"] == {"C": 1.0, "max_iter": 200}
    assert load_classifier(save_classifier(found, tmp_path / "c")).about == found.about
