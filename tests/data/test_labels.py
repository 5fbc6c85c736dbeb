import numpy as np
import pandas as pd
import pytest

from luxjax.core import InputError
from luxjax.data import LabelTable

NAMES = ("teff", "eu_fe")


def make(value=((5000.0, 0.1), (4500.0, 0.3)), error=(60.0, 0.08), names=NAMES, ids=("a", "b"), **more):
    return LabelTable(np.array(value), np.array(error), names, ids, **more)


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "sobject_id": [" 150411 ", "150412", "150413"],
            "teff": [5000.0, -9999.0, 4500.0],
            "e_teff": [60.0, 70.0, np.nan],
            "Eu_fe": [0.1, 99.0, -999.0],
            "text": ["0.5", "unknown", ""],
            "ra": [1.0, 2.0, 3.0],
        },
        index=[7, 3, 1],
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ids": ("a",)}, r"shape \(2, 2\); 1 ids and 2 names \(teff, eu_fe\) ask for \(1, 2\)"),
        ({"names": ("teff", "teff")}, "distinct; given: teff, teff"),
        ({"units": {"tef": "K"}}, r"no label for the unit 'tef' \(known: teff, eu_fe\). Did you mean 'teff'"),
        ({"species": {"eu": "Eu"}}, "no label for the species 'eu'"),
        ({"table": pd.DataFrame({"x": [1]})}, "1 rows for 2 stars"),
    ],
)
def test_what_does_not_fit_together_is_refused(change, said):
    with pytest.raises(InputError, match=said):
        make(**change)


def test_a_label_needs_a_value_and_an_error():
    value = [[1.0, np.nan], [np.inf, 4.0], [5.0, 6.0], [7.0, 8.0]]
    error = [[0.5, 1.0], [1.0, np.inf], [0.0, np.nan], [-1.0, 2.0]]
    one = make(value, error, ids=("a", "b", "c", "d"))
    missing = np.array([[False, True], [True, True], [True, True], [True, False]])
    np.testing.assert_array_equal(np.isnan(one.value), missing)
    np.testing.assert_array_equal(np.isnan(one.error), missing)
    np.testing.assert_array_equal(one.ivar, [[4, 0], [0, 0], [0, 0], [0, 0.25]])
    assert repr(make(survey="galah")) == "LabelTable(galah: 2 stars, teff, eu_fe, 100.0% measured)"


def test_the_given_arrays_are_left_alone():
    value = np.array([[1.0, 2.0], [3.0, 4.0]])
    make(value, [[np.nan, 1.0], [1.0, 1.0]])
    assert np.isfinite(value).all()


def test_from_frame(frame):
    table = LabelTable.from_frame(
        frame,
        id_column="sobject_id",
        labels={"teff": "teff", "eu_fe": "Eu_fe", "x": "text"},
        errors={"teff": "e_teff", "eu_fe": 0.08, "x": 1.0},
        units={"teff": "K"},
        species={"eu_fe": "Eu"},
        survey="galah",
    )
    assert table.names == ("teff", "eu_fe", "x")
    assert table.ids.tolist() == ["150411", "150412", "150413"]
    # -9999 and -999 are missing, 99 is a value; so is a label whose error is.
    np.testing.assert_array_equal(
        table.value, [[5000, 0.1, 0.5], [np.nan, 99, np.nan], [np.nan, np.nan, np.nan]]
    )
    np.testing.assert_array_equal(table.error[:, :2], [[60, 0.08], [np.nan, 0.08], [np.nan, np.nan]])
    assert (table.units, table.species, table.survey) == ({"teff": "K"}, {"eu_fe": "Eu"}, "galah")
    assert table.table["ra"].tolist() == [1, 2, 3]
    assert table.table.index.tolist() == [0, 1, 2]


def test_which_values_are_missing_is_said_by_column(frame):
    asked = {"id_column": "sobject_id", "labels": ["Eu_fe"], "errors": {"Eu_fe": 0.1}}
    table = LabelTable.from_frame(frame, **asked, missing=(99.0,))
    np.testing.assert_array_equal(table["Eu_fe"], [0.1, np.nan, -999])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"labels": ["tef"], "errors": {"tef": 1.0}},
            r"no column 'tef' \(known: sobject_id, teff.*Did you mean 'teff'",
        ),
        ({"errors": {"teff": "err"}}, "no column 'err'"),
        ({"id_column": "id"}, "no column 'id'.*Name a column of this table"),
        (
            {"errors": {}},
            r"label 'teff' has no error; name its error column or give one number .*\(given for: none\)",
        ),
        ({"labels": ["teff", "Eu_fe"]}, r"label 'Eu_fe' has no error.*\(given for: teff\)"),
    ],
)
def test_columns_are_asked_for_by_name(frame, change, said):
    asked = {"id_column": "sobject_id", "labels": ["teff"], "errors": {"teff": "e_teff"}} | change
    with pytest.raises(InputError, match=said):
        LabelTable.from_frame(frame, **asked)


def test_there_and_back():
    one = make([[5000.0, np.nan], [4500.0, 0.3]], units={"teff": "K"})
    frame = one.to_frame()
    assert frame.columns.tolist() == ["id", "teff", "teff_err", "eu_fe", "eu_fe_err"]
    back = LabelTable.from_frame(
        frame, id_column="id", labels=NAMES, errors={n: f"{n}_err" for n in NAMES}, units=one.units
    )
    np.testing.assert_array_equal(back.value, one.value)
    np.testing.assert_array_equal(back.error, one.error)
    np.testing.assert_array_equal(back.ids, one.ids)


def test_labels_and_rows_are_chosen():
    one = make(units={"teff": "K"}, species={"eu_fe": "Eu"}, table=pd.DataFrame({"ra": [1, 2]}))
    assert one["eu_fe"].tolist() == [0.1, 0.3]
    turned = one.only("eu_fe", "teff")
    assert turned.names == ("eu_fe", "teff")
    np.testing.assert_array_equal(turned.value, one.value[:, ::-1])
    np.testing.assert_array_equal(turned.error, one.error[:, ::-1])
    only = one.only("eu_fe")
    assert (only.units, only.species) == ({}, {"eu_fe": "Eu"})
    assert one.select([1, 0]).ids.tolist() == ["b", "a"]
    assert one.select(np.array([False, True])).table["ra"].tolist() == [2]
    np.testing.assert_array_equal(one.select(1).value, [[4500, 0.3]])
    for ask in (one.only, one.__getitem__):
        with pytest.raises(InputError, match=r"no label 'eu_h' \(known: teff, eu_fe\)"):
            ask("eu_h")


def test_a_column_that_is_there_twice_is_refused():
    twice = pd.DataFrame([["a", 1.0, 2.0]], columns=["id", "teff", "teff"])
    with pytest.raises(InputError, match="2 columns called 'teff'"):
        LabelTable.from_frame(twice, id_column="id", labels=["teff"], errors={"teff": 50.0})
