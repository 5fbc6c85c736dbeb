import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from luxjax.classify import reliability, score_classes
from luxjax.classify._by_class import RankedClasses, scores_by_class
from luxjax.core import InputError

CLASSES = ["A", "F", "G", "K"]


@pytest.fixture
def scored(rng):
    p = rng.dirichlet(np.full(4, 0.4), size=500)
    codes = np.array([rng.choice(4, p=row) for row in p])
    return pd.DataFrame(p, columns=CLASSES), np.array(CLASSES)[codes], codes


def test_scores_are_scikit_learns(scored):
    p, truth, codes = scored
    found, top = score_classes(p, truth), p.to_numpy().argmax(1)
    assert found["accuracy"] == metrics.accuracy_score(codes, top)
    assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(codes, top))
    assert found["macro_f1"] == pytest.approx(metrics.f1_score(codes, top, average="macro"))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(codes, p.to_numpy(), labels=range(4)))
    one = np.eye(4)[codes]
    assert found["brier"] == pytest.approx(np.mean(np.sum((p.to_numpy() - one) ** 2, axis=1)))
    assert found.confusion.trace() == (codes == top).sum()
    off = codes != top
    assert found["adjacent"] == pytest.approx((np.abs(codes - top)[off] == 1).mean())
    for name in found.value:
        assert found.interval[name].lower <= found[name] + 0.02
        assert found.interval[name].upper >= found[name] - 0.02
    assert found["log_loss"] < found.baseline["log_loss"]
    assert set(found.table().columns) == {"value", "lower", "upper", "baseline"}


def test_calibration_error_by_hand_and_the_last_bin_closed():
    p = np.array([[1.0, 0.0], [1.0, 0.0], [0.65, 0.35], [0.62, 0.38], [0.3, 0.7]])
    found = reliability(p, np.array([0, 1, 0, 0, 1]), n_bins=10)
    assert found.count.tolist() == [0, 0, 0, 0, 0, 0, 2, 1, 0, 2]
    assert found.accuracy[-1] == 0.5
    assert found.error == pytest.approx((2 * 0.5 + 2 * (1 - 0.635) + 0.3) / 5)


def test_well_calibrated_probabilities_have_little_error(scored):
    p, _, codes = scored
    assert reliability(p, codes).error < 0.06
    assert reliability(p.to_numpy()[:, ::-1], codes).error > 0.3


def test_intervals_widen_where_spectra_are_of_the_same_stars(scored):
    p, truth, _ = scored
    alone = score_classes(p, truth, seed=1).interval["accuracy"]
    copies = np.repeat(np.arange(125), 4)
    again = score_classes(p.iloc[copies], truth[copies], ids=copies, seed=1).interval["accuracy"]
    careless = score_classes(p.iloc[copies], truth[copies], seed=1).interval["accuracy"]
    assert again.upper - again.lower == pytest.approx(2 * (alone.upper - alone.lower), rel=0.25)
    assert careless.upper - careless.lower < 0.7 * (again.upper - again.lower)


def test_other_classes_have_no_neighbours_and_unknown_ones_are_named(scored):
    p, truth, _ = scored
    assert np.isnan(
        score_classes(p.rename(columns={"A": "sdB"}), np.where(truth == "A", "sdB", truth))["adjacent"]
    )
    with pytest.raises(InputError, match="no class 'Z'"):
        score_classes(p, np.full(500, "Z"))


def test_scores_of_each_class_are_scikit_learns_and_samples_compute_the_same(scored, rng):
    p, truth, codes = scored
    found, top, q = score_classes(p, truth), p.to_numpy().argmax(1), p.to_numpy()
    assert found["matthews"] == pytest.approx(metrics.matthews_corrcoef(codes, top))
    areas = {"multi_class": "ovr", "average": "macro"}
    assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(codes, q, **areas))
    own = np.eye(4)[codes]
    assert found["average_precision"] == pytest.approx(metrics.average_precision_score(own, q))
    assert found.by_class["recall"].to_numpy() == pytest.approx(metrics.recall_score(codes, top, average=None))  # fmt: skip
    assert found.by_class["n"].sum() == 500
    assert found.baseline["matthews"] == 0
    assert found.baseline["roc_auc"] == 0.5
    # how often rows are drawn acts as scikit-learn's weights, ties and rows that were not drawn included
    q = q.round(1)
    times = rng.poisson(1.0, size=500)
    many = RankedClasses(q, codes)(times)
    weight = {"sample_weight": times}
    counted = metrics.precision_recall_fscore_support(codes, q.argmax(1), labels=range(4), zero_division=np.nan, **weight)  # fmt: skip
    ranked = [[score(own[:, k], q[:, k], **weight) for k in range(4)]
              for score in (metrics.roc_auc_score, metrics.average_precision_score)]  # fmt: skip
    assert many == pytest.approx(np.array([*counted[:3], *ranked]))
    assert RankedClasses(q, codes)(np.ones(500, int)) == pytest.approx(scores_by_class(q, codes))


def test_intervals_of_each_class_hold_their_value_and_say_how_few_the_stars_are():
    p = pd.DataFrame({"F": [0.9] * 8 + [0.2] * 40, "G": [0.1] * 8 + [0.8] * 40})
    table = score_classes(p, ["F"] * 8 + ["G"] * 40).by_class
    assert table.loc["F", ["recall", "recall_upper"]].tolist() == [1, 1]
    assert table.loc["F", "recall_lower"] == pytest.approx(
        0.025 ** (1 / 8)
    )  # Clopper and Pearson's for 8 of 8
    assert table.loc["G", "recall_lower"] > table.loc["F", "recall_lower"]


def test_a_class_without_stars_or_never_given_has_no_score():
    p = pd.DataFrame({"F": [0.9, 0.6, 0.7], "G": [0.1, 0.4, 0.2], "K": [0.0, 0.0, 0.1]})
    table = score_classes(p, ["F", "F", "G"]).by_class
    assert np.isnan(table.loc["G", "precision"])
    assert table.loc["G", ["recall", "f1"]].tolist() == [0, 0]
    assert table.loc["K", ["precision", "recall", "f1", "roc_auc"]].isna().all()
