"""Parameters from features, in a made-up world whose quantiles are known."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score

from luxjax.classify.features import Features
from luxjax.classify.parameters import (
    cross_validate_parameters,
    load_parameters,
    save_parameters,
    score_parameters,
    train_parameters,
)
from luxjax.core import InputError
from luxjax.data import LabelTable

pytestmark = pytest.mark.slow

QUICK = {"max_iter": 40, "max_leaf_nodes": 6, "max_features": 1.0}


def world(n, seed, repeats=1):
    """Labels that follow two indices; the scatter of teff grows fourfold along the first of them, that of logg does not."""
    rng = np.random.default_rng(seed)
    x = np.repeat(rng.uniform(-1, 1, (n, 2)), repeats, axis=0)
    star = np.repeat(np.arange(n), repeats)
    ids = np.array([f"s{k}" for k in range(n)])
    first = np.arange(n) * repeats
    sigma = 50 * 2 ** (1 + x[first, 0])
    teff = 5500 + 800 * x[first, 0] + sigma * rng.standard_normal(n)
    logg = 3 + x[first] @ [0.5, 1.0] + 0.1 * rng.standard_normal(n)
    values = pd.DataFrame({"hbeta": x[:, 0], "ca_k": x[:, 1], "mgb": rng.standard_normal(len(star))})
    families = {"hbeta": "balmer", "ca_k": "ca_hk", "mgb": "magnesium"}
    left_out = pd.DataFrame(columns=["row", "id", "reason"])
    features = Features(values, 0 * values, families, ids[star], np.arange(len(star)), left_out)
    labels = LabelTable(np.column_stack([teff, logg]), 1.0, ("teff", "logg"), ids, units={"teff": "K"})
    return features, labels, sigma


@pytest.fixture(scope="module")
def trained():
    features, labels, _ = world(900, 1)
    labels.value[:50, 1] = np.nan  # a label that some stars lack
    return {
        "boosting": train_parameters(features, labels, ("teff", "logg"), coverage=0.8, **QUICK),
        "ridge": train_parameters(features, labels, ("teff", "logg"), coverage=0.8, estimator="ridge"),
    }


@pytest.mark.parametrize("name", ["boosting", "ridge"])
def test_close_to_the_best_possible_and_covering(trained, name):
    model = trained[name]
    features, labels, sigma = world(1500, 2)
    scores = score_parameters(model.predict(features), labels, n_draws=50)
    ideal = {"teff": np.mean(sigma) * np.sqrt(2 / np.pi), "logg": 0.1 * np.sqrt(2 / np.pi)}
    for label in ("teff", "logg"):
        row = scores.loc[label]
        assert ideal[label] * 0.9 < row["mae"] < ideal[label] * 1.25
        assert row["mae_lower"] < row["mae"] < row["mae_upper"]
        assert abs(row["bias"]) < 0.2 * ideal[label]
        # the coverage of one calibration set of 180 stars scatters by 0.03 around its level
        assert abs(row["coverage"] - 0.8) < 0.09
        assert row["coverage_lower"] < row["coverage"] < row["coverage_upper"]
        assert row["baseline"] > 3 * row["mae"]
    assert model.parameters["logg"].n_fitted + model.parameters["logg"].n_calibration == 850
    assert model.parameters["teff"].unit == "K"


def test_intervals_follow_the_scatter_and_hold_their_median(trained):
    features, _, sigma = world(400, 3)
    found = trained["boosting"].predict(features)
    width = (found["teff_upper"] - found["teff_lower"]).to_numpy()
    wide, narrow = sigma > 150, sigma < 65  # threefold; an interval of one width for all fails
    assert 1.8 < np.median(width[wide]) / np.median(width[narrow]) < 4
    assert (found["teff_lower"] <= found["teff"]).all()
    assert (found["teff"] <= found["teff_upper"]).all()
    flat = trained["ridge"].predict(features)
    np.testing.assert_allclose(
        flat["teff_upper"] - flat["teff"], trained["ridge"].parameters["teff"].margin, rtol=1e-9
    )


def test_a_star_is_never_judged_by_a_model_that_saw_it():
    """Pure noise that all spectra of a star share: only who peeks can predict it."""
    features, labels, _ = world(150, 4, repeats=3)
    noise = np.random.default_rng(5).standard_normal((150, 1))
    noise = LabelTable(noise, 1.0, ("fe_h",), labels.ids)
    found = cross_validate_parameters(features, noise, ("fe_h",), folds=2, max_iter=20, max_leaf_nodes=6)
    assert list(found.index) == list(features.ids)
    assert (found.groupby("id")["fold"].nunique() == 1).all()
    row = score_parameters(found, noise, n_draws=5).loc["fe_h"]
    assert row["mae"] > 0.9 * row["baseline"]
    assert (row["n"], row["n_stars"]) == (450, 150)
    alone = train_parameters(features, noise, ("fe_h",), max_iter=5)
    assert alone.parameters["fe_h"].n_fitted + alone.parameters["fe_h"].n_calibration == 150


def test_scores_by_hand():
    ids = ["a", "a", "b", "c"]
    found = pd.DataFrame(
        {"teff": [10.0, 12, 20, 33], "teff_lower": [9.5, 11, 19, 31], "teff_upper": [11.0, 13, 21, 35]},
        index=ids,
    )
    labels = LabelTable(np.array([[10.0], [21], [30]]), 1.0, ("teff",), ["a", "b", "c"])
    row = score_parameters(found, labels).loc["teff"]
    assert row["mae"] == (0 + 2 + 1 + 3) / 4
    assert row["bias"] == (0 + 2 - 1 + 3) / 4
    assert row["scatter"] == pytest.approx(1.4826 * 1.5, rel=1e-4)  # residuals 0, 2, -1, 3: median 1
    assert row["coverage"] == (0.5 + 1 + 0) / 3
    assert row["width"] == 2
    assert row["baseline"] == (5.5 + 5.5 + 5.5 + 14.5) / 4  # the labels 10, 10, 21, 30 have the median 15.5


def test_trends_of_the_errors_are_found_with_intervals_that_hold_them(rng):
    n = 2000
    truth, snr = rng.normal(5000, 500, n), rng.uniform(1, 2, n)
    noise = rng.normal(0, 50, n)
    found = pd.DataFrame({"teff": 0.9 * truth + 500 + 40 * (snr - 1.5) + noise}, index=[f"s{k}" for k in range(n)])  # fmt: skip
    found = found.assign(teff_lower=found["teff"] - 60, teff_upper=found["teff"] + 60)
    labels = LabelTable(truth[:, None], 1.0, ("teff",), list(found.index))
    unknown = np.where(np.arange(n) < n / 2, np.nan, rng.normal(15, 1, n))
    against = {"log10_snr": snr, "magnitude": unknown, "constant": np.ones(n)}
    row = score_parameters(found, labels, against=against, n_draws=100).loc["teff"]
    for name, value in (("slope_label", -0.1), ("slope_log10_snr", 40), ("slope_magnitude", 0)):
        assert row[f"{name}_lower"] < value < row[f"{name}_upper"]
    assert row["slope_label_upper"] < -0.08
    assert row["slope_log10_snr_lower"] > 20
    assert np.isnan(row["slope_constant"])
    assert row["r2"] == pytest.approx(r2_score(truth, found["teff"]))
    assert row["r2_lower"] < row["r2"] < row["r2_upper"] < 1
    constant = found.assign(teff=5000.0)
    row = score_parameters(constant, labels, n_draws=20).loc["teff"]
    assert row["slope_label"] == pytest.approx(-1)
    assert row["r2"] < 0.001
    with pytest.raises(InputError, match="'snr' needs a value for each of the 2000 rows"):
        score_parameters(found, labels, against={"snr": [1.0]})


@pytest.mark.parametrize("name", ["boosting", "ridge"])
def test_saved_and_loaded_to_the_identical_predictions(trained, name, tmp_path):
    features, _, _ = world(50, 7)
    model = dataclasses.replace(trained[name], parameters={"teff": trained[name].parameters["teff"]})
    again = load_parameters(save_parameters(model, tmp_path / "p"))
    save_parameters(again, tmp_path / "p")  # takes the place of its earlier self
    pd.testing.assert_frame_equal(again.predict(features), model.predict(features), check_exact=True)
    assert again.about == model.about
    assert again.parameters["teff"].unit == "K"
    header = json.loads((tmp_path / "p" / "parameters.json").read_text())
    header["level"] = header.pop("coverage")  # as it was called
    (tmp_path / "p" / "parameters.json").write_text(json.dumps(header))
    assert load_parameters(tmp_path / "p").coverage == model.coverage
    (tmp_path / "p" / "model_0_0.skops").write_bytes(b"no zip")
    with pytest.raises(InputError, match="is damaged"):
        load_parameters(tmp_path / "p")


def test_bad_input():
    features, labels, _ = world(60, 6)
    with pytest.raises(InputError, match="no label 'fe_h'"):
        train_parameters(features, labels)
    with pytest.raises(InputError, match="needs at least 95"):
        train_parameters(features, labels, ("teff",), coverage=0.95)
    with pytest.raises(InputError, match="no estimator 'forest'"):
        train_parameters(features, labels, ("teff",), estimator="forest")
    strangers = LabelTable(labels.value, 1.0, labels.names, [f"t{k}" for k in range(60)])
    with pytest.raises(InputError, match="none of the stars has labels"):
        train_parameters(features, strangers, ("teff",))
    twice = LabelTable(labels.value[:2], 1.0, labels.names, ["s1", "s1"])
    with pytest.raises(InputError, match="name a star more than once"):
        train_parameters(features, twice, ("teff",))
    with pytest.raises(InputError, match="there are no predicted parameters"):
        score_parameters(pd.DataFrame({"teff": [1.0]}), labels)
