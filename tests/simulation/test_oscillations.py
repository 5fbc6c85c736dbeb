"""Simulated oscillations: power that is what it is said to be, in spectra and in time series."""

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.lightcurves import power_spectrum
from luxjax.simulation import simulate_oscillations


def test_one_key_gives_one_survey():
    first, again, other = (simulate_oscillations(3, key=k, days=20.0) for k in (1, 1, 2))
    np.testing.assert_array_equal(first.power, again.power)
    assert first.table.equals(again.table)
    assert not np.array_equal(first.power, other.power)
    np.testing.assert_array_equal(first.light_curve(1).flux, again.light_curve(1).flux)


def test_power_is_exponential_about_what_is_expected():
    stars = simulate_oscillations(40, key=1, days=60.0)
    ratio = (stars.power / stars.expected).ravel()
    assert ratio.mean() == pytest.approx(1.0, abs=0.02)
    assert ratio.std() == pytest.approx(1.0, abs=0.02)
    assert stars.observed_d == pytest.approx(60.0, rel=1e-3)


def test_truth_obeys_the_scaling_relation():
    table = simulate_oscillations(500, key=1, days=10.0).table
    ratio = table["nu_max"] / 3090 * np.sqrt(table["teff"] / 5777) / 10 ** (table["logg"] - 4.438)
    assert np.log(ratio).std() == pytest.approx(0.01, abs=0.002)
    given = simulate_oscillations(2, key=1, days=10.0, nu_max=[3090.0, 309.0], teff=5777.0).table
    np.testing.assert_allclose(given["logg"], [4.438, 3.438])


def test_granulation_falls_and_noise_rises_with_frequency_and_magnitude():
    stars = simulate_oscillations(60, key=4, days=60.0, nu_max=np.full(60, 80.0))
    high = stars.expected[:, -30:].mean(axis=1)
    assert np.corrcoef(np.log(high), stars.table["mag"])[0, 1] > 0.9
    hump = np.abs(stars.frequency - 80) < 15
    beyond = np.abs(stars.frequency - 150) < 15
    assert (stars.expected[:, hump].mean(axis=1) > 3 * stars.expected[:, beyond].mean(axis=1)).mean() > 0.8


def test_a_light_curve_has_the_expected_power():
    stars = simulate_oscillations(1, key=4, days=90.0, nu_max=[60.0])
    found = power_spectrum(stars.light_curve(0).replace(normalized=True))
    n = min(len(found), len(stars.frequency))
    np.testing.assert_allclose(found.frequency[:n], stars.frequency[:n], rtol=1e-6)
    ratio = (found.power[: n - 1] / stars.expected[0, : n - 1]).reshape(-1)
    assert ratio.mean() == pytest.approx(1.0, abs=0.08)
    assert ratio.std() == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"days": 0.0}, "days is 0.0"),
        ({"days": 1.0}, "simulate at least 200"),
        ({"nu_max": [1.0]}, "nu_max must be 2 positive numbers"),
        ({"nu_max": [1.0, -1.0]}, "nu_max must be 2 positive numbers"),
    ],
)
def test_bad_input_is_one_sentence(given, said):
    with pytest.raises(InputError, match=said):
        simulate_oscillations(2, key=1, **given)
