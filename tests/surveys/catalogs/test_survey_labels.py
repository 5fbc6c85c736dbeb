import numpy as np
import pandas as pd
import pytest

from luxjax.core import InputError, LuxWarning
from luxjax.surveys import read_catalog, read_labels
from luxjax.surveys.catalogs._survey_labels import labels_from_catalog
from luxjax.surveys.catalogs._vocabulary import LABELS, label_columns

from ..fixtures import write_allstar, write_galah_dr3


@pytest.fixture
def galah(tmp_path):
    eu = [0.2, np.nan, 0.1]
    return write_galah_dr3(
        tmp_path / "g.fits",
        [131217003901063, 131217003901064, 131217003901065],
        [4500.0, 5000.0, np.nan],
        [2.0, 3.0, 4.0],
        [-0.1, -0.2, -0.3],
        [0.05, 0.15, 0.25],
        {"Eu": eu},
    )


def test_galah_labels(galah):
    labels = read_labels(galah, columns=["flag_sp"])
    assert labels.names == ("teff", "logg", "fe_h", "alpha_fe", "eu_fe")
    assert list(labels.ids) == ["131217003901063", "131217003901064", "131217003901065"]
    assert labels.units == {"teff": "K", "logg": "dex", "fe_h": "dex", "alpha_fe": "dex", "eu_fe": "dex"}
    assert labels.species["eu_fe"] == "Eu"
    assert "teff" not in labels.species
    np.testing.assert_array_equal(labels["eu_fe"], [0.2, np.nan, 0.1])
    np.testing.assert_array_equal(labels["teff"], [4500, 5000, np.nan])
    np.testing.assert_allclose(labels.error[0], [80, 0.2, 0.05, 0.05, 0.05])
    assert "flag_sp" in labels.table


def test_a_flagged_label_is_missing_unless_kept(galah):
    frame = read_catalog(galah)
    frame.loc[0, "flag_Eu_fe"] = 1  # an upper limit
    assert np.isnan(labels_from_catalog(frame)["eu_fe"][0])
    assert labels_from_catalog(frame, flagged="keep")["eu_fe"][0] == 0.2
    with pytest.warns(LuxWarning, match="flag_Eu_fe"):
        labels_from_catalog(frame.drop(columns="flag_Eu_fe"))
    with pytest.raises(InputError, match="known: missing, keep"):
        labels_from_catalog(frame, flagged="drop")


def test_apogee_labels(tmp_path):
    ids = ["2M00000000+0000000", "2M00000001+0000000"]
    path = write_allstar(
        tmp_path / "a.fits.gz".removesuffix(".gz"),
        ids,
        [4500.0, 5000.0],
        [2.0, -9999.0],
        [0.1, 0.2],
        {"CE_FE": [0.3, 0.4]},
        gz=True,
    )
    labels = read_labels(path, ["teff", "logg", "fe_h", "alpha_m", "mg_fe", "ce_fe"])
    assert list(labels.ids) == ids
    assert labels.survey == "apogee"
    assert np.isnan(labels["logg"][1])
    np.testing.assert_allclose(labels["ce_fe"], [0.3, 0.4], rtol=1e-6)
    assert labels.species["alpha_m"] == "O,Mg,Si,S,Ca,Ti"
    with pytest.raises(InputError, match=r"no label of apogee dr17 'eu_fe'"):
        read_labels(path, ["eu_fe"])
    with pytest.raises(InputError, match=r"'alpha_fe'.*alpha_m"):
        read_labels(path, ["alpha_fe"])


def test_tables_of_labels_name_distinct_columns():
    for where in LABELS.values():
        columns = [c for w in where.values() for c in (w.value, w.error, w.flag) if c]
        assert len(columns) == len(set(columns))
        assert all(w.species.split(",")[0] == "" or w.species[0].isupper() for w in where.values())
    assert LABELS["galah", "dr4"]["eu_fe"].value == "eu_fe"
    assert LABELS["galah", "dr3"]["eu_fe"].value == "Eu_fe"
    assert label_columns("apogee")["k_fe"].value == "K_FE"  # not K, which is a magnitude


def test_unhelpful_tables():
    with pytest.raises(InputError, match=r"no column 'id' to name its stars.*--column id=NAME"):
        labels_from_catalog(pd.DataFrame({"teff": [1.0]}), label_errors={"teff": 100})
    with pytest.raises(InputError, match="no column 'sobject_id'"):
        labels_from_catalog(pd.DataFrame({"teff": [1.0]}), survey="galah")
    with pytest.raises(
        InputError, match=r"'teff' has no error column.*looked for e_teff.*--label-error teff=NUMBER"
    ):
        labels_from_catalog(pd.DataFrame({"sobject_id": [1], "teff": [1.0]}), ["teff"])
    with pytest.raises(InputError, match="no survey 'gaia'"):
        label_columns("gaia")
    with pytest.raises(InputError, match="release 'dr9'"):
        label_columns("galah", "dr9")


def test_lamost_stellar_catalogue_with_bars(tmp_path):
    path = tmp_path / "stellar.csv"
    head = "obsid|planid|subclass|teff|teff_err|logg|logg_err|feh|feh_err|alpha_m|alpha_m_err"
    path.write_text(
        f"{head}\n101001|F5902|G5|5600.5|30|4.4|0.05|-0.2|0.03|0.1|0.02\n"
        "101002|F5902|A7V|8000|40|4|0.1|0.1|0.1|-9999|-9999\n"
    )
    assert read_labels(path).names == ("teff", "logg", "fe_h")  # those of every release
    labels = read_labels(path, ["teff", "alpha_m"])
    assert list(labels.ids) == ["101001", "101002"]
    np.testing.assert_array_equal(labels.value, [[5600.5, 0.1], [8000, np.nan]])
    np.testing.assert_array_equal(labels.error[0], [30, 0.02])


def test_real_catalogues(real_data):
    m67 = read_labels(real_data / "galah/catalogue/galah_dr3_allstar_m67_lite.csv", columns=["flag_sp"])
    good = (m67.table["flag_sp"] == 0).to_numpy()
    assert np.nanmedian(m67["fe_h"][good]) == pytest.approx(0.0, abs=0.1)  # M67 has solar metallicity
    stars = read_labels(real_data / "galah/catalogue/galah_dr3_4_stars_all_columns.fits", flagged="keep")
    assert stars["teff"][0] == pytest.approx(4286, abs=20)  # Arcturus
    np.testing.assert_allclose(stars["eu_fe"], [0.20, np.nan, np.nan, np.nan], atol=0.005)
    apogee = read_labels(real_data / "apogee/catalogue/allStar-v603-Hipparcos-subset.fits.gz")
    assert apogee.names == ("teff", "logg", "fe_h", "alpha_m")
    assert np.nanmax(apogee["teff"]) < 8000  # ASPCAP gives no hotter stars
    lamost = read_labels(real_data / "lamost/catalogue/lamost_dr1_catalogue_subset.csv")
    assert np.nanmedian(lamost["teff"]) == pytest.approx(5500, abs=700)
