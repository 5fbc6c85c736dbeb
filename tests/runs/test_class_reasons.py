"""What a run keeps of the reasons of its classes comes back as it was, and a page is drawn from it."""

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import KNeighborsClassifier

from luxjax.classify import save_classifier, train_classifier
from luxjax.classify.features import Features
from luxjax.classify.internal import RankingComparison
from luxjax.core import InputError
from luxjax.data import Spectra
from luxjax.interpret.internal import LOG_RATIO, FeatureRanks, Shapley
from luxjax.report._star_page import render_star_pages
from luxjax.report.sections._class_why import class_why
from luxjax.runs import RunFolder
from luxjax.runs.classes._data import ClassData
from luxjax.runs.classes._examples import ClassExamples
from luxjax.runs.classes._explain import _parts
from luxjax.runs.classes._reason_files import write_reasons
from luxjax.runs.classes._reasons import ClassReasons
from luxjax.runs.classes._single import write_single_spectra
from luxjax.runs.internal import read_reasons, read_single_spectra, write_class_data
from luxjax.stats import Ranking

NAMES, CLASSES = ("Hbeta", "Mg_b", "slope_all"), ("A", "G")
FAMILIES = {"Hbeta": "balmer", "Mg_b": "magnesium", "slope_all": "continuum"}


def ranking(rng, names: tuple[str, ...], null=0.0) -> Ranking:
    value = rng.random(len(names))
    return Ranking("loss", "nats", names, value, value + 0.1 * rng.normal(size=(9, len(names))), null, 0.01)


@pytest.fixture
def run(tmp_path):
    return RunFolder.create(tmp_path / "run", config={}, seed=1)


@pytest.fixture
def reasons(rng) -> ClassReasons:
    values, data = rng.normal(size=(20, 3, 2)), rng.normal(size=(20, 3))
    shapley = Shapley("by branches", NAMES, CLASSES, values, rng.normal(size=2), data, 0 * values, LOG_RATIO)
    families = tuple(FAMILIES.values())
    groups = ("all", *CLASSES)
    ranks = FeatureRanks(
        {g: ranking(rng, NAMES) for g in groups}, {g: ranking(rng, families) for g in groups}
    )
    measures = {"naive": ranking(rng, families), "permutation": ranking(rng, families, rng.random(3))}
    return ClassReasons(shapley, ranks, RankingComparison(measures, ("magnesium",), ("balmer",)))


def same(a: Ranking, b: Ranking) -> None:
    assert (a.what, a.unit, a.names, a.noise) == (b.what, b.unit, b.names, b.noise)
    for what in ("value", "draws", "null"):
        np.testing.assert_array_equal(getattr(a, what), getattr(b, what))


def test_reasons_come_back(run, reasons):
    assert read_reasons(run) is None
    write_reasons(run, reasons)
    found = read_reasons(run)
    for what in ("values", "base", "data", "error"):
        np.testing.assert_array_equal(getattr(found.shapley, what), getattr(reasons.shapley, what))
    assert (found.shapley.kind, found.shapley.output) == ("by branches", LOG_RATIO)
    assert (found.shapley.features, found.shapley.labels) == (NAMES, CLASSES)
    for group in ("features", "families"):
        before, after = getattr(reasons.ranks, group), getattr(found.ranks, group)
        assert list(after) == list(before)
        for name in before:
            same(after[name], before[name])
    assert list(found.comparison.rankings) == ["naive", "permutation"]
    same(found.comparison.rankings["permutation"], reasons.comparison.rankings["permutation"])
    assert found.comparison.words == reasons.comparison.words
    table = pd.read_csv(run.path / "reasons" / "families.csv")
    assert set(table["measure"]) == {"naive", "permutation"}
    (run.path / "reasons" / "values.npz").write_bytes(b"rubbish")
    with pytest.raises(InputError, match="cannot be read as reasons"):
        read_reasons(run)


@pytest.mark.slow
def test_the_section_draws_what_was_kept(run, reasons):
    write_reasons(run, reasons)
    entry = {"spectra": 20, "stars": 20, "output": LOG_RATIO, "noise": None, "words": "Claim: so it is."}
    claim = reasons.comparison.claim.to_dict(orient="index")
    run.write_metrics({"classes_explained": entry | {"claim": claim}})
    section = class_why(run)
    assert [f.file for f in section.figures] == [
        f"classes_{n}.png" for n in ("families", "features", "shapley")
    ]
    for figure in section.figures:
        assert (run.figures / figure.file).stat().st_size > 5000


