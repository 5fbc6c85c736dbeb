"""A stranger's spectra become features of a LAMOST classifier, or are left out with a reason."""

import numpy as np
import pytest

from luxjax import Spectra
from luxjax.classify.features import extract_features
from luxjax.core import InputError
from luxjax.preprocessing import to_medium
from luxjax.runs import spectra_data
from luxjax.simulation import simulate_lamost


@pytest.fixture(scope="module")
def made():
    return simulate_lamost(12, key=2, snr=(60.0, 80.0), mix={"A": 1.0, "G": 1.0, "M": 1.0})


def at_rest(spectra, row):
    """One spectrum at rest in air, as a library has it."""
    one = spectra.select([row])
    z = float(one.table["z"].iloc[0])
    return to_medium(one.replace(wavelength=one.wavelength / (1 + z), frame="rest", table=None), "air")


def files(spectra, folder):
    folder.mkdir()
    for row in range(len(spectra)):
        one = at_rest(spectra, row)
        seen = one.good[0]
        columns = np.column_stack([one.wavelength[seen], one.flux[0][seen]])
        np.savetxt(folder / f"star{row:02d}.txt", columns)
    return folder


def test_files_of_text_give_the_features_of_the_same_stars(made, tmp_path):
    folder = files(made.spectra, tmp_path / "library")
    (folder / "broken.txt").write_text("no spectrum at all\n")
    data = spectra_data([folder], medium="air")
    assert data.table["id"].tolist() == [f"star{k:02d}" for k in range(12)]
    assert set(data.table["errors_from"]) == {"scatter"}
    assert data.left_out["reason"].str.contains("no columns of numbers").tolist() == [True]
    assert not data.left_out["reason"].str.contains("broken").any()
    direct = extract_features(made.spectra)
    for name in ("Hbeta", "Mg_b", "CaII_K"):
        np.testing.assert_allclose(data.features.values[name], direct.values[name], atol=0.6)
    wrong = spectra_data([folder], medium="vacuum")
    off = [np.nanmedian(np.abs(d.features.values["Mg_b"] - direct.values["Mg_b"])) for d in (data, wrong)]
    assert off[0] < off[1]
    with pytest.raises(InputError, match="air or vacuum"):
        spectra_data([folder])
    (empty := tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no spectra were found"):
        spectra_data([empty], medium="air")


def test_spectra_in_memory_keep_their_errors_and_need_a_velocity(made):
    moving = made.spectra.replace(table=None)
    z = made.spectra.table["z"].to_numpy(float)
    data = spectra_data(moving, redshift=z)
    assert set(data.table["errors_from"]) == {"given"}
    with pytest.raises(InputError, match="no redshift"):
        spectra_data(moving)
    by_velocity = spectra_data(moving.replace(table={"rv_kms": 299_792.458 * z}))
    np.testing.assert_allclose(by_velocity.features.values, data.features.values, rtol=1e-9)


def test_higher_resolution_is_degraded(made):
    wave = np.arange(3700.0, 9100.0, 0.2)
    flux = 1 - 0.8 * np.exp(-0.5 * ((wave - 5183.6) / 0.1) ** 2)
    sharp = Spectra(flux[None], np.full((1, len(wave)), 1e6), wave, "air", ["a"])
    found = [spectra_data(sharp, resolution=r).spectra for r in (None, 40_000.0)]
    depth = [one.flux[one.good].min() for one in found]
    assert depth[0] < depth[1] - 0.02


def test_a_range_with_too_few_features_is_left_out_and_says_so(made):
    one = at_rest(made.spectra, 0)
    short = one.replace(ivar=np.where(one.wavelength < 8200, 0, one.ivar), ids=["red"])
    some = one.replace(ivar=np.where(one.wavelength < 5600, 0, one.ivar), ids=["half"])
    with pytest.raises(InputError, match="good"):
        spectra_data(short)
    data = spectra_data([one, short, some])
    assert len(data.features) == 2
    assert np.isnan(data.features.values["Hbeta"].iloc[1])
    strict = spectra_data([one, some], min_measured=0.9)
    assert strict.table["id"].tolist() == [one.ids[0]]
    assert strict.left_out["reason"].str.contains("of the spectral indices can be measured").all()
