"""Figures and page of a classifier, on judged spectra whose numbers are known."""

import numpy as np
import pandas as pd
import pytest

from luxjax.classify import reliability, score_classes
from luxjax.classify.features import Features
from luxjax.classify.internal import score_levels
from luxjax.core import InputError
from luxjax.plots import plot_classes_by_snr, plot_confusion
from luxjax.plots.classes._classes import class_colours
from luxjax.plots.internal import (
    plot_class_curves,
    plot_class_reliability,
    plot_scores_by_class,
    plot_set_coverage,
)
from luxjax.report.sections._class_finer import class_finer
from luxjax.report.sections._class_scores import class_headline, class_losses, class_scores, read_judged
from luxjax.runs import RunFolder, keep_classes, with_parameters
from luxjax.runs.classes._data import ClassData
from luxjax.runs.classes._examples import choose_examples
from luxjax.runs.classes._finer import check_levels
from luxjax.runs.classes._single import page_names
from luxjax.runs.classes._train import class_folds
from luxjax.runs.internal import read_class_data, write_class_data
from luxjax.stats import binomial_interval

NAMES = ["F", "G", "K"]


def judged_table(n: int = 300, seed: int = 2) -> pd.DataFrame:
    """Spectra whose probabilities are right, two of each star; before calibration they were too sure."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([0.5, 0.5, 0.5], n)
    truth = np.array([rng.choice(3, p=row) for row in p])
    sharp = p**2 / (p**2).sum(axis=1, keepdims=True)
    table = pd.DataFrame({
        "id": [f"s{k // 2}" for k in range(n)], "file": "", "obsid": "", "snr": 10 ** rng.uniform(1, 2, n), "subclass": "",
        "luminosity": "", "truth": np.array(NAMES)[truth], "fold": 0, "class": np.array(NAMES)[p.argmax(1)], "probability": p.max(1),
        "set": [" ".join(np.array(NAMES)[row > 0.15]) for row in p],
    })  # fmt: skip
    for k, name in enumerate(NAMES):
        table[f"p_{name}"], table[f"raw_{name}"] = p[:, k], sharp[:, k]
    return table


@pytest.fixture(scope="module")
def judged():
    return judged_table()


def test_confusion_shows_shares_of_the_true_class():
    figure = plot_confusion(np.array([[8, 2, 0], [1, 9, 0], [0, 5, 5]]), NAMES)
    texts = {t.get_position(): t.get_text() for t in figure.axes[0].texts}
    assert texts[(1, 0)] == "20%\n2"  # true F given G: second column, first row
    assert texts[(0, 1)] == "10%\n1"
    assert (0, 2) not in texts
    assert figure.axes[0].get_ylabel() == "True class"


def test_curves_have_the_areas_of_their_legends(judged):
    figure = plot_class_curves(judged)
    said = [t.get_text().split() for t in figure.axes[0].get_legend().get_texts()]
    for name, area in said:
        is_class, p = judged["truth"] == name, judged[f"p_{name}"]
        # The area is the chance that a star of the class has more probability than another star (Mann and Whitney 1947).
        more = p[is_class].to_numpy()[:, None] > p[~is_class].to_numpy()
        assert float(area) == pytest.approx(more.mean(), abs=6e-4)
    assert [n for n, _ in said] == NAMES


def test_scores_of_each_class_stand_at_their_values_with_their_intervals(judged):
    p = judged[[f"p_{n}" for n in NAMES]].set_axis(NAMES, axis=1)
    table = score_classes(p, judged["truth"], n_draws=20).by_class
    (ax,) = plot_scores_by_class(table).axes
    shares, *drawn = ax.containers
    assert [b.get_height() for b in shares] == pytest.approx(table["share"].tolist())
    for container, name in zip(drawn, ("precision", "recall", "f1"), strict=True):
        points, _, (bars,) = container
        assert points.get_ydata() == pytest.approx(table[name].to_numpy())
        ends = np.array([segment[:, 1] for segment in bars.get_segments()])
        assert ends == pytest.approx(table[[f"{name}_lower", f"{name}_upper"]].to_numpy(float))


def test_reliability_before_and_after(judged):
    figure = plot_class_reliability(judged)
    left = figure.axes[0]
    before, after = (t.get_text() for t in left.get_legend().get_texts())
    codes = pd.Index(NAMES).get_indexer(pd.Index(judged["truth"]))
    for text, prefix in ((before, "raw_"), (after, "p_")):
        error = reliability(judged[[prefix + n for n in NAMES]].to_numpy(), codes).error
        assert text.endswith(f"{error:.3f}")
    assert float(after.split()[-1]) < float(before.split()[-1]) / 2
    points = next(line for line in left.lines if line.get_marker() == "s")
    inside = judged["probability"].between(0.9, 1.0)
    right = (judged["class"] == judged["truth"])[inside].mean()
    assert points.get_ydata()[-1] == pytest.approx(right)
    assert points.get_xdata()[-1] == pytest.approx(judged["probability"][inside].mean())


def test_sets_by_class_and_size(judged):
    level = {
        "level": 0.9,
        "fraction": 0.88,
        "lower": 0.84,
        "upper": 0.92,
        "band_lower": 0.86,
        "band_upper": 0.94,
    }
    figure = plot_set_coverage([level], judged, 0.9)
    left, middle, right = figure.axes
    (measured,) = left.containers[0].get_children()[0].get_ydata()
    assert measured == pytest.approx(-0.02)
    inside = [t in s.split() for t, s in zip(judged["truth"], judged["set"], strict=True)]
    shares = pd.Series(inside).groupby(judged["truth"]).mean()
    points = [line.get_ydata()[0] for line in middle.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(points, shares[NAMES])
    assert sum(p.get_height() for p in right.patches) == pytest.approx(1)


def test_against_snr_a_star_counts_once(judged):
    figure = plot_classes_by_snr(judged, 0.9, bins=2)
    bars = [
        line for line in figure.axes[0].lines if line.get_marker() == "None" and len(line.get_xdata()) == 2
    ]
    low = judged["snr"] <= judged["snr"].median()
    stars = judged["id"][low].nunique()
    right = (judged["class"] == judged["truth"])[low].mean()
    expected = binomial_interval(round(right * stars), stars, 0.95)
    np.testing.assert_allclose(bars[0].get_ydata(), list(expected))
    assert plot_classes_by_snr(judged.assign(snr=np.nan), 0.9) is None


def test_colours_of_the_sequence_are_fixed():
    assert class_colours(["A", "M"]) == [class_colours(list("OBAFGKM"))[k] for k in (2, 6)]
    assert len(set(class_colours(list("OBAFGKM")))) == 7


def small_data(classes: str = "AAAAAAAAAAAAAAAAAAAAAAAAGGGGGGGGGGGGGGGGGGGGGGGGO") -> ClassData:
    """Each star twice."""
    n = 2 * len(classes)
    ids = np.repeat([f"s{k}" for k in range(len(classes))], 2)
    values = pd.DataFrame({"Hbeta": np.arange(n, dtype=float), "slope_all": np.nan})
    nothing = pd.DataFrame(columns=["row", "id", "reason"])
    features = Features(
        values, 0 * values + 1, {"Hbeta": "balmer", "slope_all": "continuum"}, ids, np.arange(n), nothing
    )
    table = pd.DataFrame({"id": ids, "file": "x.fits", "class": np.repeat(list(classes), 2), "obsid": "0012", "release": "", "snr": 20.0, "subclass": "", "luminosity": "", "z": np.nan})  # fmt: skip
    return ClassData(
        features, table, pd.DataFrame({"file": ["bad.fits"], "id": [""], "reason": ["no redshift"]})
    )


def test_rare_classes_are_left_out_with_the_reason():
    kept = keep_classes(small_data())
    assert set(kept.table["class"]) == {"A", "G"}
    assert list(kept.features.ids) == list(kept.table["id"])
    assert list(kept.left_out["reason"]) == ["no redshift", *["class O has only 1 stars, 20 are needed"] * 2]
    with pytest.raises(InputError, match="no spectrum is of class 'X'; there are A"):
        keep_classes(small_data(), ["X"])
    with pytest.raises(InputError, match="two classes with 30 stars"):
        keep_classes(small_data(), min_per_class=30)


def test_stars_stay_on_one_side_of_every_split():
    data = keep_classes(small_data())
    for folds, parts in ((0, 1), (3, 3)):
        split = class_folds(data, folds=folds, seed=1)
        assert len(split) == parts
        for fit, judge in split:
            assert not set(data.features.ids[fit]) & set(data.features.ids[judge])
    assert sorted(np.concatenate([judge for _, judge in class_folds(data, folds=3)])) == list(range(96))


def test_data_come_back_from_a_run(tmp_path):
    run = RunFolder.create(tmp_path / "run", config={}, seed=1)
    data = small_data()
    write_class_data(run, data)
    again = read_class_data(run)
    pd.testing.assert_frame_equal(again.table, data.table)
    pd.testing.assert_frame_equal(again.left_out, data.left_out)
    pd.testing.assert_frame_equal(again.features.values, data.features.values)
    assert again.features.families == data.features.families
    assert list(again.features.ids) == list(data.features.ids)


def test_an_interrupted_run_is_known_by_its_configuration(tmp_path):
    run = RunFolder.create(tmp_path / "run", config={"folds": 3}, seed=1)
    how = {"config": {"folds": 3}, "seed": 1, "needs": "features.npz", "lacks": "metrics.json"}
    assert RunFolder.resumed(run.path, **how) is None
    write_class_data(run, small_data())
    assert RunFolder.resumed(run.path, **how) == run
    assert RunFolder.resumed(run.path, **{**how, "seed": 2}) is None
    assert RunFolder.resumed(run.path, **{**how, "config": {"folds": 4}}) is None
    run.write_metrics({})
    assert RunFolder.resumed(run.path, **how) is None


def test_examples_are_the_surest_and_the_worst(judged):
    rows = choose_examples(judged.assign(row=np.arange(len(judged))))
    assert len(rows) == len(set(rows)) == 6
    wrong = judged[(judged["class"] != judged["truth"]) & (judged["truth"] == "G")]
    assert wrong["probability"].idxmax() in rows
    alone = judged.assign(row=np.arange(len(judged)))[(judged["truth"] == "K") & (judged["class"] == "K")]
    assert set(choose_examples(alone)) == {alone["probability"].idxmin(), alone["probability"].idxmax()}


def test_page_tells_what_the_metrics_hold(tmp_path, judged, monkeypatch):
    monkeypatch.setattr("luxjax.report.sections._class_scores.save", lambda *_: None)
    run = RunFolder.create(tmp_path / "run", config={"simulate": 300}, seed=1)
    judged.to_csv(run.path / "predictions.csv", index=False)
    run.write_csv(
        "left_out.csv",
        pd.DataFrame({"file": ["a/<b>.fits"], "id": [""], "reason": ["every pixel is masked"]}),
    )
    one = {"value": 0.8, "lower": 0.75, "upper": 0.85, "baseline": 0.4}
    names = ("accuracy", "balanced_accuracy", "macro_f1", "adjacent", "log_loss", "brier", "ece")
    matrix = pd.crosstab(judged["truth"], judged["class"]).to_numpy()
    found = {
        "names": NAMES, "about": {"estimator": "boosting", "calibration": "temperature"}, "folds": 0, "level": 0.9,
        "scores": {n: dict(one) for n in names}, "others": {}, "confusion": matrix,
        "spectra": {"trained": 900, "judged": 300}, "stars": {"all": 600, "judged": 150},
    }  # fmt: skip
    run.write_metrics({"classes": found})
    assert (
        "80.0% (75.0% to 85.0%) of the spectra of 150 held-out stars their true class among F, G, K."
        in class_headline(run)
    )
    section = class_scores(run)
    row = dict(zip(section.tables[1].columns, section.tables[1].rows[0], strict=True))
    first = judged[judged["truth"] == "F"]
    assert row["Recall"].text == f"{(first['class'] == 'F').mean():.1%}"
    given = judged[judged["class"] == "F"]
    assert row["Precision"].text == f"{(given['truth'] == 'F').mean():.1%}"
    assert not any(s.file == "classes_each.png" for s in section.figures)
    # with scores of each class
    p = judged[[f"p_{n}" for n in NAMES]].set_axis(NAMES, axis=1)
    table = score_classes(p, judged["truth"], ids=judged["id"], n_draws=20).by_class
    monkeypatch.setattr("luxjax.report.sections.classes._each.save", lambda *_: None)
    run.write_metrics({"classes": {**found, "by_class": table.to_dict(orient="index")}})
    section = class_scores(run)
    row = dict(zip(section.tables[1].columns, section.tables[1].rows[0], strict=True))
    assert row["Recall"].text == f"{(first['class'] == 'F').mean():.3f}"
    assert row["ROC area"].note == f"{table['roc_auc_lower']['F']:.3f} to {table['roc_auc_upper']['F']:.3f}"
    assert any(s.file == "classes_each.png" for s in section.figures)
    assert class_losses(run).tables[0].rows[0][0] == "<b>.fits"
    assert read_judged(run)["set"].dtype == judged["set"].dtype


def test_parameters_are_joined_by_the_name_of_the_file(tmp_path):
    data = small_data()
    files = [f"here/spec-{k}.fits.gz" for k in range(len(data.table))]
    data = ClassData(data.features, data.table.assign(file=files), data.left_out)
    catalogue = tmp_path / "stars.csv"
    catalogue.write_text("filename,teff,feh\nspec-3.fits,5100,-0.2\nspec-0.fits,-9999,0.1\nspec-3.fits,9,9\n")
    table = with_parameters(data, catalogue).table
    assert table["teff"].dropna().to_dict() == {3: 5100}
    assert table["fe_h"].dropna().to_dict() == {0: 0.1, 3: -0.2}
    assert len(table) == len(data.table)
    catalogue.write_text("filename,teff\nother.fits,5100\n")
    with pytest.raises(InputError, match="no spectrum is in"):
        with_parameters(data, catalogue)
    catalogue.write_text("name,teff\nother.fits,5100\n")
    with pytest.raises(InputError, match="needs a column file, obsid or id"):
        with_parameters(data, catalogue)


def test_levels_and_borders_of_stages_are_on_the_page(tmp_path, monkeypatch):
    drawn = {}
    monkeypatch.setattr("luxjax.report.sections._class_finer.save", lambda figure, _, name: drawn.update({name: figure}))  # fmt: skip
    run = RunFolder.create(tmp_path / "run", config={}, seed=1)
    answers = pd.DataFrame(
        {"stage": ["dwarf", "giant", "giant"], "stage_set": ["dwarf", "dwarf giant", "giant"]}
    )
    scores = score_levels(answers, pd.DataFrame({"stage": ["dwarf", "dwarf", "giant"]}))
    borders = [{"border": "dwarf|giant", "distance": d, "n": 9, "probability": p, "lower": p - 0.1, "upper": p + 0.1, "called": 0.0}
               for d, p in ((-0.5, 0.2), (0.5, 0.8))]  # fmt: skip
    levels = {"scores": scores.to_dict(orient="index"), "notes": [], "stage_borders": borders}
    run.write_metrics({"class_levels": levels})
    section = class_finer(run)
    row = dict(zip(section.tables[0].columns, section.tables[0].rows[0], strict=True))
    assert row["Right"].text == "66.7%"
    assert row["Mean distance"].text == "0.67 stages"
    assert row["Sets that hold the true one"].text == "100.0%"
    assert [s.file for s in section.figures] == ["classes_stages.png"]
    line = drawn["classes_stages"].axes[0].containers[0][0]
    np.testing.assert_allclose(np.asarray(line.get_ydata(), float), [0.2, 0.8])
    # of runs before: shares alone
    run.write_metrics({"class_levels": {"scores": {"stage": {"spectra": 3, "right": 0.5, "lower": 0.1, "upper": 0.9, "baseline": 0.6}}}})  # fmt: skip
    assert len(class_finer(run).tables[0].rows[0]) == 4


def test_answers_of_heads_are_judged_where_known():
    sets = ["G2 G4", "F0-F4", "F0-F4 F5-F9", "", "K3", "K1 K2"]
    answer = pd.DataFrame({"subclass": ["G2", "F0-F4", "F0-F4", "", "K3", "K3"], "subclass_set": sets})
    truth = pd.DataFrame({"subclass": ["G2", "F4", "F5", "G1", "", "K4"]})
    found = score_levels(answer, truth, list("abcdef")).loc["subclass"]
    assert (found["spectra"], found["right"], found["baseline"]) == (4, 0.5, 0.25)
    assert (found["lower"], found["upper"]) == tuple(binomial_interval(2, 4, 0.95))
    assert found["apart"] == (0 + 0 + 3 + 1) / 4  # F0-F4 stands at F2, and holds F4
    assert (found["inside"], found["size"]) == (3 / 4, 7 / 4)
    assert score_levels(answer[:1], pd.DataFrame({"subclass": [""]})).empty
    with pytest.raises(InputError, match="no class level 'stages'"):
        check_levels(["stages"])


def test_every_spectrum_has_a_page_of_its_own():
    table = pd.DataFrame({"obsid": ["12", "", "", "12"], "id": ["a", "J01+2 b", "J01+2 b", "a"]})
    assert page_names(table) == ["class_12", "class_J01+2_b", "class_J01+2_b-2", "class_12-2"]
