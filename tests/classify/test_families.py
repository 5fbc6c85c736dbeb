"""Importance of families in worlds where it is known by construction."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from luxjax.classify import Classifier, ablate_families, compare_rankings, condition_on, permute_families
from luxjax.classify.features import Features
from luxjax.core import InputError
from luxjax.stats import Ranking

FAMILIES = {"Hbeta": "balmer", "Halpha": "balmer", "CaII_K": "ca_hk", "Mg_b": "magnesium"}


def features(columns: dict[str, np.ndarray], ids: np.ndarray) -> Features:
    values = pd.DataFrame(columns)
    families = {n: FAMILIES[n] for n in values}
    left_out = pd.DataFrame(columns=["row", "id", "reason"])
    return Features(values, 0 * values + 0.1, families, ids, np.arange(len(values)), left_out)


class Known:
    """Says class 1 with the probability 1 / (1 + exp(-weights @ x))."""

    def __init__(self, *weights):
        self.weights = np.array(weights)

    def predict_proba(self, x):
        p = 1 / (1 + np.exp(-x @ self.weights))
        return np.column_stack([1 - p, p])


def knows(stars: Features, *weights) -> Classifier:
    return Classifier(Known(*weights), ("F", "G"), dict(stars.families), None, None, {})


@pytest.fixture(scope="module")
def world():
    """Temperature t decides the class; Hbeta and Ca II K follow it, Mg b does not; three spectra of each star."""
    rng = np.random.default_rng(8)
    star = np.repeat(np.arange(400), 3)
    t, m = rng.normal(size=(2, 400))
    heat = t[star]
    made = features(
        {"Hbeta": heat, "CaII_K": -heat + 0.01 * rng.normal(size=1200), "Mg_b": m[star]}, star.astype(str)
    )
    return made, heat, np.where(rng.random(400) < 1 / (1 + np.exp(-4 * t)), "G", "F")[star]


def test_permuting_costs_what_a_stranger_s_features_would(world):
    made, heat, truth = world
    found = permute_families(knows(made, 4, 0, 0), made, truth, n_repeats=40)
    sign = np.where(truth == "G", 1, -1)[::3]
    t = heat[::3]
    loss = np.logaddexp(0, -4 * sign[:, None] * t[None, :])  # of every star with the line of every other
    expected = (loss.sum(1) - np.diag(loss)) / (len(t) - 1) - np.diag(loss)
    assert found["balmer"] == pytest.approx(expected.mean(), rel=0.03)
    assert found.interval("balmer").holds(found["balmer"])
    error = expected.std() / np.sqrt(len(t))
    assert np.ptp(found.interval("balmer")) == pytest.approx(2 * 1.96 * error, rel=0.2)
    assert found["ca_hk"] == 0
    assert found["magnesium"] == 0
    assert found.unit == "nats per spectrum"


def test_among_like_stars_only_what_is_told_beyond_counts(world):
    made, heat, truth = world
    classifier = knows(made, 2, -2, 0)
    free = permute_families(classifier, made, truth)
    alike = permute_families(classifier, made, truth, within=condition_on(heat, made.ids))
    assert free["ca_hk"] > 0.3
    assert abs(alike["ca_hk"]) < 0.03 * free["ca_hk"]
    # the metal line decides at a given temperature: conditioning takes nothing from it
    chance = 1 / (1 + np.exp(-3 * made.values["Mg_b"].to_numpy()))
    metal = np.where(np.repeat(np.random.default_rng(1).random(400), 3) < chance, "G", "F")
    classifier = knows(made, 0, 0, 3)
    free = permute_families(classifier, made, metal)
    alike = permute_families(classifier, made, metal, within=condition_on(heat, made.ids))
    assert alike["magnesium"] == pytest.approx(free["magnesium"], rel=0.12)


def test_a_star_gets_another_star_s_features_and_no_lonely_one_counts(world):
    made, _, truth = world
    pairs = np.repeat(np.arange(200), 6)  # two stars each
    swapped = made.values["Hbeta"].to_numpy().reshape(200, 2, 3)[:, ::-1].ravel()
    sign = np.where(truth == "G", 1, -1)
    x = made.values["Hbeta"].to_numpy()
    expected = np.logaddexp(0, -4 * sign * swapped) - np.logaddexp(0, -4 * sign * x)
    found = permute_families(knows(made, 4, 0, 0), made, truth, within=pairs, n_repeats=2)
    assert found["balmer"] == pytest.approx(expected.mean())
    pairs[6:] = -1
    pairs[9:12] = 7
    found = permute_families(knows(made, 4, 0, 0), made, truth, within=pairs, n_repeats=1)
    assert found["balmer"] == pytest.approx(expected[:6].mean())
    with pytest.raises(InputError, match="no star has another one in its group"):
        permute_families(knows(made, 4, 0, 0), made, truth, within=np.arange(1200))


def test_groups_are_small_alike_and_by_star(rng):
    values = np.column_stack([rng.normal(5000, 800, 300), rng.normal(0, 0.3, 300)])
    values[7, 1] = np.nan
    star = np.repeat(np.arange(150), 2)
    group = condition_on(values, star, size=8)
    assert (group[::2] == group[1::2]).all()
    stars = np.bincount(group[::2][group[::2] >= 0])
    assert stars.min() >= 4
    assert stars.max() <= 8
    alone = condition_on(values[:, 0], size=8)
    spread = pd.Series(values[:, 0]).groupby(alone).agg(np.ptp)
    assert spread.median() < 0.04 * np.ptp(values[:, 0])
    order = pd.Series(values[:, 0]).groupby(alone).agg(["min", "max"]).sort_values("min")
    assert (order["max"].to_numpy()[:-1] <= order["min"].to_numpy()[1:]).all()
    known = np.isfinite(values).all(axis=1)
    assert group[6] >= 0  # its other spectrum has the value
    assert condition_on(values, size=8)[~known] == -1
    with pytest.raises(InputError, match="2 stars or more"):
        condition_on(values, size=1)


def test_left_out_and_alone(world):
    """Twins replace each other when one is left out; a family of noise gives nothing alone."""
    made, _, truth = world
    made, truth = made.select(slice(0, 360)), truth[:360]
    found = ablate_families(made, truth, folds=2, n_again=1, estimator="logistic", calibration=None)
    assert found.only["balmer"] == pytest.approx(found.only["ca_hk"], abs=0.01)
    assert found.only["balmer"] > 0.25
    assert abs(found.only["magnesium"]) < 0.03
    for name in FAMILIES.values():
        assert abs(found.without[name]) < 0.02
    assert 0 < found.noise < 0.1
    both = ablate_families(
        made,
        truth,
        groups={"hydrogen and calcium": ["balmer", "ca_hk"], "metal": ["magnesium"]},
        folds=2,
        n_again=0,
        estimator="logistic",
        calibration=None,
    )
    assert both.without["hydrogen and calcium"] > 0.25
    # without one of two groups is with the other alone
    share = (truth == "G").mean()
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert (
        both.scores.loc["only metal", "log_loss"]
        == both.scores.loc["without hydrogen and calcium", "log_loss"]
    )
    assert both.only["metal"] == pytest.approx(entropy - both.scores.loc["only metal", "log_loss"])
    with pytest.raises(InputError, match="holds every feature"):
        ablate_families(made, truth, groups={"all": ["balmer", "ca_hk", "magnesium"]})


def ranking(balmer, calcium, magnesium, scatter=0.1):
    rng = np.random.default_rng(0)
    value = np.array([balmer, calcium, magnesium], float)
    draws = value + scatter * rng.normal(size=(400, 3))
    return Ranking("loss", "nats", ("balmer", "ca_hk", "magnesium"), value, draws)


def test_a_claim_beside_several_rankings():
    found = compare_rankings(
        {"naive": ranking(1, 3, 2), "permuted": ranking(3, 2, 1), "alone": ranking(1.05, 2, 1.1)}
    )
    assert list(found.claim["says"]) == ["holds", "does not hold", "inconclusive"]
    assert found.claim.loc["permuted", "difference"] == pytest.approx(-2)
    unsure = compare_rankings({"naive": replace(ranking(1, 3, 2), noise=1.5)})
    assert list(unsure.claim["says"]) == ["inconclusive"]
    assert list(found.table().index) == ["ca_hk", "magnesium", "balmer"]
    assert found.table().loc["balmer", ("permuted", "rank")] == 1
    assert (
        "Claim: Ca II H and K and Mg b, Mg I outrank Balmer lines. By naive it holds (ranks of 3: Ca II H and K 1, Mg b, Mg I 2, Balmer lines 3"
        in found.words
    )
    assert "0 of the 2 other measures say the same" in found.words


def test_share_that_is_kept_is_of_what_matters_at_all():
    found = compare_rankings({"free": ranking(4, 2, 0.05), "alike": ranking(1, 2, 0.05)})
    kept = found.kept("alike", "free")
    assert list(kept.index) == ["balmer", "ca_hk"]
    assert kept.loc["balmer", "share"] == pytest.approx(0.25)
    assert kept.loc["balmer", "lower"] < 0.25 < kept.loc["balmer", "upper"] < 0.35
    with pytest.raises(InputError, match="permuted"):
        found.kept("permuted", "free")


def test_claims_that_cannot_be_tested_are_refused():
    with pytest.raises(InputError, match="two different sets"):
        compare_rankings({"naive": ranking(1, 2, 3)}, ["balmer"], ["balmer"])
    with pytest.raises(InputError, match="tio"):
        compare_rankings({"naive": ranking(1, 2, 3)}, ["tio"])
    other = ranking(1, 2, 3).select(["balmer", "ca_hk"])
    with pytest.raises(InputError, match="'other' differs by magnesium"):
        compare_rankings({"naive": ranking(1, 2, 3), "other": other})
