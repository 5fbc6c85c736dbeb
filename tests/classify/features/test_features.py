import numpy as np
import pandas as pd
import pytest

from luxjax.classify.features import Features, extract_features
from luxjax.classify.features._family_names import FAMILIES
from luxjax.core import InputError
from luxjax.data import Spectra
from luxjax.indices import builtin_indices, measure_indices, read_indices
from luxjax.indices.internal import measure_ratios, measure_widths

GRID = 10 ** (3.5682 + 1e-4 * np.arange(3909))
NAMES = ["Hbeta", "Mg_b", "D4000", "TiO5_R95"]


def spectra(flux, z, ivar=1e4, frame="barycentric"):
    ids = [f"s{k}" for k in range(len(flux))]
    table = pd.DataFrame({"z": z})
    return Spectra(flux, np.broadcast_to(ivar, flux.shape), GRID, "vacuum", ids, frame=frame, table=table)


@pytest.fixture(scope="module")
def flux():
    return 1 + 0.2 * np.random.default_rng(3).standard_normal((5, len(GRID)))


def test_what_cannot_be_used_is_listed_and_the_rest_complete(flux):
    z = np.array([0.0, -9999.0, 1e-3, 0.15, 0.0])
    ivar = np.full(flux.shape, 1e4)
    ivar[4] = 0
    found = extract_features(spectra(flux, z, ivar), NAMES)
    np.testing.assert_array_equal(found.rows, [0, 2])
    np.testing.assert_array_equal(found.ids, ["s0", "s2"])
    alone = measure_indices(spectra(flux, z), NAMES, redshift=np.where(np.abs(z) < 1, z, 0))
    np.testing.assert_allclose(found.values, alone[0][[0, 2]], rtol=1e-12)
    np.testing.assert_allclose(found.errors, alone[1][[0, 2]], rtol=1e-12)
    reasons = dict(zip(found.left_out["row"], found.left_out["reason"], strict=True))
    assert set(reasons) == {1, 3, 4}
    assert "no redshift" in reasons[1]
    assert "no star, or a wrong redshift" in reasons[3]
    assert reasons[4] == "every pixel is masked"


def test_more_families_come_behind_the_indices_for_those_who_ask(flux):
    flux = flux - 0.5 * np.exp(-0.5 * ((GRID - 4862.7) / 3) ** 2)
    some = spectra(flux, np.full(5, 1e-4))
    plain = extract_features(some, NAMES)
    found = extract_features(some, NAMES, more=("widths", "ratios"))
    assert set(plain.families.values()) == {"balmer", "magnesium", "break", "tio"}
    assert found.names[: len(NAMES)] == NAMES
    assert list(dict.fromkeys(found.families.values()))[-2:] == ["widths", "ratios"]
    pd.testing.assert_frame_equal(found.without("widths", "ratios").values, plain.values)
    measured = measure_widths(some, redshift=1e-4)
    np.testing.assert_array_equal(found.of("widths").values, measured[0])
    np.testing.assert_array_equal(found.of("widths").errors, measured[1])
    np.testing.assert_array_equal(found.of("ratios").values, measure_ratios(some, redshift=1e-4)[0])
    assert found.values["Hbeta_fwhm"].notna().all()
    with pytest.raises(InputError, match="no further family of features 'width'"):
        extract_features(some, NAMES, more=("width",))


def test_rows_count_through_several_spectra(flux):
    parts = [spectra(flux[:2], [0.0, np.nan]), spectra(flux[2:4], [0.0, 0.0])]
    found = extract_features(parts, NAMES)
    np.testing.assert_array_equal(found.rows, [0, 2, 3])
    np.testing.assert_array_equal(found.left_out["row"], [1])


