"""The section of the labels: its words are of what it shows."""

from luxjax.report.sections._labels import labels
from luxjax.runs import RunFolder

BASE = {"n": 92, "unit": "K", "rmse": 192.0, "spread": 1234.0, "baselines": {"ridge": 205.0, "cannon": 372.0}}


def words(tmp_path, **more) -> str:
    run = RunFolder.create(tmp_path / "r", config={}, seed=1)
    run.write_metrics({"labels": {"teff": BASE | more}})
    section = labels(run)
    return f"{section.tables[0].caption} {section.figures[0].caption}"


def test_a_bound_is_spoken_of_where_there_is_one(tmp_path):
    said = words(tmp_path)
    assert "bound" not in said
    assert "abels only" not in said
    assert "RMSEs of other methods" in said
    assert "no higher than that of ridge regression" in said


def test_all_that_is_shown_is_spoken_of(tmp_path):
    said = words(tmp_path, bound_rmse=100.0, baselines={"labels_only": 300.0})
    assert "The bound is the smallest RMSE" in said
    assert "close to the bound (black) and well below labels only" in said
    assert '"Labels only" guesses' in said
