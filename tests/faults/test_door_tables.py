"""Tables of every library, text that is no number, and dates; features that no star has."""

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time

from luxjax.classify import cross_validate_classifier, train_classifier
from luxjax.classify.features import Features
from luxjax.classify.parameters import train_parameters
from luxjax.core import InputError
from luxjax.data import Catalog, LabelTable, Spectra, crossmatch, load_catalog, same_star, save_catalog
from luxjax.dataset import Dataset, open_dataset

GAIA = 2584290038276303745
RECORDS = np.array([(1, 5000.0), (2, 4000.0)], dtype=[("id", ">i8"), ("teff", ">f4")])
TABLES = {
    "FITS records": RECORDS,
    "FITS records in pandas": pd.DataFrame(RECORDS),
    "astropy": Table(RECORDS),
    "QTable": QTable({"id": [1, 2], "teff": [5.0, 4.0] * u.kK}),
    "pyarrow": pa.table({"id": [1, 2], "teff": [5000.0, 4000.0]}),
    "mapping": {"id": [1, 2], "teff": [5000.0, 4000.0]},
    "rows": [{"id": 1, "teff": 5000.0}, {"id": 2, "teff": 4000.0}],
    "text": pd.DataFrame({"id": [" 1", "2 "], "teff": ["5000", " 4e3"]}),
    "bytes": Table({"id": np.array([b"1 ", b"2"]), "teff": np.array([b"5000", b"4000"])}),
    "nullable": pd.DataFrame({"id": pd.array([1, 2], "Int64"), "teff": pd.array([5000, 4000], "Int32")}),
    "masked records": np.ma.array(RECORDS),
}


def from_frame(table, **more) -> LabelTable:
    how = {"id_column": "id", "labels": ["teff"], "errors": {"teff": 50.0}, "units": {"teff": "K"}}
    return LabelTable.from_frame(table, **how | more)


@pytest.mark.parametrize("name", TABLES)
def test_labels_from_every_table(name):
    made = from_frame(TABLES[name])
    assert made.ids.tolist() == ["1", "2"]
    np.testing.assert_allclose(made["teff"], [5000, 4000])


@pytest.mark.parametrize("text", ["5,000", "4,5", "5000 K", "~5777", "5_000", "1.2.3", "05:12:33"])
def test_text_that_is_no_number_is_refused(text):
    with pytest.raises(InputError, match=r"label 'teff' must be numbers; 1 of 2 are not, such as"):
        from_frame(pd.DataFrame({"id": ["a", "b"], "teff": [text, "5000"]}))
    errors = pd.DataFrame({"id": ["a", "b"], "teff": [5e3, 5e3], "e": [text, "50"]})
    with pytest.raises(InputError, match="the error of label 'teff' must be numbers"):
        from_frame(errors, errors={"teff": "e"})


@pytest.mark.parametrize("word", ["", " ", "nan", "NaN", "null", "N/A", "--", None])
def test_words_for_missing(word):
    made = from_frame(pd.DataFrame({"id": ["a", "b"], "teff": [word, "5000"]}))
    assert np.isfinite(made["teff"]).tolist() == [False, True]


def test_positions():
    degrees = Table({"ra": [15.0], "dec": [2.0]})
    hours = QTable({"ra": [1.0] * u.hourangle, "dec": [2.0] * u.deg})
    assert len(crossmatch(degrees, hours, radius_arcsec=1 * u.arcsec)) == 1
    assert len(crossmatch(np.array([(15.0, 2.0)], [("ra", ">f8"), ("dec", ">f8")]), degrees)) == 1
    text = pd.DataFrame({"ra": ["01:00:00"], "dec": ["+02:00:00"]})
    assert len(crossmatch(text, degrees)) == 1
    for call in (crossmatch, lambda table, _: same_star(table)):
        with pytest.raises(InputError, match="must be numbers.*'north'"):
            call(pd.DataFrame({"ra": ["15.0"], "dec": ["north"]}), degrees)
    nowhere = pd.DataFrame({"ra": [np.nan], "dec": [2.0]})
    with pytest.raises(InputError, match="known for 0 and 1 rows"):
        crossmatch(nowhere, degrees)
    hidden = Table({"ra": MaskedColumn([15.0, 15.0], mask=[False, True]), "dec": [2.0, 2.0]})
    assert same_star(hidden).tolist() == [0, 1]
    masked = Table({"gaia_dr3": MaskedColumn([GAIA, 7], mask=[False, True])})
    assert crossmatch(masked, pd.DataFrame({"gaia_dr3": [GAIA, 7]})).right.tolist() == [0]