@pytest.mark.slow
def test_single_spectra_come_back_and_have_a_page(run, reasons, rng):
    ids = np.array([f"s{k}" for k in range(20)])
    features = Features(
        pd.DataFrame(reasons.shapley.data, columns=NAMES),
        pd.DataFrame(np.full((20, 3), 0.1), columns=NAMES),
        FAMILIES,
        ids,
        np.arange(20),
        pd.DataFrame(columns=["row", "id", "reason"]),
    )
    table = pd.DataFrame({"id": ids, "file": "", "class": "A", "obsid": "", "release": "", "snr": 20.0, "subclass": "", "luminosity": "", "z": 0.0, "part": "test"})  # fmt: skip
    data = ClassData(features, table, pd.DataFrame({"file": [], "id": [], "reason": []}, dtype=str))
    write_class_data(run, data)
    assert read_single_spectra(run) == []
    wavelength = np.geomspace(3900, 8900, 300)
    rows, flux = np.array([3, 7]), 1 + 0.1 * rng.normal(size=(2, 300))
    spectra = Spectra(
        flux, np.full((2, 300), 100.0), wavelength, "vacuum", ids[rows], frame="barycentric", survey="lamost"
    )
    p = np.array([0.1 + 0.2, 0.9])
    found = pd.DataFrame(
        {"class": ["G", "A"], "probability": [1 - p[0], p[1]], "set": ["G", ""], "p_A": p, "p_G": 1 - p}
    )
    shapley = Shapley("by branches", NAMES, CLASSES, *(getattr(reasons.shapley, k)[:2] for k in ("values",)),
                      reasons.shapley.base, reasons.shapley.data[rows], reasons.shapley.error[:2], LOG_RATIO)  # fmt: skip
    names = write_single_spectra(
        run, data, ClassExamples(rows, spectra), data.features.select(rows), found, shapley
    )
    assert names == ["class_s3", "class_s7"]
    one, other = read_single_spectra(run)
    assert (one.facts["id"], one.found["class"], one.found["set"], other.found["set"]) == ("s3", "G", "G", "")
    assert list(one.probabilities) == pytest.approx([p[0], 1 - p[0]], rel=1e-14)
    np.testing.assert_array_equal(other.spectra.flux, flux)
    np.testing.assert_array_equal(other.shapley.values[other.row], reasons.shapley.values[1])
    assert other.features.values["Mg_b"].iloc[0] == reasons.shapley.data[7, 1]
    pages = render_star_pages(run)
    assert [page.name for page in pages] == ["class_s3.html", "class_s7.html"]
    assert "Wrongly given class G with probability 0.70: it is of class A." in pages[0].read_text()


def test_what_a_run_names_is_never_imported(tmp_path, rng):
    """A run may come from a stranger: a class that it names is not looked up, the estimator is that of the safe file."""
    heat = rng.uniform(0, 2, 60)
    values = pd.DataFrame({"Hbeta": heat, "Mg_b": -heat})
    families, ids = {"Hbeta": "balmer", "Mg_b": "magnesium"}, np.arange(60).astype(str)
    nothing = pd.DataFrame(columns=["row", "id", "reason"])
    features = Features(values, 0 * values + 0.1, families, ids, np.arange(60), nothing)
    truth = np.array(["G", "F"])[heat.astype(int)]
    made = train_classifier(features, truth, estimator=KNeighborsClassifier(3, algorithm="brute"), seed=1)
    run = RunFolder.create(
        tmp_path / "run", config={"estimator": "webbrowser.Chrome", "settings": {}}, seed=1
    )
    save_classifier(made, run.path / "classifier")
    run.write_metrics({"classes": {"about": dict(made.about), "folds": 5}})
    table = pd.DataFrame(
        {"id": ids, "class": truth, "part": np.where(np.arange(60) < 20, "fold 0", "fold 1")}
    )
    train, test, options = _parts(run, ClassData(features, table, nothing))
    assert (len(train.table), len(test.table)) == (40, 20)
    assert isinstance(options["estimator"], KNeighborsClassifier)
    assert options["estimator"].n_neighbors == 3
    assert not hasattr(options["estimator"], "classes_")
