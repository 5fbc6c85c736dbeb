"""Small stars for the tests of datasets: catalogues from random numbers, and LAMOST files of a few hundred pixels."""

from pathlib import Path

import numpy as np
import pandas as pd
from astropy.io import fits

from luxjax.data import Catalog, LabelTable, Spectra


def stars(start, stop, *, medium="air", shift=0.0) -> Catalog:
    """Stars number `start` to `stop`; a star has the same values whichever catalogue it is in."""
    parts = [np.random.default_rng(n) for n in range(start, stop)]
    ids = [f"s{n}" for n in range(start, stop)]
    flux = np.array([r.normal(1, 0.1, 7) for r in parts])
    ivar = np.array([np.maximum(r.normal(1, 1, 7), 0) for r in parts])
    value = np.array([np.where(r.uniform(size=2) < 0.3, np.nan, r.normal(5000, 300, 2)) for r in parts])
    snr = np.array([r.uniform(0, 100) for r in parts])
    gaia = np.array([(1 << 60) + n for n in range(start, stop)])
    wavelength = 5000.0 + np.arange(7) + shift
    table = pd.DataFrame({"snr": snr, "gaia": gaia, "field": [f"f{n % 3}" for n in range(start, stop)]})
    spectra = Spectra(flux, ivar, wavelength, medium, ids, survey="toy", table=table[["snr"]])
    labels = LabelTable(
        value, 0.1, ("teff", "logg"), ids, {"teff": "K"}, table=pd.DataFrame({"flag": gaia % 5})
    )
    return Catalog({"spectra": spectra, "labels": labels}, table)


def content(folder) -> dict[str, bytes]:
    """All files below a folder."""
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(Path(folder).rglob("*")) if p.is_file()
    }


def lamost_file(folder, number, *, z=0.0, snr=50.0, n=200, **header) -> Path:
    """The spectrum of star `number`: one line on a sloping continuum."""
    wave = 10.0 ** (3.5682 + 1e-4 * np.arange(n))
    flux = (50 + number) * (1 - 0.6 * np.exp(-0.5 * ((wave / (1 + z) - 3780) / 4) ** 2))
    rows = np.vstack([flux, np.full(n, (snr / 50) ** 2), wave, np.zeros(n), np.zeros(n)])
    primary = fits.PrimaryHDU(rows.astype("f4"))
    primary.header.update(TELESCOP="LAMOST", COEFF0=3.5682, COEFF1=1e-4, VACUUM=True, HELIO=True)
    primary.header.update(DESIG=f"LAMOST J0300{number:02d}.53-013313.7", LMJD=55859, SPID=5, FIBERID="123")
    primary.header.update(PLANID="F5907", CLASS="STAR", SUBCLASS="G3", Z=z, OBSID=1000 + number, SN_G=snr)
    primary.header.update(header)
    path = Path(folder) / f"spec-{number:03d}.fits"
    primary.writeto(path, overwrite=True)
    return path
