"""Stated errors of labels as data: a factor of at most one, and a scatter on top."""

import numpy as np
import pytest

from luxjax.readout._noise import LEAST_SCALE, learn_noise
from luxjax.readout._registry import READOUTS
from luxjax.readout._sample import Sample

from .worlds import LATENTS


@pytest.fixture
def stated(rng):
    return rng.uniform(0.05, 0.5, 800)


def test_errors_that_are_stated_too_large(rng, stated):
    t, s = learn_noise((stated / 2.5 * rng.normal(size=800)) ** 2, stated**2)
    assert t == pytest.approx(0.4, abs=0.04)
    assert s < 0.03


def test_errors_that_are_stated_too_small(rng, stated):
    t, s = learn_noise((np.hypot(stated, 0.3) * rng.normal(size=800)) ** 2, stated**2)
    assert s == pytest.approx(0.3, abs=0.04)
    assert 0.7 < t <= 1


def test_the_factor_stays_between_its_limits(rng, stated):
    assert learn_noise((3 * stated * rng.normal(size=800)) ** 2, stated**2)[0] <= 1
    assert learn_noise(1e-8 * rng.random(800), stated**2)[0] == pytest.approx(LEAST_SCALE)


@pytest.mark.parametrize("freedom", [np.inf, 5])
def test_what_a_catalogue_states_is_believed(rng, freedom):
    """400 labels of 300 stars with right errors and a scatter, normal or of a Student t (kurtosis 9): t = 1 in all but two."""
    learned = []
    for _ in range(400):
        error = np.exp(rng.normal(-2, 0.6, 300))
        tail = np.sqrt(rng.chisquare(freedom, 300) / freedom) if np.isfinite(freedom) else 1
        scale = np.sqrt((freedom - 2) / freedom) if np.isfinite(freedom) else 1
        residual = np.hypot(error, 0.1) * scale * rng.normal(size=300) / tail
        learned.append(learn_noise(residual**2, error**2)[0])
    assert np.sum(np.array(learned) < 1) <= 2


def test_residuals_below_the_stated_errors_need_no_pattern(rng):
    """All errors alike, 1.2 times too large, and residuals with tails: their size alone says it."""
    residual = 0.5 / 1.2 * rng.standard_t(8, 424) * np.sqrt(0.75)
    assert learn_noise(residual**2, np.full(424, 0.25))[0] == pytest.approx(1 / 1.2, abs=0.1)


@pytest.mark.parametrize("freedom", [np.inf, 5])
def test_errors_twice_too_large_are_found_among_outliers(rng, freedom):
    error = np.exp(rng.normal(-2, 0.6, 300))
    residual = (
        error
        / 2
        * (rng.normal(size=300) if np.isinf(freedom) else rng.standard_t(freedom, 300) * np.sqrt(0.6))
    )
    assert learn_noise(residual**2, error**2)[0] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("factor", [1.0, 1e-3, 1e4])
def test_no_unit_is_preferred(rng, stated, factor):
    square = (np.hypot(0.5 * stated, 0.1) * rng.normal(size=800)) ** 2
    t, s = learn_noise(square, stated**2)
    other_t, other_s = learn_noise(factor**2 * square, (factor * stated) ** 2)
    assert other_t == pytest.approx(t, rel=1e-3)
    assert other_s == pytest.approx(factor * s, rel=1e-2)


@pytest.mark.parametrize("kind", READOUTS)
def test_every_read_out_finds_the_errors_of_its_labels(kind, rng):
    """Two labels linear in the latents; the errors of one are stated 2.5 times too large, the other has a scatter of 0.4."""
    z = rng.normal(size=(300, LATENTS))
    stated = rng.uniform(0.1, 1.0, (300, 2))
    noise = np.stack([stated[:, 0] / 2.5, np.hypot(stated[:, 1], 0.4)], axis=1) * rng.normal(size=(300, 2))
    _, _, (first, second) = READOUTS[kind].fit(Sample(z, 2 * z[:, :2] + noise, stated**2))
    assert first.error_scale == pytest.approx(0.4, abs=0.07)
    assert first.scatter < 0.1
    assert second.scatter == pytest.approx(0.4, abs=0.1)
    assert 0.7 < second.error_scale <= 1