@pytest.mark.parametrize("table", [[1, 2], "x.csv", np.ones((2, 2)), 5])
def test_what_is_no_table_is_refused(table):
    with pytest.raises(InputError, match="must be a table with named columns"):
        from_frame(table)


def catalog(column) -> Catalog:
    spectra = Spectra(np.ones((2, 2)), np.ones((2, 2)), [1.0, 2.0], "vacuum", ["a", "b"])
    return Catalog({"s": spectra}, Table({"x": column}) if isinstance(column, Time) else {"x": column})


DATES = {
    "nanoseconds": pd.to_datetime(["2020-01-01T00:00:00.123456789", None]),
    "seconds": np.array(["2020-01-01", "NaT"], "M8[s]"),
    "zone": pd.to_datetime(["2020-01-01", "2021-07-01"]).tz_localize("Europe/Ljubljana"),
    "spans": pd.to_timedelta(["1 days 00:00:00.000000001", None]),
    "astropy": Time(["2020-01-01", "2021-01-01"]),
}


@pytest.mark.parametrize("name", DATES)
def test_dates_come_back(tmp_path, name):
    stars = catalog(DATES[name])
    again = load_catalog(save_catalog(stars, tmp_path / "c"))
    pd.testing.assert_frame_equal(again.table, stars.table)
    dataset = Dataset.create(tmp_path / "d", stars.outputs)
    dataset.append(stars)
    assert (open_dataset(tmp_path / "d").table()["x"].isna() == stars.table["x"].isna()).all()


@pytest.mark.parametrize(
    "value", [datetime.date(2020, 1, 2), datetime.datetime(2020, 1, 2), pd.Timestamp("2020-01-02", tz="UTC")]
)
def test_dates_of_python_are_stored(tmp_path, value):
    again = load_catalog(save_catalog(catalog(pd.Series([value, None], dtype=object)), tmp_path / "c"))
    assert again.table["x"].dt.strftime("%Y-%m-%d").tolist() == ["2020-01-02", np.nan] or again.table["x"][
        0
    ] == pd.Timestamp(value)


def test_whole_numbers_with_gaps_stay_whole(tmp_path):
    for column in (pd.Series([GAIA, None], dtype=object), pd.array([GAIA, None], "Int64")):
        again = load_catalog(save_catalog(catalog(column), tmp_path / "c"))
        assert again.table["x"][0] == GAIA


@pytest.mark.parametrize(
    "column", [pd.period_range("2020", periods=2, freq="M"), [[1], [2]], [1j, 2j], pd.Series(["a", 1])]
)
def test_columns_that_cannot_be_stored_are_named(tmp_path, column):
    with pytest.raises(InputError, match="column 'x'"):
        save_catalog(catalog(column), tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_sky_coordinates_are_no_column():
    where = SkyCoord([1.0, 2.0], [1.0, 2.0], unit="deg")
    with pytest.raises(InputError, match="give right ascension and declination"):
        from_frame(QTable({"id": [1, 2], "teff": [1.0, 2.0], "at": where}))


@pytest.mark.parametrize("odd", ["dead", "one star", "infinite", "masked"])
@pytest.mark.parametrize("estimator", ["boosting", "forest", "logistic"])
def test_degenerate_features(odd, estimator):
    n, rng = 45, np.random.default_rng(1)
    truth = np.array(["F", "G", "K"])[np.arange(n) % 3]
    first = np.arange(n) == 0
    column = {
        "dead": np.full(n, np.nan),
        "one star": np.where(first, 1.0, np.nan),
        "infinite": np.where(first, np.inf, 1.0),
        "masked": pd.array([None, *[1.0] * (n - 1)], dtype="Float64"),
    }[odd]
    x = pd.DataFrame({"H_beta": rng.normal(size=n) + 3 * (truth == "F"), "odd": column})
    families = {"H_beta": "balmer", "odd": "iron"}
    left_out = pd.DataFrame(columns=["row", "id", "reason"])
    features = Features(x, x, families, [f"s{i}" for i in range(n)], np.arange(n), left_out)
    small = (
        {"max_iter": 5} if estimator == "boosting" else {"n_estimators": 5} if estimator == "forest" else {}
    )
    made = train_classifier(features, truth, estimator=estimator, **small)
    assert np.isfinite(made.probabilities(features)).all(axis=None)
    if estimator == "boosting":
        options = {"estimator": estimator, "calibration": None, "folds": 3}
        assert len(cross_validate_classifier(features, truth, **options, **small)) == n
        labels = LabelTable(rng.normal(5000, 100, (n, 1)), 50.0, ("teff",), features.ids)
        assert np.isfinite(train_parameters(features, labels, ("teff",)).predict(features)).all(axis=None)