def test_nothing_without_a_family_can_be_a_feature():
    for name in ("snrg", "ra", "dec", "fiberid", "z", "mag1", "obsid"):
        table = pd.DataFrame({name: [1.0]})
        with pytest.raises(InputError, match=f"'{name}' has no feature family"):
            Features(table, table, {"Hbeta": "balmer"}, np.array(["a"]), np.array([0]), pd.DataFrame())
        with pytest.raises(InputError, match="family of feature"):
            Features(table, table, {name: "position"}, np.array(["a"]), np.array([0]), pd.DataFrame())


def test_every_builtin_index_has_a_family_a_source_and_a_medium():
    chosen = builtin_indices()
    assert len({i.name for i in chosen}) == len(chosen) > 120
    assert {i.family for i in chosen} <= set(FAMILIES)
    assert all(i.source and i.medium in ("air", "vacuum") for i in chosen)
    assert {i.name for i in chosen if i.medium == "vacuum"} == {"NaI8190_CvD", "TiO8860_CvD"}


def test_families_select_columns_and_rows_stay(flux):
    found = extract_features(spectra(flux, np.zeros(5)), NAMES)
    assert found.of("balmer").names == ["Hbeta"]
    assert found.without("balmer", "tio").names == ["Mg_b", "D4000"]
    part = found.select([3, 1])
    np.testing.assert_array_equal(part.rows, [3, 1])
    pd.testing.assert_frame_equal(part.values, found.values.iloc[[3, 1]].reset_index(drop=True))
    both = found.of("balmer").select([0, 1, 2]).join(found.of("tio").select([2, 1]))
    np.testing.assert_array_equal(both.rows, [1, 2])
    assert both.names == ["Hbeta", "TiO5_R95"]
    np.testing.assert_array_equal(both.values["TiO5_R95"], found.values["TiO5_R95"][[1, 2]])
    with pytest.raises(InputError, match="no feature family 'colour'"):
        found.of("colour")


def test_frames_and_missing_redshifts(flux):
    rest = spectra(flux, np.full(5, 0.2), frame="rest")
    assert len(extract_features(rest, NAMES)) == 5
    with pytest.raises(InputError, match="rest frame already"):
        extract_features(rest, NAMES, redshift=1e-3)
    without = spectra(flux, np.zeros(5)).replace(table=None)
    with pytest.raises(InputError, match=r"no column 'z'.*give redshift="):
        extract_features(without, NAMES)


def test_clean_is_applied(flux):
    doubled = extract_features(
        spectra(flux, np.zeros(5)), ["Hbeta"], clean=lambda s: s.replace(ivar=s.ivar / 4)
    )
    plain = extract_features(spectra(flux, np.zeros(5)), ["Hbeta"])
    np.testing.assert_allclose(doubled.errors, 2 * plain.errors, rtol=1e-12)


def test_tables_of_definitions_are_checked(tmp_path):
    row = {
        "name": "x",
        "unit": "A",
        "medium": "air",
        "index_lo": 10,
        "index_hi": 20,
        "blue_lo": 1,
        "blue_hi": 5,
        "red_lo": 30,
        "red_hi": 40,
    }

    def read(**changes):
        pd.DataFrame([row | changes]).to_csv(tmp_path / "t.csv", index=False)
        return read_indices(tmp_path / "t.csv")

    assert read()[0].band == (10, 20)
    for changes, message in [
        ({"medium": ""}, "air or vacuum"),
        ({"unit": "ew"}, "no unit of index 'x' 'ew'"),
        ({"red_lo": np.nan}, "needs both side bands"),
        ({"index_lo": np.nan}, "needs an index band"),
        ({"index_lo": 25}, "give low < high"),
    ]:
        with pytest.raises(InputError, match=message):
            read(**changes)


@pytest.mark.slow
def test_every_real_low_resolution_spectrum(real_data):
    from luxjax.surveys import read_lamost

    found = extract_features(read_lamost(real_data / "lamost").spectra)
    assert len(found) > 350
    assert found.values.notna().mean().mean() > 0.85
    assert (found.errors.median() > 0).all()
