"""Folds by blocks of the sky in a run: what is grouped, what is refused, what the metrics and the page say."""

from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest

from luxjax.classify.features import Features
from luxjax.core import InputError
from luxjax.report.sections.classes._gap import gap_tables
from luxjax.runs import RunFolder
from luxjax.runs.classes._data import ClassData, read_class_data
from luxjax.runs.classes._groups import check_groups, groups_of
from luxjax.runs.classes._train import check_class_options, class_folds, train_classes

N = 160


def data_of(rng) -> ClassData:
    """Eight fields of twenty stars of two classes."""
    heat = rng.uniform(0, 2, N)
    field = np.repeat(np.arange(8), 20)
    values = pd.DataFrame({"Hbeta": heat + rng.normal(0, 0.3, N), "Mg_b": 2 - heat})
    ids = np.array([f"s{k}" for k in range(N)])
    nothing = pd.DataFrame(columns=["row", "id", "reason"])
    features = Features(values, 0 * values + 1, {"Hbeta": "balmer", "Mg_b": "magnesium"}, ids, np.arange(N), nothing)  # fmt: skip
    table = pd.DataFrame({
        "id": ids, "file": "", "class": np.array(["F", "G"])[(heat > 1).astype(int)], "obsid": "", "release": "", "snr": 30.0,
        "subclass": "", "luminosity": "", "z": 0.0, "ra": 40.0 * field + rng.uniform(0, 0.5, N), "dec": 10.0,
    })  # fmt: skip
    return ClassData(features, table, pd.DataFrame({"file": [], "id": [], "reason": []}))


def told(_name):
    return nullcontext(lambda *_: None)


def test_blocks_are_not_divided_and_bad_groupings_are_refused(rng):
    data = data_of(rng)
    assert groups_of(data, "star", 5) is None
    blocks = groups_of(data, "sky", 4)
    assert len(np.unique(blocks)) >= 8
    for fit, judge in class_folds(data, folds=4, groups=blocks):
        assert not set(blocks[fit]) & set(blocks[judge])
    with pytest.raises(InputError, match="give a number of folds"):
        check_groups("sky", 0)
    with pytest.raises(InputError, match="no place on the sky"):
        check_groups("sky", 5, simulated=True)
    with pytest.raises(InputError, match="no grouping of folds 'plate'"):
        check_groups("plate", 5)
    how = {
        "estimator": "forest",
        "compare": (),
        "calibration": "temperature",
        "levels": (),
        "test_fraction": 0.25,
    }
    with pytest.raises(InputError, match="give a number of folds"):
        check_class_options({**how, "folds": 0, "groups": "sky"})
    lost = ClassData(data.features, data.table.drop(columns=["ra", "dec"]), data.left_out)
    with pytest.raises(InputError, match="no positions"):
        groups_of(lost, "sky", 5)


def test_a_run_reports_the_gap_and_keeps_the_positions(rng, tmp_path):
    data = data_of(rng)
    run = RunFolder.create(tmp_path / "run", config={}, seed=1)
    found = train_classes(run, data, estimator="logistic", folds=4, groups="sky", seed=1, stage=told)[
        "classes"
    ]
    assert found["groups"]["by"] == "sky"
    assert found["groups"]["stars"] == N
    gap = found["groups"]["gap"]["accuracy"]
    assert gap["lower"] <= gap["gap"] <= gap["upper"]
    assert gap["by_block"] == pytest.approx(found["scores"]["accuracy"]["value"])
    (table,) = gap_tables(run.metrics["classes"])
    assert table.rows[0][3].text == f"{gap['gap']:+.3f}"
    again = read_class_data(run)
    np.testing.assert_allclose(again.table["ra"], data.table["ra"])
    assert set(found["by_class"]) == {"F", "G"}
    plain = train_classes(run, data, estimator="logistic", folds=4, seed=1, stage=told)["classes"]
    assert plain["groups"] == {"by": "star"}
    assert gap_tables(plain) == ()
    assert plain["scores"]["accuracy"]["value"] == pytest.approx(gap["by_star"])
