"""Photometry and parallax of a table as features: opt in, colours only, saved with the classifier, judged with and without."""

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from luxjax import Spectra
from luxjax.classify import load_classifier
from luxjax.classify.features import Features
from luxjax.classify.features._flux_at_rest import GRID
from luxjax.core import InputError
from luxjax.report.sections.classes._tables import metadata_tables
from luxjax.runs import RunFolder
from luxjax.runs.classes._data import ClassData, read_class_data, write_class_data
from luxjax.runs.classes._metadata import ablation_lines
from luxjax.runs.classes._train import class_answers, train_classes
from luxjax.runs.internal import with_metadata

N = 120
ARCSEC = 1 / 3600


def data_of() -> ClassData:
    """Stars of two classes which the one feature of the spectra hardly tells apart."""
    rng = np.random.default_rng(4)
    kind = np.arange(N) % 2
    values = pd.DataFrame({"Hbeta": kind + rng.normal(0, 2.0, N)})
    ids = np.array([f"s{k}" for k in range(N)])
    nothing = pd.DataFrame(columns=["row", "id", "reason"])
    table = pd.DataFrame({
        "id": ids, "file": "", "class": np.array(["F", "G"])[kind], "obsid": (100 + np.arange(N)).astype(str), "release": "", "snr": 30.0,
        "subclass": "", "luminosity": "", "z": 0.0, "ra": 10.0 + np.arange(N), "dec": 20.0,
    })  # fmt: skip
    flat = np.ones((N, len(GRID)))
    rest = Spectra(flat, flat, GRID, "vacuum", ids, frame="rest", table=table[["snr"]])
    features = Features(values, 0 * values + 1, {"Hbeta": "balmer"}, ids, np.arange(N), nothing, rest)
    return ClassData(features, table, pd.DataFrame({"file": [], "id": [], "reason": []}, dtype=str))


def gaia(tmp_path, **more):
    """Colours that tell the classes apart, and magnitudes that by themselves tell all."""
    kind, rng = np.arange(N) % 2, np.random.default_rng(5)
    rows = {
        "ra": 10.0 + np.arange(N) + 0.3 * ARCSEC, "dec": 20.0, "bp_rp": 0.5 + 0.4 * kind + rng.normal(0, 0.05, N), "phot_g_mean_mag": 10.0 + 5 * kind,
        "Jmag": 9.0, "Hmag": 8.7, "Kmag": 8.5 + 0.01 * kind, "parallax": 10.0 ** (1 - kind),
    }  # fmt: skip
    file = tmp_path / "gaia.csv"
    pd.DataFrame(rows | more).iloc[:-2].to_csv(file, index=False)
    return file


def told(_name):
    return nullcontext(lambda *_: None)


def test_colours_and_luminosities_are_made_and_no_magnitude_enters(tmp_path):
    data, file = data_of(), gaia(tmp_path)
    found = with_metadata(data, file).table
    new = [c for c in found if c not in data.table]
    assert new == ["photometry: bp_rp", "photometry: j_h", "photometry: h_k", "parallax: luminosity"]
    np.testing.assert_allclose(found["photometry: j_h"][:-2], 0.3)
    np.testing.assert_allclose(found["parallax: luminosity"][:2], [10.0 * 1.0, 1.0 * 10.0])
    assert found[new].iloc[-2:].isna().all(axis=None)  # stars without a row
    own = with_metadata(data, file, photometry=["bp_rp", "Jmag-Kmag", "Jmag"], parallax="").table
    assert [c for c in own if c not in data.table] == ["photometry: bp_rp", "photometry: Jmag-Kmag", "photometry: Jmag"]  # fmt: skip
    np.testing.assert_allclose(own["photometry: Jmag-Kmag"][:2], [0.5, 0.49])
    faint = pd.read_csv(file).drop(columns=["phot_g_mean_mag", "bp_rp"])
    faint.to_csv(file, index=False)
    assert "parallax: parallax" in with_metadata(data, file).table


def test_a_star_with_two_different_rows_has_none(tmp_path):
    data, file = data_of(), gaia(tmp_path)
    table = pd.read_csv(file)
    pd.concat([table, table.iloc[[0]].assign(bp_rp=2.0), table.iloc[[1]]]).to_csv(file, index=False)
    found = with_metadata(data, file).table["photometry: bp_rp"]
    assert np.isnan(found[0])
    assert np.isfinite(found[1:-2]).all()


def test_a_classifier_with_metadata_is_judged_with_and_without_on_the_same_folds(tmp_path):
    data = with_metadata(data_of(), gaia(tmp_path))
    run = RunFolder.create(tmp_path / "run", config={}, seed=1)
    how = {"estimator": "logistic", "learned": (), "folds": 3, "seed": 1, "stage": told}
    found = train_classes(run, data, **how)["classes"]
    assert set(found["about"]["learned"]) == {"photometry", "parallax"}
    metadata = found["metadata"]
    assert metadata["spectra_with"] == N - 2
    assert list(metadata["without"]) == ["photometry and parallax", "photometry", "parallax"]
    gain = metadata["without"]["photometry and parallax"]["accuracy"]
    assert gain["with"] == pytest.approx(found["scores"]["accuracy"]["value"])
    assert gain["difference"] == pytest.approx(gain["with"] - gain["without"])
    assert 0 < gain["lower"] < gain["difference"] < gain["upper"]
    plain = RunFolder.create(tmp_path / "plain", config={}, seed=1)
    bare = train_classes(plain, data_of(), **how)["classes"]
    assert bare["metadata"] == {}
    assert gain["without"] == pytest.approx(bare["scores"]["accuracy"]["value"])
    (table,) = metadata_tables(run.metrics["classes"])
    assert len(table.rows) == 6
    lines = ablation_lines(metadata)
    assert "118 of 120 spectra" in lines[0]
    assert len(lines) == 8
    assert metadata_tables(bare) == () == tuple(ablation_lines(bare["metadata"]))
    # The classifier is saved with the names of its columns, and asks for them.
    assert load_classifier(run.path / "classifier").families["photometry: bp_rp"] == "photometry"
    table = class_answers(run, 0.9)(read_class_data(run))
    assert len(table) == N
    with pytest.raises(InputError, match="sees photometry: bp_rp, .* of a table too"):
        class_answers(run, 0.9)(data_of())


def test_metadata_stay_with_the_features_of_a_run(tmp_path):
    data = with_metadata(data_of(), gaia(tmp_path))
    run = RunFolder.create(tmp_path / "run", config={}, seed=1)
    write_class_data(run, data)
    again = read_class_data(run)
    name = "photometry: bp_rp"
    seen = pd.to_numeric(again.features.spectra.table[name], errors="coerce")
    np.testing.assert_allclose(seen, data.table[name])


def test_bad_tables_are_one_sentence(tmp_path):
    data, file = data_of(), gaia(tmp_path)
    far = gaia(tmp_path, ra=200.0 + np.arange(N) % 100).rename(tmp_path / "far.csv")
    file, plain = gaia(tmp_path), tmp_path / "plain.csv"
    plain.write_text("ra,dec,colour\n10.0,20.0,1\n")
    bare = replace(data, features=replace(data.features, spectra=None))
    for given, table, how, said in [
        (data, plain, {}, "no column of photometry or parallax that is known"),
        (data, file, {"photometry": ["g_i"]}, "has no column g_i"),
        (data, file, {"parallax": "plx"}, "has no column plx"),
        (data, far, {}, "of no star of these spectra"),
        (bare, file, {}, "these features have none"),
    ]:
        with pytest.raises(InputError, match=said):
            with_metadata(given, table, **how)
