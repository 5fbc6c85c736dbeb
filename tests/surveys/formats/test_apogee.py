import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.surveys import read
from luxjax.surveys.formats._bits import PIXMASK

from ..fixtures import (
    APOGEE_WAVELENGTH,
    N_APOGEE,
    apogee_gaps,
    write_apstar,
    write_apvisit,
    write_aspcapstar,
    write_mwmstar,
)

ON = ~apogee_gaps()


@pytest.fixture
def arrays():
    rng = np.random.default_rng(1)
    flux = (
        1 - 0.3 * np.exp(-0.5 * ((APOGEE_WAVELENGTH - 15770) / 0.5) ** 2) + 0.01 * rng.normal(size=N_APOGEE)
    )
    return flux, np.full(N_APOGEE, 0.01)


def test_aspcapstar_weights_and_grid(tmp_path, arrays):
    flux, error = arrays
    error[5000], error[5001], error[5002] = np.nan, 10.0, 100.0  # masked; clipped flux
    s = read(write_aspcapstar(tmp_path / "any.name", flux, error, star=" 2M12345678+1234567 "))
    assert (s.survey, s.medium, s.frame, s.normalized) == ("apogee", "vacuum", "rest", True)
    assert list(s.ids) == ["2M12345678+1234567"]
    np.testing.assert_allclose(s.wavelength[[0, -1]], [15100.80, 16999.81], atol=0.005)
    np.testing.assert_allclose(s.wavelength, APOGEE_WAVELENGTH, rtol=1e-13)
    assert s.ivar.max() == pytest.approx(1e4, rel=1e-5)
    expected = ON.copy()
    expected[5000:5003] = False
    np.testing.assert_array_equal(s.good[0], expected)
    np.testing.assert_allclose(s.flux[0, expected], flux[expected], rtol=1e-6)
    facts = s.table.iloc[0]
    assert (facts.snr, facts.rv_kms, facts.field) == (100.0, 12.5, "120-45")
    assert (facts.starflag, facts.aspcapflag) == (1 << 11, 1 << 23)


def test_a_flux_of_exactly_zero_is_bad_whatever_its_error(tmp_path, arrays):
    flux, error = arrays
    flux[5000] = 0
    s = read(write_aspcapstar(tmp_path / "a.fits", flux, error))
    assert list(s.good[0, 4999:5002]) == [True, False, True]


def test_aspcapstar_model_is_the_fit_with_the_weights_of_the_data(tmp_path, arrays):
    flux, error = arrays
    path = write_aspcapstar(tmp_path / "a.fits", flux, error, model=np.full(N_APOGEE, 0.9))
    model, data = read(path, model=True), read(path)
    assert np.all(model.flux[0, ON] == np.float32(0.9))
    np.testing.assert_array_equal(model.ivar, data.ivar)


@pytest.mark.parametrize("n_visits", [1, 2, 3])
def test_apstar_shapes(tmp_path, n_visits):
    rng = np.random.default_rng(n_visits)
    flux = rng.uniform(50, 60, (n_visits, N_APOGEE))
    mask = np.zeros((n_visits, N_APOGEE), int)
    mask[0, 4000] = 1 << PIXMASK["CRPIX"]
    mask[:, 4001] = 1 << PIXMASK["SIG_SKYLINE"]
    path = write_apstar(tmp_path / "x.fits", flux, np.ones_like(flux), mask)
    every = read(path, rows="all")
    assert len(every) == (1 if n_visits == 1 else n_visits + 2)
    visits = read(path, rows="visits")
    assert len(visits) == n_visits
    np.testing.assert_allclose(visits.flux[:, ON], flux[:, ON], rtol=1e-6)
    # A cosmic ray loses its pixel in its visit only; a sky line is a caution and keeps its weight.
    assert list(visits.good[:, 4000]) == [False] + [True] * (n_visits - 1)
    assert visits.good[:, 4001].all()
    assert not visits.good[:, ~ON].any()
    assert visits.frame == "rest"
    assert not visits.normalized
    combined = read(path)
    assert len(combined) == 1
    # The pixel-weighted row carries the OR of the masks, the globally weighted row the AND.
    assert not combined.good[0, 4000]
    if n_visits > 1:
        assert read(path, rows="global").good[0, 4000]
        np.testing.assert_allclose(combined.flux[0, ON], flux.mean(0)[ON], rtol=1e-5)
        assert list(visits.table.rv_kms) == [-54.0, -53.0, -52.0][:n_visits]
        assert list(visits.table.starflag) == [2, 4, 8][:n_visits]
        assert list(every.table.row) == ["pixel", "global"] + ["visit"] * n_visits


def test_apstar_options(tmp_path):
    flux = np.ones((2, N_APOGEE))
    mask = np.full((2, N_APOGEE), 1)
    path = write_apstar(tmp_path / "x.fits", flux, flux, mask)
    assert not read(path).good.any()
    assert read(path, bad_pixels=()).good[0, ON].all()
    with pytest.raises(InputError, match=r"no pixel flag 'CRPIXX'.*CRPIX"):
        read(path, bad_pixels=["CRPIXX"])
    with pytest.raises(InputError, match=r"visit.*known: pixel, global, visits, all"):
        read(path, rows="visit_1")
    with pytest.raises(InputError, match=r"no option for apStar files named 'visits'.*rows"):
        read(path, visits=True)
    assert np.isnan(read(path).table.h_mag[0])  # 99.9 is no magnitude


