"""Classifiers on a made-up sequence whose Bayes-optimal probabilities are known."""

import json

import numpy as np
import pandas as pd
import pytest

from luxjax.classify import (
    cross_validate_classifier,
    load_classifier,
    save_classifier,
    score_classes,
    train_classifier,
)
from luxjax.classify.features import Features
from luxjax.classify.internal import make_estimator
from luxjax.core import InputError

SETTINGS = {"average": {}, "boosting": {"max_iter": 40}, "forest": {"n_estimators": 60}, "logistic": {}}
QUICK = {"estimator": "boosting", "max_iter": 15}


def features(rng, n=600, repeats=1):
    """Two indices that follow temperature, one that is noise; each star `repeats` times."""
    heat = np.repeat(rng.uniform(0, 4, n), repeats)
    noise = rng.normal(size=(4, len(heat))) * 0.25
    values = pd.DataFrame({"hbeta": heat + noise[0], "ca_k": -heat + noise[1], "mgb": noise[2] * 4})
    values.loc[rng.random(len(heat)) < 0.05, "ca_k"] = np.nan
    families = {"hbeta": "balmer", "ca_k": "ca_hk", "mgb": "magnesium"}
    ids = np.repeat([f"s{k}" for k in range(n)], repeats)
    left_out = pd.DataFrame(columns=["row", "id", "reason"])
    table = Features(values, 0 * values + 0.25, families, ids, np.arange(len(heat)), left_out)
    return table, np.array(list("KGFA"))[np.clip(heat.astype(int), 0, 3)]


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(5)
    return *features(rng), *features(rng, 800)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_estimator_learns_calibrates_and_covers(world, name):
    x, y, x_new, y_new = world
    found = train_classifier(x, y, estimator=name, seed=1, **SETTINGS[name])
    assert found.classes == ("A", "F", "G", "K")
    scores = score_classes(found.probabilities(x_new), y_new)
    assert scores["accuracy"] > 0.83
    assert scores["accuracy"] > scores.baseline["accuracy"] + 0.4
    assert scores["ece"] < 0.06
    table = found.classify(x_new)
    assert (table["class"] == y_new).mean() == scores["accuracy"]
    holds = [t in s.split() for t, s in zip(y_new, table["set"], strict=True)]
    low, high = found.sets.coverage_band(len(holds), 0.9, confidence=0.999)
    assert low <= np.mean(holds) <= high
    assert found.about["fitted_stars"] == found.about["calibration_stars"] == 600


@pytest.mark.parametrize("name", SETTINGS)
def test_saved_and_loaded_to_the_identical_probabilities(world, name, tmp_path):
    x, y, x_new, _ = world
    quick = {"boosting": {"max_iter": 8}, "forest": {"n_estimators": 10}}.get(name, {})
    for calibration in ("temperature", "isotonic", None) if name == "logistic" else ("temperature",):
        found = train_classifier(x, y, estimator=name, calibration=calibration, **quick)
        again = load_classifier(save_classifier(found, tmp_path / "c"))
        save_classifier(again, tmp_path / "c")  # takes the place of its earlier self
        pd.testing.assert_frame_equal(again.classify(x_new), found.classify(x_new), check_exact=True)
        assert again.about == found.about


def test_balanced_weights_find_more_of_a_rare_class(world):
    x, y, x_new, y_new = world
    kept = (y != "A") | (np.arange(len(y)) % 8 == 0)
    x, y = x.select(kept), y[kept]
    recall = [
        (
            train_classifier(x, y, balanced=b, estimator="boosting", max_iter=25).classify(x_new)["class"]
            == "A"
        )[y_new == "A"].mean()
        for b in (False, True)
    ]
    assert recall[1] > recall[0] + 0.02


@pytest.mark.slow
def test_all_spectra_of_a_star_stay_together():
    """Labels that are pure chance by star: who peeks at other spectra of the same star does far better than chance."""
    x, _ = features(np.random.default_rng(1), n=150, repeats=4)
    chance = np.repeat(np.random.default_rng(2).choice(["F", "G"], 150), 4)
    fingerprint = x.values.groupby(x.ids).transform("mean").assign(mgb=x.values["mgb"])
    x = Features(fingerprint, x.errors, x.families, x.ids, x.rows, x.left_out)
    apart = cross_validate_classifier(x, chance, **QUICK)
    assert (apart.groupby("id")["fold"].nunique() == 1).all()
    assert abs((apart["class"] == apart["truth"]).mean() - 0.5) < 0.1
    loose = Features(x.values, x.errors, x.families, np.arange(600).astype(str), x.rows, x.left_out)
    assert (cross_validate_classifier(loose, chance, **QUICK).eval("`class` == truth")).mean() > 0.65


def test_search_stays_within_the_fitting_stars(world):
    x, y, *_ = world
    found = train_classifier(x, y, estimator="logistic", tune=3, seed=2)
    assert found.about["settings"]["model__C"] in (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
    with pytest.raises(InputError, match="the average has no settings and no search"):
        train_classifier(x, y, tune=3)


def test_what_is_no_feature_never_enters(world):
    x, *_ = world
    for leak in ("ra", "snrg", "fiberid", "z", "mag1"):
        with pytest.raises(InputError, match=f"'{leak}' has no feature family"):
            Features(
                x.values.assign(**{leak: 1.0}),
                x.errors.assign(**{leak: 0.0}),
                x.families,
                x.ids,
                x.rows,
                x.left_out,
            )


def test_damaged_and_foreign_files_are_refused(world, tmp_path):
    x, y, *_ = world
    folder = save_classifier(train_classifier(x, y, estimator="boosting", max_iter=5), tmp_path / "c")
    header = json.loads((folder / "classifier.json").read_text())
    few = {"hbeta": "balmer"}
    (folder / "classifier.json").write_text(json.dumps({**header, "families": few}))
    with pytest.raises(InputError, match="asks for a feature that does not exist"):
        load_classifier(folder)
    (folder / "classifier.json").write_text(json.dumps(header))
    (folder / "estimator.skops").write_bytes(b"no zip")
    with pytest.raises(InputError, match="damaged"):
        load_classifier(folder)
    import skops.io

    (folder / "estimator.skops").write_bytes(skops.io.dumps({"call": json.JSONDecoder}))
    with pytest.raises(InputError, match="JSONDecoder, which no classifier of luxjax does"):
        load_classifier(folder)


def test_bad_input(world):
    x, y, *_ = world
    with pytest.raises(InputError, match=r"too rare: M \(1\)"):
        train_classifier(x, np.where(np.arange(600) == 0, "M", y))
    with pytest.raises(InputError, match="given 600 rows and 3 classes"):
        train_classifier(x, ["A", "F", "G"])
    with pytest.raises(InputError, match="no estimator 'boostin'.*Did you mean 'boosting'"):
        make_estimator("boostin")
    with pytest.raises(InputError, match="no feature 'mgb'"):
        train_classifier(x, y, estimator="boosting", max_iter=5).classify(x.without("magnesium"))


def test_a_setting_that_the_estimator_has_not(world):
    x, y, *_ = world
    with pytest.raises(
        InputError, match=r"no setting of the estimator 'boosting' 'max_iters' .*Did you mean 'max_iter'"
    ):
        train_classifier(x, y, estimator="boosting", seed=1, max_iters=3)


def test_features_are_printed_in_one_line(world):
    assert repr(world[0]) == "Features(600 spectra x 3 features: balmer, ca_hk, magnesium; 0 left out)"
