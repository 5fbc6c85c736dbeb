"""Maps and errors along the sequence, on the page of a classifier."""

import numpy as np
import pandas as pd
import pytest

from luxjax.classify.features import Features
from luxjax.report.sections._class_sequence import class_maps, class_sequence
from luxjax.runs import RunFolder
from luxjax.runs.classes._maps import lay_out

from ...plots.classes.test_classes import NAMES, judged_table


@pytest.fixture
def run(tmp_path):
    return RunFolder.create(tmp_path / "run", config={}, seed=1)


@pytest.mark.slow
def test_groups_of_their_own_are_found_on_the_maps(run):
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1], 40)
    values = pd.DataFrame(rng.normal(size=(80, 3)) + 30 * kind[:, None], columns=["a", "b", "c"])
    ids = np.arange(80).astype(str)
    families = dict.fromkeys(values, "iron")
    features = Features(
        values, 0 * values, families, ids, np.arange(80), pd.DataFrame(columns=["row", "id", "reason"])
    )
    run.write_metrics({})
    lay_out(run, features, np.array(["F", "G"])[kind], np.where(kind, 5500.0, np.nan), "Teff", 0)
    for found in run.metrics["classes_maps"]["maps"].values():
        assert found["groups"] == 2
        assert found["rand"] > 0.9 > 0.3 > found["rand_null"]
        assert found["trustworthiness"] > 0.8 > 0.6 > found["null"]
    section = class_maps(run)
    assert [row[0] for row in section.tables[0].rows] == ["Principal components", "t-SNE"]
    for figure in section.figures:
        assert (run.figures / figure.file).stat().st_size > 5000


def test_sequence_of_the_judged_spectra(run):
    judged = judged_table()
    # Those of G are just this side of the border to K, and no place is known within F and K.
    judged["subclass"] = np.where(judged["truth"] == "G", "G9", judged["truth"])
    run.write_csv("predictions.csv", judged)
    run.write_metrics({"classes": {"names": NAMES}})
    section = class_sequence(run)
    assert (run.figures / section.figures[0].file).stat().st_size > 5000
    run.write_metrics({"classes": {"names": ["giant", "dwarf"]}})
    assert class_sequence(run) is None
    assert class_maps(run) is None
