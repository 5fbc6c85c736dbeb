import numpy as np
import pytest

from luxjax.core import InputError, LuxWarning
from luxjax.data import Measurements
from luxjax.photometry import parallax_scale, read_gaia_sources, with_floor

ROWS = {
    "source_id": [5853498713190525696, 7, 8],
    "phot_g_mean_mag": [10.2, 11.0, np.nan],
    "phot_g_mean_flux_over_error": [5000.0, 108.57, np.nan],
    "phot_rp_mean_mag": [9.8, np.nan, 12.0],
    "phot_rp_mean_flux_over_error": [1000.0, np.nan, 0.0],
    "parallax": [10.0, 0.1, -0.3],
    "parallax_error": [0.02, 0.05, 0.1],
    "ruwe": [1.0, 1.1, 3.0],
}


def test_magnitude_and_parallax_give_the_absolute_magnitude():
    """M = m + 5 log10(parallax in mas) - 10."""
    found = parallax_scale([10.0], [0.05], ["sun"], floor=0.0)
    assert 5.0 + found["parallax"][0] - 10 == pytest.approx(0.0)  # at 100 pc
    # The error is that of a finite difference.
    step = 5 * np.log10(10.05 / 9.95) / 2
    assert found.error[0, 0] == pytest.approx(step, rel=1e-4)


def test_what_is_too_uncertain_for_a_logarithm_is_left_out_with_a_word():
    with pytest.warns(
        LuxWarning, match=r"2 of 3 parallaxes are below 5 standard errors \(1 of them negative\)"
    ):
        found = parallax_scale([5.0, 0.1, -1.0, np.nan], [0.1] * 4, list("abcd"), zero_point=-0.03)
    np.testing.assert_array_equal(np.isfinite(found["parallax"]), [True, False, False, False])
    assert found["parallax"][0] == pytest.approx(5 * np.log10(5.03))
    np.testing.assert_array_equal(found.table["parallax"], [5.0, 0.1, -1.0, np.nan])


def test_a_floor_is_added_in_quadrature():
    given = Measurements([[1.0, 2.0]], [[0.3, np.nan]], ["a", "b"], ["x"])
    np.testing.assert_allclose(with_floor(given, 0.4).error, [[0.5, np.nan]])
    with pytest.raises(InputError, match="0 or more"):
        with_floor(given, -1)


def test_rows_of_gaia():
    with pytest.warns(LuxWarning, match="parallaxes are below"):
        found = read_gaia_sources(ROWS)
    photometry, parallax = found["photometry"], found["parallax"]
    assert photometry.ids[0] == "5853498713190525696"
    assert photometry.names == ("G", "RP")
    assert photometry.error[1, 0] == pytest.approx(np.hypot(0.01, 2.5 / np.log(10) / 108.57))
    np.testing.assert_array_equal(
        np.isfinite(photometry.value), [[True, True], [True, False], [False, False]]
    )
    assert photometry.table["ruwe"].tolist() == [1.0, 1.1, 3.0]
    assert parallax["parallax"][0] == pytest.approx(5)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"source_id": [1, 1, 2]}, "source_id of a table must be unique; repeated: 1"),
        ({"phot_g_mean_flux_over_error": None}, "phot_g_mean_mag and no phot_g_mean_flux_over_error"),
        ({"source_id": None}, "has the column source_id; given"),
        ({k: None for k in ROWS if k not in ("source_id", "ruwe")}, "neither phot_g_mean_mag nor parallax"),
    ],
)
def test_other_tables_are_refused(change, said):
    rows = {k: v for k, v in {**ROWS, **change}.items() if v is not None}
    with pytest.raises(InputError, match=said):
        read_gaia_sources(rows)


@pytest.mark.parametrize("kind", ["ascii.csv", "ascii.ecsv", "fits", "votable"])
def test_every_format_of_the_archive_says_the_same(kind, tmp_path):
    from astropy.table import Table

    suffix = {"ascii.csv": "csv", "ascii.ecsv": "ecsv", "fits": "fits", "votable": "vot"}[kind]
    Table(ROWS).write(tmp_path / f"rows.{suffix}", format=kind)
    with pytest.warns(LuxWarning):
        found, expected = read_gaia_sources(tmp_path / f"rows.{suffix}"), read_gaia_sources(ROWS)
    for name, one in expected.items():
        np.testing.assert_array_equal(found[name].ids, one.ids)
        np.testing.assert_allclose(found[name].value, one.value)
        np.testing.assert_allclose(found[name].error, one.error)
