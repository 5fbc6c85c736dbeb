"""Reasons of a small classifier, and what the figures of them plot."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from luxjax.classify import condition_on, permute_families, train_classifier
from luxjax.classify.features import Features
from luxjax.classify.internal import OrdinalError, embed, ordinal_error
from luxjax.core import InputError
from luxjax.data import Spectra
from luxjax.plots import (
    plot_embedding,
    plot_family_ranking,
    plot_naive_and_honest,
    plot_ordinal,
    plot_shapley_classes,
)
from luxjax.plots.classes._why import family_name
from luxjax.plots.internal import feature_name, plot_spectrum_why
from luxjax.runs.classes._reasons import class_reasons, explain_classes
from luxjax.stats import Interval

pytestmark = pytest.mark.slow

FAMILIES = {"Hbeta": "balmer", "CaII_K": "ca_hk", "Mg_b": "magnesium", "slope_all": "continuum"}


@pytest.fixture(scope="module")
def stars():
    """Three hundred stars: Hbeta and Ca II K follow temperature, Mg b a little, the slope not at all."""
    rng = np.random.default_rng(6)
    heat = rng.uniform(-1.5, 1.5, 300)
    noise = rng.normal(size=(4, 300))
    columns = {
        "Hbeta": heat + 0.1 * noise[0],
        "CaII_K": -heat + 0.3 * noise[1],
        "Mg_b": -heat + noise[2],
        "slope_all": noise[3],
    }
    values = pd.DataFrame(columns)
    left_out = pd.DataFrame(columns=["row", "id", "reason"])
    ids = np.array([f"s{k}" for k in range(300)])
    made = Features(values, 0 * values + 0.1, FAMILIES, ids, np.arange(300), left_out)
    return made, np.array(list("KGF"))[np.digitize(heat, [-0.5, 0.5])], heat


@pytest.fixture(scope="module")
def judged(stars):
    made, truth, heat = stars
    classifier = train_classifier(
        made.select(slice(200)), truth[:200], estimator="boosting", max_iter=15, max_leaf_nodes=5
    )
    return classifier, made.select(slice(200, None)), truth[200:], heat[200:]


@pytest.fixture(scope="module")
def reasons(judged):
    classifier, held, truth, heat = judged
    return class_reasons(classifier, held, truth, like={"Teff": heat}, n_repeats=3, n_draws=40)


def texts(figure) -> str:
    return "\n".join(t.get_text() for ax in figure.axes for t in [*ax.texts, ax.title])


def test_values_are_those_of_the_calibrated_probabilities(judged):
    classifier, held, *_ = judged
    logs = np.log(classifier.probabilities(held).to_numpy())
    assert classifier.calibrator.temperature != pytest.approx(1, abs=0.02)
    found = explain_classes(classifier, held)
    np.testing.assert_allclose(found.prediction, logs - logs.mean(axis=1, keepdims=True), atol=1e-6)
    assert found.labels == classifier.classes


def test_reasons_hold_the_naive_ranking_and_the_honest_ones(judged, reasons):
    classifier, held, truth, heat = judged
    assert list(reasons.comparison.rankings) == [
        "mean absolute Shapley value", "permutation", "permutation at like Teff",
    ]  # fmt: skip
    assert set(reasons.comparison.claim["says"].iloc[:2]) == {"does not hold"}
    alike = permute_families(
        classifier, held, truth, within=condition_on(heat, held.ids), n_repeats=3, n_draws=40
    )
    assert reasons.comparison.rankings["permutation at like Teff"]["balmer"] == alike["balmer"]
    assert alike["balmer"] < 0.2 * reasons.comparison.rankings["permutation"]["balmer"]


def test_rankings_side_by_side_show_every_value_and_what_it_says_of_the_claim(reasons):
    figure = plot_naive_and_honest(reasons.comparison)
    assert len(figure.axes) == 3
    table = reasons.comparison.table()
    names = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    assert names == [family_name(n) for n in table.index]
    for ax, (name, row) in zip(figure.axes, reasons.comparison.claim.iterrows(), strict=True):
        drawn = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "o"]
        np.testing.assert_allclose(drawn, table[name]["value"])
        assert f"{row['says']} ({row['chance']:.0%})" in ax.get_title()


def test_one_ranking_is_drawn_in_order_with_its_noise(reasons):
    ranking = reasons.comparison.rankings["permutation"]
    (ax,) = plot_family_ranking(replace(ranking, noise=0.01), n=3).axes
    assert ax.patches[0].get_extents().transformed(ax.transData.inverted()).x1 == pytest.approx(0.01)
    labels = [t.get_text() for t in ax.get_yticklabels()]
    assert labels == [family_name(n) for n in ranking.table().index[:3]]
    tops = [line.get_ydata()[0] for line in ax.lines if line.get_marker() == "o"]
    assert tops == [2, 1, 0]
    assert "nats per spectrum" in ax.get_xlabel()


def test_every_class_shows_its_strongest_features(reasons):
    figure = plot_shapley_classes(reasons.shapley, reasons.ranks, n=2)
    for k, name in enumerate(reasons.shapley.labels):
        ax = figure.axes[k]
        best = list(reasons.ranks.features[name].table().index[:2])
        assert [t.get_text() for t in ax.get_yticklabels()] == [feature_name(b) for b in best]
        points = ax.collections[0].get_offsets()[:, 0]
        np.testing.assert_allclose(
            points, reasons.shapley.values[:, reasons.shapley.features.index(best[0]), k]
        )


def test_a_spectrum_s_pulls_add_up_to_the_log_odds(judged, reasons):
    classifier, held, *_ = judged
    p = classifier.probabilities(held).iloc[0]
    wavelength = np.geomspace(3900, 8900, 400)
    one = Spectra(np.ones((1, 400)), np.ones((1, 400)), wavelength, "vacuum", np.array(["s200"]))
    figure = plot_spectrum_why(one, 0, reasons.shapley, 0, p, n=3, title="star $1")
    above, left, right = figure.get_axes()
    first, second = p.sort_values(ascending=False).iloc[:2]
    pulls = [bar.get_width() for bar in right.patches]
    assert len(pulls) == 5
    assert sum(pulls) == pytest.approx(np.log(first / second))
    assert f"{np.log(first / second):.2f}" in right.get_xlabel()
    assert [bar.get_width() for bar in left.patches] == pytest.approx(list(p))
    order = np.argsort(-np.abs(pulls[:3]))
    assert list(order) == [0, 1, 2]
    assert {n for t in above.texts for n in t.get_text().split(",")} <= {"1", "2", "3"}
    with pytest.raises(InputError, match="do not go with"):
        plot_spectrum_why(one, 0, reasons.shapley, 0, p.rename({"F": "A"}))


def test_maps_show_classes_or_a_quantity(stars):
    made, truth, heat = stars
    found = embed(made, n_neighbors=10, n_draws=20)
    figure = plot_embedding({"indices": found}, truth, most=200)
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["F", "G", "K"]
    assert f"{found.trustworthiness:.3f}" in texts(figure)
    assert len(figure.axes[0].collections[-1].get_offsets()) == 200
    figure = plot_embedding({"indices": found}, np.where(heat > 1, np.nan, heat), "teff (K)")
    assert figure.axes[-1].get_ylabel() == r"$T_\mathrm{eff}$ (K)"
    with pytest.raises(InputError, match="of 300 stars, the colours of 3"):
        plot_embedding({"indices": found}, truth[:3])


def test_borders_show_the_probability_of_the_cooler_class(judged):
    classifier, held, truth, heat = judged
    found = ordinal_error(classifier.classify(held).assign(truth=truth), 44.5 - 10 * heat, n_draws=20)
    left, right = plot_ordinal(found).axes
    assert [c.get_label() for c in left.containers] == ["F / G", "G / K"]
    part = found.borders[found.borders["border"] == "F|G"].sort_values("distance")
    drawn = left.containers[0].lines[0].get_xydata()
    np.testing.assert_allclose(drawn, part[["distance", "probability"]].to_numpy())
    assert f"{found.value['subclasses']:.2f}" in texts(right.figure)


def test_without_positions_the_borders_are_left_out():
    blank = Interval(np.nan, np.nan)
    keys = ("classes", "adjacent", "subclasses", "offset", "near")
    value = dict.fromkeys(keys, np.nan) | {"classes": 0.1, "adjacent": 0.9}
    interval = dict.fromkeys(keys, blank) | {"adjacent": Interval(0.8, 1.0)}
    columns = ["border", "distance", "n", "probability", "lower", "upper", "called"]
    empty = OrdinalError(
        value, interval, {**value, "adjacent": 0.5}, np.nan, pd.DataFrame(columns=columns), 40
    )
    left, right = plot_ordinal(empty).axes
    assert "not known" in left.texts[0].get_text()
    assert [t.get_text() for t in right.get_yticklabels()] == ["errors by one class"]


def test_names_in_print():
    assert feature_name("Hbeta_depth") == "Hβ depth"
    assert feature_name("CaII_K") == "Ca II K"
    assert feature_name("CaHK") == "CaHK"
    assert feature_name("MgI8807_DTT") == "Mg I 8807 DTT"
    assert feature_name("HeII_4686") == "He II 4686"
    assert feature_name("OI_7774") == "O I 7774"
    assert family_name("ca_hk") == "Ca II H and K"
