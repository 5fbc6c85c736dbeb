import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from luxjax.classify import reliability, score_classes
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
