import gzip

import numpy as np
import pytest
from astropy.io import fits

from luxjax.core import InputError
from luxjax.surveys import read, read_many

from ..fixtures import N_APOGEE, write_apstar, write_aspcapstar, write_lamost

ONES = np.ones(N_APOGEE)


@pytest.fixture
def good(tmp_path):
    return [
        write_aspcapstar(
            tmp_path / f"{k}.fits", ONES * (0.9 + k / 100), 0.01 * ONES, star=f"2M0000000{k}+0000000"
        )
        for k in range(3)
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"<html>404</html>" * 10, "not a FITS file"),
        (b"SIMPLE  = nonsense", "damaged FITS header|truncated"),
    ],
)
def test_files_that_are_no_spectra(tmp_path, content, reason):
    path = tmp_path / "x.fits"
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason):
        read(path)


def test_missing_directory_and_unknown(tmp_path):
    with pytest.raises(InputError, match="there is no file"):
        read(tmp_path / "none.fits")
    with pytest.raises(InputError, match="is a directory"):
        read(tmp_path)
    fits.PrimaryHDU(np.ones((4, 4))).writeto(tmp_path / "image.fits")
    with pytest.raises(InputError, match=r"no layout that luxjax knows.*aspcapStar.*galah-ccd.*lamost-lrs"):
        read(tmp_path / "image.fits")


@pytest.mark.parametrize("where", [100, 2000, 2881, 6000, 20000, 60000, 100000, 118100])
def test_truncation_is_noticed_wherever_it_happens(tmp_path, good, where):
    whole = good[0].read_bytes()
    assert where < len(whole)
    path = tmp_path / "cut.fits"
    path.write_bytes(whole[:where])
    with pytest.raises(InputError, match=r"truncated|damaged|no layout"):
        read(path)


def test_truncated_gzip(tmp_path, good):
    whole = gzip.compress(good[0].read_bytes())
    path = tmp_path / "a.fits.gz"
    path.write_bytes(whole)
    np.testing.assert_array_equal(read(path).flux, read(good[0]).flux)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="truncated or damaged gzip"):
        read(path)


def test_broken_files_among_good_ones_are_listed(tmp_path, good):
    cut = tmp_path / "cut.fits"
    cut.write_bytes(good[1].read_bytes()[:50000])
    result = read_many([good[0], cut, tmp_path / "none.fits", good[2]], progress=False)
    assert list(result.spectra.ids) == ["2M00000000+0000000", "2M00000002+0000000"]
    assert list(result.failures.path) == [str(cut), str(tmp_path / "none.fits")]
    assert "truncated" in result.failures.reason[0]
    assert result.stacked() is result.spectra


def test_nothing_readable(tmp_path):
    result = read_many([tmp_path / "none.fits"], progress=False)
    assert len(result) == 0
    with pytest.raises(InputError, match="failures"):
        result.stacked()


def test_stacking_keeps_order_values_and_tables(good):
    result = read_many(good[::-1], progress=False)
    np.testing.assert_allclose(result.spectra.flux[:, 1000], [0.92, 0.91, 0.90], rtol=1e-6)
    assert list(result.spectra.table.file) == [str(p) for p in good[::-1]]
    apart = read_many(good, progress=False, stack=False)
    assert [s.ids[0] for s in apart.spectra] == [
        "2M00000000+0000000",
        "2M00000001+0000000",
        "2M00000002+0000000",
    ]
    with pytest.raises(InputError, match="not asked for"):
        apart.stacked()


def test_masks_survive_stacking(tmp_path):
    mask = np.zeros((2, N_APOGEE), int)
    mask[0, 4000] = 2
    paths = [
        write_apstar(tmp_path / f"{k}.fits", np.ones((2, N_APOGEE)), np.ones((2, N_APOGEE)), mask)
        for k in "ab"
    ]
    result = read_many(paths, progress=False, rows="visits")
    assert result.spectra.mask.shape == (4, N_APOGEE)
    assert list(result.spectra.mask[:, 4000]) == [2, 0, 2, 0]


def test_each_reduces_on_the_way_and_mixed_surveys_stay_apart(tmp_path, good):
    lamost = write_lamost(tmp_path / "l.fits", np.ones(3909), np.ones(3909))
    result = read_many([good[0], lamost], progress=False)
    assert [s.survey for s in result.spectra] == ["apogee", "lamost"]
    assert "differs" in result.separate
    result = read_many(good, progress=False, each=lambda s: s.pixels(slice(1000, 1100)))
    assert result.spectra.n_pixels == 100


def test_one_path_is_not_many(good):
    with pytest.raises(InputError, match="one path was given"):
        read_many(str(good[0]))
    with pytest.raises(InputError, match="only GALAH CCD files"):
        read(good)


def test_progress_is_told(good):
    told = []
    read_many(good, progress=lambda *now: told.append(now))
    assert told == [("files", k, len(good)) for k in range(1, len(good) + 1)]


def test_header_damage_is_one_sentence(tmp_path, good):
    with fits.open(good[0]) as hdus:
        del hdus[0].header["OBJ"]
        hdus[4].data["APOGEE_ID"] = ""
        hdus.writeto(tmp_path / "anonymous.fits")
    with pytest.raises(InputError, match="names no star"):
        read(tmp_path / "anonymous.fits")
    path = write_lamost(tmp_path / "l.fits", np.ones(9), np.ones(9), COEFF1="abc")
    with pytest.raises(InputError, match=r"looks like lamost-lrs.*ValueError"):
        read(path)
