"""Evidence in a study: from the calibration stars, into metrics, tables, model and pages, and repeated by a command."""

import json

import numpy as np
import pandas as pd
import pytest

from luxjax.core import InputError
from luxjax.data import Catalog, save_catalog
from luxjax.fitted import load
from luxjax.fitting import EM
from luxjax.lines import LineList
from luxjax.models import Lux
from luxjax.runs import RunFolder, explain_run, study, transfer_run, with_errors
from luxjax.runs._explain import held_out_stars
from luxjax.runs.internal import read_explanations
from luxjax.simulation import toy_survey
from luxjax.simulation._worlds import ToySurvey

pytestmark = pytest.mark.slow

RESOLUTION = 19_000.0


def europium(world: ToySurvey) -> LineList:
    """The lines that the world lists for europium, which has none in truth."""
    wavelength = world.train.spectra("flux").wavelength
    numbers = range(world.line.max() + 1)
    centre = [np.average(wavelength, weights=world.profile * (world.line == k)) for k in numbers]
    n = len(centre)
    return LineList(
        np.full(n, "Eu"), np.full(n, "II"), np.array(centre), "vacuum", np.full(n, 0.2), np.full(n, 0.5), np.full(n, "")
    )  # fmt: skip


@pytest.fixture(scope="module")
def world() -> ToySurvey:
    return toy_survey(5, 500, 900)


@pytest.fixture(scope="module")
def parts(world) -> dict[str, Catalog]:
    held = world.held_out
    return {
        "train": world.train,
        "calibration": held.select(slice(700)),
        "test": held.select(slice(700, None)),
    }


