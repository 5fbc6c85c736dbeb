"""Files of other surveys are recognised by name and listed as what they are."""

import numpy as np
import pytest
from astropy.io import fits

from luxjax.core import InputError
from luxjax.surveys import detect_format, ingest, read


def table(path, *columns, **header):
    hdu = fits.BinTableHDU.from_columns([fits.Column(name, "E", array=np.ones(3)) for name in columns])
    primary = fits.PrimaryHDU()
    primary.header.update(header)
    fits.HDUList([primary, hdu]).writeto(path)
    return path


@pytest.mark.parametrize(
    ("columns", "header", "name", "about"),
    [
        (("TIME", "SAP_FLUX"), {"MISSION": "Kepler"}, "kepler-lightcurve", "light curve of Kepler"),
        (("TIME", "PDCSAP_FLUX"), {"TELESCOP": "TESS"}, "tess-lightcurve", "light curve of TESS"),
        (("flux", "loglam", "ivar"), {}, "spectrum-table", "table of one spectrum"),
        (("source_id", "flux", "flux_error"), {}, "gaia-xp-sampled", "BP and RP spectra of Gaia"),
    ],
)
def test_by_content(tmp_path, columns, header, name, about):
    path = table(tmp_path / "x.fits", *columns, **header)
    assert detect_format(path) == name
    with pytest.raises(InputError, match=f"{about}.*does not read"):
        read(path)
    with pytest.raises(InputError, match=about):
        ingest([path], progress=False)


def test_a_catalogue_is_told_where_it_belongs(tmp_path):
    path = table(tmp_path / "x.fits", "sobject_id", "teff")
    assert detect_format(path) == "catalogue"
    with pytest.raises(InputError, match="no spectrum; give it with label_catalog= if labels"):
        read(path)
    with pytest.raises(InputError, match="table of many rows"):
        ingest([path], progress=False)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("source_id,bp_coefficients,rp_coefficients\n1,(1),(2)\n", "gaia-xp-continuous"),
        ("source_id,solution_id,ra,dec,wavelength,flux,flux_error\n1,2,3,4,5,6,7\n", "gaia-rvs"),
        (
            '<?xml version="1.0"?><VOTABLE><FIELD name="source_id"/><FIELD name="flux"/><FIELD name="flux_error"/>',
            "gaia-xp-sampled",
        ),
    ],
)
def test_text_of_gaia(tmp_path, text, name):
    (tmp_path / "x.csv").write_text(text)
    assert detect_format(tmp_path / "x.csv") == name


@pytest.mark.slow
def test_real_files(real_data):
    for folder, name in (
        ("kepler", "kepler-lightcurve"),
        ("tess", "tess-lightcurve"),
    ):
        for path in (real_data / folder).glob("*.fits*"):
            assert detect_format(path) == name
