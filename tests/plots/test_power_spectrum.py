"""The figure of a power spectrum shows what was fitted."""

import numpy as np
import pytest

from luxjax.lightcurves import PowerSpectrum, seismic_log_g
from luxjax.plots import plot_power_spectrum
from luxjax.simulation import simulate_oscillations


@pytest.mark.parametrize(("teff", "accepted"), [(4800.0, True), (7000.0, False)])
def test_template_and_bins(teff, accepted):
    stars = simulate_oscillations(1, key=2, days=40.0, nu_max=[60.0], teff=teff)
    spectrum = PowerSpectrum(**stars.spectra()[0])
    found = seismic_log_g(spectrum).iloc[0]
    (ax,) = plot_power_spectrum(spectrum, found).axes
    lines = {line.get_label(): line for line in ax.lines}
    assert {"observed", "granulation", "hump", "activity", "white", "template"} <= set(lines)
    parts = [lines[n].get_ydata() for n in ("granulation", "hump", "activity", "white")]
    np.testing.assert_allclose(lines["template"].get_ydata(), np.sum(parts, axis=0))
    peak = lines["hump"].get_xdata()[lines["hump"].get_ydata().argmax()]
    assert peak == pytest.approx(found["nu_max"], rel=0.08)
    said = " ".join(t.get_text() for t in ax.texts)
    assert ("not accepted" in said) != accepted
    assert ("log" in said) == accepted
