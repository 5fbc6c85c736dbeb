"""Values of class scores add up to what the classifier says, and agree with a sum over all coalitions."""

import itertools
import math

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler

from luxjax.core import InputError
from luxjax.interpret.attribution import family_interactions, rank_features, shapley_classes
from luxjax.interpret.attribution._shapley_classes import class_output

NAMES = ("Hbeta", "Halpha", "CaII_K", "noise")
FAMILIES = {"Hbeta": "balmer", "Halpha": "balmer", "CaII_K": "ca_hk", "noise": "other"}


@pytest.fixture(scope="module")
def stars():
    """Rows and their classes: the first feature decides most, the last nothing; some are missing."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(240, 4))
    y = np.digitize(x[:, 0] + 0.4 * x[:, 1] - 0.7 * x[:, 2] + 0.2 * rng.normal(size=240), [-0.7, 0.7])
    x[rng.random(x.shape) < 0.05] = np.nan
    return x, y


def boosted(x, y):
    return HistGradientBoostingClassifier(max_iter=12, max_leaf_nodes=6, random_state=0).fit(x, y)


def linear(x, y):
    steps = SimpleImputer(strategy="median", add_indicator=True), RobustScaler(), LogisticRegression()
    return make_pipeline(*steps).fit(x, y)


def forest(x, y):
    return RandomForestClassifier(15, min_samples_leaf=3, random_state=0).fit(x, y)


@pytest.mark.parametrize("make", [boosted, linear, forest])
def test_values_add_up_to_the_output_of_every_class(stars, make):
    x, y = stars
    model = make(x, y)
    found = shapley_classes(model, x[:60], NAMES, "AFG")
    np.testing.assert_allclose(found.prediction, class_output(model, x[:60]), atol=1e-6)
    p = model.predict_proba(x[:60])
    if make is forest:
        np.testing.assert_allclose(found.prediction, p, atol=1e-12)
    else:  # the softmax of the centred log-ratio is the probability
        grown = np.exp(found.prediction)
        np.testing.assert_allclose(grown / grown.sum(1, keepdims=True), p, atol=1e-9)
        np.testing.assert_allclose(found.values.sum(axis=2), 0, atol=1e-9)
    assert found.labels == ("A", "F", "G")
    assert found.values.shape == (60, 4, 3)
    assert found.to_shap("F").values.shape == (60, 4)


@pytest.mark.slow
@pytest.mark.parametrize("make", [boosted, linear])
def test_two_classes_are_mirror_images(stars, make):
    x, y = stars
    model = make(x, y == 2)
    found = shapley_classes(model, x[:40], NAMES, ["F", "G"])
    p = model.predict_proba(x[:40])
    np.testing.assert_allclose(found.prediction[:, 1], 0.5 * np.log(p[:, 1] / p[:, 0]), atol=1e-8)
    np.testing.assert_array_equal(found.values[:, :, 0], -found.values[:, :, 1])


def by_coalitions(f, x, background):
    """Independent Shapley values of one row from all coalitions, features outside drawn from the background."""
    n = len(x)

    def worth(inside):
        rows = background.copy()
        rows[:, list(inside)] = x[list(inside)]
        return f(rows).mean(axis=0)

    total = np.zeros((n, 3))
    for i in range(n):
        others = [j for j in range(n) if j != i]
        for size in range(n):
            weight = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
            for s in itertools.combinations(others, size):
                total[i] += weight * (worth((*s, i)) - worth(s))
    return total


def test_linear_and_function_agree_with_all_coalitions(stars):
    x, y = stars
    model, back = linear(x, y), x[:30]
    expected = by_coalitions(lambda v: class_output(model, v), x[100], back)
    found = shapley_classes(model, x[100:102], NAMES, "AFG", background=back)
    np.testing.assert_allclose(found.values[0], expected, atol=1e-10)
    trees = forest(x, y)
    expected = by_coalitions(trees.predict_proba, x[100], back)
    found = shapley_classes(trees.predict_proba, x[100:102], NAMES, "AFG", background=back)
    np.testing.assert_allclose(found.values[0], expected, atol=1e-10)
    assert found.output == "probability"


@pytest.mark.slow
def test_ranking_finds_what_decides_and_families_add_before_the_absolute_value(stars):
    x, y = stars
    found = shapley_classes(boosted(x[:120], y[:120]), x[120:], NAMES, "AFG")
    star = np.repeat(np.arange(60), 2)
    ranks = rank_features(found, FAMILIES, star, n_draws=50)
    overall = ranks.features["all"].table()
    assert list(overall.index[:2]) == ["Hbeta", "CaII_K"]
    assert overall.index[-1] == "noise"
    assert (overall["lower"] < overall["value"]).all()
    assert (overall["value"] < overall["upper"]).all()
    np.testing.assert_allclose(ranks.features["A"].value, found.importance[:, 0])
    both = np.abs(found.values[:, 0] + found.values[:, 1]).mean()
    assert ranks.families["all"]["balmer"] == pytest.approx(both)
    assert ranks.families["all"].chance("balmer", "other") == 1.0
    table = ranks.table()
    assert set(table["class"]) == {"all", "A", "F", "G"}
    assert len(table) == 4 * (4 + 3)


@pytest.mark.slow
@pytest.mark.parametrize("make", [boosted, forest])
def test_interactions_of_families_add_up_to_their_values(stars, make):
    x, y = stars
    for codes, classes in ((y, "AFG"), (y == 2, "FG")):
        model = make(x, codes)
        found = family_interactions(model, x[:20], NAMES, classes, FAMILIES)
        values = shapley_classes(model, x[:20], NAMES, classes).values
        sums = np.stack([values[:, :2].sum(axis=1), values[:, 2], values[:, 3]], axis=1)
        np.testing.assert_allclose(found.values.sum(axis=2), sums, atol=1e-9)
        np.testing.assert_allclose(found.values, np.swapaxes(found.values, 1, 2), atol=1e-12)


def test_additive_scores_have_no_interactions(stars):
    x, y = stars
    stumps = HistGradientBoostingClassifier(max_iter=8, max_leaf_nodes=2).fit(x, y)
    table = family_interactions(stumps, x[:20], NAMES, "AFG", FAMILIES).table("A")
    assert np.abs(table.to_numpy() - np.diag(np.diag(table))).max() < 1e-9
    assert table.loc["balmer", "balmer"] > 0.05
    exclusive = (np.nan_to_num(x[:, 0]) > 0) ^ (np.nan_to_num(x[:, 2]) > 0)
    both = HistGradientBoostingClassifier(max_iter=20, max_leaf_nodes=6).fit(x, exclusive)
    table = family_interactions(both, x[:20], NAMES, "FG", FAMILIES).table()
    assert table.loc["balmer", "ca_hk"] > 5 * table.loc["balmer", "other"]
    with pytest.raises(InputError, match="interactions are for trees"):
        family_interactions(linear(x, y), x, NAMES, "AFG", FAMILIES)


def test_wrong_input_is_refused(stars):
    x, y = stars
    model = boosted(x, y)
    with pytest.raises(InputError, match="3 features are named"):
        shapley_classes(model, x, NAMES[:3], "AFG")
    with pytest.raises(InputError, match="gives 3 classes; 2 are named"):
        shapley_classes(model, x, NAMES, "AF")
    found = shapley_classes(model, x[:5], NAMES, "AFG")
    with pytest.raises(InputError, match="needs its family"):
        rank_features(found, {"Hbeta": "balmer"})
