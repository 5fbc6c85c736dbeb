import json
import shutil

import numpy as np
import pandas as pd
import pytest

from luxjax.core import InputError
from luxjax.data import save_catalog
from luxjax.fitted import load
from luxjax.prediction import transfer
from luxjax.runs import RunFolder, cross_validate, explain_run, study_catalog, transfer_run
from luxjax.runs._catalog import said_first
from luxjax.simulation import bilinear

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world():
    sizes = {"flux": 40, "labels": 2}
    return bilinear(240, sizes, 3, key=5, label_error=0.1, snr=1500, bad_fraction=0.02)


@pytest.fixture(scope="module")
def evaluated(world, tmp_path_factory):
    run = RunFolder.create(tmp_path_factory.mktemp("runs") / "e", config={}, seed=2)
    metrics = cross_validate(world.catalog, run, folds=2, latents=3, seed=2)
    return run, metrics


@pytest.fixture(scope="module")
def studied(world, tmp_path_factory):
    run = RunFolder.create(tmp_path_factory.mktemp("runs") / "s", config={"command": "fit"}, seed=2)
    return run, study_catalog(world.catalog, run, latents=3, seed=2)


def test_every_star_is_predicted_once_and_in_order(world, evaluated):
    run, metrics = evaluated
    table, _ = run.labels
    assert list(table["id"]) == list(world.catalog.ids)
    names = world.catalog.labels().names
    truth = world.noise_free("labels")
    for j, name in enumerate(names):
        assert metrics["labels"][name]["n"] == len(truth)
        # In the order of the stars: the errors against truth are far below the spread.
        assert np.std(table[name] - truth[:, j]) < 0.3 * truth[:, j].std()
        rmse = np.sqrt(np.mean((table[name] - table[f"{name}_obs"]) ** 2))
        assert metrics["labels"][name]["rmse"] == pytest.approx(rmse, rel=1e-6)
        assert set(metrics["labels"][name]["baselines"]) == {"ridge", "cannon"}
        assert metrics["labels"][name]["n_calibration"] == 240 // 2
    assert [name.split()[0] for name in metrics["fit"]["chosen_by_fold"]] == ["3", "3"]


def test_no_star_is_seen_by_the_model_that_predicts_it(world, evaluated, tmp_path):
    """Labels of one star, made absurd, change the predictions of others but not its own."""
    catalog = world.catalog
    labels = catalog.labels()
    value = labels.value.copy()
    value[7] += 50
    changed = type(labels)(value, labels.error, labels.names, labels.ids)
    other = type(catalog)({**catalog.outputs, "labels": changed}, catalog.table)
    run = RunFolder.create(tmp_path / "r", config={}, seed=2)
    cross_validate(other, run, folds=2, latents=3, seed=2)
    before, after = (r.labels[0][list(labels.names)].to_numpy() for r in (evaluated[0], run))
    np.testing.assert_allclose(after[7], before[7], rtol=1e-9)
    assert np.abs(after - before).max() > 0.01


@pytest.mark.long
def test_latents_are_chosen_in_every_fold(world, tmp_path):
    run = RunFolder.create(tmp_path / "r", config={}, seed=2)
    metrics = cross_validate(world.catalog, run, folds=2, latents=[1, 3], seed=2)
    assert [name.split()[0] for name in metrics["fit"]["chosen_by_fold"]] == ["3", "3"]


def test_transfer_applies_the_calibration_of_the_run(world, studied):
    run, done = studied
    fitted = load(run.model)
    plain = transfer(fitted, world.catalog.only("flux"), calibrated=False)
    frame, _ = transfer_run(run.path, world.catalog.only("flux"))
    stored = json.loads((run.path / "metrics.json").read_text())["calibration"]
    for j, name in enumerate(plain.names):
        np.testing.assert_allclose(frame[name], plain[name])
        entry = stored[name]
        grown = entry["growth"] * plain.latent_distance**2
        wanted = np.sqrt(entry["scale"] * plain.error[:, j] ** 2 + entry["floor"] ** 2 + grown**2)
        np.testing.assert_allclose(frame[f"{name}_err"], wanted)
        assert not np.allclose(wanted, plain.error[:, j])
    bare, _ = transfer_run(run.model, world.catalog.only("flux"))
    np.testing.assert_array_equal(bare[f"{plain.names[0]}_err"], frame[f"{plain.names[0]}_err"])
    assert done.metrics["stars"] == {"all": 240}


