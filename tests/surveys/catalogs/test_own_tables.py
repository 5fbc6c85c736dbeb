"""Labels out of tables of one's own, and an account of every label value that is lost."""

import numpy as np
import pandas as pd
import pytest

from luxjax.core import InputError
from luxjax.data import LabelTable, Spectra
from luxjax.surveys import IngestOptions, ingest, read_labels
from luxjax.surveys.catalogs._choose import choose_labels
from luxjax.surveys.internal import read_parameters

LAMOST = {
    "obsid": [1, 2, 3, 4, 5, 6],
    "planid": "a",
    "logg": 4.0,
    "logg_err": 0.1,
    "feh": 0.0,
    "feh_err": 0.1,
}
ODD = {"teff": ["5000", "~5777", "inf", "", "4000", "3000"], "teff_err": [10, 10, 10, 10, 0, -1]}


def table(path, columns, **options):
    pd.DataFrame(columns).to_csv(path, index=False, **options)
    return path


def test_every_value_lost_is_counted_with_its_reason(tmp_path):
    chosen = choose_labels(table(tmp_path / "t.csv", LAMOST | ODD), None, None)
    said = str(chosen.account)
    assert said.startswith("teff 1 of 6 (")
    for words in (
        "2 have an error <= 0",
        "1 is text, such as '~5777'",
        "1 is not finite",
        "1 is missing",
        "logg 6, fe_h 6",
    ):
        assert words in said
    np.testing.assert_array_equal(np.isfinite(chosen.labels["teff"]), [True] + [False] * 5)
    rows = chosen.account.rows(np.arange(6))
    assert rows["id"].tolist() == [1, 2, 4, 5]  # a blank is no loss
    assert set(rows["reason"]) == {"teff: is text", "teff: is not finite", "teff: has an error <= 0"}


@pytest.mark.parametrize("bad", [-1.0, 0.0, np.inf, np.nan, "x"])
def test_a_label_without_any_usable_error(tmp_path, bad):
    chosen = choose_labels(table(tmp_path / "t.csv", LAMOST | {"teff": 5000.0, "teff_err": bad}), None, None)
    assert "teff 0 of 6 (6 have " in str(chosen.account)
    assert "logg 6" in str(chosen.account)


def test_a_misspelt_column_is_an_error_with_near_names(tmp_path):
    path = table(tmp_path / "t.csv", LAMOST | {"tefff": 5000.0, "teff_err": 10.0})
    with pytest.raises(InputError, match=r"'teff' is expected.*near names: tefff.*--column teff=NAME"):
        choose_labels(path, None, None)
    assert len(choose_labels(path, ["teff"], None, columns={"teff": "tefff"}).labels) == 6
    with pytest.raises(InputError, match="no label of lamost 'tef'.*Did you mean 'teff'"):
        choose_labels(path, ["tef"], None)
    with pytest.raises(InputError, match=r"column of .* for teff 'tefx'.*Did you mean 'tefff'"):
        choose_labels(path, ["teff"], None, columns={"teff": "tefx"})
    path = table(
        tmp_path / "u.csv", {"id": ["a"], "teff": [1.0], "teff_err": [1.0], "loggg": [4.0], "logg_err": [0.1]}
    )
    with pytest.raises(InputError, match=r"'logg' is expected.*near names: loggg"):
        choose_labels(path, None, None)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("Teff", "e_Teff"),
        ("T_eff", "T_eff_err"),
        ("TEFF", "S_TEFF"),
        ("teff", "sigma_teff"),
        ("temperature", "teff_error"),
    ],
)
def test_columns_are_recognised_by_their_letters(tmp_path, value, error):
    path = table(
        tmp_path / "t.csv",
        {
            "Name": ["a", "b"],
            value: [5000.0, 4000.0],
            error: [50.0, 60.0],
            "[Fe/H]": [0.1, -0.2],
            "S_[Fe/H]": 0.1,
        },
    )
    labels = read_labels(path)
    assert labels.names == ("teff", "fe_h")
    assert labels.ids.tolist() == ["a", "b"]
    np.testing.assert_array_equal(labels.error[:, 0], [50, 60])
    assert labels.species == {"fe_h": "Fe"}


def test_errors_are_stated_where_a_table_has_none(tmp_path):
    path = table(tmp_path / "t.csv", {"id": ["a", "b"], "my_teff": [5000.0, 4000.0], "mass": [1.0, np.nan]})
    with pytest.raises(InputError, match=r"no error column.*--label-error teff=NUMBER"):
        read_labels(path, ["teff"], columns={"teff": "my_teff"})
    labels = read_labels(
        path, ["teff", "mass"], columns={"teff": "my_teff"}, label_errors={"teff": 100, "mass": 0.1}
    )
    np.testing.assert_array_equal(labels.error, [[100, 0.1], [100, np.nan]])
    for wrong in (0, -1, np.nan, "x"):
        with pytest.raises(InputError, match="number above 0"):
            IngestOptions(label_errors={"teff": wrong})
    with pytest.raises(InputError, match="use of a column 'tef'"):
        choose_labels(path, ["mass"], None, columns={"tef": "my_teff"}, label_errors={"mass": 1})


