"""Power spectra: Parseval's sum, units, gaps and spikes; and the bias and errors of binned log power against simulation."""

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.data import LightCurve
from luxjax.lightcurves import PowerSpectrum, power_spectrum
from luxjax.lightcurves.internal import bin_edges, binned_power

CADENCE = 1800.0


def white(n: int, rng, ppm: float = 100.0) -> LightCurve:
    return LightCurve(
        "a", 10 + np.arange(n) * CADENCE / 86400, 1 + 1e-6 * ppm * rng.standard_normal(n), "bkjd"
    )


@pytest.mark.parametrize("gaps", [False, True])
def test_parseval(rng, gaps):
    """The sum of the power is the variance, in ppm^2, also where a third of the time was not observed."""
    curve = white(3000, rng)
    if gaps:
        curve = curve.select((np.arange(3000) < 1200) | (np.arange(3000) > 2200))
    found = power_spectrum(curve)
    variance = np.var(1e6 * curve.normalize().flux)
    assert found.power.sum() * found.spacing == pytest.approx(variance, rel=0.03 if gaps else 0.002)
    # the level of white noise, of one side
    assert found.power.mean() == pytest.approx(2 * 100**2 * CADENCE * 1e-6, rel=0.1)


def test_grid_is_one_over_the_time_spanned(rng):
    found = power_spectrum(white(2000, rng))
    assert found.spacing == pytest.approx(1e6 / (2000 * CADENCE), rel=1e-9)
    assert found.frequency[0] == pytest.approx(found.spacing)
    assert found.frequency[-1] <= found.nyquist * (1 + 1e-9)
    assert found.nyquist == pytest.approx(0.5e6 / CADENCE)
    assert found.observed_d == pytest.approx(2000 * CADENCE / 86400)


def test_levels_of_pieces_leave_no_power(rng):
    curve = white(2000, rng)
    pieces = (np.arange(2000) > 900).astype(int)
    stepped = curve.replace(flux=curve.flux * np.where(pieces, 5.0, 1.0), pieces=pieces)
    np.testing.assert_allclose(
        power_spectrum(stepped).power.mean(), power_spectrum(curve).power.mean(), rtol=0.02
    )


def test_single_spikes_are_out_and_slow_changes_stay(rng):
    curve = white(2000, rng)
    flux = curve.flux + 1e-3 * np.sin(curve.time / 2)  # of 1000 ppm, ten times the noise
    clean = power_spectrum(curve.replace(flux=flux))
    flux = flux.copy()
    flux[[300, 1500]] += [0.05, -0.05]
    found = power_spectrum(curve.replace(flux=flux))
    assert found.observed_d == pytest.approx(1998 * CADENCE / 86400)
    assert clean.observed_d == pytest.approx(2000 * CADENCE / 86400)
    assert found.power.mean() == pytest.approx(clean.power.mean(), rel=0.02)


def test_a_box_of_several_cadences_is_no_spike(rng):
    curve = white(1000, rng)
    flux = curve.flux - 0.01 * ((np.arange(1000) > 500) & (np.arange(1000) < 508))
    assert power_spectrum(curve.replace(flux=flux)).observed_d == pytest.approx(curve.observed_d)


def test_binned_log_power_has_no_bias_and_right_errors(rng):
    """Bins of few and of many frequencies: mean and scatter of log10 power over 4,000 simulated spectra of level 7."""
    frequency = np.arange(1, 1200) * 0.25
    edges = bin_edges(5.0, 280.0)
    days = 1 / 0.25 / 0.0864
    draws = [binned_power(PowerSpectrum("a", frequency, 7 * rng.exponential(size=1199), CADENCE, days), edges) for _ in range(4000)]  # fmt: skip
    value, error = np.array([v for v, _ in draws]), draws[0][1]
    assert len(edges) == 37
    assert np.abs(value.mean(axis=0) - np.log10(7)).max() < 4 * (error / np.sqrt(4000)).max()
    np.testing.assert_allclose(value.std(axis=0), error, rtol=0.06)
    assert error[0] > 5 * error[-1]


def test_errors_grow_where_time_was_not_observed(rng):
    """Frequencies are more closely spaced than they are independent: half the time observed, half as many count."""
    frequency, edges = np.arange(1, 1200) * 0.25, bin_edges(5.0, 280.0)
    power = rng.exponential(size=1199)
    whole, half = (
        binned_power(PowerSpectrum("a", frequency, power, CADENCE, days), edges)[1]
        for days in (1 / 0.25 / 0.0864, 0.5 / 0.25 / 0.0864)
    )
    np.testing.assert_allclose(half[-10:] / whole[-10:], np.sqrt(2), rtol=0.02)


def test_bins_without_a_frequency_are_missing():
    spectrum = PowerSpectrum("a", np.arange(1, 60) * 5.0, np.ones(59), CADENCE, 3.0)
    value, error = binned_power(spectrum, bin_edges(5.0, 280.0))
    assert np.isnan(value).any()
    assert np.array_equal(np.isnan(value), np.isinf(error))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"power": np.ones(9)}, "10 frequencies and 9 powers"),
        ({"power": -np.ones(10)}, "finite and not negative"),
        ({"frequency": np.geomspace(1, 10, 10)}, "evenly spaced"),
        ({"frequency": np.arange(10.0, 0.0, -1.0)}, "increasing"),
        ({"cadence_s": 0.0}, "cadence_s of power spectrum 'a' is 0.0"),
    ],
)
def test_bad_spectra_are_one_sentence(changes, said):
    given = {
        "id": "a",
        "frequency": np.arange(1.0, 11),
        "power": np.ones(10),
        "cadence_s": 60.0,
        "observed_d": 9.0,
    }
    with pytest.raises(InputError, match=said):
        PowerSpectrum(**(given | changes))


def test_bad_curves_and_limits_are_one_sentence(rng):
    curve = white(200, rng)
    with pytest.raises(InputError, match="varies by 0 of its level"):
        power_spectrum(curve.replace(flux=np.full(200, 7.0)))
    with pytest.raises(InputError, match="give fluxes, not differences or magnitudes"):
        power_spectrum(curve.replace(flux=0.001 + 0.01 * rng.standard_normal(200)))
    with pytest.raises(InputError, match="leave out cadences with wrong times"):
        power_spectrum(curve.replace(time=np.r_[curve.time[:-1], 2e6], cadence_s=60.0))
    with pytest.raises(InputError, match="has 50 cadences; at least 100"):
        power_spectrum(white(50, rng))
    with pytest.raises(InputError, match="give a positive one below"):
        bin_edges(200.0, 280.0)
