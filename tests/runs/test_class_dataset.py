"""Classes of a dataset: the answers are those to the same spectra in memory, and an interruption changes no byte of them."""

from contextlib import suppress

import numpy as np
import pandas as pd
import pytest

import luxjax
from luxjax import Catalog, InputError, Spectra
from luxjax.classify import load_classifier
from luxjax.classify.features import extract_features
from luxjax.runs import RunFolder, classify_dataset, dataset_data
from luxjax.runs.classes import _dataset
from luxjax.runs.internal import classify_data, explain_class_dataset

from ..cli.test_classify import WAVE, few_indices, run, spectrum

N = 40  # of each class
PART = 64  # the least stars of a part


def stars() -> tuple[Spectra, pd.DataFrame]:
    """Spectra of three classes in the frame of the observer, two that are no stars, and one without a good pixel."""
    rng = np.random.default_rng(5)
    names = [*np.repeat(["A", "G", "M"], N), "G", "G", "G"]
    flux, ivar = map(np.array, zip(*(spectrum(name, rng) for name in names), strict=True))
    ivar[-1] = 0
    table = pd.DataFrame(
        {"class": "STAR", "subclass": [f"{name}2" for name in names], "z": 3e-4, "snr": 30.0}
    )
    table.loc[3 * N, ["class", "subclass"]] = ["QSO", "Non"]
    table.loc[3 * N + 1, "subclass"] = ""
    table["obsid"] = np.arange(len(names)).astype(str)
    order = rng.permutation(len(names))
    ids = [f"star {k:03d}" for k in range(len(names))]
    given = {"frame": "barycentric", "survey": "lamost"}
    spectra = Spectra(flux[order], ivar[order], WAVE, "vacuum", ids, **given)
    return spectra, table.iloc[order].reset_index(drop=True)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    spectra, table = stars()
    catalog = Catalog({"spectra": spectra}, table.assign(id=spectra.ids).set_index("id"))
    made = luxjax.Dataset.create(
        tmp_path_factory.mktemp("data") / "stars", catalog.outputs, chunk=16, shard=32
    )
    made.append(catalog)
    return made


@pytest.fixture(scope="module")
def folder(dataset, tmp_path_factory):
    """A run of few trees, trained through the command."""
    out = tmp_path_factory.mktemp("runs") / "run"
    given = ["--estimator", "trees", "--setting", "n_estimators=20", "--learned", "none", "--folds", 2]
    with few_indices():
        status, _, _ = run(_Captured(), "train", dataset.location, "--out", out, *given)
    assert status == 0
    return RunFolder.open(out)


class _Captured:
    """What a module's fixture has in place of capsys."""

    def readouterr(self):
        return "", ""


@pytest.fixture(autouse=True)
def few():
    with few_indices() as patch:
        yield patch


def test_features_are_those_of_the_spectra_in_memory(dataset):
    data = dataset_data(dataset)
    spectra, table = stars()
    known = (table["class"] == "STAR") & (table["subclass"] != "")
    good = spectra.select(known.to_numpy())
    own = extract_features(good, list(data.features.names), redshift=np.full(len(good), 3e-4))
    assert len(data.features) == 3 * N
    assert list(data.features.ids) == list(own.ids)
    np.testing.assert_allclose(
        data.features.values, own.values, rtol=2e-4, atol=2e-4
    )  # stored in single precision
    assert list(data.table["class"]) == [s[0] for s in table["subclass"][known].iloc[own.rows]]
    assert sorted(data.left_out["reason"].str.slice(0, 7)) == ["every p", "neither", "neither"]


def test_of_many_spectra_a_random_part_is_taken(dataset):
    few, again, other = (dataset_data(dataset, max_spectra=60, seed=seed) for seed in (1, 1, 2))
    assert len(few.table) in (59, 60)  # the one without a good pixel may be among them
    assert list(few.table["id"]) == list(again.table["id"]) != list(other.table["id"])
    assert set(few.table["id"]) <= set(dataset.ids)


def test_without_classes_one_sentence_says_so(dataset):
    with pytest.raises(InputError, match="neither class nor subclass"):
        dataset_data(dataset.select("subclass == ''"))
    with pytest.raises(InputError, match="no output of spectra 'flux'; the dataset has spectra"):
        dataset_data(dataset, spectra_name="flux")


