import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits

from luxjax.core import InputError
from luxjax.simulation import simulate, write_survey_files
from luxjax.simulation._survey_files import tmass_designations
from luxjax.simulation.physics._windows import apogee


def test_designations_are_cut_off_not_rounded():
    # 00h42m44.339s +41d16'07.49" and 23h59m59.999s -00d00'00.99"
    ra = [(42 * 60 + 44.339) * 15 / 3600, (24 * 3600 - 0.001) * 15 / 3600]
    dec = [41 + (16 * 60 + 7.49) / 3600, -0.99 / 3600]
    assert tmass_designations(ra, dec).tolist() == ["00424433+4116074", "23595999-0000009"]


def test_designations_are_positions(rng):
    ra, dec = rng.uniform(0, 360, 200), rng.uniform(-89, 89, 200)
    names = tmass_designations(ra, dec)
    text = [f"{n[:2]}h{n[2:4]}m{n[4:6]}.{n[6:8]}s {n[8:11]}d{n[11:13]}m{n[13:15]}.{n[15]}s" for n in names]
    assert SkyCoord(text).separation(SkyCoord(ra, dec, unit="deg")).arcsec.max() < 0.19  # 0.15" and 0.1"


def test_layout_is_the_surveys(tmp_path):
    simulated = simulate(6, key=2, windows=("apogee",), n_train=4, bad_fraction=0.05)
    files = write_survey_files(simulated, tmp_path, galah_stars=[False, True, True, False, True, False])
    spectra = simulated.catalog.spectra("apogee")
    names = fits.getdata(files.allstar)["APOGEE_ID"]
    with fits.open(files.spectra / f"aspcapStar-dr17-{names[2].strip()}.fits") as hdus:
        flux, error = hdus[1].data, hdus[2].data
        head = hdus[1].header
        np.testing.assert_allclose(
            10 ** (head["CRVAL1"] + head["CDELT1"] * np.arange(8575)), spectra.wavelength, rtol=1e-12
        )
        gap = ~apogee().good
        assert (error[gap] == 0).all()
        assert (error[~gap & ~spectra.good[2]] == 10).all()
        assert (flux[~spectra.good[2]] == 0).all()
        assert hdus[0].header["SNR"] == pytest.approx(float(simulated.catalog.table["snr_apogee"][2]))
    galah = fits.getdata(files.galah)
    assert [f"2M{n}" for n in galah["star_id"]] == [names[k].strip() for k in (1, 2, 4)]
    assert "EU_FE" not in fits.getdata(files.allstar).names
    with pytest.raises(InputError, match="already holds the files of 6 spectra"):
        write_survey_files(simulated, tmp_path)
    fewer = simulate(3, key=2, windows=("apogee",))
    assert len(list(write_survey_files(fewer, tmp_path, overwrite=True).spectra.iterdir())) == 3


def test_bad_input(tmp_path):
    optical = simulate(3, key=2, windows=("galah",))
    with pytest.raises(InputError, match="aspcapStar files hold APOGEE spectra"):
        write_survey_files(optical, tmp_path, window="galah")
    infrared = simulate(3, key=2, windows=("apogee",))
    with pytest.raises(InputError, match="one bool for each of 3 stars"):
        write_survey_files(infrared, tmp_path, galah_stars=[True])
    assert list(tmp_path.iterdir()) == []


def test_truth_goes_with_the_catalogue():
    simulated = simulate(4, key=2, windows=("apogee",))
    catalog = simulated.with_truth()
    np.testing.assert_array_equal(catalog.table["true_eu_fe"], simulated.truth.label_values[:, 4])
    assert "true_teff" not in simulated.catalog.table
