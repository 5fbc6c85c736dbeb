import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.surveys import read, read_many

from ..fixtures import write_lamost, write_lamost_mrs, write_lamost_table

N = 3909


@pytest.mark.parametrize("third", ["wavelength", "subcontinuum"])
def test_wavelengths_come_from_the_coefficients(tmp_path, third):
    ormask = np.zeros(N)
    ormask[10] = 512.0
    ivar = np.full(N, 4.0)
    ivar[11] = 0
    path = write_lamost(tmp_path / "s.fits", np.linspace(-1, 9, N), ivar, third=third, ormask=ormask, gz=True)
    s = read(path)
    np.testing.assert_allclose(s.wavelength, 10 ** (3.5682 + 1e-4 * np.arange(N)), rtol=1e-13)
    assert s.wavelength[0] == pytest.approx(3699.99, abs=0.005)
    assert (s.medium, s.frame) == ("vacuum", "barycentric")
    assert list(s.ids) == ["J030059.53-013313.7"]
    assert s.table.spectrum[0] == "55859-F5907_sp05-123"
    assert s.table.rv_kms[0] == pytest.approx(0.0003 * 299792.458)
    assert not s.good[0, 11]
    assert s.good.sum() == N - 1
    np.testing.assert_array_equal(np.flatnonzero(s.flagged(["ORMASK"])[0]), [10])


def test_medium_is_the_headers_and_never_guessed(tmp_path):
    ones = np.ones(N)
    assert read(write_lamost(tmp_path / "a.fits", ones, ones, VACUUM=False)).medium == "air"
    with pytest.raises(InputError, match=r"air or vacuum.*never guessed"):
        read(write_lamost(tmp_path / "b.fits", ones, ones, VACUUM=None))


@pytest.mark.parametrize(("key", "value"), [("SNRG", 30.7), ("SN_G", 13.5)])
def test_signal_to_noise_under_both_names(tmp_path, key, value):
    s = read(write_lamost(tmp_path / "a.fits", np.ones(N), np.ones(N), Z=-9999.0, **{key: value}))
    assert s.table.snrg[0] == value
    assert np.isnan(s.table.rv_kms[0])


def test_lengths_differ_so_spectra_stay_apart(tmp_path):
    paths = [write_lamost(tmp_path / f"{n}.fits", np.ones(n), np.ones(n)) for n in (3909, 3892)]
    result = read_many(paths, progress=False)
    assert [s.n_pixels for s in result.spectra] == [3909, 3892]
    with pytest.raises(InputError, match=r"different grids.*3909.*3892"):
        result.stacked()


@pytest.mark.slow
def test_every_real_low_resolution_file(real_data):
    paths = sorted(real_data.glob("lamost/lrs*/*.fits*"))
    result = read_many(paths, progress=False, stack=False)
    assert len(result.spectra) == len(paths) > 360
    assert not len(result.failures)
    for s, path in zip(result.spectra, paths, strict=True):
        assert s.medium == "vacuum"
        assert s.table.spectrum[0] == path.name.split(".")[0].removeprefix("spec-")
        assert 3690 < s.wavelength[0] < 3710
        assert 3700 < s.n_pixels < 3910
    assert len({s.n_pixels for s in result.spectra}) > 5


def test_low_resolution_tables(tmp_path):
    path = write_lamost_table(tmp_path / "t.fits", np.linspace(1, 2, 3908), np.full(3908, 4.0), gz=True)
    s = read(path)
    assert s.n_pixels == 3908
    # stored in single precision; the straight line through the logarithms is better than any of them
    np.testing.assert_allclose(s.wavelength, 10 ** (3.5682 + 1e-4 * np.arange(3908)), rtol=2e-8)
    assert (s.medium, s.frame, s.table.subclass[0]) == ("vacuum", "barycentric", "G3")
    with pytest.raises(InputError, match="never guessed"):
        read(write_lamost_table(tmp_path / "u.fits", np.ones(9), np.ones(9), VACUUM=None))


@pytest.mark.parametrize(("arms", "n"), [(("B", "R"), 100), (("R", "B"), 100), (("R",), 50)])
def test_medium_resolution_arms_are_joined(tmp_path, arms, n):
    s = read(write_lamost_mrs(tmp_path / "m.fits", 3.0, arms=arms))
    assert s.n_pixels == n
    np.testing.assert_allclose(s.wavelength[-1], 10 ** (3.80 + 49e-5), rtol=1e-6)
    assert np.isnan(s.table.z[0])


def test_real_medium_resolution(real_data):
    s = read(next(real_data.glob("lamost/mrs*/*.fits*")))
    assert s.n_pixels == 4101 + 3692
    assert 4890 < s.wavelength[0] < 4960
    assert 6790 < s.wavelength[-1] < 6860
    assert s.snr[0] > 20


def test_missing_redshift_stored_as_an_integer(tmp_path):
    s = read(write_lamost(tmp_path / "z.fits", np.ones(N), np.ones(N), Z=-9999))
    assert np.isnan(s.table.z[0])
