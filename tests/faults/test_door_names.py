"""Identifiers are text or exact whole numbers; classes may be missing, and then are."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from astropy.table import MaskedColumn, Table

from luxjax.classify import ablate_families, cross_validate_classifier, score_classes, train_classifier
from luxjax.classify.features import Features
from luxjax.classify.levels import train_levels
from luxjax.core import InputError
from luxjax.data import Catalog, LabelTable, Spectra, crossmatch, folds, same_star, split
from luxjax.dataset import Dataset
from luxjax.preprocessing import combine

GAIA = 2584290038276303745  # a float64 would make ...744 of it


def spectra(ids, n=1) -> Spectra:
    return Spectra(np.ones((n, 2)), np.ones((n, 2)), [1.0, 2.0], "vacuum", ids)


READ = {
    "blanks": ([" 2M001  "], "2M001"),
    "bytes": ([b"2M001 "], "2M001"),
    "numpy bytes": (np.array([b"00123"]), "00123"),
    "leading zeros": (["00123"], "00123"),
    "int": ([GAIA], str(GAIA)),
    "uint64": (np.array([2**63 + 5], np.uint64), str(2**63 + 5)),
    "long": ([2**70], str(2**70)),
    "big-endian": (np.array([GAIA], ">i8"), str(GAIA)),
    "Int64": (pd.array([GAIA], dtype="Int64"), str(GAIA)),
    "pyarrow": (pa.array([GAIA]), str(GAIA)),
    "pyarrow text": (pd.Series(["a"], dtype="string[pyarrow]"), "a"),
    "categorical": (pd.Categorical(["a"]), "a"),
    "unicode": (["šč ☆"], "šč ☆"),
    "string type": (np.array(["a"], np.dtypes.StringDType()), "a"),
    "column": (MaskedColumn([GAIA]), str(GAIA)),
}
REFUSED = {
    "float": [5.0],
    "float array": np.array([2.5e18]),
    "float in a list": ["a", 5.0],
    "None": [None],
    "NaN": [np.nan],
    "NA": [pd.NA],
    "empty": [""],
    "blank": ["   "],
    "masked text": np.ma.array(["a"], mask=[True]),
    "masked int": MaskedColumn([5], mask=[True]),
    "Int64 with a gap": pd.array([None], dtype="Int64"),
    "pyarrow null": pa.array([None], pa.int64()),
    "bool": [True],
    "date": np.array(["2020-01-01"], "M8[D]"),
    "bytes of no text": [b"\xe9"],
    "tuple": [("a", 1)],
}


@pytest.mark.parametrize("name", READ)
def test_identifiers_come_as_they_are(name):
    given, wanted = READ[name]
    assert spectra(given).ids.tolist() == [wanted]
    assert LabelTable([[5000.0]], 50.0, ("teff",), given).ids.tolist() == [wanted]
    as_text, as_given = (split(ids, {"a": 0.5, "b": 0.5})["a"] for ids in ([wanted], given))
    assert np.array_equal(as_text, as_given)


@pytest.mark.parametrize("name", REFUSED)
def test_other_identifiers_are_refused_at_every_door(name):
    given = REFUSED[name]
    n = len(given)
    doors = [
        lambda: spectra(given, n),
        lambda: LabelTable(np.full((n, 1), 5000.0), 50.0, ("teff",), given),
        lambda: split(given, {"a": 1.0}),
        lambda: folds([*"abcdefg"[:n]], 2, groups=given),
        lambda: score_classes(pd.DataFrame({"F": np.ones(n), "G": np.zeros(n)}), ["F"] * n, ids=given),
    ]
    for door in doors:
        with pytest.raises(InputError, match="missing|must be"):
            door()


def test_float_and_missing_identifiers_of_tables():
    frame = pd.DataFrame({"source_id": [GAIA - 1, GAIA, None], "teff": [5000.0, 4000, 3000]})
    with pytest.raises(InputError, match="19 digits"):
        LabelTable.from_frame(frame, id_column="source_id", labels=["teff"], errors={"teff": 50.0})
    whole = frame.assign(source_id=pd.array([GAIA - 1, GAIA, None], dtype="Int64"))
    with pytest.raises(InputError, match="1 of 3 are missing"):
        LabelTable.from_frame(whole, id_column="source_id", labels=["teff"], errors={"teff": 50.0})
    read = LabelTable.from_frame(whole[:2], id_column="source_id", labels=["teff"], errors={"teff": 50.0})
    assert read.ids.tolist() == [str(GAIA - 1), str(GAIA)]


def test_blanks_do_not_keep_stars_apart():
    labels = LabelTable([[5000.0]], 50.0, ("teff",), ["2M001  "])
    assert Catalog.join({"s": spectra(["2M001"]), "labels": labels}).ids.tolist() == ["2M001"]


def test_datasets_know_their_stars_by_exact_names(tmp_path):
    stars = Catalog({"s": spectra([GAIA, 7], 2)})
    dataset = Dataset.create(tmp_path / "d", stars.outputs)
    dataset.append(stars)
    assert dataset.has([GAIA, GAIA - 1, 7]).tolist() == [True, False, True]
    assert dataset.has([b"7 "]).tolist() == [True]
    with pytest.raises(InputError, match="whole numbers"):
        dataset.has(np.array([7.0]))
    assert dataset.select(["7"]).ids.tolist() == ["7"]


def test_other_doors_of_identifiers():
    with pytest.raises(InputError, match="whole numbers"):
        same_star(pd.DataFrame({"ra": [1.0], "dec": [1.0]}), ids=[1.0])
    assert same_star(pd.DataFrame({"ra": [1.0, 9.0], "dec": [1.0, 9.0]}), ids=[None, None]).tolist() == [0, 1]
    big = pd.DataFrame({"gaia_dr3": np.array([2**63 + 5], np.uint64)})
    with pytest.raises(InputError, match="too large"):
        crossmatch(big, big)
    visits = spectra(["a", "b"], 2).replace(table=pd.DataFrame({"star": [1.5, 1.5]}))
    with pytest.raises(InputError, match="column 'star' must be text or whole numbers"):
        combine(visits, by="star")


# Classes

N = 90
TRUE = np.array(["F", "G", "K"])[np.arange(N) % 3]
GONE = np.arange(N) < 6
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def features() -> Features:
    x = pd.DataFrame(
        {"H_beta": RNG.normal(size=N) + 4 * (TRUE == "F"), "Mg_b": RNG.normal(size=N) + 4 * (TRUE == "K")}
    )
    families = {"H_beta": "balmer", "Mg_b": "magnesium"}
    ids = np.array([f"s{i}" for i in range(N)])
    return Features(
        x, x * 0 + 0.1, families, ids, np.arange(N), pd.DataFrame(columns=["row", "id", "reason"])
    )


def without(value) -> np.ndarray:
    given = TRUE.astype(object)
    given[GONE] = value
    return given


MISSING = {
    "NaN": pd.Series(without(np.nan)),
    "None": list(without(None)),
    "NA": pd.array(without(None), dtype="string"),
    "masked column": MaskedColumn(TRUE, mask=GONE),
    "masked": np.ma.array(TRUE, mask=GONE),
    "blank": np.where(GONE, "  ", np.char.add(TRUE, " ")),
    "bytes": np.where(GONE, b"", TRUE.astype("S1")),
    "categorical": pd.Categorical(without(None)),
    "pyarrow": pa.array(list(without(None))),
}


@pytest.mark.parametrize("name", MISSING)
def test_missing_classes_are_missing(features, name):
    made = train_classifier(features, MISSING[name], estimator="logistic")
    assert made.classes == ("F", "G", "K")
    assert made.about["fitted_stars"] == made.about["calibration_stars"] == N - GONE.sum()
    p = made.probabilities(features)
    known = score_classes(p[~GONE], TRUE[~GONE], n_draws=3)
    scored = score_classes(p, MISSING[name], n_draws=3)
    assert (scored.n, scored["accuracy"]) == (known.n, known["accuracy"])


@pytest.mark.parametrize("kind", ["int64", "float64", "Int64"])
def test_whole_numbers_are_classes(features, kind):
    number = pd.Series(np.arange(N) % 3).astype(kind)
    if kind != "int64":
        number[:6] = None
    assert train_classifier(features, number, estimator="logistic").classes == ("0", "1", "2")


def test_missing_classes_in_cross_validation_and_levels(features):
    table = cross_validate_classifier(features, MISSING["masked"], folds=3, estimator="logistic")
    assert table["truth"].tolist() == ["" if gone else name for gone, name in zip(GONE, TRUE, strict=True)]
    found = ablate_families(features, MISSING["None"], folds=3, n_again=0, n_draws=3, estimator="logistic")
    assert len(found.scores)
    levels = train_levels(
        features, Table({"class": MISSING["masked column"]}), ("class",), estimator="logistic"
    )
    assert levels.coarse["class"].classes == ("F", "G", "K")


@pytest.mark.parametrize("truth", [[None] * N, np.arange(N) + 0.5])
def test_no_classes_at_all(features, truth):
    with pytest.raises(InputError):
        train_classifier(features, truth)
