"""What every file format must do. A new one passes by being registered and having a sample in `fixtures.write_samples`."""

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from luxjax.core import InputError
from luxjax.surveys import FORMATS, detect_format, read

from . import fixtures

NAMES = [layout.name for layout in FORMATS]
EVERY = pytest.mark.parametrize("layout", FORMATS, ids=NAMES)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    return fixtures.write_samples(tmp_path_factory.mktemp("samples"))


def test_every_format_has_a_sample(samples):
    assert len(set(NAMES)) == len(NAMES)
    assert sorted(samples) == sorted(NAMES)


@EVERY
def test_it_says_what_it_is(layout):
    assert layout.name == layout.name.strip() != ""
    assert len(layout.about.split()) >= 2


@EVERY
def test_it_recognises_its_own_files_and_no_others(layout, samples):
    for name, files in samples.items():
        for file in files:
            with fits.open(file) as hdus:
                assert layout.identify(hdus) == (name == layout.name), file
    for file in samples[layout.name]:
        assert detect_format(file) == layout.name


@EVERY
def test_its_spectra_say_what_they_are(layout, samples):
    files = samples[layout.name]
    spectra = read(files if len(files) > 1 else files[0])
    n = len(spectra)
    assert n >= 1
    assert spectra.medium in ("air", "vacuum")
    assert spectra.frame in ("rest", "barycentric", "observed")
    assert spectra.survey
    assert spectra.history
    assert all(isinstance(star, str) and star == star.strip() != "" for star in spectra.ids)
    assert spectra.flux.shape == spectra.ivar.shape == (n, spectra.n_pixels)
    assert np.isfinite(spectra.flux).all()
    assert np.isfinite(spectra.ivar).all()
    assert (spectra.ivar >= 0).all()
    assert spectra.good.any(axis=1).all()
    assert (np.diff(spectra.wavelength) > 0).all()
    assert 3000 < spectra.wavelength[0] < spectra.wavelength[-1] < 20000  # Angstrom
    assert isinstance(spectra.normalized, bool | np.bool_)
    table = pd.DataFrame(spectra.table)
    assert len(table) == n
    assert {"file", "snr", "rv_kms"} <= set(table)
    assert table["file"].map(lambda name: name in map(str, files)).all()


@EVERY
def test_its_masks_are_whole_numbers_with_named_bits(layout, samples):
    files = samples[layout.name]
    spectra = read(files if len(files) > 1 else files[0])
    if spectra.mask is None:
        assert not spectra.bits
        return
    assert spectra.mask.dtype == np.int64
    assert spectra.mask.shape == spectra.flux.shape
    assert spectra.bits
    assert all(isinstance(name, str) and 0 <= int(bit) < 63 for name, bit in spectra.bits.items())
    assert (spectra.mask >= 0).all()


def breaks(file) -> dict[str, int]:
    """Lengths at which a file is cut off: inside the header, and inside the data, of its largest HDU."""
    with fits.open(file) as hdus:
        largest = max(hdus, key=lambda hdu: hdu.size)
        place, size = largest.fileinfo(), largest.size
    data = place["datLoc"]
    return {"header": place["hdrLoc"] + 200, "data": data + size // 2, "last value": data + size - 1}


@EVERY
@pytest.mark.parametrize("where", ["header", "data", "last value"])
def test_a_truncated_file_is_one_sentence(layout, where, samples, tmp_path):
    file = samples[layout.name][0]
    cut = tmp_path / file.name
    cut.write_bytes(file.read_bytes()[: breaks(file)[where]])
    for action in (read, detect_format):
        with pytest.raises(InputError) as refused:
            action(cut)
        said = str(refused.value)
        assert str(cut) in said
        assert "truncated" in said or "damaged" in said
        assert "\n" not in said
        assert said.endswith("fetch it again.")


@EVERY
def test_it_refuses_options_that_it_does_not_have(layout, samples):
    with pytest.raises(InputError, match=f"no option for {layout.name} files named 'colour'"):
        read(samples[layout.name][0], colour="red")


def test_a_file_of_no_known_layout(tmp_path):
    fits.PrimaryHDU(np.zeros(4)).writeto(tmp_path / "x.fits")
    assert detect_format(tmp_path / "x.fits") is None
    (tmp_path / "x.txt").write_text("no FITS")
    with pytest.raises(InputError, match="not a FITS file"):
        detect_format(tmp_path / "x.txt")
