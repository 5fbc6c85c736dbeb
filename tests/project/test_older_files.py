"""What luxjax 0.1 wrote is read today: the same values, in today's words."""

from pathlib import Path

import numpy as np
import pytest

import luxjax
from luxjax.prediction import transfer

OLD = Path(__file__).resolve().parents[1] / "fixtures" / "written_by_0.1"
NAMES = ("teff", "fe_h", "eu_fe")


@pytest.fixture(scope="module")
def expected() -> dict[str, np.ndarray]:
    """What luxjax 0.1 held in memory and predicted when it wrote these files."""
    with np.load(OLD / "expected.npz", allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


@pytest.fixture(scope="module")
def fitted():
    return luxjax.load(OLD / "model")


@pytest.fixture(scope="module")
def catalog():
    return luxjax.load_catalog(OLD / "catalog")


def assert_is_the_sample(catalog, expected):
    spectra, labels = catalog.spectra("flux"), catalog.labels()
    assert list(catalog.ids) == list(expected["ids"])
    good = expected["ivar"] > 0  # a dataset keeps nothing of the fluxes of bad pixels
    np.testing.assert_array_equal(spectra.flux[good], expected["flux"][good])
    np.testing.assert_array_equal(spectra.ivar, expected["ivar"])
    np.testing.assert_array_equal(labels.value, expected["label_value"])
    np.testing.assert_array_equal(labels.error, expected["label_error"])
    assert (spectra.medium, spectra.frame, spectra.survey, spectra.normalized) == (
        "vacuum", "rest", "apogee", True,
    )  # fmt: skip
    assert spectra.history == ("read", "divided by a continuum of degree 4")
    assert spectra.resolution is None
    assert labels.names == NAMES
    assert labels.units["teff"] == "K"
    assert labels.species == {"fe_h": "Fe", "eu_fe": "Eu"}


def test_a_catalogue(catalog, expected):
    assert_is_the_sample(catalog, expected)
    assert list(catalog.table["gaia"]) == list(np.arange(140, 180) + 4295806720)


def test_a_dataset(expected):
    dataset = luxjax.open_dataset(OLD / "dataset")
    assert_is_the_sample(dataset.catalog(), expected)
    assert next(dataset.batches()).labels == ("labels",)
    assert dataset.check() == []


@pytest.mark.parametrize(("prefix", "options"), [
    ("", {"inputs": ["flux"]}),
    ("shrunk_", {"inputs": ["flux"], "replace_shortcuts": True}),
    ("given_", {"inputs": ["labels"], "labels": "labels"}),
])  # fmt: skip
def test_predictions_are_what_they_were(fitted, catalog, expected, prefix, options):
    found = transfer(fitted, catalog, **options)
    error = expected[f"{prefix}error"]
    # Pixels are summed in single precision, whose last digits differ between versions of JAX.
    assert np.abs((found.value - expected[f"{prefix}value"]) / error).max() < 1e-5
    np.testing.assert_allclose(found.error, error, rtol=1e-5)
    assert not found.calibrated
    if not prefix:
        np.testing.assert_allclose(found.latents.mean, expected["latents"], atol=1e-5)
        np.testing.assert_allclose(found.chi2, expected["chi2"], rtol=1e-5)


def test_roles_and_facts_of_an_old_model(fitted):
    assert fitted.names_of("input") == ("flux",)
    assert fitted.names_of("label") == ("labels",)
    assert fitted.label_output() == "labels"
    info = fitted.info("flux")
    assert (info.frame, info.normalization, info.resolution) == (None, "", None)
    assert fitted.calibrations == ()
    with pytest.raises(luxjax.InputError, match="does not know its training stars"):
        fitted.trained_on(["2M00000001"])


def test_old_words_are_read_as_the_new(fitted):
    words = {name: verdict.verdict for name, verdict in fitted.verdicts.items()}
    assert words == {"teff": "measured", "fe_h": "inconclusive", "eu_fe": "shortcut"}
    numbers = fitted.verdicts["eu_fe"].numbers
    assert numbers["element_line_t"] == -0.5
    assert numbers["element_share"] == 0.125
    assert "own_line_t" not in numbers
    assert fitted.verdicts["eu_fe"].trend.scatter == 0.25


def test_what_is_saved_again_is_of_today(fitted, tmp_path):
    again = luxjax.load(luxjax.save(fitted, tmp_path / "model"))
    assert again.verdicts["fe_h"].to_dict() == fitted.verdicts["fe_h"].to_dict()
    np.testing.assert_array_equal(again.model["flux"].weight, fitted.model["flux"].weight)
    assert again.model["flux"].weight.dtype == np.float64