def test_all_stars_train_the_model_and_each_is_judged_by_one_that_did_not_see_it(world, studied):
    run, done = studied
    ids = world.catalog.ids
    assert load(run.model).trained_on(ids).all()
    stars = pd.read_csv(run.path / "stars.csv", dtype=str).set_index("id")["part"]
    table, _ = run.labels
    for k in range(5):
        model, held = load(run.path / "folds" / str(k)), (stars.loc[ids] == f"fold {k}").to_numpy()
        np.testing.assert_array_equal(model.trained_on(ids), ~held)
        alone = transfer(model, world.catalog.select(held).only("flux"))
        np.testing.assert_allclose(table.loc[held, alone.names[0]], alone.value[:, 0], rtol=1e-9)
    assert set(done.explanations) == set(alone.names)
    assert {e.verdict.n_stars for e in done.explanations.values()} == {240}


def test_stars_that_trained_the_model_explain_it(world, studied, tmp_path):
    """``luxjax explain RUN``: each star by the model that did not see it, to the numbers that the fit gave."""
    run, done = studied
    folder = save_catalog(world.catalog, tmp_path / "c")
    again = RunFolder.open(shutil.copytree(run.path, tmp_path / "again"))
    found = explain_run(again, catalog=folder)
    assert set(found) == set(done.explanations)
    for name, explanation in found.items():
        assert explanation.verdict.response == pytest.approx(done.explanations[name].verdict.response)
    assert "cross-fitted: each of 240 stars" in (again.path / "log.txt").read_text()


def test_what_has_to_be_read_first():
    """Worse than ridge, wrong errors, labels stated too uncertain: each a sentence; as good as ridge: one too."""
    from types import SimpleNamespace as Facts

    scores = {
        "a": {"over_ridge": {"value": 1.2, "interval": [1.1, 1.3]}},
        "b": {"over_ridge": {"value": 1.2, "interval": [0.9, 1.5]}},
        "c": {"over_ridge": {"value": 0.8, "interval": [0.7, 0.9]}},
    }
    raw = {"a": {"coverage68": 0.4}, "b": {"coverage68": 0.68}, "c": {"coverage68": 0.68}}
    facts = Facts(error_scale=np.array([1.0, 1.0, 0.25]), why={})
    fitted = Facts(
        outputs={"flux": Facts(error_scale=0.5)},
        read_outs={"labels": facts},
        info=lambda _: Facts(names=("a", "b", "c")),
    )
    lines = said_first(scores, raw, fitted, ["errors are not calibrated: too few stars"])
    assert lines[0] == "errors are not calibrated: too few stars"
    assert lines[1].startswith(
        "a is worse than ridge regression on the same stars: 1.20 times its RMSE [1.10, 1.30]."
    )
    assert lines[2:4] == [
        "Better than ridge regression on the same stars: c.",
        "As good as ridge regression on the same stars, within its error: b (1.20 times its RMSE [0.90, 1.50]).",
    ]
    assert "Errors of a as the model states them are too small" in lines[4]
    assert lines[5] == "Stated flux errors of flux look 2.0 times too large."
    assert lines[6] == "Stated errors of c look 4.0 times too large."
    raw["c"]["rmse"] = 0.1
    for stated, end in (
        (0.25, "and at least 2.5 times by the scatter of held-out stars."),
        (0.1, "does not prove."),
    ):
        assert said_first(scores, raw, fitted, [], {"c": stated})[-1].endswith(end)
    facts.why["share_of_stated_errors"] = [0.98, 0.02, 0.3]
    last = said_first(scores, raw, fitted, [])[-1]
    assert last.startswith("Few stars: b, c learned more from all stars alike than by their stated errors")


def test_bad_requests(world, tmp_path):
    run = RunFolder.create(tmp_path / "r", config={}, seed=2)
    with pytest.raises(InputError, match=r"decoder.*cubic.*quadratic"):
        study_catalog(world.catalog, run, latents=3, decoder="cubic", seed=2)
    with pytest.raises(InputError, match=r"input 'flx'.*flux"):
        cross_validate(world.catalog, run, folds=2, latents=2, inputs=["flx"], seed=2)
    with pytest.raises(InputError, match=r"no 'labels'.*ingest them with a label catalogue"):
        cross_validate(world.catalog.only("flux"), run, folds=2, latents=2, seed=2)
