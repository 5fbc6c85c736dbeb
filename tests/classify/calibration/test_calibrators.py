import numpy as np
import pytest
from scipy.optimize import minimize

from luxjax.classify import calibration_error
from luxjax.classify.calibration._calibrators import Isotonic, fit_calibrator
from luxjax.classify.internal import CALIBRATORS, Temperature
from luxjax.core import InputError


@pytest.fixture
def overconfident(rng):
    """Probabilities whose logits are twice what they should be, and classes drawn from the right ones."""
    right = rng.normal(size=(4000, 3))
    p = np.exp(right) / np.exp(right).sum(1, keepdims=True)
    codes = np.array([rng.choice(3, p=row) for row in p])
    sharp = p**2 / (p**2).sum(1, keepdims=True)
    return p, sharp, codes


def test_temperature_is_found_and_undone(overconfident):
    p, sharp, codes = overconfident
    found = Temperature.fit(sharp, codes)
    assert found.temperature == pytest.approx(2, rel=0.07)
    np.testing.assert_allclose(Temperature(2.0)(sharp), p, atol=1e-12)
    assert calibration_error(found(sharp), codes) < 0.02 < 0.1 < calibration_error(sharp, codes)

    def minus_log_likelihood(x):
        scaled = sharp ** (1 / x[0])
        return -np.log(scaled[np.arange(4000), codes] / scaled.sum(1)).sum()

    assert found.temperature == pytest.approx(minimize(minus_log_likelihood, [1.0]).x[0], rel=1e-3)


def test_isotonic_bends_each_class_back(overconfident):
    p, sharp, codes = overconfident
    found = Isotonic.fit(sharp[:3000], codes[:3000])(sharp[3000:])
    assert np.abs(found - p[3000:]).mean() < 0.03 < np.abs(sharp - p)[3000:].mean()
    np.testing.assert_allclose(found.sum(1), 1)


def test_weights_count_as_repeated_stars(overconfident):
    _, sharp, codes = overconfident
    sharp, codes = sharp[:300], codes[:300]
    twice = np.where(codes == 0, 2.0, 1.0)
    again = np.repeat(np.arange(300), twice.astype(int))
    for kind in CALIBRATORS.values():
        weighted = kind.fit(sharp, codes, twice)(sharp)
        np.testing.assert_allclose(weighted, kind.fit(sharp[again], codes[again])(sharp), atol=1e-4)


@pytest.mark.parametrize("name", CALIBRATORS)
def test_arrays_hold_all_of_it(name, overconfident):
    _, sharp, codes = overconfident
    found = fit_calibrator(name, sharp[:200], codes[:200])
    assert np.array_equal(CALIBRATORS[name].from_arrays(found.arrays())(sharp), found(sharp))


def test_bad_input():
    with pytest.raises(InputError, match="no calibration 'platt'"):
        fit_calibrator("platt", np.ones((3, 2)) / 2, np.zeros(3, int))
    with pytest.raises(InputError, match="given 3 stars and 2 classes"):
        fit_calibrator("temperature", np.ones((3, 2)) / 2, np.zeros(2, int))