def test_signed_masks_do_not_spread_their_sign(tmp_path):
    mask = np.zeros((1, N_APOGEE), np.int16)
    mask[0, 4000] = -(2**15)  # bit 15 alone
    s = read(write_apstar(tmp_path / "x.fits", np.ones((1, N_APOGEE)), np.ones((1, N_APOGEE)), mask))
    assert s.mask[0, 4000] == 1 << 15
    assert s.good[0, 4000]


def _visit_wavelength():
    return np.concatenate(
        [np.linspace(a, b, 64) for a, b in ((15142, 15810), (15857, 16435), (16472, 16954))]
    )


def test_apvisit_runs_upwards_in_the_observed_frame(tmp_path):
    wave = _visit_wavelength()
    mask = np.zeros(wave.size, int)
    mask[7] = 1 << PIXMASK["BADPIX"]
    error = np.full(wave.size, 2.0)
    error[9] = 1e10
    s = read(write_apvisit(tmp_path / "v.fits", wave / 100, error, mask, wave))
    np.testing.assert_allclose(s.wavelength, wave)
    np.testing.assert_allclose(s.flux[0], wave / 100, rtol=1e-6)
    assert (s.frame, s.medium) == ("observed", "vacuum")
    np.testing.assert_array_equal(np.flatnonzero(~s.good[0]), [7, 9])
    assert s.table.rv_kms[0] - s.table.barycentric_kms[0] == pytest.approx(15.4)
    assert s.table.plate[0] == "5094"


@pytest.mark.parametrize(("rv", "flag"), [(595.8, 0), (-9999.0, 0), (20.0, 1 << 22)])
def test_apvisit_failed_velocity_is_missing(tmp_path, rv, flag):
    wave = _visit_wavelength()
    ones = np.ones_like(wave)
    s = read(write_apvisit(tmp_path / "v.fits", ones, ones, 0 * ones, wave, rv=rv, starflag=flag))
    assert s.table.rv_failed[0]
    assert np.isnan(s.table.rv_kms[0])


def test_apvisit_with_other_wavelengths_is_refused(tmp_path):
    wave = _visit_wavelength() / 10
    path = write_apvisit(tmp_path / "v.fits", wave, wave, 0 * wave, wave)
    with pytest.raises(InputError, match="layout is not known"):
        read(path)


def test_mwmstar(tmp_path):
    flux, ivar, flags = np.ones(N_APOGEE), np.full(N_APOGEE, 25.0), np.zeros(N_APOGEE, int)
    flags[5000] = 1
    s = read(write_mwmstar(tmp_path / "m.fits", flux, ivar, flags, hdu="APOGEE/LCO"))
    assert list(s.ids) == ["114519105"]
    assert s.table.telescope[0] == "lco25m"
    assert s.ivar[0, 4999] == 25.0  # an inverse variance, not an error
    assert not s.good[0, 5000]
    with pytest.raises(InputError, match="no APOGEE spectrum"):
        read(write_mwmstar(tmp_path / "b.fits", flux, ivar, flags, hdu="BOSS/APO"))


@pytest.mark.slow
def test_every_real_apogee_file(real_data):
    paths = sorted(real_data.glob("apogee/*/*ap*.fits"))
    assert len(paths) >= 41
    for path in paths:
        s = read(path)
        kind = path.name.split("-")[0]
        assert s.medium == "vacuum"
        assert s.frame == ("observed" if kind == "apVisit" else "rest")
        assert s.ids[0] in path.name or kind == "apVisit"
        assert 0.6 < s.good.mean() < 0.995
        assert np.all(s.flux[s.good] != 0)
        assert np.isfinite(s.flux[s.good]).all()
        assert s.table.snr[0] > 2
        if kind == "aspcapStar":
            assert s.ivar.max() <= 1 / 0.005**2 * 1.001  # the error floor
        if kind == "apStar":
            assert len(read(path, rows="visits")) == s.table.n_visits[0]
        if kind == "apVisit" and s.ids[0] == "2M00452143+1634446":
            # The star's velocity is 6.7 km/s; two of its three visits have failed fits of nearly 600 km/s.
            assert s.table.rv_failed[0] == (path.stem[-1] in "01")


def test_real_lines_stand_at_their_vacuum_rest_wavelengths(real_data):
    """Mg I 15745.017, 15753.291, 15770.150 A (vacuum, NIST): air would be off by 4.3 A."""
    s = read(next(real_data.glob("apogee/giant*/apStar*.fits")))
    for line in (15745.017, 15753.291, 15770.150):
        near = np.abs(s.wavelength - line) < 1.5
        wave, depth = s.wavelength[near], 1 - s.flux[0, near] / s.flux[0, near].max()
        assert wave[np.argmax(depth)] == pytest.approx(line, abs=0.25)
