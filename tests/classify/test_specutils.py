"""Equivalent widths of specutils on the same lines, where that library is installed."""

import numpy as np
import pytest

from luxjax.data import Spectra
from luxjax.indices import Index, measure_indices
from luxjax.preprocessing import air_to_vacuum


@pytest.mark.filterwarnings("ignore")
def test_equivalent_width_of_specutils():
    pytest.importorskip("specutils", reason="specutils is not installed")
    import astropy.units as u
    from specutils import SpectralRegion, Spectrum
    from specutils.analysis import equivalent_width

    grid = 10 ** (3.5682 + 1e-4 * np.arange(3909))
    low, high = air_to_vacuum(np.array([4800.0, 4920.0]))
    flux = 1 - 0.4 * np.exp(-0.5 * ((grid - 4862.7) / 5) ** 2)
    region = SpectralRegion(low * u.AA, high * u.AA)
    other = equivalent_width(Spectrum(flux=flux * u.one, spectral_axis=grid * u.AA), regions=region)
    index = Index("line", "A", "air", (4800.0, 4920.0), (4740.0, 4780.0), (4940.0, 4980.0))
    mine = measure_indices(Spectra(flux, np.ones((1, len(grid))), grid, "vacuum", ["a"]), [index])[0][0, 0]
    assert mine == pytest.approx(float(other.to_value(u.AA)), rel=1e-3)
