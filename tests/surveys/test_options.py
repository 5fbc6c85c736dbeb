"""The options of ingestion: one object, whose values are checked when it is made."""

import numpy as np
import pandas as pd
import pytest

from luxjax.core import InputError
from luxjax.data import LabelTable, Spectra
from luxjax.surveys import IngestOptions, ingest


def test_values_are_brought_to_one_form():
    options = IngestOptions(labels=["teff", "logg"], wavelength_range=[4000, 5000], cuts="", grid=[1, 2, 3])
    assert options.labels == ("teff", "logg")
    assert options.wavelength_range == (4000.0, 5000.0)
    assert options.cuts is None
    assert options.grid.dtype == float
    empty = IngestOptions(labels=[], wavelength_range=[], label_catalog="")
    assert (empty.labels, empty.wavelength_range, empty.label_catalog) == ((), None, None)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"labels": "allStar.fits"}, "A catalogue of labels goes to label_catalog"),
        ({"labels": [1, 2]}, "labels are names such as"),
        ({"label_catalog": ["teff"]}, "Names of labels go to labels"),
        ({"cuts": "galah"}, "no quality preset 'galah'"),
        ({"join": "name"}, "no way to join labels 'name'"),
        ({"rest": "yes"}, "rest is true or false"),
        ({"grid": [2.0, 1.0]}, "increasing wavelengths"),
        ({"grid": np.ones((2, 2))}, "increasing wavelengths"),
        ({"wavelength_range": (5000.0,)}, "two wavelengths"),
        ({"wavelength_range": (5000.0, 4000.0)}, "low below high"),
        ({"wavelength_range": (5000.0, np.nan)}, "low below high"),
        ({"wavelength_range": 5000.0}, "two wavelengths"),
        (
            {"normalization": "spline"},
            r"no normalization 'spline' .*none, polynomial, quantile|no normalization 'spline'",
        ),
        ({"error_factor": 0}, "number above 0"),
        ({"error_factor": np.inf}, "number above 0"),
        ({"error_factor": "2"}, "number above 0"),
        ({"spectra_name": ""}, "two different names"),
        ({"spectra_name": "labels"}, "two different names"),
    ],
)
def test_a_value_that_cannot_be_used_is_one_sentence(setting, said):
    with pytest.raises(InputError, match=said) as refused:
        IngestOptions(**setting)
    assert "\n" not in str(refused.value)
    with pytest.raises(InputError, match=said):
        IngestOptions().replace(**setting)


def test_unknown_options_are_refused_with_those_that_exist():
    for name in ("label_names", "limits", "output", "files_at_once"):
        with pytest.raises(InputError, match=rf"no option of ingest '{name}'.*wavelength_range"):
            ingest("nowhere", **{name: None})


def test_settings_take_the_place_of_options():
    spectra = Spectra(np.ones((2, 9)), np.ones((2, 9)), np.arange(1.0, 10), "air", ["a", "b"])
    labels = LabelTable([[1.0, 5.0], [2.0, 6.0]], 0.1, ("teff", "logg"), ["b", "c"])
    options = IngestOptions(label_catalog=labels, spectra_name="mine", wavelength_range=(2, 7))
    result = ingest(spectra, options, wavelength_range=(3, 7), labels=["logg"])
    assert list(result.labelled.outputs) == ["mine", "labels"]
    np.testing.assert_array_equal(result.labelled.spectra("mine").wavelength, np.arange(3.0, 8))
    assert result.labelled.labels().names == ("logg",)
    assert options.wavelength_range == (2.0, 7.0)


def test_a_star_under_two_designations_is_one():
    table = {
        "ra": [45.248042, 45.248042, 45.3],
        "dec": [-1.5538333, -1.5538056, -1.55],
        "snr": [20.0, 30.0, 10.0],
    }
    names = ["J030059.53-013313.8", "J030059.53-013313.7", "J030112.00-013300.0"]
    spectra = Spectra(
        np.ones((3, 4)), np.ones((3, 4)), np.arange(1.0, 5), "air", names, table=pd.DataFrame(table)
    )
    result = ingest(spectra)
    assert result.unlabelled.ids.tolist() == names[1:]
    assert result.left_out["id"].tolist() == names[:1]
