"""Class levels on a made-up sequence: classes and subclasses along one index, stages along another."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from luxjax.classify import cross_validate_classifier, score_classes
from luxjax.classify.features import Features
from luxjax.classify.internal import class_labels, cross_validate_levels, score_levels, stage_borders
from luxjax.classify.levels import load_levels, save_levels, train_levels
from luxjax.classify.levels._labels import evolutionary_stage
from luxjax.classify.levels._sets import finer_sets
from luxjax.core import InputError

QUICK = {"estimator": "logistic"}


def world(n, seed):
    """F, G and K with three subclasses each; giants among G and K only, and of F no luminosity class is known."""
    rng = np.random.default_rng(seed)
    heat = rng.uniform(0, 3, n)
    main = np.array(list("KGF"))[heat.astype(int)]
    digit = 8 - 4 * ((heat % 1) * 3).astype(int)  # 8, 4, 0 from cool to hot
    giant = (rng.random(n) < 0.4) & (main != "F")
    noise = rng.normal(size=(3, n)) * 0.06
    values = pd.DataFrame({"hbeta": heat + noise[0], "ca_k": heat**2 / 3 + noise[1], "mgb": giant + noise[2]})
    families = {"hbeta": "balmer", "ca_k": "ca_hk", "mgb": "magnesium"}
    left_out = pd.DataFrame(columns=["row", "id", "reason"])
    ids = np.array([f"s{k}" for k in range(n)])
    features = Features(values, 0 * values, families, ids, np.arange(n), left_out)
    subclass = [f"{m}{d}" for m, d in zip(main, digit, strict=True)]
    luminosity = np.where(main == "F", "", np.where(giant, "III", "V"))
    return features, pd.DataFrame({"subclass": subclass, "luminosity": luminosity})


@pytest.fixture(scope="module")
def trained():
    features, table = world(700, 1)
    table.loc[:30, "subclass"] = "Non"
    return train_levels(features, table, **QUICK)


def test_every_head_learns_and_none_contradicts_another(trained):
    features, table = world(500, 2)
    found = trained.classify(features)
    assert trained.names == ["class", "subclass", "luminosity", "stage"]
    assert (found["class"] == table["subclass"].str[0].to_numpy()).mean() > 0.9
    assert (found["subclass"] == table["subclass"].to_numpy()).mean() > 0.75
    assert (found["subclass"].str[0] == found["class"]).all()
    known = (found["stage"] != "").to_numpy()
    np.testing.assert_array_equal(known, found["class"].isin(["G", "K"]))
    assert found.loc[~known, "stage_probability"].isna().all()
    truth = table["luminosity"].map({"V": "dwarf", "III": "giant"}).to_numpy()
    sure = known & (table["luminosity"] != "").to_numpy()
    assert (found["stage"].to_numpy() == truth)[sure].mean() > 0.97
    assert set(zip(found["stage"], found["luminosity"], strict=True)) == {
        ("dwarf", "V"),
        ("giant", "III"),
        ("", ""),
    }
    inside = [t in s.split() for t, s in zip(table["subclass"].str[0], found["class_set"], strict=True)]
    assert 0.83 < np.mean(inside) < 0.97


def test_sets_of_finer_levels_hold_the_true_class_and_agree_with_the_coarser_one(trained):
    features, table = world(800, 12)
    truth = class_labels(table)
    for coverage in (0.8, 0.9):
        found = trained.classify(features, coverage=coverage)
        scores = score_levels(found, truth)
        for level in ("subclass", "luminosity"):
            assert scores.loc[level, "inside_upper"] > coverage
        outer = trained.classify(features, coverage=(1 + coverage) / 2)["class_set"]
        pairs = zip(found["subclass_set"], outer, strict=True)
        assert all({f[0] for f in fine.split()} <= set(coarse.split()) for fine, coarse in pairs)
    # sets that were always all classes would hold it too
    assert scores.loc["subclass", "size"] < 4
    assert scores.loc["luminosity", "size"] < 1.6
    unknown = (found["stage"] == "").to_numpy()
    assert (found.loc[unknown, "luminosity_set"] == "").all()
    sure = finer_sets(trained.coarse["class"], trained.fine["subclass"], features, 0.999)
    assert all(len(s.split()) == 9 for s in sure)  # more than the calibration stars can tell
    with pytest.raises(InputError, match="the coverage is a probability"):
        trained.classify(features, coverage=1.5)


def test_scores_of_levels_have_their_order_and_their_baseline(trained):
    features, table = world(400, 13)
    scores = score_levels(trained.classify(features), class_labels(table), n_draws=50)
    assert list(scores.index) == ["class", "subclass", "luminosity", "stage"]
    for level in scores.index:
        row = scores.loc[level]
        assert row["lower"] < row["right"] < row["upper"] or row["right"] == 1
        assert row["right"] > row["baseline"] + 0.1
        assert row["matthews"] > 0.6
        assert row["apart"] < 0.5 * row["apart_baseline"]
    assert scores.loc["subclass", "apart"] < 1.3  # neighbours here are 4 apart
    with pytest.raises(InputError, match="every answer needs its true class"):
        score_levels(trained.classify(features), class_labels(table)[:3])


def test_stages_are_torn_where_gravity_says_that_they_meet(rng):
    logg = rng.uniform(2.5, 5.0, 3000)
    evolved = 1 / (1 + np.exp((logg - 4.0) / 0.1))
    giant = 1 / (1 + np.exp((logg - 3.5) / 0.1))
    p = {
        "stage_p_dwarf": 1 - evolved,
        "stage_p_subgiant": evolved * (1 - giant),
        "stage_p_giant": evolved * giant,
    }
    found = stage_borders(pd.DataFrame(p), np.where(np.arange(3000) < 5, np.nan, logg), n_bins=10)
    first = found[found["border"] == "dwarf|subgiant"]
    assert found["border"].unique().tolist() == ["dwarf|subgiant", "subgiant|giant"]
    assert (first["probability"].diff().dropna() > -0.02).all()
    near = first[first["distance"].abs() < 0.12]
    assert near["probability"].between(0.2, 0.8).all()
    assert (near["lower"] < near["probability"]).all()
    assert (near["probability"] < near["upper"]).all()
    assert first[first["distance"] > 0.3]["called"].min() == 1
    swapped = pd.DataFrame(p).rename(
        columns={"stage_p_dwarf": "stage_p_giant", "stage_p_giant": "stage_p_dwarf"}
    )
    assert stage_borders(swapped, logg)["probability"].corr(stage_borders(swapped, logg)["distance"]) < 0
    two = pd.DataFrame({"stage_p_dwarf": 1 - evolved, "stage_p_giant": evolved})
    assert stage_borders(two, logg)["border"].unique().tolist() == ["dwarf|giant"]
    with pytest.raises(InputError, match="probabilities of two stages"):
        stage_borders(pd.DataFrame(p)[["stage_p_giant"]], logg)
    with pytest.raises(InputError, match="every row needs its log g"):
        stage_borders(pd.DataFrame(p), logg[:5])


def test_branches_of_giants_only_where_the_table_names_them():
    features, table = world(900, 14)
    giant = table["luminosity"] == "III"
    clump = np.random.default_rng(1).random(900) < 0.5
    values = features.values.assign(
        cn=np.where(clump, 0.3, -0.3) + np.random.default_rng(2).normal(0, 0.1, 900)
    )
    features = dataclasses.replace(features, values=values, errors=0 * values, families={**features.families, "cn": "cn_c2"})  # fmt: skip
    table["branch"] = np.where(giant, np.where(clump, "RC", "RGB"), "")
    table.loc[:5, "branch"] = "UNKNOWN"
    truth = class_labels(table)
    assert set(truth["branch"]) == {"", "red_clump", "red_giant_branch"}
    assert (truth.loc[:5, "branch"] == "").all()
    assert class_labels(pd.DataFrame({"class": ["K"], "branch": ["2CL"]})).loc[0, "stage"] == "giant"
    levels = train_levels(features, table, ("branch",), **QUICK)
    assert levels.names == ["class", "stage", "branch"]
    found = levels.classify(features)
    known = truth["branch"] != ""
    assert (found["branch"].to_numpy() == truth["branch"])[known].mean() > 0.9
    assert set(found.loc[found["stage"] == "dwarf", "branch"]) == {""}
    assert score_levels(found, truth).loc["branch", "inside"] > 0.85
    assert "branch" not in train_levels(features, table.drop(columns="branch"), **QUICK).names


def test_probabilities_of_subclasses_sum_to_their_class(trained):
    features, _ = world(80, 3)
    main, fine = trained.probabilities(features), trained.probabilities(features, "subclass")
    for name in "FGK":
        inside = fine[[c for c in fine if c[0] == name]].sum(axis=1)
        np.testing.assert_allclose(inside, main[name], rtol=1e-12)
    answers = trained.classify(features)
    at = [fine.loc[i, s] for i, s in answers["subclass"].items()]
    np.testing.assert_allclose(answers["subclass_probability"], at, rtol=1e-12)


def test_rare_labels_are_joined_or_left_out_with_the_reason():
    features, table = world(400, 4)
    few = np.flatnonzero(table["subclass"] == "G4")
    table.loc[few[5:], "subclass"] = "G0"
    table.loc[:2, "subclass"] = "B2"
    found = train_levels(features, table, ("subclass",), **QUICK)
    notes = found.notes.set_index(["level", "label"])["what"]
    assert notes["class", "B"] == "left out: fewer than 20 stars"
    assert notes["subclass", "G4"] == notes["subclass", "G8"] == "joined into G4-G8"
    assert list(found.fine["subclass"]["G"].classes) == ["G0", "G4-G8"]
    assert found.names == ["class", "subclass"]
    one = table.assign(subclass=table["subclass"].str.replace(r"^F\d", "F5", regex=True))
    alone = train_levels(features, one, ("subclass",), **QUICK)
    assert alone.fine["subclass"]["F"] == "F5"
    assert "the only one known of F" in set(alone.notes["what"])
    dwarfs = train_levels(features, table.assign(luminosity="V"), ("stage",), **QUICK)
    assert dwarfs.names == ["class"]
    assert dwarfs.notes.query("level == 'stage'")["what"].tolist() == ["the only one known"]


def test_cross_validated_by_star():
    features, table = world(300, 5)
    features = features.select(np.repeat(np.arange(300), 2))
    table = table.loc[np.repeat(np.arange(300), 2)]
    found = cross_validate_levels(features, table, folds=2, min_per_class=24, **QUICK)
    assert list(found.index) == list(features.ids)
    assert (found.groupby("id")["fold"].nunique() == 1).all()
    assert found["class_truth"].tolist() == table["subclass"].str[0].tolist()
    assert (found["class"] == found["class_truth"]).mean() > 0.85


@pytest.mark.slow
def test_saved_and_loaded_to_the_identical_answers(trained, tmp_path):
    features, _ = world(30, 6)
    again = load_levels(save_levels(trained, tmp_path / "h"))
    save_levels(again, tmp_path / "h")  # takes the place of its earlier self
    pd.testing.assert_frame_equal(again.classify(features), trained.classify(features), check_exact=True)
    pd.testing.assert_frame_equal(again.notes, trained.notes, check_dtype=False)
    old = json.loads((tmp_path / "h" / "levels.json").read_text())
    old["notes"]["head"] = old["notes"].pop("level")
    old.pop("what")
    (tmp_path / "h" / "levels.json").unlink()
    (tmp_path / "h" / "heads.json").write_text(json.dumps(old))
    older = load_levels(tmp_path / "h")
    pd.testing.assert_frame_equal(older.classify(features), trained.classify(features), check_exact=True)
    assert set(older.notes) == set(trained.notes)
    (tmp_path / "h" / "class" / "arrays.npz").unlink()
    with pytest.raises(InputError, match="is damaged"):
        load_levels(tmp_path / "h")


def test_labels_as_surveys_and_simulations_give_them():
    survey = pd.DataFrame({"class": "STAR", "subclass": ["A7V", "dM1", "gK3", "G5", "Carbon", None]})
    found = class_labels(survey)
    assert found["class"].tolist() == ["A", "M", "K", "G", "", ""]
    assert found["subclass"].tolist() == ["A7", "M1", "K3", "G5", "", ""]
    assert found["stage"].tolist() == ["dwarf", "dwarf", "giant", "", "", ""]
    truth = pd.DataFrame(
        {"class": ["G", "G", "B"], "subclass": ["G2", "G9", "B3"], "luminosity": ["V", "", ""]}
    )
    found = class_labels(truth.assign(logg=[1.0, 2.5, 4.0], teff=[5800, 4900, 18000]))
    assert found["stage"].tolist() == ["dwarf", "giant", ""]
    stage = evolutionary_stage(logg=[3.49, 3.5, 3.99, 4.0, np.nan], teff=np.full(5, 5000.0))
    assert stage.tolist() == ["giant", "subgiant", "subgiant", "dwarf", ""]


def test_bad_input(trained):
    features, table = world(60, 7)
    with pytest.raises(InputError, match=r"given 60 and 3.*table.iloc\[features.rows\]"):
        train_levels(features, table[:3])
    with pytest.raises(InputError, match="no class level 'klass'"):
        train_levels(features, table, ("klass",))
    with pytest.raises(InputError, match="the table has luminosity"):
        train_levels(features, table[["luminosity"]])
    with pytest.raises(InputError, match="main classes need at least two"):
        train_levels(features, table.assign(subclass="G2"))
    with pytest.raises(InputError, match="no class level 'colour'"):
        trained.probabilities(features, "colour")


@pytest.mark.slow
def test_branches_of_apokasc_are_named_as_it_names_them_and_told_apart_by_its_abundances(real_data):
    table = pd.read_csv(real_data / "seismic" / "apokasc3_table4_gold.csv")
    names = {"Logg_Seis": "other", "Teff": "other", "[Fe/H]": "iron", "[C/N]": "cn_c2"}
    table = table[table[list(names)].notna().all(axis=1)].iloc[::4].reset_index(drop=True)
    truth = class_labels(pd.DataFrame({"class": "K", "branch": table["Evol_State"]}))
    assert truth["branch"].value_counts().to_dict() == {
        "red_giant_branch": (table["Evol_State"] == "RGB").sum(),
        "red_clump": (table["Evol_State"] == "RC").sum(),
    }
    assert (truth["stage"] == "giant").all()
    values = table[list(names)]
    nothing = pd.DataFrame(columns=["row", "id", "reason"])
    ids = table["KIC"].astype(str).to_numpy()
    features = Features(values, 0 * values, names, ids, np.arange(len(values)), nothing)
    found = cross_validate_classifier(features, truth["branch"], folds=3, estimator="logistic")
    scores = score_classes(found.filter(like="p_").rename(columns=lambda c: c[2:]), found["truth"])
    assert scores["accuracy"] > 0.85 > scores.baseline["accuracy"] + 0.25
