import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.surveys import read, read_many

from ..fixtures import write_galah, write_galah_fit

STAR = "210115000101001"
C = 299792.458


def flux(wave):
    return 1 - 0.5 * np.exp(-0.5 * ((wave - 6562.8 * (1 + 30 / C)) / 0.5) ** 2)


def relative(wave):
    return 0.01 + 1e-6 * (wave - 4700)


def _minimum(s, near=6562.8):
    use = np.abs(s.wavelength - near) < 5
    return s.wavelength[use][np.argmin(s.flux[0, use])]


@pytest.mark.parametrize("n_pixels", [4096, 4097])
def test_8hdu_is_barycentric_with_relative_errors(tmp_path, n_pixels):
    s = read(write_galah(tmp_path, STAR, flux, relative, velocity=30.0, n_pixels=n_pixels))
    assert s.n_pixels == 4 * n_pixels
    assert (s.survey, s.medium, s.frame, s.normalized) == ("galah", "air", "barycentric", True)
    assert list(s.ids) == [STAR]
    assert any("air" in line for line in s.history)
    assert s.table.rv_kms[0] == 30.0
    assert _minimum(s) == pytest.approx(6562.8 * (1 + 30 / C), abs=0.04)
    np.testing.assert_allclose(s.error[0], relative(s.wavelength) * flux(s.wavelength), rtol=1e-5)
    assert s.table.ccds[0] == "1234"
    assert s.table.tmass_id[0] == "05505952+0759226"
    assert np.isnan(s.table.barycentric_kms[0])  # the string 'None' is no number


def test_5hdu_normalised_flux_is_at_rest_on_its_own_grid(tmp_path):
    paths = write_galah(tmp_path, STAR, flux, relative, hdus=5, velocity=30.0, cut=1483)
    s = read(paths)
    assert s.frame == "rest"
    assert s.n_pixels == 4 * 4096 - 1483
    assert _minimum(s) == pytest.approx(6562.8, abs=0.04)
    assert s.table.shift_kms[0] == pytest.approx(30.0, abs=1e-3)
    # The relative error belongs to the unshifted pixel, in the shortened CCD 4 too.
    unshifted = s.wavelength * (1 + 30 / C)
    np.testing.assert_allclose(s.error[0], relative(unshifted) * flux(unshifted), rtol=1e-4)
    counts = read(paths, normalized=False)
    assert (counts.frame, counts.normalized, counts.flux_unit) == ("barycentric", False, "counts")
    assert _minimum(counts) == pytest.approx(6562.8 * (1 + 30 / C), abs=0.04)
    np.testing.assert_allclose(counts.error[0], relative(counts.wavelength) * counts.flux[0], rtol=1e-5)


@pytest.mark.parametrize("crpix", [0.0, 1.0, 100.0])
@pytest.mark.parametrize("hdus", [5, 8])
def test_reference_pixel(tmp_path, crpix, hdus):
    """CRVAL1 is the wavelength of pixel CRPIX1, counted from 1; 0 stands for 1."""
    s = read(write_galah(tmp_path, STAR, flux, relative, hdus=hdus, crpix=crpix)[2])
    assert s.wavelength[0] == pytest.approx(6477.5, abs=1e-6)


def test_missing_arms_are_absent(tmp_path):
    paths = write_galah(tmp_path, STAR, flux, relative, ccds=(3, 2))
    s = read(paths)
    assert s.table.ccds[0] == "23"
    assert "CCD 1, 4 missing" in s.history[-1]
    assert np.diff(s.wavelength).max() > 500
    one = read(paths[0])
    assert (one.n_pixels, one.table.ccds[0]) == (4096, "3")


def test_negative_flux_with_negative_relative_error_keeps_its_weight(tmp_path):
    s = read(write_galah(tmp_path, STAR, lambda w: flux(w) - 1.2, lambda w: 0.1 / (flux(w) - 1.2)))
    assert (s.flux < 0).any()
    assert s.good.all()
    np.testing.assert_allclose(s.error, 0.1, rtol=1e-5)


def test_arms_of_different_stars_are_refused(tmp_path):
    a = write_galah(tmp_path, STAR, flux, relative)
    b = write_galah(tmp_path, "210115000101002", flux, relative)
    with pytest.raises(InputError, match="ids differ"):
        read([a[0], b[1]])
    with pytest.raises(InputError, match="each CCD once"):
        read([a[0], a[0]])


def test_read_many_groups_the_arms_and_keeps_the_good_ones(tmp_path):
    a = write_galah(tmp_path, STAR, flux, relative)
    b = write_galah(tmp_path, "210115000101002", flux, relative)
    a[1].write_bytes(a[1].read_bytes()[:20000])
    result = read_many([*a, *b], progress=False)
    assert list(result.failures.path) == [str(a[1])]
    assert [list(s.table.ccds) for s in result.spectra] == [["134"], ["1234"]]
    assert "different grids" in result.separate


def test_dr4_fit(tmp_path):
    wave = np.linspace(4714, 7887, 500)
    used = np.arange(500) % 5 > 0
    path = write_galah_fit(
        tmp_path / f"{STAR}_allstar_fit_spectrum.fits", wave, flux(wave), 0.02 + 0 * wave, wave, used
    )
    s = read(path)
    assert list(s.ids) == [STAR]
    assert (s.frame, s.medium, s.normalized) == ("rest", "air", True)
    np.testing.assert_allclose(s.error, 0.02, rtol=1e-6)
    np.testing.assert_array_equal(s.flagged(["NOT_FITTED"])[0], ~used)
    assert s.good.all()
    np.testing.assert_allclose(read(path, model=True).flux[0], wave, rtol=1e-6)


REST_HALPHA = 6562.80  # air; in vacuum 6564.61


def test_every_real_galah_file(real_data):
    paths = sorted(
        p for p in real_data.glob("galah/*/*.fits") if p.parent.name != "catalogue" and p.parent.name != "db"
    )
    assert len(paths) >= 28
    result = read_many(paths, progress=False)
    assert not len(result.failures)
    assert len(result.spectra) >= 9
    for s in result.spectra:
        assert s.medium == "air"
        assert len(s.ids[0]) == 15
        velocity = 0.0 if s.frame == "rest" else s.table.rv_kms[0]
        rest = s.wavelength / (1 + velocity / C)
        core = np.abs(rest - REST_HALPHA) < 1.5
        depth = 1 - s.flux[0, core]
        # Air, not vacuum (1.8 A away), and rest where it says rest (19 km/s are 0.4 A).
        assert (rest[core] * depth).sum() / depth.sum() == pytest.approx(REST_HALPHA, abs=0.15)


def test_real_incomplete_star(real_data):
    s = read(sorted(real_data.glob("galah/com_8hdu_two_ccds_only/*.fits")))
    assert s.table.ccds[0] == "23"