@pytest.fixture(scope="module")
def studied(world, parts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("evidence")
    save_catalog(world.held_out, folder / "held")
    run = RunFolder.create(folder / "run", config={"catalog": str(folder / "held")}, seed=3)
    model, fitter = Lux.linear(world.train.sizes, 12), EM(max_cycles=40, tol=1e-4)
    options = {"inputs": ["flux"], "baselines": [], "lines": europium(world), "resolution": RESOLUTION}
    return run, study(model, parts, run, fitter, key=3, **options)


def test_verdicts_reach_metrics_table_and_model(studied):
    run, done = studied
    metrics = json.loads((run.path / "metrics.json").read_text())
    entry = metrics["labels"]["eu_fe"]
    assert entry["verdict"] == "shortcut"
    low, high = entry["off_trend_response_interval"]
    assert low < entry["off_trend_response"] < high < 0.3
    assert set(run.labels[0]["eu_fe_verdict"]) == {"shortcut"}
    assert set(load(run.model).verdicts) == set(metrics["labels"])
    assert read_explanations(run)["eu_fe"].verdict.to_dict() == done.explanations["eu_fe"].verdict.to_dict()
    assert done.prediction.verdicts["eu_fe"].verdict == "shortcut"


def test_evidence_is_of_the_calibration_stars_alone(studied, parts):
    run, done = studied
    assert done.explanations["eu_fe"].verdict.n_stars == len(parts["calibration"])
    stars = pd.read_csv(run.path / "stars.csv")
    assert {k: set(v["id"]) for k, v in stars.groupby("part")} == {k: set(v.ids) for k, v in parts.items()}
    assert list(held_out_stars(run).ids) == list(parts["calibration"].ids)


def test_other_stars_are_taken_where_the_catalogue_has_no_calibration_stars(studied, parts, tmp_path):
    run, _ = studied
    new = toy_survey(6, 10, 20).held_out
    ids = np.array([f"new-{k}" for k in range(20)])
    renamed = Catalog({k: _renamed(v, ids) for k, v in new.outputs.items()}, new.table)
    save_catalog(renamed, tmp_path / "new")
    assert list(held_out_stars(run, tmp_path / "new").ids) == list(ids)
    save_catalog(parts["train"], tmp_path / "train")
    with pytest.raises(InputError, match="all 500 stars .* trained or tested the model"):
        held_out_stars(run, tmp_path / "train")
    bare = RunFolder.create(tmp_path / "bare", config={"catalog": "nowhere"}, seed=1)
    with pytest.raises(InputError, match="does not say which stars"):
        held_out_stars(bare)
    (bare.path / "stars.csv").write_text("id,part\na,train\n")
    with pytest.raises(InputError, match="fitted to 'nowhere'.*--catalog"):
        held_out_stars(bare)


def _renamed(output, ids):
    from dataclasses import replace

    return replace(output, ids=ids)


def test_explaining_a_run_again_replaces_one_label(studied, world):
    run, done = studied
    assumed = {"eu_fe": 0.05}
    found = explain_run(
        run,
        label="eu_fe",
        lines=europium(world),
        resolution=RESOLUTION,
        condition_on=["teff", "fe_h"],
        label_errors=assumed,
    )
    assert list(found) == ["eu_fe"]
    assert found["eu_fe"].others == ("teff", "fe_h")
    assert found["eu_fe"].verdict.numbers["label_error"] == pytest.approx(0.05)
    kept = read_explanations(run)
    assert kept["eu_fe"].others == ("teff", "fe_h")
    assert kept["teff"].verdict.to_dict() == done.explanations["teff"].verdict.to_dict()
    verdicts = load(run.model).verdicts
    assert verdicts["eu_fe"].others == ("teff", "fe_h")
    assert set(verdicts) == set(kept)
    assert run.metrics["labels"]["eu_fe"]["verdict"] == found["eu_fe"].verdict.verdict
    with pytest.raises(InputError, match="say which with --label"):
        explain_run(run, condition_on=["teff"])
    with pytest.raises(InputError, match="label"):
        explain_run(run, label="europium")


def test_shrunk_labels_have_their_own_calibration(studied, parts):
    run, done = studied
    run.write_metrics(done.metrics)
    test = parts["test"]
    plain, _ = transfer_run(run.path, test)
    shrunk, _ = transfer_run(run.path, test, replace_shortcuts=True)
    truth = test.labels()
    miss = {k: f["eu_fe"].to_numpy() - truth["eu_fe"] for k, f in (("plain", plain), ("shrunk", shrunk))}
    noise = truth.error[:, truth.names.index("eu_fe")]
    covered = np.mean(np.abs(miss["shrunk"]) < np.hypot(shrunk["eu_fe_err"], noise))
    assert 0.6 < covered < 0.78
    assert np.std(miss["shrunk"]) < 1.1 * np.std(miss["plain"])
    np.testing.assert_array_equal(plain["teff"], shrunk["teff"])
    stored = json.loads((run.path / "metrics.json").read_text())["calibration_shrunk"]
    assert [name for name, entry in stored.items() if entry.get("shrunk")] == ["eu_fe"]


def test_assumed_errors(world):
    changed = with_errors(world.held_out, {"eu_fe": 0.2})
    j = changed.labels().names.index("eu_fe")
    assert set(changed.labels().error[:, j]) == {0.2}
    np.testing.assert_array_equal(changed.labels().error[:, :j], world.held_out.labels().error[:, :j])
    with pytest.raises(InputError, match="positive"):
        with_errors(world.held_out, {"eu_fe": 0.0})
    with pytest.raises(InputError, match="label"):
        with_errors(world.held_out, {"europium": 0.1})


@pytest.mark.long
def test_a_study_can_do_without_evidence(parts, tmp_path):
    run = RunFolder.create(tmp_path / "plain", config={}, seed=1)
    fitter, options = EM(max_cycles=5, tol=1e-2), {"inputs": ["flux"], "baselines": [], "evidence": False}
    done = study(Lux.linear(parts["train"].sizes, 3), parts, run, fitter, key=1, **options)
    assert done.explanations == {}
    assert "verdict" not in done.metrics["labels"]["eu_fe"]
    assert not [c for c in run.labels[0] if c.endswith("_verdict")]