def test_every_spectrum_has_the_answer_that_it_has_in_memory(dataset, folder, tmp_path):
    found = classify_dataset(folder, dataset, tmp_path / "classes")
    rows = pd.read_parquet(tmp_path / "classes")
    assert list(rows["id"]) == list(dataset.ids)
    assert sum(found.reasons.values()) == 3
    assert found.outside == int(rows["outside"].fillna(False).astype(bool).sum())
    own = classify_data(folder, dataset_data(dataset)).set_index("id")
    same = rows[rows["reason"] == ""].set_index("id")
    for name in own:
        assert list(same[name].fillna("")) == list(own[name].fillna("")), name
    lost = rows[rows["reason"] != ""]
    assert set(lost["class"]) == {""}
    assert lost["p_A"].isna().all()
    assert list(pd.concat(found.parts())["id"]) == list(rows["id"])


@pytest.mark.parametrize("answers", [classify_dataset, explain_class_dataset])
def test_an_interruption_changes_no_byte(dataset, folder, tmp_path, answers, few):
    for name in ("SIZE", "PART"):
        few.setattr(_dataset, name, PART)
    answers(folder, dataset, tmp_path / "whole")

    class Stop(Exception):
        pass

    def once(*given, **how):
        few.setattr(_dataset, "_answered", stop)
        return answered(*given, **how)

    def stop(*given, **how):
        raise Stop

    answered = _dataset._answered
    few.setattr(_dataset, "_answered", once)
    with suppress(Stop):
        answers(folder, dataset, tmp_path / "cut")
    few.setattr(_dataset, "_answered", answered)
    left = sorted(p.name for p in (tmp_path / "cut").glob("part*"))
    assert left == ["part-000000.parquet"]
    answers(folder, dataset, tmp_path / "cut")
    names = sorted(p.name for p in (tmp_path / "whole").iterdir())
    assert len(names) == 3  # two parts and what is known of them
    for name in names:
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_other_spectra_are_not_written_into_the_same_folder(dataset, folder, tmp_path):
    classify_dataset(folder, dataset.select(slice(0, 20)), tmp_path / "classes")
    with pytest.raises(InputError, match="other stars"):
        classify_dataset(folder, dataset, tmp_path / "classes")
    with pytest.raises(InputError, match="other settings"):
        classify_dataset(folder, dataset.select(slice(0, 20)), tmp_path / "classes", coverage=0.5)


def test_the_shares_of_families_add_up_to_what_the_classifier_says(dataset, folder, tmp_path):
    explain_class_dataset(folder, dataset, tmp_path / "why")
    rows = pd.read_parquet(tmp_path / "why")
    rows = rows[rows["reason"] == ""]
    parts = [c for c in rows if c.startswith("from_")]
    assert {"from_balmer", "from_magnesium"} <= set(parts)
    classifier = load_classifier(folder.path / "classifier")
    data = dataset_data(dataset)
    raw = classifier.estimator.predict_proba(classifier.matrix(data.features))
    said = raw[np.arange(len(raw)), pd.Index(classifier.classes).get_indexer(rows["class"])]
    np.testing.assert_allclose(rows["base"] + rows[parts].sum(axis=1), said, atol=1e-6)


def test_the_commands_take_a_dataset(dataset, folder, tmp_path, capsys):
    place, out = dataset.location, tmp_path / "classes"
    status, said, err = run(capsys, "predict", folder.path, place, "--out", out)
    assert status == 0, err
    assert f"{3 * N} spectra used, 3 left out" in said
    assert len(pd.read_parquet(out)) == len(dataset)
    status, said, err = run(capsys, "explain", folder.path, "--dataset", place, "--out", tmp_path / "why")
    assert status == 0, err
    assert len(pd.read_parquet(tmp_path / "why")) == len(dataset)
    status, _, err = run(capsys, "predict", folder.path, place, "--medium", "air")
    assert status == 2
    assert "a dataset knows its medium" in err
    status, _, err = run(capsys, "predict", folder.path, "file.fits", "--resolution", "5000")
    assert status == 2
    assert "state their --medium too" in err
    status, _, err = run(capsys, "predict", folder.path, place, "--out", tmp_path / "x.csv")
    assert status == 2
    assert "name a folder" in err


def test_pages_of_single_spectra_come_from_the_dataset(dataset, folder, capsys):
    star = dataset.ids[7]
    status, said, err = run(capsys, "explain", folder.path, "--quick", "--spectra", star)
    assert status == 0, err
    assert "class_" in said
