"""Spectra of any origin: what is in the file is what is read, and what it does not say is asked for."""

import gzip

import numpy as np
import pytest
from astropy.io import fits

from luxjax.core import InputError
from luxjax.surveys import read_plain

WAVE = np.arange(4000.0, 4400.0)
RNG = np.random.default_rng(3)
FLUX = 2e-13 * (1 + 0.02 * RNG.normal(size=len(WAVE)))
ERROR = np.full(len(WAVE), 3e-15)


def text(path, columns, header="", separator=" "):
    lines = [separator.join(f"{v:.10g}" for v in row) for row in zip(*columns, strict=True)]
    path.write_text("\n".join([*([header] if header else []), *lines]) + "\n")
    return path


@pytest.mark.parametrize(
    ("header", "separator", "columns"),
    [
        ("", " ", (WAVE, FLUX, ERROR)),
        ("#wave\tflux\tunc", "\t", (WAVE, FLUX, ERROR)),
        ("wavelength,error,flux", ",", (WAVE, ERROR, FLUX)),
        ("loglam flux ivar", "  ", (np.log10(WAVE), FLUX, 1 / ERROR**2)),
    ],
)
def test_text_by_the_names_or_the_order_of_its_columns(tmp_path, header, separator, columns):
    found = read_plain(text(tmp_path / "HD 12.txt", columns, header, separator), medium="vacuum")
    assert found.ids.tolist() == ["HD 12"]
    assert found.medium == "vacuum"
    np.testing.assert_allclose(found.wavelength, WAVE, rtol=1e-8)
    np.testing.assert_allclose(found.flux[0], FLUX, rtol=1e-6)
    np.testing.assert_allclose(found.error[0], ERROR, rtol=1e-5)
    assert found.table["errors_from"].tolist() == ["file"]


def test_without_errors_they_come_from_the_scatter_and_zero_is_no_flux(tmp_path):
    flux = np.where(WAVE < 4030, 0, FLUX)
    for columns in ((WAVE, flux), (WAVE, flux, np.full(len(WAVE), np.nan))):
        plain = text(tmp_path / "a.dat", columns)
        packed = tmp_path / "a.dat.gz"
        packed.write_bytes(gzip.compress(plain.read_bytes()))
        found = read_plain(packed, medium="air", resolution=2000)
        assert found.table["errors_from"].tolist() == ["scatter"]
        assert "scatter of the flux itself" in found.history[-1]
        assert not found.good[0, WAVE < 4030].any()
        assert np.median(found.error[found.good]) == pytest.approx(0.02 * 2e-13, rel=0.15)
        assert (found.ids.tolist(), found.resolution) == (["a"], 2000)


def test_fits_tables_and_images(tmp_path):
    table = fits.BinTableHDU.from_columns(
        [fits.Column(n, "D", array=a) for n, a in (("LAMBDA", WAVE), ("FLUX", FLUX), ("SIGMA", ERROR))]
    )
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "table.fits")
    head = fits.Header({"CRVAL1": 4001.0, "CDELT1": 1.0, "CRPIX1": 2.0})
    fits.PrimaryHDU(FLUX[None], head).writeto(tmp_path / "linear.fits")
    head = fits.Header({"CRVAL1": np.log10(4000.0), "CD1_1": 1e-4, "DC-FLAG": 1})
    fits.PrimaryHDU(FLUX, head).writeto(tmp_path / "log.fits")
    for name, wave in (("table", WAVE), ("linear", WAVE), ("log", 4000 * 10 ** (1e-4 * np.arange(400)))):
        found = read_plain(tmp_path / f"{name}.fits", medium="air")
        np.testing.assert_allclose(found.wavelength, wave)
        np.testing.assert_allclose(found.flux[0], FLUX, rtol=1e-6)


def test_what_is_no_spectrum_says_what_is_missing(tmp_path):
    good = text(tmp_path / "good.txt", (WAVE, FLUX))
    nanometres = text(tmp_path / "nm.txt", (WAVE / 10, FLUX))
    one = text(tmp_path / "one.txt", (FLUX,))
    short = text(tmp_path / "short.txt", (WAVE[:5], FLUX[:5]))
    fits.PrimaryHDU(FLUX).writeto(tmp_path / "bare.fits")
    for path, options, said in [
        (good, {}, "air or vacuum"),
        (good, {"medium": "water"}, "water"),
        (nanometres, {"medium": "air"}, "nanometres times 10"),
        (one, {"medium": "air"}, "no columns of numbers"),
        (short, {"medium": "air"}, "5 pixels"),
        (tmp_path / "bare.fits", {"medium": "air"}, "no image with CRVAL1"),
        (tmp_path / "none.txt", {"medium": "air"}, "there is no file"),
    ]:
        with pytest.raises(InputError, match=said):
            read_plain(path, **options)
    some = np.where(np.arange(len(WAVE)) == 7, -WAVE, WAVE)  # the sign of a flux that went astray
    assert read_plain(text(tmp_path / "sign.txt", (some, FLUX)), medium="air").n_pixels == len(WAVE) - 1
    backwards = read_plain(text(tmp_path / "back.txt", (WAVE[::-1], FLUX[::-1])), medium="air")
    np.testing.assert_allclose(backwards.flux[0], FLUX, rtol=1e-6)