def test_a_table_that_names_no_star(tmp_path):
    path = table(tmp_path / "t.csv", {"who": ["a"], "teff": [1.0], "teff_err": [1.0]})
    with pytest.raises(InputError, match=r"no column 'id'.*--column id=NAME"):
        read_labels(path, ["teff"])
    assert read_labels(path, ["teff"], columns={"id": "who"}).ids.tolist() == ["a"]


def test_ingest_tells_what_became_of_the_labels(tmp_path):
    names = [f"s{k}" for k in range(6)]
    spectra = Spectra(np.ones((6, 9)), np.ones((6, 9)), np.arange(1.0, 10), "air", names)
    path = table(tmp_path / "t.csv", {"id": names, **ODD, "logg": 4.0}, sep="|")
    result = ingest(spectra, label_catalog=path, labels=["teff", "logg"], label_errors={"logg": 0.1})
    assert "labels: 6 rows: teff 1 of 6 (2 have an error <= 0" in result.summary
    assert "of the labelled stars: 1 with teff, 6 with logg" in result.summary
    lost = result.lost
    assert (lost["what"] == "label").sum() == 4
    assert lost.loc[lost["id"] == "s4", "reason"].tolist() == ["teff: has an error <= 0"]


def test_labels_are_read_before_the_first_spectrum(tmp_path):
    path = table(tmp_path / "t.csv", {"id": ["a"], "tef": [1.0]})
    with pytest.raises(InputError, match="teff"):
        ingest(tmp_path / "nowhere", label_catalog=path, labels=["teff"])


def test_a_label_table_is_counted_too():
    labels = LabelTable([[1.0], [np.nan]], 0.1, ["x"], ["a", "b"])
    assert str(choose_labels(labels, None, None).account) == "x 1 of 2 (1 is missing)"


def test_parameters_for_classes_come_from_any_table(tmp_path):
    path = table(
        tmp_path / "t.csv",
        {"obsid": [1, 2], "teff": ["5000", "x"], "alpha_m": 0.1, "planid": "p", "feh": 0.0},
        sep="|",
    )
    values, account = read_parameters(path, ("teff", "logg", "fe_h", "alpha_fe"))
    assert values["obsid"].tolist() == ["1", "2"]
    assert values["teff"].tolist()[0] == 5000
    assert values["alpha_fe"].tolist() == [0.1, 0.1]
    assert "1 is text, such as 'x'" in str(account)
    with pytest.raises(InputError, match="needs a column file, obsid or id"):
        read_parameters(table(tmp_path / "u.csv", {"a": [1], "teff": [2]}), ("teff",))


@pytest.mark.filterwarnings("ignore::luxjax.core.LuxWarning")  # the table of DR12 has no flags
def test_real_tables(real_data):
    for name, options, n in (
        (
            "apogee/catalogue/apogee_dr12_labels.csv",
            {"label_errors": {"teff": 100, "logg": 0.2, "fe_h": 0.1, "alpha_m": 0.1}},
            7686,
        ),
        ("lamost/lrs_dr10_afg/labels.csv", {"label_errors": {"teff": 100, "logg": 0.2, "fe_h": 0.1}}, 1153),
        ("photometry/apogee_mdwarf_labels_npe.csv", {}, 8574),
        ("seismic/apokasc3_table4_gold.csv", {"labels": ["teff", "fe_h"]}, 4105),
        ("seismic/k2_galah_zinn2022.csv", {}, 812),
    ):
        labels = read_labels(real_data / name, **options)
        assert len(labels) == n
        assert 3000 < np.nanmedian(labels["teff"]) < 9000


def test_rows_of_one_star_by_position():
    """Joined by name, every spectrum has its own row; joined by position, a star has its best one."""
    rows = {"id": ["x1", "x2", "y"], "teff": [5000.0, 5100.0, 4000.0], "snr": [10.0, 50.0, 20.0]}
    place = {"ra": [10.0, 10.0 + 0.5 / 3600, 20.0], "dec": [5.0, 5.0, 6.0]}
    labels = LabelTable(
        np.array(rows["teff"])[:, None], 10.0, ("teff",), rows["id"], table=pd.DataFrame(rows | place)
    )
    here = pd.DataFrame({"ra": [10.0, 20.0], "dec": [5.0, 6.0]})

    def spectra(ids):
        return Spectra(np.ones((2, 9)), np.ones((2, 9)), np.arange(1.0, 10), "air", ids, table=here)

    by_name = ingest(spectra(["x1", "y"]), label_catalog=labels).labelled
    assert by_name.labels()["teff"].tolist() == [5000, 4000]
    by_place = ingest(spectra(["p", "q"]), label_catalog=labels).labelled
    assert by_place.labels()["teff"].tolist() == [5100, 4000]
